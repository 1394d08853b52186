"""The samples of the benchmark `space_group`, with more targets: what a sample's attributes say of crystal and beam.

That task is found by its name, as the harness finds it: its recipe makes the samples, and checks what it knows of them.
"""

from __future__ import annotations

import dataclasses
import functools
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from benchmark.data.golden import STRIPS
from benchmark.data.recipe import ChosenRecipe, CountedRecipe, Sample, Unit
from benchmark.definition.finder import RECIPE, find_task
from benchmark.definition.rung import MadeRung
from benchmark.definition.sample import Field, SampleSchema
from benchmark.foundation.errors import StemdlError
from benchmark.simulation.cbed_fields import LABEL, PROJECTIONS
from benchmark.simulation.crystal import CRYSTAL_SYSTEMS, crystal_system

if TYPE_CHECKING:
    from benchmark.data.workers import Workers

SINGLE = find_task("space_group").code(RECIPE)
"""The recipe of the group alone."""
CHECKS, ALTERNATIVES = SINGLE.CHECKS, SINGLE.ALTERNATIVES

SYSTEM, LENGTHS, ANGLES, ENERGY, COMPOSITION = "crystal_system", "lengths", "angles", "energy", "composition"
ELEMENTS = 103
"""Places of a composition: that of atomic number z is z - 1."""
MORE = (
    Field(SYSTEM, (), "int64"),
    Field(LENGTHS, (3,), unit="Angstrom"),
    Field(ANGLES, (3,), unit="degrees"),
    Field(ENERGY, (), unit="keV"),
    Field(COMPOSITION, (ELEMENTS,), unit="share of the atoms"),
)
"""The targets besides the space group. Edges and angles of the conventional cell are sorted, the smallest first: they
do not depend on how the axes are named."""
TARGET_STEPS, LIFTED = 1024.0, 1024
"""Targets are proven by whole numbers: in such steps per unit, from so many on (golden figures, `data.golden`)."""


class MultiRecipe:
    """As the recipe `single`, whose samples these are."""

    def __init__(self, single: Any) -> None:
        assert isinstance(single, ChosenRecipe) and isinstance(single, CountedRecipe)
        self._single = single
        self.rung: MadeRung = single.rung

    def schema(self) -> SampleSchema:
        base = self._single.schema()
        classes = {**base.classes, SYSTEM: tuple(name for _, name in CRYSTAL_SYSTEMS)}
        return dataclasses.replace(base, targets=(*base.targets, *MORE), classes=classes)

    def source(self) -> dict[str, Any]:
        return self._single.source()

    def units(self) -> Sequence[Unit]:
        return self._single.units()

    def select(self, folder: Path, work: Workers) -> tuple[Sequence[Unit], dict[str, Any] | None]:
        return self._single.select(folder, work)

    def make(self, unit: Unit, generator: np.random.Generator, device: str = "cpu") -> Iterator[Sample]:
        for sample in self._single.make(unit, generator, device):
            yield dataclasses.replace(sample, arrays={**sample.arrays, **more_of(sample)})

    def counts(self, sample: NDArray[Any], *targets: NDArray[Any]) -> NDArray[np.int64] | None:
        """The counts of each quarter of a pattern, and all targets behind each."""
        counts = self._single.counts(sample)
        if counts is None or not all(np.isfinite(each).all() for each in targets):
            return None
        steps = np.concatenate([np.ravel(each).astype(np.float64) for each in targets]) * TARGET_STEPS
        numbers = np.rint(steps).astype(np.int64) + LIFTED
        repeated = np.broadcast_to(numbers, (PROJECTIONS, STRIPS, len(numbers)))
        return np.concatenate([counts.reshape(PROJECTIONS, STRIPS, -1), repeated], axis=2)


def more_of(sample: Sample) -> dict[str, NDArray[Any] | str]:
    """The targets besides the space group, from a sample's attributes."""
    said = sample.attributes
    return {
        SYSTEM: crystal_system(int(str(sample.arrays[LABEL]))),
        LENGTHS: np.sort(said["abc_angstrom"]).astype(np.float32),
        ANGLES: np.sort(said["angles_degree"]).astype(np.float32),
        ENERGY: np.array(said["energy_keV"], dtype=np.float32),
        COMPOSITION: composition_of(said["formula"]),
    }


def composition_of(formula: str) -> NDArray[np.float32]:
    """(ELEMENTS,) shares of the atoms of a formula such as "O6 Sr2 Ti2". Raises StemdlError where it is none."""
    import gemmi

    counts = np.zeros(ELEMENTS)
    for part in formula.split():
        found = re.fullmatch(r"([A-Z][a-z]?)([0-9]+)", part)
        number = gemmi.Element(found[1]).atomic_number if found else 0
        if found is None or not 1 <= number <= ELEMENTS:
            raise StemdlError("this is not a formula", expected="such as O6 Sr2 Ti2", found=formula)
        counts[number - 1] += int(found[2])
    return (counts / counts.sum()).astype(np.float32)


@functools.wraps(SINGLE.make_recipe)
def make_recipe(rung: MadeRung, **options: Any) -> MultiRecipe:
    """The recipe of a rung, with the options of the recipe of the group alone. Raises StemdlError as that does."""
    return MultiRecipe(SINGLE.make_recipe(rung, **options))
