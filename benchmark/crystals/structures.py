"""Which given crystals a rung uses: brought to one setting, within its limits, each compound once."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.crystals.candidate import Candidate
from benchmark.crystals.duplicates import Formula, reduced_formula
from benchmark.data.left_out import LeftOut
from benchmark.simulation.cbed import CbedRung
from benchmark.simulation.crystal import TOLERANCES_ANGSTROM, Crystal, standardised
from benchmark.simulation.recipes import CrystalLimits
from benchmark.simulation.translations import primitive_cell_exceeds

MANY_ATOMS = 1000
"""Above this spglib, whose time grows with the square of the atoms, takes seconds to a minute to find the group."""
COINCIDENCE_ANGSTROM = 0.5
"""Atoms nearer than this share a site (H2 has 0.74): a disordered crystal without its occupancies."""


@dataclass
class Selection:
    """Which real crystals a rung uses, and what became of the others.

    Attributes
    ----------
    chosen : crystals by identifier, in the order in which they were taken, for each space group.
    found : crystals seen of each of the rung's groups, of which `dropped[reason][group]` were not taken.
    outside : crystals of other groups, or of none that two tolerances agree on.
    left_out : each crystal that was not taken, with its reason, in the order of origin and identifier.
    """

    chosen: dict[int, list[tuple[str, Crystal]]]
    found: Counter[int] = field(default_factory=Counter)
    dropped: dict[str, Counter[int]] = field(default_factory=dict)
    outside: Counter[str] = field(default_factory=Counter)
    left_out: list[LeftOut] = field(default_factory=list)

    def leave_out(self, candidate: Candidate, group: int | None, reason: str) -> None:
        """Counts a crystal that is not taken, and keeps its name with the reason."""
        if group in self.chosen:
            self.dropped.setdefault(reason, Counter())[group] += 1
        else:
            self.outside[reason] += 1
        detail = candidate.detail if reason == candidate.faulty else ""
        self.left_out.append(LeftOut(candidate.origin, candidate.identifier, str(group or ""), reason, detail))

    def report(self) -> dict[str, Any]:
        """Plain values for the manifest and for people: found, used and dropped for each group."""
        return {
            "groups": {
                str(group): {
                    "found": self.found[group],
                    "used": len(crystals),
                    "dropped": {
                        reason: counts[group] for reason, counts in sorted(self.dropped.items()) if counts[group]
                    },
                }
                for group, crystals in self.chosen.items()
            },
            "outside": dict(sorted(self.outside.items())),
        }


def examine(candidate: Candidate, limits: CrystalLimits) -> tuple[Crystal | None, str | None]:
    """The crystal in its conventional setting, and why it cannot be used at a rung, if it cannot."""
    if candidate.faulty is not None:
        return None, candidate.faulty
    if not len(candidate.numbers):
        return None, "it has no atoms"
    if not (1 <= candidate.numbers.min() and candidate.numbers.max() <= 98):
        return None, "an element has no scattering factor"
    assert candidate.cell is not None, "only a faulty one has none"
    if len(candidate.numbers) > MANY_ATOMS and primitive_cell_exceeds(
        limits.most_atoms_per_cell,
        candidate.cell,
        candidate.numbers,
        candidate.positions,
        2.0 * min(TOLERANCES_ANGSTROM),
    ):
        return None, _too_many(limits)
    crystal = standardised(candidate.cell, candidate.numbers, candidate.positions)
    if crystal is None:
        near = len(candidate.numbers) <= limits.most_atoms_per_cell and _share_a_site(
            candidate.cell, candidate.positions
        )
        return None, "two atoms share a site" if near else "its space group depends on the tolerance"
    if crystal.lengths_angstrom.max() > limits.longest_edge_angstrom:
        return crystal, f"an edge is longer than {limits.longest_edge_angstrom:g} Angstrom"
    if len(crystal.numbers) > limits.most_atoms_per_cell:
        return crystal, _too_many(limits)
    if _share_a_site(crystal.cell, crystal.positions):
        return crystal, "two atoms share a site"
    return crystal, None


def _too_many(limits: CrystalLimits) -> str:
    return f"more than {limits.most_atoms_per_cell} atoms in the cell"


def _share_a_site(cell: NDArray[np.float64], positions: NDArray[np.float64]) -> bool:
    first, second = np.triu_indices(len(positions), 1)
    differences = positions[first] - positions[second]
    distances = np.linalg.norm((differences - np.round(differences)) @ cell, axis=-1)
    return bool((distances < COINCIDENCE_ANGSTROM).any())


def select(
    candidates: Iterable[Candidate],
    rung: CbedRung,
    examine_all: Callable[[Iterable[Candidate]], Iterable[tuple[Crystal | None, str | None]]],
    split: bool = True,
) -> Selection:
    """The crystals that a rung uses: within its limits, each compound once, at most as many a group as it has room for.
    Where they are not to be `split`, all within its limits.

    Two crystals of one reduced formula and space group count as one compound, so that near copies never lie on both
    sides of a split. The order in which a group's crystals are taken follows from a hash of their identifiers and the
    rung's seed, not from the source's order.
    """
    candidates = sorted(candidates, key=lambda one: hashlib.sha256(f"{rung.seed} {one.identifier}".encode()).digest())
    room = {group: sum(rung.materials(group).values()) for group in rung.space_groups}
    selection = Selection(chosen={group: [] for group in rung.space_groups})
    seen: set[tuple[int, Formula]] = set()

    for candidate, (crystal, fault) in zip(candidates, examine_all(candidates), strict=True):
        if crystal is None or crystal.space_group not in selection.chosen:
            selection.leave_out(
                candidate,
                None if crystal is None else crystal.space_group,
                fault if crystal is None and fault else "another space group",
            )
            continue
        group = crystal.space_group
        selection.found[group] += 1
        compound = (group, reduced_formula(crystal.numbers))
        if fault is not None:
            selection.leave_out(candidate, group, fault)
        elif split and compound in seen:
            selection.leave_out(candidate, group, "the same compound again")
        elif split and len(selection.chosen[group]) == room[group]:
            selection.leave_out(candidate, group, "the rung has no more room")
        else:
            seen.add(compound)
            selection.chosen[group].append((candidate.identifier, crystal))
    selection.left_out.sort(key=lambda one: (one.origin, one.identifier))
    return selection
