"""How fingerprints are made: of a crystal a cluster, broken as is asked; of that the picture, in 256 steps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.crystals import sources
from benchmark.crystals.duplicates import structure_type
from benchmark.crystals.fingerprints.checks import CHECKS
from benchmark.crystals.fingerprints.elementals import draw_elemental
from benchmark.crystals.fingerprints.given import choose
from benchmark.crystals.fingerprints.levels import in_levels, whole_levels
from benchmark.crystals.fingerprints.rung import BY_PROTOTYPE, KINDS, Defects, understood
from benchmark.crystals.fingerprints.units import Asked, split_of, units_of
from benchmark.data.recipe import STANDARD, Sample, Unit
from benchmark.data.workers import Workers
from benchmark.definition.rung import WHOLE, Rung
from benchmark.definition.sample import Field, SampleSchema
from benchmark.foundation.errors import StemdlError
from benchmark.simulation.cluster import Damage, broken, cluster_of
from benchmark.simulation.crystal import Crystal
from benchmark.simulation.draw import draw_crystal
from benchmark.simulation.fingerprint import CHANNELS, PIXELS, fingerprint

__all__ = ["CHECKS", "FingerprintRecipe", "make_recipe"]

PICTURE, TARGET, KIND = "fingerprint", "structure", "defects"
ATTEMPTS = 400
"""Crystals drawn for one of a split's anonymous formulas."""


class FingerprintRecipe:
    """A unit is one crystal with its defects, and its one picture.

    `structures` is a source of crystals (`sources.read_candidates`); without `split` all of the rung's classes are in
    one split, broken as those are by which a network is judged.
    """

    def __init__(self, rung: Rung, *, structures: Path | None = None, split: bool = True) -> None:
        self.rung, self._structures, self._split = rung, structures, split
        self.says = understood(rung)

    def schema(self) -> SampleSchema:
        picture = Field(PICTURE, (CHANNELS, PIXELS, PIXELS), unit="of the brightest pixel")
        classes = {TARGET: self.says.classes, KIND: KINDS}
        targets = tuple(Field(name, (), "int64") for name in classes)
        return SampleSchema((picture,), targets, unit="crystal", stratum=TARGET, classes=classes)

    def units(self) -> Sequence[Unit]:
        return units_of(self.says)

    def source(self) -> dict[str, Any]:
        source: dict[str, Any] = dict(STANDARD)
        if self._structures is not None:
            sha256 = sources.source_sha256(self._structures)
            source |= {"kind": "structures", "name": self._structures.name, "sha256": sha256}
        return source if self._split else source | {"splits": [WHOLE]}

    def select(self, folder: Path, work: Workers) -> tuple[Sequence[Unit], dict[str, Any] | None]:
        if self._structures is None:
            return self.units(), None
        return choose(self.says, self._structures, folder, work, self._split)

    def make(self, unit: Unit, generator: np.random.Generator, device: str = "cpu") -> Iterator[Sample]:
        asked: Asked = unit.content
        crystal = self.crystal(asked, unit.split, generator)
        how = draw_severity(asked.kind, self.says.defects, generator)
        whole = cluster_of(crystal.cell, crystal.numbers, crystal.positions, self.says.atoms)
        cluster = broken(whole, how, asked.others, generator)
        picture = fingerprint(cluster.positions, cluster.numbers, device)
        arrays: dict[str, NDArray[Any] | str] = {
            PICTURE: in_levels(picture),
            TARGET: unit.stratum,
            KIND: asked.kind,
        }
        numbers, counts = np.unique(crystal.numbers, return_counts=True)
        attributes = {
            "formula": crystal.formula,
            "structure_type": structure_type(
                dict(zip(numbers.tolist(), counts.tolist(), strict=True)), crystal.space_group
            ),
            "prototype": asked.prototype.name if asked.prototype is not None else "",
            "atoms": len(cluster.numbers),
            "surface": how.surface,
            "vacancies": how.vacancies,
            "substituted": how.substituted,
            "displaced": how.displaced,
        }
        yield Sample(arrays, attributes)

    def crystal(self, asked: Asked, split: str, generator: np.random.Generator) -> Crystal:
        """The whole crystal of a unit. Raises StemdlError where none is found whose formula belongs to the split."""
        if asked.crystal is not None:
            return asked.crystal
        if self.says.reading == BY_PROTOTYPE:
            assert asked.prototype is not None
            return draw_elemental(asked.prototype, asked.number, generator)
        assert self.says.crystals is not None
        for _ in range(ATTEMPTS):
            crystal = draw_crystal(asked.space_group, self.says.crystals, generator)
            if split_of(self.says, crystal) == split:
                return crystal
        raise StemdlError(
            f"no crystal of space group {asked.space_group} has a formula of the split {split}",
            found=f"{ATTEMPTS} crystals",
            remedy="give the split a larger share in split_shares",
        )

    def counts(self, sample: NDArray[Any]) -> NDArray[np.int64] | None:
        """(3, 64, 64) the steps of a picture's pixels; None where they are not whole."""
        return whole_levels(sample)


def draw_severity(kind: str, defects: Defects, generator: np.random.Generator) -> Damage:
    """How badly a cluster of a kind is broken. As many random numbers are taken for any kind."""
    drawn = {
        name: float(generator.uniform(*getattr(defects, name)))
        for name in ("surface", "vacancies", "substituted", "displaced")
    }
    wanted = kind.split("_")
    return Damage(**{name: value for name, value in drawn.items() if name in wanted})


def make_recipe(rung: Rung, *, structures: Path | None = None, split: bool = True) -> FingerprintRecipe:
    """The recipe of a rung, with the options of `FingerprintRecipe`. Raises StemdlError where what the rung says cannot
    be."""
    return FingerprintRecipe(rung, structures=structures, split=split)
