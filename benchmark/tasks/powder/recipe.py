"""How powder patterns are made: of crystals, drawn or given, or of lattices with random structure factors."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.crystals import sources
from benchmark.data.recipe import STANDARD, Sample, Unit
from benchmark.data.workers import Workers
from benchmark.definition.rung import WHOLE, Rung
from benchmark.definition.sample import Field, SampleSchema
from benchmark.foundation.errors import StemdlError, nearest
from benchmark.simulation.crystal import CRYSTAL_SYSTEMS, crystal_system
from benchmark.tasks.powder.checks import CHECKS
from benchmark.tasks.powder.drawn_crystals import DrawnCrystal, draw, type_of
from benchmark.tasks.powder.given import choose
from benchmark.tasks.powder.lattices import draw_reflections
from benchmark.tasks.powder.measurement import counted, draw_measurement, intensities, normalised, whole_counts
from benchmark.tasks.powder.rung import PARTS, PowderRung, understood
from benchmark.tasks.powder.units import Asked, label_of, units_of

__all__ = ["CHECKS", "PowderRecipe", "make_recipe"]

PROFILE, TARGET, SPACE_GROUP, SYSTEM, PART = "profile", "extinction_group", "space_group", "crystal_system", "part"
KINDS = {"drawn": 0.0, "reflections": 1.0}
"""What --crystals may say, and the share of lattices with random structure factors that it stands for."""


GOLDEN_POINTS = 3 * 4
"""Golden figures (`data.golden`) are of three patterns, in four strips each."""


class PowderRecipe:
    """A unit is one crystal, or one lattice, and its one pattern.

    `structures` is a source of crystals (`sources.read_candidates`); without `split` all that the rung can simulate are
    in one split. `crystals` is one of `KINDS`, in place of the rung's mixture.
    """

    def __init__(
        self, rung: Rung, *, structures: Path | None = None, split: bool = True, crystals: str | None = None
    ) -> None:
        if crystals is not None and crystals not in KINDS:
            raise StemdlError(
                f"powder patterns are not made of crystals {crystals!r}",
                where="--crystals",
                expected=" or ".join(KINDS),
                remedy=nearest(crystals, KINDS),
            )
        self.rung, self._structures, self._split, self._crystals = rung, structures, split, crystals
        says = understood(rung)
        self.says: PowderRung = replace(says, reflections=KINDS[crystals]) if crystals is not None else says

    def schema(self) -> SampleSchema:
        profile = Field(PROFILE, (1, self.says.points), unit="of the highest point")
        classes = {
            TARGET: tuple(label_of(members[0]) for members in self.says.groups),
            SPACE_GROUP: tuple(map(str, self.says.space_groups)),
            SYSTEM: tuple(name for _, name in CRYSTAL_SYSTEMS),
            PART: PARTS,
        }
        targets = tuple(Field(name, (), "int64") for name in classes)
        return SampleSchema((profile,), targets, unit="crystal", stratum=TARGET, classes=classes)

    def source(self) -> dict[str, Any]:
        source = STANDARD | ({"crystals": self._crystals} if self._crystals is not None else {})
        if self._structures is not None:
            sha256 = sources.source_sha256(self._structures)
            source |= {"kind": "structures", "name": self._structures.name, "sha256": sha256}
        return source if self._split else source | {"splits": [WHOLE]}

    def units(self) -> Sequence[Unit]:
        return units_of(self.says)

    def select(self, folder: Path, work: Workers) -> tuple[Sequence[Unit], dict[str, Any] | None]:
        if self._structures is None:
            return self.units(), None
        return choose(self.says, self._structures, folder, work, self._split)

    def make(self, unit: Unit, generator: np.random.Generator, device: str = "cpu") -> Iterator[Sample]:
        yield self.sample(unit.content, generator)

    def sample(self, asked: Asked, generator: np.random.Generator) -> Sample:
        """One pattern. One that shows no line is drawn again."""
        while True:
            drawn = draw(asked, self.says, generator)
            how = draw_measurement(self.says.measurements, self.says.grid, generator)
            other = draw_reflections(
                int(generator.integers(1, 231)),
                self.says.d_range_angstrom,
                self.says.primitive_angstrom3,
                drawn.b_angstrom2,
                generator,
            )
            expected = intensities(drawn.reflections, other, how, self.says.grid)
            counts = counted(expected, generator)
            if counts.max() > 0.0:
                break
            if asked.crystal is not None:
                raise StemdlError("a crystal has no line in the rung's range", found=drawn.crystal)
        arrays = {
            PROFILE: normalised(counts)[None],
            TARGET: label_of(asked.space_group),
            SPACE_GROUP: str(asked.space_group),
            SYSTEM: crystal_system(asked.space_group),
            PART: asked.part,
        }
        return Sample(arrays, {"most_counts": int(counts.max()), **_about(drawn)})

    def counts(self, sample: NDArray[Any]) -> NDArray[np.int64] | None:
        """(3, n) counts of a sample's profile, filled up with 0: thirds of it stand for the patterns of a stack."""
        found = whole_counts(sample[0])
        return None if found is None else np.pad(found, (0, -len(found) % GOLDEN_POINTS)).reshape(3, -1)


def _about(drawn: DrawnCrystal) -> dict[str, Any]:
    """What a sample's attributes say of its crystal: nothing but where it has none."""
    if drawn.crystal is None:
        return {"formula": "", "structure_type": ""}
    cell = np.concatenate([drawn.crystal.lengths_angstrom, drawn.crystal.angles_degrees])
    return {"formula": drawn.crystal.formula, "structure_type": type_of(drawn.crystal), "cell": cell}


def make_recipe(
    rung: Rung, *, structures: Path | None = None, split: bool = True, crystals: str | None = None
) -> PowderRecipe:
    """The recipe of a rung, with the options of `PowderRecipe`. Raises StemdlError where they, or what the rung says,
    cannot be."""
    return PowderRecipe(rung, structures=structures, split=split, crystals=crystals)
