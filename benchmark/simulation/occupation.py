"""Which positions of a space group the atoms of a random crystal take, and which element each of them holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmark.simulation.chemistry import Composition
from benchmark.simulation.symmetry import Site

PREFERENCE_FOR_FEW = (0.0, 2.5)
"""Positions are chosen by their multiplicity to minus this power: real atoms sit on axes and mirror planes wherever
there are some."""


@dataclass(frozen=True)
class Occupied:
    """A position of the parent and the element on it."""

    site: Site
    number: int


class Chooser:
    """Picks positions. Each crystal has its own taste: some have all atoms on mirror planes, some in general places."""

    def __init__(self, sites: Sequence[Site], most_atoms: int, generator: np.random.Generator) -> None:
        self._sites, self._most_atoms, self._generator = sites, most_atoms, generator
        self._multiplicities = np.array([site.multiplicity for site in sites])
        kinds = [(site.multiplicity, len(site.directions)) for site in sites]
        preference = generator.uniform(*PREFERENCE_FOR_FEW)
        taste = {
            kind: kind[0] ** -preference * np.exp(generator.normal(0.0, 1.2)) / kinds.count(kind)
            for kind in sorted(set(kinds))
        }
        self._weights = np.array([taste[kind] for kind in kinds]) * np.exp(generator.normal(0.0, 0.5, len(sites)))

    def _pick(self, most_atoms: int) -> Site | None:
        weights = self._weights * (self._multiplicities <= most_atoms)
        if not weights.any():
            return None
        index = self._generator.choice(len(weights), p=weights / weights.sum())
        if not len(self._sites[index].directions):
            self._weights[index] = 0.0  # a point holds one atom
        return self._sites[index]

    def counted(self, composition: Composition, counts: Sequence[int]) -> list[Occupied] | None:
        """Positions whose multiplicities add up to each element's number of atoms."""
        occupied: list[Occupied] = []
        for number, left in zip(composition.numbers, counts, strict=True):
            while left:
                site = self._pick(left)
                if site is None:
                    return None
                occupied.append(Occupied(site, number))
                left -= site.multiplicity
        return occupied

    def freely(self, composition: Composition, atoms: float) -> list[Occupied] | None:
        """Positions for about as many atoms as wanted, with every element on one at least; the larger ones are more
        often the anions'."""
        chosen: list[Site] = []
        total = 0
        while total < min(atoms, self._most_atoms) or len(chosen) < len(composition.numbers):
            site = self._pick(self._most_atoms - total)
            if site is None:
                return None
            chosen.append(site)
            total += site.multiplicity
        ranks = [site.multiplicity * np.exp(self._generator.normal(0.0, 0.5)) for site in chosen]
        occupied = []
        for place, index in enumerate(np.argsort(ranks)[::-1]):
            if place < len(composition.numbers):
                number = composition.numbers[place]
            elif composition.anions and self._generator.random() < 0.7:
                number = composition.numbers[self._generator.integers(composition.anions)]
            else:
                number = composition.numbers[self._generator.integers(len(composition.numbers))]
            occupied.append(Occupied(chosen[index], number))
        return occupied
