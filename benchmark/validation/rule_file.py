"""The rules that MLCommons' own checker holds a log of ours to: one file, or one made of it for another goal."""

from __future__ import annotations

import atexit
import functools
import shutil
import tempfile
from pathlib import Path
from typing import Any

import yaml

from benchmark.definition.goal import AT_LEAST, Goal
from benchmark.foundation.files import sha256_of_text, shipped_yaml
from benchmark.validation.standard import Standard, standards

RULES = Path(__file__).resolve().parent / "official_rules" / "common.yaml"
METRIC = "eval_accuracy"
"""The key of the metric in `RULES`, a share of which more is better."""
OF_GRADIENTS = ("opt_name", "opt_base_learning_rate")
"""Keys that the log of a run without an optimizer lacks."""
_NUMBER = "type(v['value']) in (int, float)"


def rule_file(standard: Standard | None) -> Path:
    """The rule file for logs of a benchmark: `RULES` where its metric is a share under `METRIC`, otherwise a file that
    is gone with this process. `RULES` as well for benchmarks of others, which it refuses."""
    if standard is None or not standard.ours:
        return RULES
    if _as_written(standard) and targets().get(standard.name) == standard.goal.target:
        return RULES
    return _made(standard.name, standard.goal, standard.by_gradients)


def targets() -> dict[str, float]:
    """The target of every rung that `RULES` hold as they stand. They call it at each check."""
    return {name: each.goal.target for name, each in standards().items() if each.ours and _as_written(each)}


def _as_written(standard: Standard) -> bool:
    goal = Goal(METRIC, AT_LEAST, standard.goal.target, low=0.0, high=1.0, test_key=standard.goal.test_key)
    return standard.by_gradients and standard.goal == goal


@functools.cache
def _made(name: str, goal: Goal, by_gradients: bool) -> Path:
    records = shipped_yaml(RULES)
    changed = [each for record in records if (each := _for_goal(record, name, goal, by_gradients)) is not None]
    # The name is somebody else's text, and so cannot be the file's.
    path = _folder() / f"{sha256_of_text(repr((name, goal, by_gradients)))[:16]}.yaml"
    path.write_text(yaml.safe_dump(changed, sort_keys=False), encoding="utf-8")
    return path


@functools.cache
def _folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="stemdl-rules-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _for_goal(record: dict[str, Any], name: str, goal: Goal, by_gradients: bool) -> dict[str, Any] | None:
    """A rule of `RULES` as the goal has it; None for one that it has no use for."""
    if "BEGIN" in record:
        code = f"{record['BEGIN']['CODE']}s['targets'] = {{{name!r}: {goal.target!r}}}\n"
        return {"BEGIN": {**record["BEGIN"], "CODE": code}}
    key = record.get("KEY", {})
    if key.get("NAME") == METRIC:
        return {"KEY": {**key, "NAME": goal.log_key, **_values(key, goal)}}
    dropped = key.get("NAME") == goal.log_key or (not by_gradients and key.get("NAME") in OF_GRADIENTS)
    return None if dropped else record


def _values(key: dict[str, Any], goal: Goal) -> dict[str, Any]:
    """What the metric may be, and that one value reaches the target."""
    bounds = [f"v['value'] >= {goal.low!r}"] if goal.low is not None else []
    bounds += [f"v['value'] <= {goal.high!r}"] if goal.high is not None else []
    sign = ">=" if goal.reaches == AT_LEAST else "<="
    possible = " and ".join([_NUMBER, "math.isfinite(v['value'])", *bounds])
    return {
        "CHECK": [*key["CHECK"][:-1], possible],
        "ATLEAST_ONE_CHECK": f"{possible} and v['value'] {sign} {goal.target!r}",
    }
