"""A table of crystals is read back as it was written, whatever its types; other files are refused, none unpickled."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from crystal_tables import ROCK_SALT, WIDE, drawn, two_salts, write_table

from benchmark.crystals.sources import read_candidates
from benchmark.crystals.structures import examine
from benchmark.crystals.tables import ARRAYS
from benchmark.foundation.errors import StemdlError


def test_a_table_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    crystals = drawn(2, 3) + drawn(62, 2)
    read = list(read_candidates(write_table(tmp_path / "t.npz", crystals)))
    assert [one.identifier for one in read] == [identifier for identifier, _ in crystals]
    for one, (_, crystal) in zip(read, crystals, strict=True):
        np.testing.assert_array_equal(one.numbers, crystal.numbers)
        np.testing.assert_allclose(one.positions, crystal.positions, atol=1e-6)
        np.testing.assert_allclose(np.abs(np.linalg.det(one.cell)), crystal.volume_angstrom3)
        found, fault = examine(one, WIDE)
        assert fault is None and found.space_group == crystal.space_group


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.npz", b"", "cannot be read"),
        ("b.npz", b"no zip", "cannot be read"),
        ("c.npz", b"PK\x03\x04 cut", "cannot be read"),
        ("d.xlsx", b"a,b", "no source of structures"),
        ("absent.npz", None, "nothing there"),
    ],
)
def test_another_file_is_refused(tmp_path: Path, name: str, content: bytes | None, message: str) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(StemdlError, match=message) as caught:
        list(read_candidates(path))
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("missing", ARRAYS)
def test_a_missing_array_is_named(tmp_path: Path, missing: str) -> None:
    path = write_table(tmp_path / "t.npz", drawn(2, 1), **{missing: None})
    with pytest.raises(StemdlError, match=f"lacks {missing}"):
        list(read_candidates(path))


@pytest.mark.parametrize(
    "changes",
    [{"ns": np.array([3])}, {"ids": np.array(["a", "b"])}, {"X": np.zeros((2, 3))}, {"cells": np.zeros((1, 3))}],
    ids=lambda changes: next(iter(changes)),
)
def test_arrays_that_do_not_fit_together_are_refused(tmp_path: Path, changes: dict) -> None:
    path = write_table(tmp_path / "t.npz", drawn(2, 1), **changes)
    with pytest.raises(StemdlError, match="do not fit together"):
        list(read_candidates(path))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"ns": np.array([-1, 17])}, "row 1: a crystal has a negative number of atoms"),
        ({"ns": np.array([8.5, 7.5])}, r"ns\[0\]: the table's ns are not whole numbers"),
        ({"ns": np.array([8.0, np.nan])}, r"ns\[1\]: the table's ns are not whole numbers"),
        ({"Z": np.repeat([11.0, 17.5], 8)}, r"Z\[8\]: the table's Z are not whole numbers"),
        ({"Z": np.repeat(["Na", "Cl"], 8)}, "the table's Z are not numbers"),
        ({"X": np.zeros((16, 3), dtype=complex)}, "the table's X are not numbers"),
        ({"cells": np.zeros((2, 3, 3))}, r"do not fit together(.|\n)*cells \(n, 6\)"),
        ({"ids": np.array(["a", None], dtype=object)}, "cannot be read"),
    ],
)
def test_a_table_of_other_numbers_is_refused(tmp_path: Path, changes: dict, message: str) -> None:
    with pytest.raises(StemdlError, match=message):
        list(read_candidates(write_table(tmp_path / "t.npz", two_salts(), **changes)))


@pytest.mark.parametrize(
    ("changes", "identifiers"),
    [
        ({"ns": np.array([8.0, 8.0])}, ["a", "b"]),
        ({"ids": np.array([b"mp-1", b"mp-2"])}, ["mp-1", "mp-2"]),
        ({"ids": np.array([0, 1])}, ["0", "1"]),
        ({"ids": np.array(["a", "a"])}, ["a", "a~2"]),
        ({"ids": np.array([b"a~2", b"a~2"])}, ["a~2", "a~2~2"]),
        ({"ids": np.array(["\xe9", "a\tb"])}, ["%C3%A9", "a%09b"]),
        ({"Z": np.repeat([11.0, 17.0, 19.0, 17.0], 4), "X": np.tile(ROCK_SALT, (2, 1)).astype(">f8")}, ["a", "b"]),
    ],
)
def test_a_table_of_other_types_is_read(tmp_path: Path, changes: dict, identifiers: list[str]) -> None:
    found = list(read_candidates(write_table(tmp_path / "t.npz", two_salts(), **changes)))
    assert [one.identifier for one in found] == identifiers
    assert [examine(one, WIDE)[0].formula for one in found] == ["Cl4 Na4", "Cl4 K4"]


class _Bomb:
    """Makes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple:
        return os.mkdir, (str(self.path),)


def test_nothing_is_ever_unpickled(tmp_path: Path) -> None:
    trace = tmp_path / "unpickled"
    path = write_table(tmp_path / "t.npz", drawn(2, 1), ids=np.array([_Bomb(trace)], dtype=object))
    with pytest.raises(StemdlError, match="cannot be read"):
        list(read_candidates(path))
    assert not trace.exists()


def test_a_cut_table_is_refused(tmp_path: Path) -> None:
    path = write_table(tmp_path / "t.npz", drawn(2, 3))
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(StemdlError, match="cannot be read"):
        list(read_candidates(path))
