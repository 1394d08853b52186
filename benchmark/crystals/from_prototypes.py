"""The crystals of a rung as prototypes with other elements."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from benchmark.crystals.duplicates import Formula, reduced_formula
from benchmark.data.workers import Workers
from benchmark.foundation.errors import StemdlError
from benchmark.foundation.files import sha256_of_text
from benchmark.simulation.cbed import CbedRung
from benchmark.simulation.crystal import Crystal
from benchmark.simulation.prototypes import substituted

Named = tuple[str, Crystal | None]

TRIES_FOR_A_NEW_COMPOUND = 20
"""Compounds made from the prototypes of a group before its next crystals are drawn, since all that it has were made."""


@dataclass(frozen=True)
class _Wanted:
    """The crystals of one group that are to be made."""

    space_group: int
    count: int
    prototypes: tuple[Crystal, ...]


def from_prototypes(
    rung: CbedRung, found: Mapping[int, Sequence[tuple[str, Crystal]]], work: Workers
) -> dict[int, list[Named]]:
    """As many crystals of each group as the rung wants, each a prototype of the group with other elements.

    No formula is made twice for a group, so that no near copies lie on two sides of a split. A group without prototypes
    gets drawn crystals (None), as do places for which no elements fit.
    """
    wanted = [
        _Wanted(group, sum(rung.materials(group).values()), tuple(crystal for _, crystal in found[group]))
        for group in rung.space_groups
    ]
    made = work.map(partial(_of_group, rung.seed), wanted, "Exchanging elements", "groups")
    return dict(zip(rung.space_groups, made, strict=True))


def _of_group(seed: int, wanted: _Wanted) -> list[Named]:
    named: list[Named] = []
    made: set[Formula] = set()
    for index in range(wanted.count):
        place = f"{wanted.space_group}-{index:05d}"
        digest = sha256_of_text(f"prototype {place}")
        crystal = _new_compound(wanted.prototypes, made, np.random.default_rng([seed, int(digest[:16], 16)]))
        named.append((f"{'drawn' if crystal is None else 'prototype'}-{place}", crystal))
    return named


def _new_compound(prototypes: Sequence[Crystal], made: set[Formula], generator: np.random.Generator) -> Crystal | None:
    """A compound of a formula that was not made before, which is added to those made; None where none is found."""
    if not prototypes:
        return None
    for _ in range(TRIES_FOR_A_NEW_COMPOUND):
        try:
            crystal = substituted(prototypes[int(generator.integers(len(prototypes)))], generator)
        except StemdlError:
            continue
        formula = reduced_formula(crystal.numbers)
        if formula not in made:
            made.add(formula)
            return crystal
    return None
