"""Crystals for patterns: drawn at random, of structure types that are held out or of others, or lattices alone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from benchmark.crystals.duplicates import structure_type
from benchmark.foundation.errors import StemdlError
from benchmark.foundation.files import sha256_of_text
from benchmark.simulation.crystal import Crystal
from benchmark.simulation.draw import draw_crystal
from benchmark.tasks.powder.diffraction import Reflections, reflections
from benchmark.tasks.powder.lattices import draw_reflections
from benchmark.tasks.powder.rung import BALANCED, UNSEEN, PowderRung
from benchmark.tasks.powder.units import DEV, TEST, TRAIN, Asked

HELD_OUT = 4
"""One structure type in so many is held out of training, by a hash of its name."""
SPLITS_OF_ELEMENTS = (TRAIN, TRAIN, TRAIN, DEV, TEST)
"""Sets of elements are dealt to these by a hash, so that no two splits can hold one compound."""
ATTEMPTS = 200


@dataclass(frozen=True, eq=False)
class DrawnCrystal:
    """What a pattern is of. `crystal` is None where there are reflections alone."""

    reflections: Reflections
    b_angstrom2: float
    crystal: Crystal | None = None


def type_of(crystal: Crystal) -> str:
    """The structure type: anonymous formula, Pearson symbol, space group."""
    numbers, counts = np.unique(crystal.numbers, return_counts=True)
    return structure_type(dict(zip(numbers.tolist(), counts.tolist(), strict=True)), crystal.space_group)


def is_held_out(kind: str) -> bool:
    """Whether crystals of a structure type are in the part `unseen` alone."""
    return int(sha256_of_text(f"powder: {kind}")[:8], 16) % HELD_OUT == 0


def split_of(elements: Iterable[int]) -> str:
    """The split whose crystals may be of these elements, by their atomic numbers."""
    name = " ".join(map(str, sorted(set(elements))))
    return SPLITS_OF_ELEMENTS[int(sha256_of_text(f"powder elements: {name}")[:8], 16) % len(SPLITS_OF_ELEMENTS)]


def draw(asked: Asked, rung: PowderRung, generator: np.random.Generator) -> DrawnCrystal:
    """What a unit's pattern is of. Raises StemdlError where no crystal is found of the type that is asked for."""
    b = float(generator.uniform(*rung.debye_waller_b_angstrom2))
    alone = generator.random() < rung.reflections and asked.part == BALANCED and asked.crystal is None
    if alone:
        volumes = rung.primitive_angstrom3
        return DrawnCrystal(draw_reflections(asked.space_group, rung.d_range_angstrom, volumes, b, generator), b)
    crystal = asked.crystal or _of_type(asked, rung, generator)
    return DrawnCrystal(reflections(crystal, rung.d_range_angstrom, b_angstrom2=b), b, crystal)


def _of_type(asked: Asked, rung: PowderRung, generator: np.random.Generator) -> Crystal:
    def wanted(elements: Iterable[int]) -> bool:
        return split_of(elements) == asked.split

    for _ in range(ATTEMPTS):
        crystal = draw_crystal(asked.space_group, rung.crystals, generator, wanted)
        if wanted(crystal.numbers.tolist()) and is_held_out(type_of(crystal)) == (asked.part == UNSEEN):
            return crystal  # one may hold fewer elements than it was drawn of
    raise StemdlError(
        f"no crystal of space group {asked.space_group} is of a structure type for the part {asked.part!r}",
        found=f"{ATTEMPTS} crystals",
        remedy="give crystals.element_counts more lists",
    )
