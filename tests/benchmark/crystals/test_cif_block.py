"""What a CIF says is understood whole, or it is left out with the reason: never taken for something else."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import numpy as np
import pytest
from cif_cases import CELL, FM3M, FORMULA, SITES, SYMMETRY, Answer
from cif_text import cif, operations_of

from benchmark.crystals.sources import read_candidates
from benchmark.crystals.structures import examine
from benchmark.simulation.recipes import CrystalLimits

WIDE = CrystalLimits(longest_edge_angstrom=100.0, most_atoms_per_cell=1000)
CASES = Path(
    os.environ.get("STEMDL_CIF_CASES") or Path(__file__).resolve().parents[4] / "shared" / "data" / "cif_cases"
)


def answers(path: Path) -> list[Answer]:
    """Of each crystal of a source."""
    found: list[Answer] = []
    for candidate in read_candidates(path):
        crystal, fault = examine(candidate, WIDE)
        found.append(fault if fault is not None else (crystal.space_group, len(crystal.numbers)))
    return found


def answer(folder: Path, content: str) -> Answer:
    path = folder / "x.cif"
    path.write_text(content, encoding="utf-8")
    (only,) = answers(path)
    return only


@pytest.mark.parametrize(("parts", "right"), SYMMETRY.values(), ids=SYMMETRY)
def test_symmetry_is_understood_or_refused(tmp_path: Path, parts: dict, right: Answer) -> None:
    assert answer(tmp_path, cif(**parts)) == right


@pytest.mark.parametrize(("parts", "right"), CELL.values(), ids=CELL)
def test_a_cell_is_whole_or_refused(tmp_path: Path, parts: dict, right: Answer) -> None:
    assert answer(tmp_path, cif(**parts)) == right


@pytest.mark.parametrize(("parts", "right"), SITES.values(), ids=SITES)
def test_sites_are_atoms_or_refused(tmp_path: Path, parts: dict, right: Answer) -> None:
    assert answer(tmp_path, cif(operations=FM3M, **parts)) == right


@pytest.mark.parametrize(("formula", "units", "right"), FORMULA.values(), ids=FORMULA)
def test_the_formula_is_held_against_the_sites(tmp_path: Path, formula: str, units: str, right: Answer) -> None:
    more = f"_chemical_formula_sum {formula}\n_cell_formula_units_Z {units}"
    assert answer(tmp_path, cif(operations=FM3M, more=more)) == right


def test_tags_of_newer_dictionaries_and_other_case_are_read(tmp_path: Path) -> None:
    text = cif(more="_space_group.name_H-M_alt 'F m -3 m'").replace("_cell_", "_cell.")
    assert answer(tmp_path, text.replace("_atom_site_", "_ATOM_SITE.")) == (225, 8)


@pytest.mark.parametrize("digits", [2, 3, 4])
def test_rounded_coordinates_are_moved_onto_their_sites(tmp_path: Path, digits: int) -> None:
    """Magnesium in its stated group: thirds, and 0.003 Angstrom off along c."""
    third, two_thirds = f"{1 / 3:.{digits}f}", f"{2 / 3:.{digits}f}"
    metal = cif(
        (3.21, 3.21, 5.21, 90, 90, 120),
        operations=operations_of("P 63/m m c"),
        atoms=[f"Mg1 Mg {third} {two_thirds} 0.2505"],
    )
    assert answer(tmp_path, metal) == (194, 2)
    path = tmp_path / "x.cif"
    (candidate,) = read_candidates(path)
    whole = np.sort(candidate.positions, axis=0)
    np.testing.assert_allclose(whole, [[1 / 3, 1 / 3, 0.25], [2 / 3, 2 / 3, 0.75]], atol=1e-9)


def _allowed(right: object) -> tuple[bool, set[tuple[int, int]]]:
    """Whether a file may be dropped, and the answers that are right where it is not."""
    if isinstance(right, list):
        return False, {tuple(right)}
    pairs = {(int(group), int(count)) for group, count in re.findall(r"\[(\d+),\s*(\d+)\]", right)}
    return "drop" in right, pairs or ({(225, 8)} if right.startswith("both") else set())


@pytest.mark.skipif(not CASES.is_dir(), reason=f"no {CASES}")
def test_files_that_broke_other_tools() -> None:
    right = json.loads((CASES / "right_answers.json").read_text(encoding="utf-8"))
    wrong = {}
    for name, entry in right.items():
        may_drop, pairs = _allowed(entry["right"])
        found = answers(CASES / name)
        if not all(one in pairs or (may_drop and isinstance(one, str)) for one in found):
            wrong[name] = (entry["right"], found)
    assert not wrong and len(right) == 59
