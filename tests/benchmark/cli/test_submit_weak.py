"""`stemdl submit` of weak scaling: what it packs, leaves out, and will not take for strong scaling."""

from __future__ import annotations

from pathlib import Path

import pytest
from corpus import write_runs
from honest_run import ORG, RUNG, log_lines
from submitted import RESULTS, SOURCE, at_once, files_of, log_lines_of, submit

from benchmark.cli.main import main
from benchmark.events import keys
from benchmark.scoring.score import score_paths
from benchmark.validation.finding import Verdict
from benchmark.validation.validate import validate


def test_a_second_system_and_weak_scaling_come_into_the_same_tree(made: Path, tmp_path: Path):
    tree = tmp_path / "tree"
    assert submit(made, tree) == 0
    before = files_of(tree)
    others = write_runs(tmp_path / "others", {index: log_lines(10 + index) for index in range(5)}, SOURCE)
    assert main(["submit", str(others), "-o", str(tree), "--system", "other"]) == 0
    assert submit(at_once(tmp_path / "weak", 5), tree) == 0
    after = files_of(tree)
    assert {name: after[name] for name in before} == before
    assert [(row.system, row.scaling) for row in score_paths([tree])] == [
        ("other", "strong"),
        ("two-cores", "strong"),
        ("two-cores", "weak"),
    ]
    assert validate([tree]).verdict is Verdict.CLOSED


def test_a_weak_set_is_submitted_with_what_it_left_out_and_scored_by_its_logs(
    made: Path, tmp_path: Path, capsys: pytest.CaptureFixture
):
    tree = tmp_path / "tree"
    weak = at_once(tmp_path / "weak", 8, missed=2)
    assert submit(weak, tree) == 1  # never alone
    assert "R5.5" in capsys.readouterr().out and not tree.exists()
    assert submit(made, tree) == 0
    assert submit(weak, tree, "--models", "6") == 0
    assert "2 instances are in pruned_results" in capsys.readouterr().out
    report = validate([tree])
    assert report.verdict is Verdict.CLOSED
    # By hand: all but the one that missed the target and the one that reached it last, which are pruned.
    logs = [weak / f"instance_{index}" / f"result_{index}.txt" for index in range(8)]
    stops = [next(line["time_ms"] for line in log_lines_of(log) if line["key"] == keys.RUN_STOP) for log in logs]
    last = max((index for index in range(8) if index != 2), key=lambda index: stops[index])
    kept = [log for index, log in enumerate(logs) if index not in (2, last)]
    marks = [{line["key"]: line["time_ms"] for line in log_lines_of(log)} for log in kept]
    minutes = (max(each[keys.RUN_STOP] for each in marks) - min(each[keys.RUN_START] for each in marks)) / 60_000
    strong, row = score_paths([tree])
    assert (strong.scaling, strong.runs) == ("strong", 5) and strong.score_minutes
    assert (row.scaling, row.models, row.accelerators_per_model) == ("weak", 6, 1)
    assert row.total_minutes == pytest.approx(minutes) and row.models_per_hour == pytest.approx(6 / (minutes / 60))
    results = tree / RESULTS.replace("strong", "weak")
    assert [(results / f"result_{index}.txt").read_bytes() for index in range(6)] == [log.read_bytes() for log in kept]
    pruned = [logs[index] for index in sorted((2, last))]
    assert [(results / "pruned_results" / f"result_{index}.txt").read_bytes() for index in range(2)] == [
        log.read_bytes() for log in pruned
    ]
    scripts = tree / ORG / "benchmarks" / RUNG / "implementations" / "two-cores"
    assert "--instances 8" in (scripts / "weak" / "run_and_time.sh").read_text()
    assert "--runs 5" in (scripts / "run_and_time.sh").read_text()


def test_runs_one_after_another_are_no_weak_set_and_instances_no_strong_one(
    made: Path, tmp_path: Path, capsys: pytest.CaptureFixture
):
    assert submit(made, tmp_path / "tree", "--models", "5") == 2
    assert "not instances" in capsys.readouterr().err
    weak = at_once(tmp_path / "weak", 5)
    assert main(["submit", str(made), str(weak), "-o", str(tmp_path / "tree"), "--system", "two-cores"]) == 2
    assert submit(weak, tmp_path / "tree", "--models", "6") == 2
    assert "not so many models" in capsys.readouterr().err
    assert submit(made, tmp_path / "tree") == 0
    tree = tmp_path / "tree"
    (tree / RESULTS).parent.rename((tree / RESULTS).parent.with_name("weak"))
    assert ("R5.5", "instances trained at once are weak scaling") in [
        (finding.rule, finding.message[:42]) for finding in validate([tree]).findings
    ]


def test_another_description_of_a_system_is_refused(made: Path, tmp_path: Path, capsys: pytest.CaptureFixture):
    assert submit(made, tmp_path / "tree") == 0
    weak = at_once(tmp_path / "weak", 5)
    before = files_of(tmp_path)
    assert submit(weak, tmp_path / "tree", "--describe", "cooling=water") == 2
    assert "is there already and is another" in capsys.readouterr().err
    assert files_of(tmp_path) == before
