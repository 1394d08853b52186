"""The samples of a data set, each held to be the rung's own by its place, its name, its unit and its label."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmark.data import layout
from benchmark.data.examined import ReadShard
from benchmark.data.faults import DataFault
from benchmark.data.manifest import MANIFEST, Manifest
from benchmark.data.plan import ShardPlan, plan_shards
from benchmark.data.recipe import CountedRecipe, Unit, recipe_of
from benchmark.data.sealed import opened_image
from benchmark.data.shard_index import index_shard, indices_of, stored_arrays
from benchmark.definition.rung import Rung
from benchmark.foundation.errors import StemdlError

CHECK = "golden"
"""What their faults are filed under."""


@dataclass(frozen=True)
class RungSample:
    """A sample of the data set: where it lies, its place among all, its split, which sample (`turn`) of which unit it
    is, and its counts, None where there are none."""

    where: str
    place: int
    split: str
    unit: Unit
    turn: int
    counts: NDArray[np.int64] | None


class RungSamples:
    """The samples of a data set that are where the rung has them, under their names and labels.

    Attributes
    ----------
    recipe : of the rung. faults : why the shards are not the rung's; then none of them is looked at.
    """

    def __init__(self, manifest: Manifest, rung: Rung) -> None:
        recipe = recipe_of(rung)
        assert isinstance(recipe, CountedRecipe), "there are golden figures of counted samples alone"
        self._manifest, self.recipe = manifest, recipe
        self._plans = plan_shards(recipe.units())
        self.faults = list(self._misplaced())
        self._left, self._place = (iter(()) if self.faults else iter(self._plans)), 0

    def of(self, shard: ReadShard) -> Iterator[RungSample | DataFault]:
        """Those of the next shard in the manifest's order; what is not as the rung has it, as a fault. Raises as
        `ReadShard.sealed` does."""
        plan = next(self._left, None)
        if plan is None:
            return
        content = shard.sealed
        try:
            yield from _in_shard(self._manifest, content, shard.path, plan, self._place, self.recipe)
        except (StemdlError, OSError, KeyError, ValueError, TypeError) as error:
            yield DataFault(CHECK, str(shard.path), "the shard cannot be read", "", " ".join(str(error).split()))
        self._place += plan.samples

    def _misplaced(self) -> Iterator[DataFault]:
        manifest, where = self._manifest, str(self._manifest.folder / MANIFEST)
        if manifest.own_schema not in (None, self.recipe.schema()):
            yield DataFault(CHECK, where, "other inputs, targets or classes than the rung's")
            return
        wanted = [str(layout.shard_path(manifest.folder, plan.split, plan.number)) for plan in self._plans]
        listed = [str(manifest.folder / shard["path"]) for shard in manifest.shards]
        for odd in sorted(set(wanted) ^ set(listed)):
            yield DataFault(CHECK, odd, "missing" if odd in wanted else "no shard of the rung's")
        if wanted != listed and set(wanted) == set(listed):
            yield DataFault(CHECK, where, "the shards are in another order than the rung's")


def _in_shard(
    manifest: Manifest, content: bytes, path: Path, plan: ShardPlan, place: int, recipe: CountedRecipe
) -> Iterator[RungSample | DataFault]:
    """The samples of a shard, of which the first has that place: inputs and labels are taken as they are to train."""
    index = index_shard(content, path, plan.samples, manifest.schema, indices_of(manifest.schema))
    planned = [(number, unit, turn) for number, unit in plan.numbered() for turn in range(unit.samples)]
    names = [f"sample_{number}_{turn}" for number, _, turn in planned]
    there = [index.name(row) for row in range(len(index.names))]
    if names != there:
        odd = min(set(names) ^ set(there))
        yield DataFault(CHECK, f"{path}: {odd}", "missing" if odd in names else "not of the rung")
        return
    first, target = index.fields[manifest.schema.inputs[0].name], manifest.schema.stratum
    labels = [""] * len(names)
    if target:
        labels = [manifest.schema.classes[target][label] for label in index.classes[target]]
    numbers = [index.fields[field.name] for field in manifest.schema.targets if field.name in index.fields]
    with opened_image(content, path) as opened:
        units = [layout.read_unit(opened[name], manifest.schema.unit) for name in names]
    stored = [stored_arrays(content, path, index, field, range(len(names))) for field in (first, *numbers)]
    for row, (name, (_, unit, turn), patterns, *further) in enumerate(zip(names, planned, *stored, strict=True)):
        said = {"label": (unit.stratum, labels[row]), manifest.schema.unit: (unit.identifier, units[row])}
        wrong = [what for what, (expected, found) in said.items() if expected != found]
        if wrong:
            yield DataFault(CHECK, f"{path}: {name}", f"another {wrong[0]} than the rung's", *map(str, said[wrong[0]]))
        else:
            told = (field.decode(each) for field, each in zip(numbers, further, strict=True))
            counts = recipe.counts(first.decode(patterns), *told)
            yield RungSample(f"{path}: {name}", place + row, plan.split, unit, turn, counts)
