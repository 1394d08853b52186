"""`stemdl explain`: a page, a picture of each input and the numbers, of a network as it is first."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from schemas import held_but_not_spoiled

from benchmark.cli.main import main
from benchmark.data.recipe import recipe_of
from benchmark.definition.finder import load_benchmark
from benchmark.definition.settings import read_settings
from reference.average import average_of
from reference.tasks.fingerprints.task import make_task

RUNG = "fingerprints_smoke"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run, as far as its model is asked: its first log line, settings and checkpoint."""
    folder = tmp_path_factory.mktemp("explained")
    benchmark = load_benchmark("fingerprints")
    settings = read_settings(benchmark, RUNG, None, ("width=8",)).to_dict()
    torch.manual_seed(0)
    task = make_task(recipe_of(benchmark.rungs[RUNG]).schema(), settings)
    torch.save({"averaged": average_of(task.model, 0.9).state_dict()}, folder / "checkpoint.pt")
    event = {"namespace": "", "time_ms": 0, "event_type": "POINT_IN_TIME", "key": "submission_benchmark", "value": RUNG}
    line = json.dumps(event | {"metadata": {"file": "", "lineno": 1}})
    (folder / "result_0.txt").write_text(f":::MLLOG {line}\n")
    (folder / "config.yaml").write_text(yaml.safe_dump({"width": 8}))
    return folder


@pytest.fixture(scope="module")
def crystals(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copper, and two atoms in one place."""
    path = tmp_path_factory.mktemp("crystals") / "crystals.npz"
    cells = [[2.55, 2.55, 2.55, 60.0, 60.0, 60.0], [3.0, 3.0, 3.0, 90.0, 90.0, 90.0]]
    np.savez(path, ids=["copper", "none"], cells=cells, ns=[1, 2], Z=[29, 26, 26], X=np.zeros((3, 3)))
    return path


def test_each_input_has_maps_and_what_the_answer_is_without_them(
    run: Path, crystals: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    argv = ["explain", str(run), str(crystals), "-o", str(tmp_path / "maps"), "--format", "json"]
    assert main(argv) == 1, "one of two is refused"
    copper, none = json.loads(capsys.readouterr().out)
    assert "refused" in none and "answer" not in none
    assert copper["answer"] in ("bcc", "bct_139", "bct_141", "diamond", "fcc", "hex_rh", "sc")
    assert len(copper["probability_without"]) == 5, "four convolutions and a method of the class"
    for row in copper["probability_without"].values():
        assert [each["deleted"] for each in row] == [0.02, 0.05, 0.1]
        assert all(0.0 <= each[key] <= 1.0 for each in row for key in ("marked", "elsewhere"))
    assert Path(copper["picture"]).stat().st_size > 5000
    page = (tmp_path / "maps" / "index.html").read_text(encoding="utf-8")
    assert "://" not in page and "copper" in page and "integrated gradients" in page and "data:image/png" in page
    stored = json.loads((tmp_path / "maps" / "explained.json").read_text())
    assert stored["inputs"] == [copper, none] and stored["format"] == 1
    spoilt = [{"inputs": [copper | change]} for change in ({"probability": 1.5}, {"refused": "no"}, {"more": 1})]
    held_but_not_spoiled("explained", stored, {"format": 2}, {"inputs": [{"input": "x"}]}, *spoilt)


def test_the_checkpoint_itself_is_named_and_a_full_folder_is_refused(
    run: Path, crystals: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes").touch()
    argv = ["explain", str(run / "checkpoint.pt"), str(crystals), "-o"]
    assert main([*argv, str(tmp_path / "mine")]) == 2
    assert "is not empty" in capsys.readouterr().err
    assert main([*argv, str(tmp_path / "maps"), "--set", "vacancy=0.2"]) == 2
    assert "vacancies" in capsys.readouterr().err
    assert main(["explain", str(run), str(crystals), "gone.cif", "-o", str(tmp_path / "maps")]) == 2
    assert "gone.cif: nothing is here" in capsys.readouterr().err
