"""Sets of patterns for powder_experiments.py: of lattices, of a table of crystals, measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.foundation.progress import progress
from benchmark.simulation.crystal import Crystal, cell_from_parameters
from benchmark.tasks.powder.diffraction import Reflections, reflections
from benchmark.tasks.powder.extinction import extinction_groups
from benchmark.tasks.powder.lattices import draw_reflections
from benchmark.tasks.powder.measured import MeasuredCurve, resampled
from benchmark.tasks.powder.measurement import normalised
from benchmark.tasks.powder.profile import Instrument, PowderSpecimen, pattern
from benchmark.tasks.powder.rung import RANGE_DEGREES, WAVELENGTH_ANGSTROM, grid_of

GROUPS = extinction_groups()
GROUP_OF = np.zeros(231, dtype=np.int64)
for _index, _members in enumerate(GROUPS):
    GROUP_OF[list(_members)] = _index
LABELS: Mapping[str, Any] = {"groups": lambda numbers: GROUP_OF[numbers], "space groups": lambda numbers: numbers - 1}
MOST_ATOMS, LEAST_LINES = 48, 3
B_ANGSTROM2, PRIMITIVE_ANGSTROM3 = 0.8, (40.0, 900.0)
FWHM_DEGREES = 0.06
"""Of a good instrument: what a measurement does beyond is varied while the network learns."""
_ENDS = 2.0 / WAVELENGTH_ANGSTROM * np.sin(np.radians(np.array(RANGE_DEGREES)) / 2.0)
D_RANGE_ANGSTROM = (float(1.0 / (1.03 * _ENDS[1])), float(1.0 / (0.97 * _ENDS[0])))


@dataclass(frozen=True, eq=False)
class Patterns:
    """(n, points) profiles, (n,) space groups, and of each the formula that it is of; empty where it has none."""

    profiles: NDArray[np.float32]
    space_groups: NDArray[np.int64]
    formulas: NDArray[np.str_]

    def some(self, which: NDArray[Any]) -> Patterns:
        return Patterns(self.profiles[which], self.space_groups[which], self.formulas[which])

    def first(self, count: int) -> Patterns:
        return self.some(np.arange(min(count, len(self.space_groups))))

    def as_frequent_as(self, numbers: NDArray[np.int64], seed: int) -> Patterns:
        """As many, drawn with the frequencies of a database's space groups."""
        weight = (
            np.bincount(numbers, minlength=231)[self.space_groups]
            / np.bincount(self.space_groups, minlength=231)[self.space_groups]
        )
        generator = np.random.default_rng(seed)
        return self.some(generator.choice(len(weight), len(weight), p=weight / weight.sum()))

    def once_each(self) -> Patterns:
        """One of each formula and space group."""
        keys = np.char.add(self.formulas, self.space_groups.astype(str))
        return self.some(np.sort(np.unique(keys, return_index=True)[1]))

    def split_at_random(self, seed: int) -> tuple[Patterns, Patterns]:
        """Nine in ten, and one in ten."""
        order = np.random.default_rng(seed).permutation(len(self.space_groups))
        return self.some(order[len(order) // 10 :]), self.some(order[: len(order) // 10])

    def split_by_formula(self, seed: int) -> tuple[Patterns, Patterns]:
        """Formulas of one in ten are in the second alone."""
        names, which = np.unique(self.formulas, return_inverse=True)
        generator = np.random.default_rng(seed)
        held = (generator.random(len(names)) < 0.1)[which]
        return self.some(np.flatnonzero(~held)), self.some(generator.permutation(np.flatnonzero(held)))


def to_groups(of_space_groups: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, 230) probabilities of space groups, added up to (n, 99) of extinction groups."""
    found = np.zeros((len(of_space_groups), len(GROUPS)))
    np.add.at(found.T, GROUP_OF[1:], of_space_groups.T)
    return found


def by_reflections(per_group: int, points: int, seed: int) -> Patterns:
    """Lattices with random structure factors, as many of each group, whose space groups take turns; in random order."""
    generator = np.random.default_rng(seed)
    numbers = np.array([members[n % len(members)] for members in GROUPS for n in range(per_group)])
    generator.shuffle(numbers)
    profiles = []
    with progress("Drawing lattices", len(numbers), "patterns") as advance:
        for done, number in enumerate(numbers, start=1):
            profiles.append(_drawn(int(number), points, generator))
            advance(done)
    return Patterns(np.stack(profiles), numbers, np.full(len(numbers), ""))


def of_structures(path: Path, points: int, most: int) -> Patterns:
    """The crystals of a table that have at most `MOST_ATOMS` atoms, and `LEAST_LINES` reflections; `most` of them."""
    table = np.load(path, allow_pickle=False)
    sizes, cells, groups = table["ns"], table["cells"], table["sg01"]
    ends, elements, places = np.cumsum(sizes), table["Z"], table["X"].reshape(-1, 3)
    profiles, numbers, formulas = [], [], []
    chosen = np.flatnonzero(sizes <= MOST_ATOMS)
    chosen = chosen[np.linspace(0, len(chosen) - 1, min(most, len(chosen))).astype(int)]
    with progress("Simulating crystals", len(chosen), "crystals") as advance:
        for done, index in enumerate(chosen, start=1):
            advance(done)
            end, count = ends[index], sizes[index]
            cell = cell_from_parameters(cells[index, :3], cells[index, 3:])
            own = slice(end - count, end)
            crystal = Crystal(cell, elements[own].astype(np.int64), places[own], 1)  # the cell may be a primitive one
            profile = _pattern(reflections(crystal, D_RANGE_ANGSTROM, b_angstrom2=B_ANGSTROM2), points)
            if profile is not None:
                profiles.append(profile)
                numbers.append(int(groups[index]))
                formulas.append(crystal.formula)
    return Patterns(np.stack(profiles), np.array(numbers), np.array(formulas))


def of_measured(path: Path, points: int) -> Patterns:
    """Measured patterns at 5.00, 5.01, ... 89.99 degrees of copper's line."""
    table = np.load(path, allow_pickle=False)
    angles = RANGE_DEGREES[0] + 0.01 * np.arange(table["intensity"].shape[1])
    inverse_d = 2.0 / WAVELENGTH_ANGSTROM * np.sin(np.radians(angles) / 2.0)
    profiles = [
        resampled(MeasuredCurve(Path(f"{path}[{index}]"), inverse_d, row.astype(np.float64)), grid_of(points))[0]
        for index, row in enumerate(table["intensity"])
    ]
    numbers = table["space_group"].astype(np.int64)
    return Patterns(np.stack(profiles), numbers, np.full(len(numbers), ""))


def _drawn(number: int, points: int, generator: np.random.Generator) -> NDArray[np.float32]:
    while True:
        profile = _pattern(
            draw_reflections(number, D_RANGE_ANGSTROM, PRIMITIVE_ANGSTROM3, B_ANGSTROM2, generator), points
        )
        if profile is not None:
            return profile


def _pattern(found: Reflections, points: int) -> NDArray[np.float32] | None:
    """None where it has fewer than `LEAST_LINES` reflections in the range."""
    if len(found) < LEAST_LINES:
        return None
    curve = pattern(found, Instrument(caglioti_degrees2=(0.0, 0.0, FWHM_DEGREES**2)), PowderSpecimen(), grid_of(points))
    return normalised(curve) if curve.max() > 0.0 else None
