"""`stemdl data` on the smoke rung's data: what it holds, whether it is whole, what it looks like."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from benchmark.cli.main import main
from benchmark.definition.benchmark import load_benchmark
from benchmark.foundation.files import sha256_of_file

pytestmark = pytest.mark.slow  # the data are made once in a session
RUNG = load_benchmark().rung("stemdl_smoke")


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
    assert lines[1] == f"manifest {info['manifest_sha256']}"
    assert ["62", "40", "12", "12"] in [line.split() for line in lines]
    assert lines[-1].split() == ["all", "200", "60", "60"]


def test_verify_finds_what_is_changed_missing_or_added(smoke_data: Path, tmp_path: Path,
                                                      capsys: pytest.CaptureFixture[str]):
    assert main(["data", "verify", str(smoke_data), "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"ok": True, "findings": []}
    copy = shutil.copytree(smoke_data, tmp_path / "data")
    changed, missing, added = (copy / "train" / f"batch_train_{number}.h5" for number in (0, 1, 99))
    content = bytearray(changed.read_bytes())
    content[len(content) // 2] ^= 1
    changed.write_bytes(content)
    missing.rename(added)
    assert main(["data", "verify", str(copy), "--format", "json"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert not report["ok"] and len(report["findings"]) == 3
    for path, fault in ((changed, "expected sha256"), (missing, "missing"), (added, "not in the manifest")):
        assert any(finding.startswith(f"{path}: {fault}") for finding in report["findings"])
    assert main(["data", "verify", str(copy)]) == 1
    assert capsys.readouterr().out.splitlines() == report["findings"]


def test_explore_draws_what_it_says(smoke_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    picture = tmp_path / "stacks.png"
    arguments = ["data", "explore", str(smoke_data), "-o", str(picture), "--groups", "225", "--format", "json"]
    assert main(arguments) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["picture"] == str(picture) and len(report["materials"]) == 1 and "(225)" in report["materials"][0]
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert main([*arguments[:5], "--groups", "1"]) == 2
    assert "no space group 1" in capsys.readouterr().err


def test_made_data_are_not_made_again(smoke_data: Path, capsys: pytest.CaptureFixture[str]):
    before = {path: path.stat().st_mtime_ns for path in smoke_data.rglob("*.h5")}
    assert main(["data", "generate", "stemdl_smoke", "-o", str(smoke_data), "--ranks", "1"]) == 0
    assert "200" in capsys.readouterr().out
    assert before == {path: path.stat().st_mtime_ns for path in smoke_data.rglob("*.h5")} and len(before) == 8
