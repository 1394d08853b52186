"""Tables of other forms: the same crystals by every way, and every fault with its reason."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import gemmi
import numpy as np
import pytest
from compounds import EXPECTED, ROCK_SALT, RUTILE, groups

from benchmark.crystals.sources import read_candidates, source_sha256
from benchmark.foundation.errors import StemdlError


def row(identifier: str = "salt", **changes: Any) -> dict[str, Any]:
    """Rock salt in its primitive cell, as a table has it."""
    edge = 5.64 / 2.0**0.5
    return {
        "id": identifier,
        "a": edge,
        "b": edge,
        "c": edge,
        "alpha": 60.0,
        "beta": 60.0,
        "gamma": 60.0,
        "numbers": "[11, 17]",
        "positions": json.dumps(ROCK_SALT),
    } | changes


def rutile() -> dict[str, Any]:
    return row(
        "rutile",
        a=4.59,
        b=4.59,
        c=2.96,
        alpha=90,
        beta=90,
        gamma=90,
        numbers="[22, 22, 8, 8, 8, 8]",
        positions=json.dumps(RUTILE),
    )


def write_csv(path: Path, rows: list[dict[str, Any]]) -> Path:
    with open(path, "w", newline="", encoding="utf-8") as handle:
        writer = csv.DictWriter(handle, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def test_a_csv_is_read(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "t.csv", [row(), rutile()])
    assert groups(list(read_candidates(path))) == EXPECTED
    symbols = write_csv(
        tmp_path / "s.csv",
        [{key: value for key, value in row().items() if key != "numbers"} | {"species": '["Na", "Cl"]'}],
    )
    assert groups(list(read_candidates(symbols))) == {"salt": EXPECTED["salt"]}
    assert source_sha256(path) != source_sha256(symbols)


def test_a_parquet_file_is_read_with_lists_and_with_json(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    text = [row(), rutile()]
    lists = [one | {name: json.loads(one[name]) for name in ("numbers", "positions")} for one in text]
    for number, rows in enumerate((text, lists)):
        path = tmp_path / f"{number}.parquet"
        parquet.write_table(pyarrow.Table.from_pylist(rows), path)
        assert groups(list(read_candidates(path))) == EXPECTED
    path.write_bytes(path.read_bytes()[:-50])
    with pytest.raises(StemdlError, match="cannot be read"):
        list(read_candidates(path))
    parquet.write_table(pyarrow.Table.from_pylist([{"id": "x"}]), path)
    with pytest.raises(StemdlError, match="lacks the columns a, b"):
        list(read_candidates(path))


def test_parquet_without_its_library_is_one_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "t.parquet"
    path.write_bytes(b"PAR1")
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(StemdlError, match=r"pip install 'stemdl-benchmark\[parquet\]'"):
        list(read_candidates(path))


def test_a_json_of_prototypes_is_read(tmp_path: Path) -> None:
    path = tmp_path / "prototypes.json"
    path.write_text(
        json.dumps(
            [
                {
                    "id": "salt",
                    "lattice": (2.82 * np.array([[0, 1, 1], [1, 0, 1], [1, 1, 0]])).tolist(),
                    "numbers": [11, 17],
                    "frac": ROCK_SALT,
                },
                {"id": "nm", "lattice": (0.1 * np.eye(3)).tolist(), "numbers": [1], "frac": [[0, 0, 0]]},
                {"id": "flat", "lattice": np.zeros((3, 3)).tolist(), "numbers": [1], "frac": [[0, 0, 0]]},
                {"id": "short", "lattice": np.eye(3).tolist(), "numbers": [1, 2], "frac": [[0, 0, 0]]},
                {"id": "nothing"},
            ]
        )
    )
    candidates = list(read_candidates(path))
    assert groups(candidates) == {"salt": EXPECTED["salt"]}
    assert [one.faulty for one in candidates[1:]] == [
        "an edge of its cell is out of range",
        "no cell has its vectors",
        "its numbers and positions do not fit together",
        "its row cannot be read",
    ]
    for content in ("{}", "[1]", "not json", "\xff"):
        path.write_text(content, encoding="latin-1")
        with pytest.raises(StemdlError, match="cannot be read"):
            list(read_candidates(path))


def test_rows_without_an_identifier_are_named_by_their_place(tmp_path: Path) -> None:
    salt = {"lattice": (5.64 * np.eye(3)).tolist(), "numbers": [11, 17], "frac": ROCK_SALT}
    path = tmp_path / "t.json"
    path.write_text(json.dumps([salt, {"id": 0, **salt}, {"id": None, **salt}]))
    assert [(one.identifier, one.faulty, one.origin) for one in read_candidates(path)] == [
        ("row 1, which has no id", "its row has no id", "row 1"),
        ("0", None, "row 2"),
        ("row 3, which has no id", "its row has no id", "row 3"),
    ]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"id": " "}, "its row has no id"),
        ({"a": "wide"}, "its row cannot be read"),
        ({"positions": "[[0, 0, 0], [0.5"}, "its row cannot be read"),
        ({"positions": '{"x": 0}'}, "its row cannot be read"),
        ({"positions": "[[0, 0], [0.5, 0.5]]"}, "its numbers and positions do not fit together"),
        ({"positions": "[[0, 0, 0], [2.82, 2.82, 2.82]]"}, "its positions are not fractions of its cell"),
        ({"numbers": "__import__('os')"}, "its row cannot be read"),
        ({"numbers": "[11, 17, 17]"}, "its numbers and positions do not fit together"),
        ({"numbers": "[11, 1e99]"}, "an atomic number is not an element's"),
        ({"numbers": "[11, 17.5]"}, "an atomic number is not whole"),
        ({"numbers": "[11, NaN]"}, "an atomic number is not whole"),
        ({"numbers": "[11, -17]"}, "an atomic number is not an element's"),
        ({"positions": "[[0, 0, 0], [NaN, 0, 0]]"}, "a number of it is not finite"),
        ({"alpha": "inf"}, "a number of it is not finite"),
        ({"gamma": 179.0}, "no cell has its angles"),
        ({"alpha": 1.047, "beta": 1.047, "gamma": 1.047}, "no cell has its angles"),
        ({"a": 0.0}, "an edge of its cell is out of range"),
        ({"a": -3.0}, "an edge of its cell is out of range"),
    ],
)
def test_a_bad_row_is_left_out_with_its_reason(tmp_path: Path, changes: dict[str, Any], reason: str) -> None:
    first, second = read_candidates(write_csv(tmp_path / "t.csv", [row("bad") | changes, row()]))
    assert first.faulty == reason
    assert second.faulty is None and second.identifier == "salt"


def test_symbols_of_no_element_are_told(tmp_path: Path) -> None:
    one = {key: value for key, value in row().items() if key != "numbers"}
    path = write_csv(
        tmp_path / "t.csv", [one | {"species": text} for text in ('["Na", "Qq"]', '["Na", "Cl-"]', "[1, 2]")]
    )
    assert [candidate.faulty for candidate in read_candidates(path)] == ["its row cannot be read"] * 3


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "lacks the columns id, a"),
        (b"id,a,b,c\n1,2,3,4\n", "lacks the columns alpha, beta, gamma, positions"),
        (b"id,a,b,c,alpha,beta,gamma,positions\n", "lacks the columns numbers or species"),
        (b"\xff\xfe\x00", "cannot be read"),
        (b"\x00" * 20, "lacks|cannot be read"),
    ],
)
def test_a_table_that_is_none_is_one_error(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(content)
    with pytest.raises(StemdlError, match=message) as caught:
        list(read_candidates(path))
    assert str(path) in str(caught.value)


def test_every_symbol_of_a_table_is_an_element() -> None:
    assert gemmi.Element("Cl-").name == "Cl", "gemmi reads ions as elements, which is why symbols are compared"
