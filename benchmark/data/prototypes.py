"""The crystals of a rung as prototypes with other elements."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from benchmark.data.workers import Workers
from benchmark.definition.rung import Rung
from benchmark.foundation.errors import StemdlError
from benchmark.foundation.files import sha256_of_text
from benchmark.simulation.crystal import Crystal
from benchmark.simulation.prototypes import substituted

Named = tuple[str, Crystal | None]


@dataclass(frozen=True)
class _Wanted:
    """The crystals of one group that are to be made."""

    space_group: int
    count: int
    prototypes: tuple[Crystal, ...]


def from_prototypes(rung: Rung, found: Mapping[int, Sequence[tuple[str, Crystal]]], work: Workers) -> dict[int, list[Named]]:
    """For each group as many crystals as the rung wants, each a prototype of the group with other elements.

    A group without prototypes gets drawn crystals (None), as do places for which no elements fit. Raises StemdlError
    where no group at all has prototypes.
    """
    if not any(found.values()):
        raise StemdlError("no prototype of the rung's groups was found", where="--prototypes")
    wanted = [_Wanted(group, sum(rung.materials(group).values()), tuple(crystal for _, crystal in found[group]))
              for group in rung.space_groups]
    made = work.map(partial(_of_group, rung.seed), wanted, "Exchanging elements", "groups")
    return dict(zip(rung.space_groups, made, strict=True))


def _of_group(seed: int, wanted: _Wanted) -> list[Named]:
    named: list[Named] = []
    for index in range(wanted.count):
        place = f"{wanted.space_group}-{index:05d}"
        digest = sha256_of_text(f"prototype {place}")
        crystal = _first_that_fits(wanted.prototypes, np.random.default_rng([seed, int(digest[:16], 16)]))
        named.append((f"{'drawn' if crystal is None else 'prototype'}-{place}", crystal))
    return named


def _first_that_fits(prototypes: Sequence[Crystal], generator: np.random.Generator) -> Crystal | None:
    for index in generator.permutation(len(prototypes)):
        try:
            return substituted(prototypes[index], generator)
        except StemdlError:
            continue
    return None
