"""`stemdl data` on the smoke rung's data: what it holds, whether it is whole, what it looks like."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest

from benchmark.cli.main import main
from benchmark.definition.finder import load_benchmark
from benchmark.foundation.files import sha256_of_file
from benchmark.simulation.cbed import CbedRung

pytestmark = pytest.mark.slow  # the data are made once in a session
RUNG = CbedRung.of(load_benchmark("space_group").rung("stemdl_smoke"))


def test_info_tells_what_is_there(smoke_data: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["data", "info", str(smoke_data), "--format", "json"]) == 0
    info = json.loads(capsys.readouterr().out)
    assert info["rung"] == "stemdl_smoke" and info["standard"] is True
    assert info["manifest_sha256"] == sha256_of_file(smoke_data / "manifest.json")
    assert info["recipe_sha256"] == RUNG.recipe_sha256
    for split, each in RUNG.materials_per_group.items():
        assert info["splits"][split]["samples"] == each * RUNG.classes
    assert main(["data", "info", str(smoke_data)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].startswith(f"manifest {info['manifest_sha256']}; the shards are not read here")
    assert lines[2:4] == [
        "inputs: cbed_stack (3 x 64 x 64 float32, share of the beam)",
        "targets: space_group (one of 5 classes)",
    ]
    assert ["62", "40", "12", "12"] in [line.split() for line in lines]
    assert lines[-1].split() == ["all", "200", "60", "60"]


def test_verify_passes_sound_data_and_finds_what_is_changed_missing_or_added(
    smoke_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    assert main(["data", "verify", str(smoke_data), "--format", "json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["ok"], report["findings"]) == (True, [])
    assert report["skipped"] == {"partitions": "there are none"} and "symmetry" in report["checked"]
    copy = shutil.copytree(smoke_data, tmp_path / "data")
    changed, missing, added = (copy / "train" / f"batch_train_{number}.h5" for number in (0, 1, 99))
    content = bytearray(changed.read_bytes())
    content[len(content) // 2] ^= 1
    changed.write_bytes(content)
    missing.rename(added)
    assert main(["data", "verify", str(copy), "--quick", "--format", "json"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert not report["ok"] and [(finding["check"], finding["file"]) for finding in report["findings"]] == [
        ("files", str(changed)),
        ("files", str(missing)),
        ("files", str(added)),
    ]
    assert set(report["findings"][0]) == {"check", "file", "message", "expected", "found", "hint"}
    assert main(["data", "verify", str(copy), "--quick"]) == 1
    *lines, unchecked = capsys.readouterr().out.splitlines()
    assert unchecked.startswith("not checked: golden")
    for line, said in zip(lines, ("changed since the manifest", "missing", "not in the manifest"), strict=True):
        assert said in line


def test_verify_asks_spglib_for_the_labels_of_drawn_materials_again(
    smoke_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    copy = shutil.copytree(smoke_data, tmp_path / "data")
    path = copy / "test" / "batch_test_0.h5"
    with h5py.File(path, "r+") as shard:
        for sample in list(shard.values())[:30]:
            sample.attrs["abc_angstrom"] = sample.attrs["abc_angstrom"] * 1.002
        relabelled = shard["sample_260_0"]
        other = b"62" if relabelled.attrs["space_group"] != b"62" else b"139"
        relabelled.attrs["space_group"] = np.bytes_(other)
    assert main(["data", "verify", str(copy), "--format", "json"]) == 1
    findings = json.loads(capsys.readouterr().out)["findings"]
    found = {
        check: [finding for finding in findings if finding["check"] == check] for check in ("symmetry", "materials")
    }
    assert any(finding["message"] == "abc_angstrom is not the crystal's" for finding in found["symmetry"])
    assert any(
        "sample_260_0" in finding["file"] and finding["found"] == other.decode() for finding in found["materials"]
    )


def test_split_writes_a_partition_and_leaves_the_shards(
    smoke_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    copy = shutil.copytree(smoke_data, tmp_path / "data")
    before = {path: sha256_of_file(path) for path in copy.rglob("*.h5")}
    assert main(["data", "split", str(copy), "--format", "json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["path"] == str(copy / "partitions" / "standard.json")
    assert sum(split["units"] for split in report["splits"].values()) == 320
    assert main(["data", "split", str(copy), "--folds", "4"]) == 0
    output = capsys.readouterr()
    assert "fold_3" in output.out and f"stemdl data verify {copy}" in output.err
    assert {path: sha256_of_file(path) for path in copy.rglob("*.h5")} == before
    assert sorted(path.name for path in (copy / "partitions").iterdir()) == ["folds_4.json", "standard.json"]
    assert main(["data", "verify", str(copy)]) == 0
    assert "partitions" in capsys.readouterr().out
    assert main(["data", "info", str(copy)]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "partitions: folds_4, standard"
    assert main(["data", "split", str(copy), "--folds", "4", "--partition", "standard"]) == 2


def test_explore_draws_the_stacks_alone_where_a_picture_is_asked_for(
    smoke_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    picture = tmp_path / "stacks.png"
    arguments = ["data", "explore", str(smoke_data), "-o", str(picture), "--set", "groups=225", "--format", "json"]
    assert main(arguments) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["picture"] == str(picture) and len(report["materials"]) == 1 and "(225)" in report["materials"][0]
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert main([*arguments[:5], "--set", "groups=1"]) == 2
    assert "no space group 1" in capsys.readouterr().err
    assert main([*arguments[:5], "--set", "groups=two"]) == 2
    assert "numbers with commas" in capsys.readouterr().err


def test_explore_writes_a_page(smoke_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["data", "explore", str(smoke_data), "-o", str(tmp_path / "page")]) == 0
    output = capsys.readouterr()
    assert f"{tmp_path / 'page' / 'index.html'}: 320 stacks of 320 materials in 5 space groups" in output.out
    assert "macro-F1 of a forest on formula and volume" in output.out and "Next: open" in output.err
    assert (tmp_path / "page" / "index.html").stat().st_size > 200_000


def test_made_data_are_not_made_again(smoke_data: Path, capsys: pytest.CaptureFixture[str]):
    before = {path: path.stat().st_mtime_ns for path in smoke_data.rglob("*.h5")}
    assert main(["data", "generate", "stemdl_smoke", "-o", str(smoke_data), "--ranks", "1"]) == 0
    assert "200" in capsys.readouterr().out
    assert before == {path: path.stat().st_mtime_ns for path in smoke_data.rglob("*.h5")} and len(before) == 8
