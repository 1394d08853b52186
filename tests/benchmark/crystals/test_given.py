"""Given crystals: however few, however badly named; what is left out is said, and nothing blocks the next command."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from benchmark.cli.main import main
from benchmark.crystals.candidate import of_parameters
from benchmark.crystals.structures import examine
from benchmark.data.claim import RECIPE
from benchmark.data.left_out import TABLE, LeftOut, read_left_out, summary, write_left_out
from benchmark.data.manifest import read_manifest, require_trainable
from benchmark.definition.finder import load_benchmark
from benchmark.foundation.errors import StemdlError
from benchmark.simulation.cbed import CbedRung

SMOKE = CbedRung.of(load_benchmark("space_group").rung("stemdl_smoke"))
ROCK_SALT = """data_{name}
_cell_length_a {edge}
_cell_length_b {edge}
_cell_length_c {edge}
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 90
_symmetry_space_group_name_H-M 'F m -3 m'
loop_
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
{cation} 0 0 0
{anion} 0.5 0.5 0.5
"""
ODD = 'Mg O,"\n\u202e.cif'


@pytest.fixture
def crystals(tmp_path: Path) -> Path:
    """Two crystals of one group, one of them under an odd name, an empty file and a link to nothing."""
    folder = tmp_path / "my crystals"
    folder.mkdir()
    (folder / "nacl.cif").write_text(ROCK_SALT.format(name="a", edge=5.64, cation="Na", anion="Cl"))
    (folder / ODD).write_text(ROCK_SALT.format(name="b", edge=4.21, cation="Mg", anion="O"))
    (folder / "empty.cif").write_text("")
    (folder / "gone.cif").symlink_to(folder / "nowhere")
    return folder


def generated(crystals: Path, output: Path, *options: str) -> int:
    return main(
        ["data", "generate", "stemdl_smoke", "--structures", str(crystals), "-o", str(output), "--ranks", "1", *options]
    )


def test_a_handful_becomes_one_split_and_the_rest_is_named(crystals: Path, tmp_path: Path, capsys: Callable) -> None:
    output = tmp_path / "out"
    assert generated(crystals, output, "--no-splits") == 0
    told = capsys.readouterr().out
    manifest = read_manifest(output)
    assert dict(manifest.samples) == {"test": 2} and not manifest.standard
    with open(output / TABLE, newline="", encoding="ascii") as handle:
        rows = list(csv.DictReader(handle))
    assert {row["origin"]: row["reason"] for row in rows} == {
        "empty.cif": "the file is empty",
        "gone.cif": "it is a link to nothing",
    }
    assert all(row["origin"] in told and row["reason"] in told for row in rows) and str(output / TABLE) in told
    assert main(["data", "verify", str(output), "--structures", str(crystals)]) == 0


def test_nothing_is_trained_on_data_in_no_splits(crystals: Path, tmp_path: Path, capsys: Callable) -> None:
    assert generated(crystals, tmp_path / "out", "--no-splits") == 0
    with pytest.raises(StemdlError, match="judge a trained network, but not train one"):
        require_trainable(read_manifest(tmp_path / "out"))
    runs = tmp_path / "runs"
    assert (
        main(
            [
                "run",
                "--rung",
                "stemdl_smoke",
                "--data",
                str(tmp_path / "out"),
                "--output",
                str(runs),
                "--ledger",
                str(tmp_path / "ledger.jsonl"),
                "--ranks",
                "1",
            ]
        )
        == 2
    )
    assert "without --no-splits" in capsys.readouterr().err
    assert not runs.exists() and not (tmp_path / "ledger.jsonl").exists()


def test_what_failed_does_not_keep_out_the_corrected_command(crystals: Path, tmp_path: Path, capsys: Callable) -> None:
    output = tmp_path / "out"
    assert generated(crystals, output) == 2
    assert "--no-splits" in capsys.readouterr().err and not (output / RECIPE).exists()
    assert generated(crystals / "empty.cif", output) == 2
    assert generated(crystals, output, "--no-splits") == 0
    assert generated(crystals / "nacl.cif", output, "--no-splits") == 2, "data are never written over"
    assert "the folder holds other data" in capsys.readouterr().err


def test_a_dry_run_shows_the_command_that_it_planned(crystals: Path, tmp_path: Path, capsys: Callable) -> None:
    assert generated(crystals, tmp_path / "out", "--no-splits", "--dry-run") == 0
    told = capsys.readouterr()
    command = next(line for line in (told.out + told.err).splitlines() if line.startswith("Next: "))
    assert "--structures" in command and str(crystals) in command and "--no-splits" in command
    assert "--ranks 1" in command and not (tmp_path / "out").exists()


def test_no_splits_are_for_given_crystals(tmp_path: Path, capsys: Callable) -> None:
    assert main(["data", "generate", "stemdl_smoke", "-o", str(tmp_path / "out"), "--no-splits"]) == 2
    assert "--structures PATH" in capsys.readouterr().err and not (tmp_path / "out").exists()


def test_the_table_is_read_back_whatever_the_names(tmp_path: Path) -> None:
    rows = [
        LeftOut(f"{name}.cif", name, group, "the file is empty", "")
        for name, group in (("a,b", ""), ('"', "62"), ("\n", ""), ("é\u202e", "225"))
    ]
    write_left_out(tmp_path, rows)
    assert (tmp_path / TABLE).read_bytes().isascii() and len((tmp_path / TABLE).read_text().splitlines()) == 5
    assert [(row.stratum, row.reason) for row in read_left_out(tmp_path)] == [(row.stratum, row.reason) for row in rows]
    assert summary(rows)[0].startswith("4 x the file is empty: ") and summary(rows)[0].endswith(", ...")
    (tmp_path / TABLE).write_text("origin\nx\n")
    with pytest.raises(StemdlError, match="cannot be read"):
        read_left_out(tmp_path)


def test_a_cell_of_8000_atoms_is_left_out_without_a_search_for_its_symmetry(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = np.random.default_rng(0)
    candidate = of_parameters(
        "big",
        np.array([60.0, 61, 62, 90, 90, 90]),
        generator.integers(1, 80, 8000),
        generator.random((8000, 3)),
        "big.cif",
    )
    monkeypatch.setattr(
        "benchmark.crystals.structures.standardised", lambda *arguments: pytest.fail("spglib was asked")
    )
    crystal, fault = examine(candidate, SMOKE.limits)
    assert crystal is None and fault == f"more than {SMOKE.limits.most_atoms_per_cell} atoms in the cell"
