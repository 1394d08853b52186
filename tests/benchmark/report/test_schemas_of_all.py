"""No file of JSON is written without a schema, and what sets, launches, reviews, submissions and data leave has one."""

from __future__ import annotations

import ast
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from corpus import write_runs
from honest_run import log_lines
from schemas import PUBLISHED, held, held_but_not_spoiled

from benchmark.cli.main import main
from benchmark.data.manifest import read_manifest
from benchmark.data.recognition import RECOGNITION, Recognition, keep
from benchmark.definition.golden_files import RECOGNISED
from benchmark.foundation.source import source_sha256
from benchmark.submission.run_set import make_runs
from benchmark.submission.schedule import make_schedule

ROOT = Path(__file__).resolve().parents[3]
OLD = ROOT / "tests" / "invariants" / "format_1"
WRITERS = {
    "cli/compare_command.py": "comparison",
    "cli/evaluate_command.py": "answers",
    "cli/explain_command.py": "explained",
    "cli/launch_command.py": "launch",
    "cli/rcp_command.py": "points",
    "data/claim.py": "recipe",
    "data/manifest.py": "manifest",
    "data/partition.py": "partition",
    "data/recognise.py": "sample",
    "data/recognition.py": "golden",
    "launch/nodes.py": "nodes",
    "metrics/tallies.py": "tallies",
    "report/review_page.py": "review",
    "report/tabular.py": "results",
    "submission/package.py": "implementation",
    "submission/run_record.py": "run system",
    "submission/run_set.py": "runset",
    "submission/schedule.py": "scaling",
    "submission/science.py": "system",
    "submission/weak_set.py": "runset",
}
"""Modules of the harness that write JSON into a file, and its schemas."""
OF_NO_FILE = {
    "cli/output.py": "printed",
    "comparison/comparable.py": "texts of values",
    "events/power_log.py": "MLLOG lines, whose form is MLPerf's",
    "launch/affinity.py": "messages between ranks",
    "launch/exchange.py": "messages between ranks",
    "launch/watchdog.py": "messages between ranks",
    "report/site/pages.py": "texts of values",
    "validation/checks/log_form.py": "compared with a line of a log",
    "validation/finding.py": "texts of values",
    "validation/official_worker.py": "messages between processes",
    "validation/second_opinion.py": "messages between processes",
}


def writes_json(path: Path) -> bool:
    called = {
        each.func.id if isinstance(each.func, ast.Name) else each.func.attr
        for each in ast.walk(ast.parse(path.read_text()))
        if isinstance(each, ast.Call) and isinstance(each.func, (ast.Name, ast.Attribute))
    }
    return not called.isdisjoint({"write_json", "dump", "dumps"})


def test_every_module_that_writes_json_has_a_schema() -> None:
    harness = ROOT / "benchmark"
    found = {str(path.relative_to(harness)) for path in harness.rglob("*.py") if writes_json(path)}
    found -= {"foundation/files.py"}
    assert found == WRITERS.keys() | OF_NO_FILE.keys()
    named = {name for names in WRITERS.values() for name in names.split()}
    assert named | {"scores", "ledger_line"} == {path.stem for path in PUBLISHED}


def test_sets_of_runs_and_scaling_studies(pretend: Callable[..., Any]) -> None:
    request, driver = pretend("1=killed,2=missed")
    make_runs(request, 3, driver, lambda text: None)
    of_set = json.loads((request.output / "runset.json").read_text())
    assert of_set["format"] == 1
    held_but_not_spoiled("runset", of_set, {"format": 2}, {"reached": -1}, {"seconds": ["1"]}, {"scaling": "weak"})
    request, driver = pretend("")
    make_schedule(request, (1, 2), 1, driver, 1, lambda text: None)
    study = json.loads((request.output / "scaling.json").read_text())
    assert study["format"] == 1
    point = study["points"][0]
    spoilt = [{"points": [point | change]} for change in ({"ranks": 0}, {"seconds": "1"}, {"more": 1})]
    held_but_not_spoiled("scaling", study, {"format": 2}, {"points": []}, {"cores": 0}, *spoilt)


def test_launches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "data" / "stemdl_smoke").mkdir(parents=True)
    (tmp_path / "data" / "stemdl_smoke" / "manifest.json").write_text("{}")
    monkeypatch.chdir(tmp_path)
    for where, options in (("known", ["--profile", "frontier"]), ("unknown", ["--launcher", "srun"])):
        argv = ["launch", *options, "--nodes", "2", "--batch", "slurm", "--", "--rung", "stemdl_smoke"]
        assert main([*argv, "--output", where]) == 0
        kept = json.loads((tmp_path / where / "launch.json").read_text())
        assert kept["format"] == 1
        spoilt = {"layout": kept["layout"] | {"ranks": 0}}
        held_but_not_spoiled("launch", kept, {"format": 2}, {"argv": []}, {"environment": {"A": 1}}, spoilt)


def test_submissions_and_their_reviews(tmp_path: Path) -> None:
    logs = {index: log_lines(index) for index in range(5)}
    runs = write_runs(tmp_path / "runs", logs, source_sha256(ROOT / "reference"))
    assert main(["submit", str(runs), "-o", str(tmp_path / "tree"), "--system", "two-cores"]) == 0
    (described,) = tmp_path.rglob("systems/*.json")
    (of_code,) = tmp_path.rglob("two-cores_*.json")
    held_but_not_spoiled("system", json.loads(described.read_text()), {"number_of_nodes": "two"}, {"cooling": 1})
    implementation = json.loads(of_code.read_text())
    held_but_not_spoiled("implementation", implementation, {"ranks": 0}, {"source": {"reference": "x"}}, {"more": 1})
    for tree in (tmp_path / "tree", ROOT / "results" / "reference"):
        folder = tmp_path / f"review of {tree.name}"
        assert main(["review", str(tree), "-o", str(folder), "--no-official"]) == 0
        made = json.loads((folder / "review.json").read_text())
        assert made["format"] == 1 and made["sets"] and made["checklist"]
        one = made["sets"][0]
        spoilt = [{"sets": [one | change]} for change in ({"runs": [{}]}, {"scaling": "some"}, {"ledger": [{}]})]
        held_but_not_spoiled("review", made, {"format": 2}, {"verdict": "GOOD"}, {"findings": [{}]}, *spoilt)


def test_what_runs_and_data_leave(smoke_run: Path, smoke_data: Path, toy_data: Path, tmp_path: Path) -> None:
    for folder in (smoke_run, OLD / "tiny_runs" / "one"):
        system = json.loads((folder / "system.json").read_text())
        held_but_not_spoiled("system", system, {"accelerators_per_node": 0}, {"division": "both"})
    for folder in (smoke_data, toy_data, OLD / "tiny_data"):
        recipe = json.loads((folder / "recipe.json").read_text())
        held_but_not_spoiled("recipe", recipe, {"recipe_sha256": "x"}, {"source": "drawn"})
    mine = Path(shutil.copytree(smoke_data, tmp_path / "data"))
    assert main(["data", "split", str(mine)]) == 0
    found = Recognition(RECOGNISED, "5" * 64, compared=320, rounded=2, recounted=1)
    keep(read_manifest(mine), found)
    compared = json.loads((mine / RECOGNITION).read_text())
    spoilt = {"recognition": compared["recognition"] | {"compared": -1}}
    held_but_not_spoiled("golden", compared, {"format": 2}, {"manifest_sha256": ""}, spoilt)
    for folder in (mine, OLD / "tiny_data"):
        partition = json.loads((folder / "partitions" / "standard.json").read_text())
        held_but_not_spoiled("partition", partition, {"format": 2}, {"splits": {"dev": [1]}}, {"samples": [["a", 0]]})


def test_points_and_what_golden_figures_are_of() -> None:
    for path in sorted((ROOT / "benchmark" / "tasks").glob("*/golden/*.json")):
        held_but_not_spoiled("sample", json.loads(path.read_text()), {"inputs": []}, {"more": 1})
    recorded = sorted((ROOT / "benchmark" / "tasks").glob("*/reference_points/*.json"))
    assert recorded
    for path in recorded:
        points = json.loads(path.read_text())
        held("points", points)
        for name, point in points.items():
            held_but_not_spoiled("points", {name: point}, {name: point | {"BS": 0}}, {name: point | {"Seeds": []}})
