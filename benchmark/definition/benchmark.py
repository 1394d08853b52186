"""A benchmark read from its definition file: task, metric, target, divisions, and the rungs of its data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from benchmark.definition.building import build, frozen, mapping
from benchmark.definition.goal import EVERY_RUNG, GOAL_KEYS, Goal, read_goals
from benchmark.definition.rung import SPLITS, Rung, Storage
from benchmark.definition.settings import FREE
from benchmark.definition.trainer import ROOT
from benchmark.foundation.errors import StemdlError, nearest
from benchmark.foundation.files import shipped_yaml

SHIPPED = ROOT / "benchmark" / "tasks"
"""The tasks that are shipped, a folder each."""
WITHOUT_GRADIENTS = "reference.fit:fit"
"""The trainer that fits at once."""


@dataclass(frozen=True)
class Measured:
    """What is measured over the whole dev split after each epoch: a metric of `benchmark/metrics`, of which targets."""

    metric: str
    of: tuple[str, ...]
    title: str = ""

    @property
    def shown(self) -> str:
        """The metric's name for a reader."""
        return self.title or self.metric.replace("_", " ")


@dataclass(frozen=True)
class ClosedDivision:
    """Which settings of a trainer a run of the closed division may choose, and which it takes from the reference.

    Attributes
    ----------
    tunable : change the training, and may be chosen.
    free : say where and for whom it computes, and change no result: the trainers' own, and the definition's.
    fixed : setting to value, under the name of a rung or `every_rung`. Besides the trainer's settings, keys of the log.
    implied_by_older_logs : fixed settings that a log may leave out, since trainers before them had the fixed value and
        no choice.
    """

    tunable: tuple[str, ...]
    free: tuple[str, ...]
    fixed: Mapping[str, Mapping[str, Any]]
    implied_by_older_logs: tuple[str, ...] = ()

    def fixed_at(self, rung: str) -> dict[str, Any]:
        """The reference's values at a rung."""
        return {**self.fixed[EVERY_RUNG], **self.fixed.get(rung, {})}


@dataclass(frozen=True)
class Benchmark:
    """One benchmark, whole.

    Attributes
    ----------
    task : the folder that it is defined in, by which it is found. name : by which it is submitted.
    trainer : the reference's entry point, `module:function`.
    task_folder : where the answer to it lies, and its settings: reference/tasks/<task> of a shipped task, otherwise the
        folder of its definition.
    by_gradients : whether the reference's entry point learns so; one that does not has fewer settings.
    goal : of the rungs that `goals` does not name. goals : by name, of those that have their own.
    runs : of a scored run set.
    precisions : that both divisions allow.
    known_manifests : by rung, the SHA-256 of manifests of its own data, for logs from before golden figures.
    releases : of each released version its `commit` and, by package, the SHA-256 of its source, as ledgers have them.
    shared : what the recipes of several rungs may name; the task's own.
    """

    task: str
    name: str
    title: str
    version: int
    trainer: str
    measured: Measured
    goal: Goal
    runs: int
    closed: ClosedDivision
    precisions: tuple[str, ...]
    rungs: Mapping[str, Rung]
    task_folder: Path
    by_gradients: bool
    goals: Mapping[str, Goal] = field(default_factory=dict)
    known_manifests: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    releases: tuple[Mapping[str, str], ...] = ()
    shared: Mapping[str, Any] = field(default_factory=dict)

    @property
    def shipped(self) -> bool:
        """Whether it is one of this version's own."""
        return self.task_folder.is_relative_to(ROOT / "reference")

    def goal_at(self, rung: str) -> Goal:
        """What is to be reached at a rung."""
        return self.goals.get(rung, self.goal)

    def rung(self, name: str) -> Rung:
        """The rung of that name. Raises StemdlError with the nearest known name."""
        if name not in self.rungs:
            raise StemdlError(f"there is no rung {name!r}", where="--rung", remedy=nearest(name, self.rungs))
        return self.rungs[name]


def build_rung(
    where: str, task: str, name: str, values: Mapping[str, Any], samples: Mapping[str, int], classes: int = 0
) -> Rung:
    """A rung from what a file says of it; of `samples` where it does not say how many it has. What belongs to the
    task's recipe is left as it is. Raises StemdlError with `where` and the key that is wrong."""
    generic = {key: values[key] for key in ("summary", "version", "seed") if key in values}
    storage = build(Storage, f"{where}.storage", values.get("storage", {}))
    samples = mapping(where, values, "samples") if "samples" in values else samples
    if set(samples) != set(SPLITS) or not all(type(count) is int and count >= 0 for count in samples.values()):
        raise StemdlError("samples needs a whole number for each split", where=where, expected=SPLITS, found=samples)
    recipe = {key: value for key, value in values.items() if key not in (*generic, "storage", "samples")}
    named_by = {"name": name, **{key: value for key, value in values.items() if key != "summary"}}
    own = {
        "task": task,
        "name": name,
        "samples": samples,
        "classes": classes,
        "storage": storage,
        "recipe": recipe,
        "named_by": named_by,
    }
    return build(Rung, where, generic, **own)


def _measured(where: str, metric: Mapping[str, Any]) -> Measured:
    """What is measured; of what it has to reach, only that it is known."""
    own = {key: frozen(value) for key, value in metric.items() if key not in GOAL_KEYS}
    for key in own.keys() - {"name", "of", "title"}:
        raise StemdlError(f"unknown key {key!r}", where=where, remedy=nearest(key, ("name", "of", *GOAL_KEYS)))
    if missing := [key for key in ("name", "of") if not own.get(key)]:
        raise StemdlError(f"missing: {', '.join(missing)}", where=where)
    name, of = own["name"], (own["of"],) if isinstance(own["of"], str) else own["of"]
    if not isinstance(name, str) or not isinstance(of, tuple) or not all(isinstance(each, str) for each in of):
        raise StemdlError("a metric has a name, and targets that it is of", where=where, found=f"{name}, {of}")
    if not isinstance(title := own.get("title", ""), str):
        raise StemdlError("the metric's title is not text", where=where, found=title)
    return Measured(name, of, title)


def read_benchmark(path: Path, task: str = "") -> Benchmark:
    """A benchmark from its definition file, of the task of that name, or of its folder's. Raises StemdlError naming the
    file and key that is wrong."""
    try:
        ours = path.parent.parent == SHIPPED
        values = shipped_yaml(path) if ours else yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise StemdlError("the benchmark's definition cannot be read", where=path, found=error) from error
    folder = path.resolve().parent
    task = task or folder.name
    metric, rungs = (mapping(str(path), values, key) for key in ("metric", "rungs"))
    goal, goals = read_goals(f"{path}: metric", metric, rungs)
    samples, classes = (mapping(str(path), values, key) if key in values else {} for key in ("samples", "classes"))
    closed = mapping(str(path), values, "closed")
    fixed = mapping(f"{path}: closed", closed, "fixed")
    if not isinstance(more := closed.get("free", []), list):
        raise StemdlError("free is not a list", where=f"{path}: closed", found=more)
    closed["free"] = [*FREE, *more]
    closed["fixed"] = {name: mapping(f"{path}: closed.fixed", fixed, name) for name in (EVERY_RUNG, *fixed)}
    manifests = mapping(str(path), values, "known_manifests") if "known_manifests" in values else {}
    releases = values.get("releases", [])
    if not isinstance(releases, list) or not all(isinstance(one, dict) for one in releases):
        raise StemdlError("releases is not a list of mappings", where=path, found=releases)
    return build(
        Benchmark,
        str(path),
        {key: value for key, value in values.items() if key not in ("metric", "samples", "classes")},
        task=task,
        by_gradients=values.get("trainer") != WITHOUT_GRADIENTS,
        task_folder=ROOT / "reference" / "tasks" / folder.name if folder.parent == SHIPPED else folder,
        measured=_measured(f"{path}: metric", metric),
        goal=goal,
        goals=goals,
        rungs={
            name: build_rung(
                f"{path}: rungs.{name}",
                task,
                name,
                mapping(f"{path}: rungs", rungs, name),
                samples.get(name, {}),
                classes.get(name, 0),
            )
            for name in rungs
        },
        closed=build(ClosedDivision, f"{path}: closed", closed),
        known_manifests={rung: tuple(hashes) for rung, hashes in manifests.items()},
        releases=tuple({name: str(told) for name, told in one.items()} for one in releases),
    )
