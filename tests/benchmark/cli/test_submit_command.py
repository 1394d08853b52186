"""`stemdl submit`: what is written is valid and scored, in either layout; what would not be is not written."""

from __future__ import annotations

import errno
import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from corpus import write_runs
from honest_run import BATCH, ORG, RUNG, log_lines
from submitted import RESULTS, SOURCE, files_of, submit

from benchmark.cli.main import main
from benchmark.definition.finder import load_benchmark
from benchmark.definition.settings import read_settings
from benchmark.events import keys
from benchmark.foundation.source import source_sha256
from benchmark.scoring.score import score_paths
from benchmark.validation.finding import Verdict
from benchmark.validation.validate import validate


def test_what_is_written_is_valid_and_has_a_score(made: Path, tmp_path: Path, capsys: pytest.CaptureFixture):
    tree = tmp_path / "below" / "tree"
    assert submit(made, tree) == 0
    assert "Next: stemdl review" in capsys.readouterr().err
    report = validate([tree])
    assert (report.verdict, report.findings) == (Verdict.CLOSED, [])
    (row,) = score_paths([tree])
    assert (row.submitter, row.system, row.scaling, row.benchmark, row.runs) == (ORG, "two-cores", "strong", RUNG, 5)
    assert row.score_minutes and not row.warnings
    for index in range(5):
        assert (tree / RESULTS / f"result_{index}.txt").read_bytes() == (
            made / f"run_{index}" / f"result_{index}.txt"
        ).read_bytes()
    assert (tree / RESULTS / "ledger.jsonl").read_bytes() == (made.parent / "ledger.jsonl").read_bytes()
    assert sorted(each.name for each in tree.parent.iterdir()) == ["tree"]  # nothing is left next to it


def test_the_code_and_the_scripts_repeat_the_runs(made: Path, tmp_path: Path):
    assert submit(made, tmp_path / "tree") == 0
    implementations = tmp_path / "tree" / ORG / "benchmarks" / RUNG / "implementations"
    code = implementations / f"reference-{SOURCE[:8]}"
    assert source_sha256(code / "reference") == SOURCE and (code / "README.md").is_file()
    scripts = implementations / "two-cores"
    for name in ("setup.sh", "init_datasets.sh", "run_and_time.sh"):
        assert subprocess.run(["bash", "-n", scripts / name], check=False).returncode == 0
    assert f"stemdl run --rung {RUNG} --ranks 2 --runs 5" in (scripts / "run_and_time.sh").read_text()
    settings = yaml.safe_load((scripts / "config.yaml").read_text())
    assert (
        read_settings(load_benchmark("space_group"), RUNG, scripts / "config.yaml").global_batch_size
        == settings["global_batch_size"]
        == BATCH
    )
    told = json.loads((scripts / f"two-cores_reference-{SOURCE[:8]}.json").read_text())
    assert told["source"]["reference"] == SOURCE and told["commit"] in (scripts / "README.md").read_text()


def test_the_science_group_s_layout(made: Path, tmp_path: Path):
    (tmp_path / "paper.pdf").write_bytes(b"%PDF-1.4\n")
    assert submit(made, tmp_path / "tree", "--layout", "science", "--contribution", str(tmp_path / "paper.pdf")) == 0
    folder = tmp_path / "tree" / ORG / "stemdl" / "two-cores" / RUNG
    assert {"README.md", "config.yaml", "sientific_contribution.pdf", "run_and_time.sh", "reference"} <= {
        path.name for path in folder.iterdir()
    }
    assert yaml.safe_load((folder / "config.yaml").read_text())["learning_rate"] == 0.004
    for index in range(5):
        log = (made / f"run_{index}" / f"result_{index}.txt").read_bytes()
        text = (folder / f"result-{index}.txt").read_bytes()
        assert text.startswith(log)
        events = [json.loads(line.removeprefix(b":::MLLOG ")) for line in text.splitlines()]
        told = {event["key"]: event["value"] for event in events if event["event_type"] == keys.POINT_IN_TIME}
        assert {
            keys.SUBMISSION_BENCHMARK,
            keys.SUBMISSION_ORG,
            keys.SUBMISSION_DIVISION,
            keys.SUBMISSION_STATUS,
            keys.SUBMISSION_GITHUB_COMMIT_VERSION,
            keys.SUBMISSION_PLATFORM,
            "submissiom_version",
        } <= set(told)
        assert told["result"]["dev"] == told[keys.F1_MACRO] and told["result"]["test"] == told[keys.TEST_F1_MACRO]
        assert events[-1]["time_ms"] == json.loads(log.splitlines()[-1].removeprefix(b":::MLLOG "))["time_ms"]
    assert submit(made, tmp_path / "hpc") == 0
    science, hpc = (next(score_paths([tmp_path / name])) for name in ("tree", "hpc"))
    assert (science.submitter, science.system, science.benchmark) == (ORG, "two-cores", RUNG)
    assert science.score_minutes == hpc.score_minutes


@pytest.mark.parametrize("layout", ["hpc", "science"])
def test_nothing_is_overwritten(made: Path, tmp_path: Path, layout: str, capsys: pytest.CaptureFixture):
    assert submit(made, tmp_path / "tree", "--layout", layout) == 0
    before = files_of(tmp_path)
    assert submit(made, tmp_path / "tree", "--layout", layout) == 2
    assert "never overwritten" in capsys.readouterr().err
    assert files_of(tmp_path) == before


def test_the_same_runs_are_not_those_of_a_second_system(made: Path, tmp_path: Path, capsys: pytest.CaptureFixture):
    tree = tmp_path / "tree"
    assert submit(made, tree) == 0
    before = files_of(tree)
    assert main(["submit", str(made), "-o", str(tree), "--system", "other"]) == 1
    assert "ERROR R4.6" in capsys.readouterr().out and files_of(tree) == before


def test_what_would_be_invalid_is_not_written(made: Path, tmp_path: Path, capsys: pytest.CaptureFixture):
    assert submit(made, tmp_path / "tree", "--describe", "cooling=unknown") == 1
    out = capsys.readouterr().out
    assert "R7.2" in out and "nothing was written" in out and f"{tmp_path}/tree/{ORG}/systems/two-cores.json" in out
    assert sorted(path.name for path in tmp_path.iterdir()) == ["runs"]
    assert submit(made, tmp_path / "tree", "--describe", "cooling=unknown", "--format", "json") == 1
    report = json.loads(capsys.readouterr().out)
    assert (report["written"], report["verdict"]) == (None, "INVALID")


def test_a_full_disk_leaves_nothing(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
):
    def full(path: Path, content: bytes) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

    monkeypatch.setattr(Path, "write_bytes", full)
    assert submit(made, tmp_path / "tree") == 2
    assert "the tree cannot be written" in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["runs"]


def test_of_more_runs_the_median_window_is_taken(tmp_path: Path):
    logs = {}
    for index, seconds in enumerate((0, 9, 1, 8, 2, 7, 3, 30)):
        logs[index] = log_lines(index)
        for line in logs[index][[line["key"] for line in logs[index]].index(keys.STAGING_STOP) :]:
            line["time_ms"] += 1000 * seconds
    runs = write_runs(tmp_path / "runs", logs, SOURCE)
    assert submit(runs, tmp_path / "tree") == 0
    (row,) = score_paths([tmp_path / "tree"])
    (all_rows,) = score_paths([runs])
    assert (row.runs, all_rows.runs) == (5, 8) and row.raw_minutes == all_rows.raw_minutes
    fastest = [str(runs / f"run_{index}") for index in (0, 2, 4, 5, 6)]
    assert main(["submit", *fastest, "-o", str(tmp_path / "picked"), "--system", "two-cores"]) == 1


@pytest.mark.parametrize(
    ("spoil", "options", "said"),
    [
        (lambda runs: (runs.parent / "ledger.jsonl").unlink(), (), "have no ledger"),
        (lambda runs: (runs / "run_3" / "result_3.txt").open("a").write("\n"), (), "does not have this run"),
        (lambda runs: None, ("--org", "Elsewhere"), "--set org=Elsewhere"),
        (lambda runs: None, ("--division", "open"), "--set division=open"),
        (lambda runs: None, ("--system", "../up"), "not a name of a folder"),
        (lambda runs: None, ("--describe", "coolign=air"), "did you mean 'cooling'"),
        (lambda runs: None, ("--describe", "cooling"), "FIELD=TEXT"),
        (lambda runs: None, ("--description", "nowhere.json"), "cannot be read"),
        (lambda runs: None, ("--code", "nowhere"), "not the code that ran"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_wrong_use_is_told(
    made: Path, tmp_path: Path, capsys: pytest.CaptureFixture, spoil: Callable, options: tuple, said: str
):
    spoil(made)
    assert submit(made, tmp_path / "tree", *options) == 2
    assert said in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["runs"]


def test_runs_that_crashed_are_left_out_and_said(made: Path, tmp_path: Path, capsys: pytest.CaptureFixture):
    (made / "run_5").mkdir()
    (made / "run_5" / "config.yaml").write_text("{}")
    assert submit(made, tmp_path / "tree") == 0
    assert "left out: " in capsys.readouterr().err


@pytest.mark.parametrize("division", ["closed", "open"])
@pytest.mark.parametrize("layout", ["hpc", "science"])
def test_a_rung_without_recorded_runs_takes_no_submissions(
    tmp_path: Path, capsys: pytest.CaptureFixture, division: str, layout: str
):
    made = write_runs(tmp_path / "runs", {index: log_lines(index, division) for index in range(5)}, SOURCE)
    for path in made.glob("run_*/run.json"):
        path.write_text(json.dumps(json.loads(path.read_text()) | {"rung": "stemdl_smoke"}))
    assert submit(made, tmp_path / "tree", "--layout", layout) == 2
    assert "stemdl_smoke takes no submissions: no recorded runs of the reference reach its target (R1.6)" in (
        capsys.readouterr().err
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["runs"]


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        (keys.RESUMED, 2, "resumed runs are not scored (R4.4)"),
        (keys.DATA_STANDARD, False, "runs on other data or splits than the rung's own are not scored (R2.2)"),
    ],
)
def test_a_set_with_a_run_that_is_never_scored_is_refused_at_once(
    tmp_path: Path, capsys: pytest.CaptureFixture, key: str, value: object, reason: str
):
    logs = {index: log_lines(index) for index in range(5)}
    places = [number for number, line in enumerate(logs[3]) if line["key"] in (key, keys.SEED)]
    logs[3][places[-1]] = {**logs[3][places[-1]], "key": key, "value": value}
    made = write_runs(tmp_path / "runs", logs, SOURCE)
    assert submit(made, tmp_path / "tree") == 2
    said = capsys.readouterr().err
    assert reason in said and str(made / "run_3") in said and "leave this run out" in said


def test_one_rung_at_a_time(made: Path, tmp_path: Path, capsys: pytest.CaptureFixture):
    path = made / "run_0" / "run.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"rung": "stemdl_smoke"}))
    assert submit(made, tmp_path / "tree") == 2
    assert "more than one rung" in capsys.readouterr().err
