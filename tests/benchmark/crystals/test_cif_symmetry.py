"""Names of space groups as databases write them, and every setting of the tables by each way of stating it."""

from __future__ import annotations

from pathlib import Path

import gemmi
import numpy as np
import pytest
from cif_text import cif

from benchmark.crystals.cif_symmetry import named_settings
from benchmark.crystals.sources import read_candidates
from benchmark.simulation.crystal import standardised

NAMES = {
    "F m -3 m": "F m -3 m",
    "Fm-3m": "F m -3 m",
    "F m 3 m": "F m -3 m",
    "FM-3M": "F m -3 m",
    "Fm(-3)m": "F m -3 m",
    "F 4/m -3 2/m": "F m -3 m",
    "Fm-3m (225)": "F m -3 m",
    "F m -3 m (No. 225)": "F m -3 m",
    "Pa3": "P a -3",
    "P 1 21/n 1": "P 1 21/n 1",
    "P2(1)/n": "P 1 21/n 1",
    "P 2~1~/n": "P 1 21/n 1",
    "P2<sub>1</sub>/n": "P 1 21/n 1",
    "P2_1/n": "P 1 21/n 1",
    "p 21/n": "P 1 21/n 1",
    "P 1 1 21/b": "P 1 1 21/b",
    "P 21/b": "P 1 1 21/b",
    "B 2/m": "B 1 1 2/m",
    "C2": "C 1 2 1",
    "I2/a": "I 1 2/a 1",
    "C -1": "C -1",
    "P6(3)/mmc": "P 63/m m c",
    "P6_3/mmc": "P 63/m m c",
    "P 63/m 2/m 2/c": "P 63/m m c",
    "P42/mnm": "P 42/m n m",
    "P 2(1)2(1)2(1)": "P 21 21 21",
    "P n a 2_{1}": "P n a 21",
    "Pna2$_1$": "P n a 21",
    "Pna21, #33": "P n a 21",
    "Pna2_1": "P n a 21",
    "Pbnm": "P b n m",
    "P 21/n 21/m 21/a": "P n m a",
    "C m c e": "C m c a",
    "Aea2": "A b a 2",
    "Cmme": "C m m a",
    "F 4/m m m": "F 4/m m m",
    "F d -3 m S": "F d -3 m:1",
    "Fd-3mS": "F d -3 m:1",
    "F d -3 m Z": "F d -3 m:2",
    "F d -3 m :2": "F d -3 m:2",
    "F d 3 m Z": "F d -3 m:2",
    "F 4/d -3 2/m Z": "F d -3 m:2",
    "I 41/a m d:1": "I 41/a m d:1",
    "P4/nS": "P 4/n:1",
    "R -3 m H": "R -3 m:H",
    "R -3 m R": "R -3 m:R",
    "R-3mR": "R -3 m:R",
    "R -3 c HR": "R -3 c:H",
    "R3:H": "R 3:H",
    "R 3 2": "R 3 2:H",
    "P 3 2 1": "P 3 2 1",
    "P 3 1 2": "P 3 1 2",
    "P 32 1 2": "P 32 1 2",
    "P 1": "P 1",
}
NO_NAMES = (
    "",
    " ",
    "P",
    "F",
    "S",
    "R",
    "Z",
    ":1",
    "Rock salt",
    "225",
    "cubic",
    "X -1",
    "P 1 21/n 1 1",
    "Fm-3mX",
    "F m -3 m Z",
    "P 1 R",
    "Pnma:3",
    "?",
)


@pytest.mark.parametrize(("name", "setting"), NAMES.items(), ids=NAMES)
def test_names_of_databases_are_known(name: str, setting: str) -> None:
    assert named_settings(name)[0].xhm() == setting


@pytest.mark.parametrize("name", NO_NAMES)
def test_other_words_are_not_names(name: str) -> None:
    assert named_settings(name) == []


def test_every_name_of_the_tables_means_its_own_setting_and_one_group() -> None:
    for entry in gemmi.spacegroup_table():
        for name in (entry.xhm(), entry.hm, entry.hm.replace(" ", ""), entry.hm.upper()):
            found = named_settings(name)
            assert entry.xhm() in {one.xhm() for one in found}
            assert {one.number for one in found} == {entry.number}, name


_CELLS = {
    "cubic": (9.1, 9.1, 9.1, 90, 90, 90),
    "tetragonal": (8.1, 8.1, 11.3, 90, 90, 90),
    "orthorhombic": (8.1, 9.7, 11.3, 90, 90, 90),
    "triclinic": (8.1, 9.7, 11.3, 83, 98, 104),
    "hexagonal": (9.1, 9.1, 13.3, 90, 90, 120),
    "trigonal": (9.1, 9.1, 13.3, 90, 90, 120),
    "a": (8.1, 9.7, 11.3, 98, 90, 90),
    "b": (8.1, 9.7, 11.3, 90, 98, 90),
    "c": (8.1, 9.7, 11.3, 90, 90, 98),
}
_SETTINGS = list(gemmi.spacegroup_table())


@pytest.mark.parametrize("entry", _SETTINGS[::9], ids=lambda entry: entry.xhm().replace(" ", ""))
def test_settings_of_the_tables_are_read_by_name_hall_symbol_and_operations(
    tmp_path: Path, entry: gemmi.SpaceGroup
) -> None:
    """Three atoms in general places: by each way the same cell, each atom as often as the group has operations; where
    these are few, spglib finds the group."""
    axis, system = entry.monoclinic_unique_axis(), entry.crystal_system_str()
    cell = (9.1, 9.1, 9.1, 77, 77, 77) if entry.ext == "R" else _CELLS[axis if system == "monoclinic" else system]
    sites = ("Ca1 Ca 0.0837 0.1713 0.2941", "O1 O 0.2211 0.0459 0.4127", "S1 S 0.3872 0.2188 0.0419")
    triplets = [operation.triplet() for operation in entry.operations()]
    found = []
    for parts in (
        {"name": entry.xhm()},
        {"operations": triplets},
        {"more": f"_symmetry_space_group_name_Hall '{entry.hall}'"},
    ):
        path = tmp_path / "x.cif"
        path.write_text(cif(cell, atoms=sites, **parts))
        (candidate,) = read_candidates(path)
        assert candidate.faulty is None, (candidate.faulty, candidate.detail)
        assert len(candidate.numbers) == 3 * len(triplets)
        found.append(sorted(zip(candidate.numbers, np.round(candidate.positions % 1.0, 6).tolist(), strict=True)))
    assert found[0] == found[1] == found[2]
    if len(triplets) <= 16:
        assert standardised(candidate.cell, candidate.numbers, candidate.positions).space_group == entry.number
