"""A rung of a user's own: a YAML file that says what is different from a shipped one."""

from __future__ import annotations

import dataclasses
import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmark.definition.benchmark import Benchmark, build_rung
from benchmark.definition.finder import RECIPE, benchmark_of, find_task, readable
from benchmark.definition.rung import SPLITS, Rung
from benchmark.foundation.errors import StemdlError, nearest
from benchmark.foundation.files import is_file_name, read_yaml_mapping

LIKE, NAME = "like", "name"
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")


def find_rung(text: str) -> tuple[Benchmark, Rung, Path | None]:
    """The rung of a name, or of a file: a name that ends in .yaml or .yml, or holds a '/'. With it the benchmark that
    has it, and the file. Raises StemdlError with the nearest name, or naming the key of the file that is wrong."""
    if not is_file_name(text):
        benchmark = benchmark_of(text)
        return benchmark, benchmark.rung(text), None
    path = Path(text)
    benchmark, rung = read_rung(path)
    return dataclasses.replace(benchmark, rungs={**benchmark.rungs, rung.name: rung}), rung, path


def is_rung_name(value: object) -> bool:
    """Whether a rung of a user's own may have this name."""
    return isinstance(value, str) and _NAME.fullmatch(value) is not None


def read_rung(path: Path) -> tuple[Benchmark, Rung]:
    """A rung from a file whose `like` names one of a task, and that task's benchmark: what the file does not say is as
    there, key by key, and so is what it has to reach. It is named by its `name`, or by the file. Raises StemdlError."""
    values = read_yaml_mapping(path, "the rung")
    like, name = values.pop(LIKE, None), values.pop(NAME, path.stem)
    rungs = {rung: task for task, found in readable().items() for rung in found.rungs}
    if like not in rungs:
        raise StemdlError(
            "the rung does not say which other one it is like",
            where=path,
            expected=f"{LIKE}: RUNG",
            found=like,
            remedy=nearest(str(like), rungs),
        )
    if not is_rung_name(name) or name in rungs:
        raise StemdlError(
            "the rung has no name of its own",
            where=path,
            found=name,
            expected=f"{NAME}: letters, digits, - and _, and none that is taken",
        )
    place = find_task(rungs[like])
    base = read_yaml_mapping(place.definition, "the definition")["rungs"][like]
    base = {**base, "summary": f"like {like}", "version": 1}
    recipe = place.code(RECIPE)
    for one, other in getattr(recipe, "ALTERNATIVES", ()):
        if one in values:
            base.pop(other, None)
    counts = place.benchmark().rungs[like].samples
    rung = build_rung(str(path), place.name, name, _merged(base, values), counts)
    found = Counter(dict.fromkeys(SPLITS, 0))
    try:
        units = place.function(RECIPE, "make_recipe")(rung).units()
    except StemdlError as error:
        where = f"{path}: {error.where}" if error.where else path
        raise StemdlError(
            error.what, where=where, expected=error.expected, found=error.found, remedy=error.remedy
        ) from error
    for unit in units:
        found[unit.split] += unit.samples
    benchmark = place.benchmark()
    goals = {**benchmark.goals, name: benchmark.goal_at(like)}
    return dataclasses.replace(benchmark, goals=goals), dataclasses.replace(rung, samples=dict(found))


def _merged(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """What is a mapping in both is merged key by key; anything else is replaced."""
    return {
        **base,
        **{
            key: _merged(base[key], value) if isinstance(base.get(key), dict) and isinstance(value, dict) else value
            for key, value in changes.items()
        },
    }
