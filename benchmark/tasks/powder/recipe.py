"""How powder patterns are made: crystals, or lattices with random structure factors, and what a diffractometer sees."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmark.data.recipe import Sample, Unit
from benchmark.definition.building import build, mapping
from benchmark.definition.rung import SPLITS, Rung
from benchmark.definition.sample import Field, SampleSchema
from benchmark.foundation.errors import StemdlError
from benchmark.simulation.cbed import crystals_of
from benchmark.simulation.draw import draw_crystal
from benchmark.simulation.recipes import CrystalRecipe
from benchmark.tasks.powder.diffraction import Lines, lines_of
from benchmark.tasks.powder.extinction import extinction_group, label
from benchmark.tasks.powder.lattices import draw_lines
from benchmark.tasks.powder.measured import Grid
from benchmark.tasks.powder.profile import Instrument, profile_of

RANGE_DEGREES, WAVELENGTH_ANGSTROM = (5.0, 90.0), 1.540593
"""Of every rung's profiles, both ends included: K alpha 1 of copper."""
PROFILE, TARGET = "profile", "extinction_group"
BEYOND = 1.03
"""How far past the grid's range in 1/d lines are computed: errors may move them onto it."""


@dataclass(frozen=True)
class PowderRung:
    """What a rung of powder patterns says.

    Attributes
    ----------
    space_groups : whose crystals are drawn. Those of one extinction group are one class, and share its patterns evenly.
    patterns_per_group : of each split and extinction group.
    points : of a profile.
    reflections : the share of patterns that lattices with random structure factors give instead of crystals.
    debye_waller_b_angstrom2 : the range of B.
    """

    space_groups: tuple[int, ...]
    patterns_per_group: Mapping[str, int]
    points: int
    reflections: float
    debye_waller_b_angstrom2: tuple[float, float]
    instrument: Instrument
    crystals: CrystalRecipe

    @property
    def grid(self) -> Grid:
        return grid_of(self.points)

    @property
    def groups(self) -> tuple[tuple[int, ...], ...]:
        """Of each class, the space groups that are drawn."""
        found: dict[tuple[int, ...], list[int]] = {}
        for number in self.space_groups:
            found.setdefault(extinction_group(number), []).append(number)
        return tuple(tuple(found[members]) for members in sorted(found))


def grid_of(points: int) -> Grid:
    """Where a profile of so many points is sampled."""
    first, last = RANGE_DEGREES
    return Grid(first, (last - first) / (points - 1), points, WAVELENGTH_ANGSTROM)


def understood(rung: Rung) -> PowderRung:
    """What a rung says. Raises StemdlError with the key that is wrong."""
    where, values = f"rung {rung.name}", dict(rung.recipe)
    instrument = build(Instrument, f"{where}.instrument", mapping(where, values, "instrument"))
    crystals = crystals_of(where, values, "crystals")
    found = build(PowderRung, where, {**values, "instrument": instrument, "crystals": crystals})
    numbers = found.space_groups
    if list(numbers) != sorted({each for each in numbers if type(each) is int and 1 <= each <= 230}):
        raise StemdlError("space_groups must rise from 1 to 230 at most", where=where, found=numbers)
    counts = found.patterns_per_group
    if set(counts) != set(SPLITS) or not all(type(each) is int and each >= 0 for each in counts.values()):
        raise StemdlError("patterns_per_group needs a whole number for each split", where=where, found=dict(counts))
    if found.points < 2 or not 0.0 <= found.reflections <= 1.0:
        raise StemdlError("points are from 2, reflections a share from 0 to 1", where=where)
    return found


class PowderRecipe:
    """A unit is one crystal, or one lattice, and its one pattern."""

    def __init__(self, rung: Rung) -> None:
        self.rung = understood(rung)
        grid = self.rung.grid
        ends = 2.0 / grid.wavelength_angstrom * np.sin(np.radians(np.array(RANGE_DEGREES)) / 2.0)
        self._range = (float(ends[0]) / BEYOND, float(ends[1]) * BEYOND)

    def schema(self) -> SampleSchema:
        labels = tuple(label(extinction_group(drawn[0])) for drawn in self.rung.groups)
        target = Field(TARGET, (), "int64")
        profile = Field(PROFILE, (1, self.rung.points), unit="of the highest point")
        return SampleSchema((profile,), (target,), unit="crystal", stratum=TARGET, classes={TARGET: labels})

    def units(self) -> Sequence[Unit]:
        """Class by class in turn, so that every shard has all."""
        return [
            Unit(f"{split}-{drawn[index % len(drawn)]}-{index:06d}", split, 1, label(extinction_group(drawn[0])))
            for split in SPLITS
            for index in range(self.rung.patterns_per_group[split])
            for drawn in self.rung.groups
        ]

    def make(self, unit: Unit, generator: np.random.Generator, device: str = "cpu") -> Iterator[Sample]:
        """One pattern; a crystal without a line in the range is drawn again."""
        space_group = int(unit.identifier.split("-")[1])
        while True:
            lines, about = self._lines(space_group, generator)
            try:
                profile = profile_of(lines, self.rung.grid, self.rung.instrument, generator)
            except ValueError:
                continue
            break
        yield Sample({PROFILE: profile[None], TARGET: unit.stratum}, {"space_group": space_group, **about})

    def _lines(self, space_group: int, generator: np.random.Generator) -> tuple[Lines, dict[str, Any]]:
        b = generator.uniform(*self.rung.debye_waller_b_angstrom2)
        if generator.random() < self.rung.reflections:
            return draw_lines(space_group, self._range, b, generator), {"formula": ""}
        crystal = draw_crystal(space_group, self.rung.crystals, generator)
        return lines_of(crystal, self._range, b), {"formula": crystal.formula}


def make_recipe(rung: Rung) -> PowderRecipe:
    """Of a rung as the definition has it. Raises StemdlError where it says what cannot be."""
    return PowderRecipe(rung)
