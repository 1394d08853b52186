"""CIF files of a data base of minerals: read by gemmi, of ordered structures alone."""

from __future__ import annotations

import base64
import json
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import gemmi
import numpy as np
import pytest

from performance import minerals


def packed(*values: float) -> str:
    return base64.b64encode(np.round(np.array(values) * minerals.PER_UNIT).astype(np.int32).tobytes()).decode()


def database(path: Path, **changes: object) -> Path:
    """One structure, CsCl, or with changes to its row."""
    row = {
        "id": 7, "mineral_id": 1, "spacegroup_id": 1, "formula": "Cs Cl", "a": "4.123(1)", "b": "4.123", "c": "4.123",
        "alpha": "90", "beta": "90", "gamma": "90", "atoms_sites": json.dumps(["Cs1", "CLa"]),
        "atoms_x": packed(0, 0.5), "atoms_y": packed(0, 0.5), "atoms_z": packed(0, 0.5), "atoms_occupancy": "0",
    } | changes  # fmt: skip
    with closing(sqlite3.connect(path)) as file, file:
        file.execute("CREATE TABLE minerals (id, name)")
        file.execute("CREATE TABLE spacegroups (id, hm_notation, symmetry_xyz)")
        file.execute(f"CREATE TABLE cif ({', '.join(row)})")
        file.execute("INSERT INTO minerals VALUES (1, 'salt of cesium')")
        file.execute("INSERT INTO spacegroups VALUES (1, 'P -1 %var1%', ?)", [json.dumps(["x,y,z", "-x,-y,-z"])])
        file.execute(f"INSERT INTO cif VALUES ({', '.join('?' * len(row))})", list(row.values()))
    return path


def written(monkeypatch: pytest.MonkeyPatch, folder: Path, **changes: object) -> list[Path]:
    path = database(folder / "minerals.db", **changes)
    monkeypatch.setattr(sys, "argv", ["minerals.py", str(path), "-o", str(folder / "cifs")])
    minerals.main()
    return sorted((folder / "cifs").iterdir())


def test_a_structure_is_a_cif_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (path,) = written(monkeypatch, tmp_path)
    assert path.name == "salt_of_cesium_0000007.cif"
    structure = gemmi.read_small_structure(str(path))
    assert structure.cell.a == 4.123
    assert [(site.element.name, site.fract.x) for site in structure.sites] == [("Cs", 0.0), ("Cl", 0.5)]
    assert structure.spacegroup_hm == "P -1"


@pytest.mark.parametrize(
    "changes",
    [
        {"atoms_occupancy": packed(1, 0.9)},
        {"atoms_x": packed(0, 2)},
        {"atoms_x": packed(0)},
        {"atoms_z": None},
        {"atoms_sites": json.dumps(["Cs1", "Wat"])},
        {"atoms_sites": minerals.NO_NAME},
    ],
)
def test_partial_and_unknown_sites_are_left_out(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, changes: dict[str, object]
) -> None:
    assert written(monkeypatch, tmp_path, **changes) == []


def test_another_draw_is_not_mixed_into_a_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (path,) = written(monkeypatch, tmp_path)
    assert "1 structures in" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        minerals.main()
    assert "not empty" in capsys.readouterr().err and path.is_file()


def test_a_missing_database_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["minerals.py", str(tmp_path / "none.db")])
    with pytest.raises(SystemExit):
        minerals.main()
    assert "none.db: there is no such file" in capsys.readouterr().err
