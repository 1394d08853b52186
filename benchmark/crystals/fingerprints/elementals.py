"""Elements in the eight prototypes of the published task, of which it has seven classes.

After a fingerprint's scaling the cubic ones have no free parameter but the element; the others have the ratio of their
axes, and arsenic's and samarium's structures one coordinate. Where a ratio would make another of the eight, such as
c/a = 1 or sqrt(2) of a body-centred tetragonal cell, it is left out.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmark.foundation.files import sha256_of_text
from benchmark.simulation.chemistry import atom_volume_angstrom3
from benchmark.simulation.crystal import Crystal, cell_from_parameters
from benchmark.simulation.fingerprint import HEAVIEST

Points = tuple[tuple[float, float, float], ...]
ORIGIN: Points = ((0.0, 0.0, 0.0),)
BODY: Points = (*ORIGIN, (0.5, 0.5, 0.5))
FACES: Points = (*ORIGIN, (0.0, 0.5, 0.5), (0.5, 0.0, 0.5), (0.5, 0.5, 0.0))
RHOMBOHEDRAL: Points = (*ORIGIN, (2 / 3, 1 / 3, 1 / 3), (1 / 3, 2 / 3, 2 / 3))


@dataclass(frozen=True)
class Prototype:
    """A structure of one element.

    Attributes
    ----------
    name : AFLOW's. label : its class. space_group : of the whole crystal.
    centring, basis : atoms of the conventional cell are the sums of both.
    ratios : ranges of c/a, of which one is drawn. heights : range of z, by which the basis is (0, 0, +-z) as well.
    hexagonal : whether the cell's angle gamma is 120 degrees.
    """

    name: str
    label: str
    space_group: int
    centring: Points
    basis: Points = ORIGIN
    ratios: tuple[tuple[float, float], ...] = ((1.0, 1.0),)
    heights: tuple[float, float] | None = None
    hexagonal: bool = False

    @property
    def atoms(self) -> int:
        """Atoms of the conventional cell."""
        return len(self.centring) * (len(self.basis) + (2 if self.heights is not None else 0))


PROTOTYPES = (
    Prototype("A_cI2_229_a", "bcc", 229, BODY),
    # protactinium's 0.83, mercury's 0.71; indium's 1.52
    Prototype("A_tI2_139_a", "bct_139", 139, BODY, ratios=((0.70, 0.92), (1.08, 1.32), (1.50, 1.65))),
    # white tin's 0.546
    Prototype("A_tI4_141_a", "bct_141", 141, BODY, (*ORIGIN, (0.0, 0.5, 0.25)), ratios=((0.48, 0.65),)),
    Prototype("A_cF8_227_a", "diamond", 227, FACES, (*ORIGIN, (0.25, 0.25, 0.25))),
    Prototype("A_cF4_225_a", "fcc", 225, FACES),
    # beryllium's 1.57 to cadmium's 1.89
    Prototype(
        "A_hP2_194_c",
        "hex_rh",
        194,
        ORIGIN,
        ((1 / 3, 2 / 3, 0.25), (2 / 3, 1 / 3, 0.75)),
        ratios=((1.55, 1.90),),
        hexagonal=True,
    ),
    # polonium's 0.97, mercury's 1.93
    Prototype("A_hR1_166_a", "hex_rh", 166, RHOMBOHEDRAL, ratios=((0.90, 1.05), (1.75, 2.10)), hexagonal=True),
    # bismuth's and antimony's 2.6, arsenic's 2.8
    Prototype("A_hR2_166_c", "hex_rh", 166, RHOMBOHEDRAL, (), ((2.50, 2.90),), (0.224, 0.240), True),
    # samarium's 7.25
    Prototype("A_hR3_166_ac", "hex_rh", 166, RHOMBOHEDRAL, ORIGIN, ((7.00, 7.50),), (0.218, 0.226), True),
    Prototype("A_cP1_221_a", "sc", 221, ORIGIN),
)
LABELS = tuple(dict.fromkeys(prototype.label for prototype in PROTOTYPES))
"""The seven classes, in the published order."""
ELEMENTS = tuple(range(1, HEAVIEST + 1))


@functools.cache
def of_label(label: str) -> tuple[Prototype, ...]:
    """The prototypes of a class; every second one of several is the first, hexagonal close packing."""
    first, *others = (prototype for prototype in PROTOTYPES if prototype.label == label)
    return tuple(each for other in others for each in (first, other)) or (first,)


def elements_of(seed: int, shares: Mapping[str, float]) -> dict[str, tuple[int, ...]]:
    """All elements dealt to splits, each to one: in the order of hashes that follow from a seed, so many of each."""
    order = sorted(ELEMENTS, key=lambda number: sha256_of_text(f"element {seed} {number}"))
    bounds = np.round(np.cumsum(list(shares.values())) / sum(shares.values()) * len(order)).astype(int)
    parts = np.split(np.array(order), bounds[:-1])
    return {split: tuple(sorted(part.tolist())) for split, part in zip(shares, parts, strict=True)}


def draw_elemental(prototype: Prototype, number: int, generator: np.random.Generator) -> Crystal:
    """An element in a prototype, as large as its atoms are on average. The same for the same generator."""
    low, high = prototype.ratios[int(generator.integers(len(prototype.ratios)))]
    ratio = float(generator.uniform(low, high))
    basis = prototype.basis
    if prototype.heights is not None:
        height = float(generator.uniform(*prototype.heights))
        basis = (*basis, (0.0, 0.0, height), (0.0, 0.0, -height))
    positions: NDArray[np.float64] = (np.array(prototype.centring)[:, None] + np.array(basis)).reshape(-1, 3) % 1.0
    angles = np.array([90.0, 90.0, 120.0 if prototype.hexagonal else 90.0])
    cell = cell_from_parameters(np.array([1.0, 1.0, ratio]), angles)
    volume = atom_volume_angstrom3(number) * len(positions)
    cell *= (volume / float(np.linalg.det(cell))) ** (1.0 / 3.0)
    return Crystal(cell, np.full(len(positions), number, dtype=np.int64), positions, prototype.space_group)
