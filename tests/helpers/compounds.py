"""Two compounds that tests of tables and of services write in many forms, and what is to be read of them."""

from __future__ import annotations

from benchmark.crystals.candidate import Candidate
from benchmark.simulation.crystal import standardised

ROCK_SALT = [[0.0, 0.0, 0.0], [0.5, 0.5, 0.5]]
RUTILE = [
    [0.0, 0.0, 0.0],
    [0.5, 0.5, 0.5],
    [0.305, 0.305, 0.0],
    [0.695, 0.695, 0.0],
    [0.195, 0.805, 0.5],
    [0.805, 0.195, 0.5],
]
EXPECTED = {"salt": (225, "Cl4 Na4"), "rutile": (136, "O4 Ti2")}


def groups(candidates: list[Candidate]) -> dict[str, tuple[int, str]]:
    """Space group and formula of each crystal without a fault."""
    found = {}
    for one in candidates:
        if one.faulty is None:
            crystal = standardised(one.cell, one.numbers, one.positions)
            found[one.identifier] = (crystal.space_group, crystal.formula)
    return found
