"""What a rung of powder patterns says: whose crystals, how many patterns of each, and how they are measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from benchmark.definition.building import build, mapping
from benchmark.definition.rung import SPLITS, Rung
from benchmark.foundation.errors import StemdlError
from benchmark.simulation.cbed import crystals_of
from benchmark.simulation.recipes import CrystalLimits, CrystalRecipe
from benchmark.tasks.powder.extinction import extinction_group
from benchmark.tasks.powder.measured import Grid
from benchmark.tasks.powder.measurement import Measurements
from benchmark.tasks.powder.profile import CU_K_ALPHA_1_ANGSTROM

RANGE_DEGREES, WAVELENGTH_ANGSTROM = (5.0, 90.0), CU_K_ALPHA_1_ANGSTROM
"""The range of every rung's profiles in degrees of 2 theta, both ends included."""
BEYOND = 1.03
"""How far past the grid's range in 1/d reflections are computed: errors may move them onto it."""
BALANCED, BIASED, UNSEEN = PARTS = ("balanced", "biased", "unseen")
"""Parts of a split. Extinction groups are equally frequent; as frequent as in a database; or equally, of structure
types that no other part holds."""


@dataclass(frozen=True)
class PowderRung:
    """What a rung says.

    Attributes
    ----------
    space_groups : whose crystals are drawn. Those of one extinction group are one class, and share its patterns evenly.
    patterns_per_group : of each split and extinction group, balanced; and of each group `unseen`, in test.
    biased_patterns : in test, of all groups together. biased_training : whether the training split, as large as
        otherwise, is as biased.
    points : of a profile.
    reflections : the share of balanced patterns that lattices with random structure factors give instead of crystals.
    primitive_angstrom3 : bounds of the volume of such a lattice's primitive cell, drawn logarithmically. By default
        those of a few atoms to some dozens.
    deduplicate : whether of given crystals with the same formula and group and alike lattices one alone is taken.
    debye_waller_b_angstrom2 : bounds of B.
    database : how many crystals of the space groups 1 to 230 a database has.
    limits : of given crystals.
    """

    seed: int
    space_groups: tuple[int, ...]
    patterns_per_group: Mapping[str, int]
    points: int
    reflections: float
    debye_waller_b_angstrom2: tuple[float, float]
    measurements: Measurements
    crystals: CrystalRecipe
    limits: CrystalLimits
    database: tuple[int, ...]
    biased_patterns: int = 0
    biased_training: bool = False
    primitive_angstrom3: tuple[float, float] = (40.0, 900.0)
    deduplicate: bool = True

    @property
    def grid(self) -> Grid:
        """The grid of 2 theta that profiles lie on."""
        return grid_of(self.points)

    @property
    def d_range_angstrom(self) -> tuple[float, float]:
        """The spacings of lattice planes whose reflections a pattern may show."""
        largest, smallest = WAVELENGTH_ANGSTROM / (2.0 * np.sin(np.radians(np.array(RANGE_DEGREES)) / 2.0))
        return float(smallest) / BEYOND, float(largest) * BEYOND

    @property
    def groups(self) -> tuple[tuple[int, ...], ...]:
        """The space groups of each class that are drawn."""
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
    built = {
        "measurements": build(Measurements, f"{where}.measurements", mapping(where, values, "measurements")),
        "crystals": crystals_of(where, values, "crystals"),
        "limits": build(CrystalLimits, f"{where}.limits", mapping(where, values, "limits")),
        "patterns_per_group": mapping(where, values, "patterns_per_group"),
    }
    found = build(PowderRung, where, values, **built, seed=rung.seed)
    _require(found, where)
    return found


def _require(found: PowderRung, where: str) -> None:
    numbers = found.space_groups
    whole = isinstance(numbers, tuple) and all(type(each) is int and 1 <= each <= 230 for each in numbers)
    if not whole or not numbers or list(numbers) != sorted(set(numbers)):
        raise StemdlError("space_groups must rise from 1 to 230 at most", where=where, found=numbers)
    counts = {**found.patterns_per_group, "biased_patterns": found.biased_patterns}
    if set(found.patterns_per_group) != {*SPLITS, UNSEEN}:
        raise StemdlError(
            "patterns_per_group is of other parts",
            where=where,
            expected=", ".join((*SPLITS, UNSEEN)),
            found=", ".join(map(str, found.patterns_per_group)),
        )
    for name, count in counts.items():
        if type(count) is not int or count < 0:
            raise StemdlError(f"{name} is not a whole number from 0", where=where, found=count)
    database = found.database
    if not (isinstance(database, tuple) and len(database) == 230 and all(type(n) is int and n >= 0 for n in database)):
        raise StemdlError("database needs a whole number from 0 for each of the 230 space groups", where=where)
    if (found.biased_patterns or found.biased_training) and not any(database[each - 1] for each in numbers):
        raise StemdlError("the database has no crystal of the rung's space groups", where=where)
    if found.points < 2:
        raise StemdlError("a profile has two points and more", where=where, found=found.points)
    if not 0.0 <= found.reflections <= 1.0:
        raise StemdlError("reflections is a share from 0 to 1", where=where, found=found.reflections)
    low, high = found.primitive_angstrom3
    if not 0.0 < low <= high:
        raise StemdlError("primitive_angstrom3 must rise from above 0", where=where, found=(low, high))
    low, high = found.debye_waller_b_angstrom2
    if not 0.0 <= low <= high:
        raise StemdlError("debye_waller_b_angstrom2 must rise from 0", where=where, found=(low, high))
