"""A benchmark read from its definition file: task, metric, target, divisions, and the rungs of its data."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import yaml

from benchmark.definition.goal import GOAL_KEYS, Goal, read_goal
from benchmark.definition.rung import (
    ORIENTATIONS,
    SPLITS,
    Accuracy,
    CrystalRecipe,
    Imported,
    Limits,
    Optics,
    Realistic,
    Rung,
    Storage,
)
from benchmark.definition.settings import FREE
from benchmark.definition.trainer import ROOT
from benchmark.foundation.errors import StemdlError, nearest

SHIPPED = ROOT / "benchmark" / "tasks"
"""The tasks that are shipped, a folder each."""
WITHOUT_GRADIENTS = "reference.fit:fit"
"""The trainer that fits at once."""
_T = TypeVar("_T")


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
    fixed : setting to value, under the name of a rung or `every_rung`. Beside the trainer's settings, keys of the log.
    unsaid : fixed settings that a log may leave out, since trainers before them had the fixed value and no choice.
    """

    tunable: tuple[str, ...]
    free: tuple[str, ...]
    fixed: Mapping[str, Mapping[str, Any]]
    unsaid: tuple[str, ...] = ()

    def fixed_at(self, rung: str) -> dict[str, Any]:
        """The reference's values at a rung."""
        return {**self.fixed["every_rung"], **self.fixed.get(rung, {})}


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
    runs : of a scored run set.
    precisions : that both divisions allow.
    known_manifests : by rung, the SHA-256 of manifests of its own data, for logs from before golden figures.
    known_sources : by package, the SHA-256 of its source in released versions, as ledgers have it.
    crystals : recipes by name, by which crystals can be drawn for any rung instead of its own.
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
    known_manifests: Mapping[str, tuple[str, ...]]
    known_sources: Mapping[str, tuple[str, ...]]
    rungs: Mapping[str, Rung]
    crystals: Mapping[str, CrystalRecipe]
    task_folder: Path
    by_gradients: bool

    @property
    def shipped(self) -> bool:
        """Whether it is one of this version's own."""
        return self.task_folder.is_relative_to(ROOT / "reference")

    def rung(self, name: str) -> Rung:
        """The rung of that name. Raises StemdlError with the nearest known name."""
        if name not in self.rungs:
            raise StemdlError(f"there is no rung {name!r}", where="--rung", remedy=nearest(name, self.rungs))
        return self.rungs[name]

    def with_crystals(self, rung: Rung, recipe: str) -> Rung:
        """A rung whose crystals are drawn by a named recipe. Raises StemdlError with the nearest known name."""
        if recipe not in self.crystals:
            raise StemdlError(
                f"there is no recipe {recipe!r}", where="--crystals", remedy=nearest(recipe, self.crystals)
            )
        return dataclasses.replace(rung, crystals=self.crystals[recipe])


def _frozen(value: Any) -> Any:
    return tuple(_frozen(item) for item in value) if isinstance(value, list) else value


def _build(cls: type[_T], where: str, values: Any, **more: Any) -> _T:
    """A dataclass from a mapping, with unknown and missing keys named by their place in the file."""
    if not isinstance(values, Mapping):
        raise StemdlError("a mapping is missing", where=where, found=values)
    names = {field.name for field in dataclasses.fields(cls)}  # type: ignore[arg-type]
    needed = {
        field.name
        for field in dataclasses.fields(cls)  # type: ignore[arg-type]
        if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
    }
    given = {key: _frozen(value) for key, value in values.items()} | more
    for key in given.keys() - names:
        raise StemdlError(f"unknown key {key!r}", where=where, remedy=nearest(key, names))
    if missing := needed - given.keys():
        raise StemdlError(f"missing: {', '.join(sorted(missing))}", where=where)
    kinds = {field.name: str(field.type) for field in dataclasses.fields(cls)}  # type: ignore[arg-type]
    for key, value in given.items():
        if kinds[key] in _KINDS and not _KINDS[kinds[key]](value):
            raise StemdlError(f"{key} has the wrong type", where=where, expected=kinds[key], found=value)
    return cls(**given)


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value)


_KINDS: dict[str, Callable[[Any], bool]] = {
    "int": lambda value: type(value) is int,
    "float": _is_number,
    "str": lambda value: isinstance(value, str),
    "bool": lambda value: isinstance(value, bool),
    "tuple[float, float]": lambda value: isinstance(value, tuple) and len(value) == 2 and all(map(_is_number, value)),
}
"""Whether a value is of a field's type; what has another type is looked at where it is used."""


def _mapping(where: str, values: Any, key: str) -> dict[str, Any]:
    """The mapping under a key; raises StemdlError where it is missing or something else."""
    if not isinstance(values, Mapping):
        raise StemdlError("a mapping is missing", where=where, found=values)
    if key not in values:
        raise StemdlError(f"missing: {key}", where=where)
    if not isinstance(values[key], Mapping):
        raise StemdlError(f"{key} is no mapping", where=where, found=values[key])
    return dict(values[key])


def _crystals(where: str, values: Mapping[str, Any], key: str) -> CrystalRecipe:
    recipe = _mapping(where, values, key)
    where = f"{where}.{key}"
    counts = _mapping(where, recipe, "element_counts")
    recipe["element_counts"] = {system: _frozen(entries) for system, entries in counts.items()}
    if "realistic" in recipe:
        recipe["realistic"] = _build(Realistic, f"{where}.realistic", recipe["realistic"])
    return _build(CrystalRecipe, where, recipe)


def _rung(where: str, name: str, rungs: Mapping[str, Any]) -> Rung:
    return build_rung(f"{where}: rungs.{name}", name, _mapping(f"{where}: rungs", rungs, name))


def build_rung(where: str, name: str, values: dict[str, Any]) -> Rung:
    """A rung from what a file says of it. Raises StemdlError with `where` and the key that is wrong."""
    if "samples_per_group" in values:
        counts = {group: tuple(row) for group, row in _mapping(where, values, "samples_per_group").items()}
        values |= {"samples_per_group": counts, "space_groups": list(counts)}
    if "imported" in values:
        built: dict[str, Any] = {"imported": _build(Imported, f"{where}.imported", values["imported"])}
    else:
        built = _simulation(where, values)
    storage = _build(Storage, f"{where}.storage", values.get("storage", {}))
    rung = _build(Rung, where, values, name=name, storage=storage, **built)
    numbers = isinstance(rung.space_groups, tuple) and all(
        type(each) is int and 1 <= each <= 230 for each in rung.space_groups
    )
    if not numbers or not rung.space_groups or sorted(set(rung.space_groups)) != list(rung.space_groups):
        raise StemdlError("space_groups must rise from 1 to 230 at most", where=where, found=rung.space_groups)
    if rung.orientation not in ORIENTATIONS:
        raise StemdlError(
            f"there is no orientation {rung.orientation!r}",
            where=where,
            remedy=nearest(str(rung.orientation), ORIENTATIONS),
        )
    if rung.samples_per_group is None and set(rung.materials_per_group or ()) != set(SPLITS):
        raise StemdlError("materials_per_group needs each split", where=where, expected=SPLITS)
    per_split = dict(rung.materials_per_group or {})
    if not all(type(count) is int and count >= 0 for count in per_split.values()):
        raise StemdlError("materials_per_group needs whole numbers", where=where, found=per_split)
    for group, row in (rung.samples_per_group or {}).items():
        if len(row) != len(SPLITS) or not all(type(count) is int and count >= 0 for count in row):
            raise StemdlError(
                "samples_per_group needs a number for each split", where=f"{where}: {group}", expected=SPLITS, found=row
            )
    return rung


def _simulation(where: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """The parts of a rung that say how its data are simulated."""
    optics = _mapping(where, values, "optics")
    accuracy = _build(Accuracy, f"{where}.optics.accuracy", optics.pop("accuracy", None))
    return {
        "optics": _build(Optics, f"{where}.optics", optics, accuracy=accuracy),
        "crystals": _crystals(where, values, "crystals"),
        "limits": _build(Limits, f"{where}.limits", _mapping(where, values, "limits")),
    }


def _measured(where: str, values: Mapping[str, Any]) -> tuple[Measured, Goal]:
    """What is measured, and what it has to reach."""
    metric = _mapping(where, values, "metric")
    where = f"{where}: metric"
    goal = read_goal(where, metric)
    own = {key: _frozen(value) for key, value in metric.items() if key not in GOAL_KEYS}
    for key in own.keys() - {"name", "of", "title"}:
        raise StemdlError(f"unknown key {key!r}", where=where, remedy=nearest(key, ("name", "of", *GOAL_KEYS)))
    if missing := [key for key in ("name", "of") if not own.get(key)]:
        raise StemdlError(f"missing: {', '.join(missing)}", where=where)
    name, of = own["name"], (own["of"],) if isinstance(own["of"], str) else own["of"]
    if not isinstance(name, str) or not isinstance(of, tuple) or not all(isinstance(each, str) for each in of):
        raise StemdlError("a metric has a name, and targets that it is of", where=where, found=f"{name}, {of}")
    if not isinstance(title := own.get("title", ""), str):
        raise StemdlError("the metric's title is not a text", where=where, found=title)
    return Measured(name, of, title), goal


def read_benchmark(path: Path) -> Benchmark:
    """A benchmark from its definition file. Raises StemdlError naming the file and key that is wrong."""
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise StemdlError("the benchmark's definition cannot be read", where=path, found=error) from error
    measured, goal = _measured(str(path), values)
    folder = path.resolve().parent
    rungs = _mapping(str(path), values, "rungs")
    recipes = _mapping(str(path), values, "crystals")
    closed = _mapping(str(path), values, "closed")
    fixed = _mapping(f"{path}: closed", closed, "fixed")
    if not isinstance(more := closed.get("free", []), list):
        raise StemdlError("free is not a list", where=f"{path}: closed", found=more)
    closed["free"] = [*FREE, *more]
    closed["fixed"] = {name: _mapping(f"{path}: closed.fixed", fixed, name) for name in ("every_rung", *fixed)}
    manifests = _mapping(str(path), values, "known_manifests")
    sources = _mapping(str(path), values, "known_sources") if "known_sources" in values else {}
    return _build(
        Benchmark,
        str(path),
        {key: value for key, value in values.items() if key != "metric"},
        task=folder.name,
        by_gradients=values.get("trainer") != WITHOUT_GRADIENTS,
        task_folder=ROOT / "reference" / "tasks" / folder.name if folder.parent == SHIPPED else folder,
        measured=measured,
        goal=goal,
        rungs={name: _rung(str(path), name, rungs) for name in rungs},
        crystals={name: _crystals(f"{path}: crystals", recipes, name) for name in recipes},
        closed=_build(ClosedDivision, f"{path}: closed", closed),
        known_manifests={rung: tuple(hashes) for rung, hashes in manifests.items()},
        known_sources={package: tuple(hashes) for package, hashes in sources.items()},
    )
