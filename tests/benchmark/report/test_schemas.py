"""The published schemas hold what is written now, and recorded files of older formats."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from corpus import write_runs
from honest_run import log_lines
from made_logs import write_set
from schemas import PUBLISHED, SCHEMAS, held

import benchmark
from benchmark.cli.main import main
from benchmark.launch.node import describe_node
from benchmark.launch.nodes import kinds_of, write_nodes

jsonschema = pytest.importorskip("jsonschema")
ROOT = Path(__file__).resolve().parents[3]
OLD = ROOT / "tests" / "invariants" / "format_1"
RECORDED = ROOT / "results" / "reference" / "results"


def whole(path: Path) -> dict[str, Any]:
    """A record of the corpus with what `stemdl run` writes besides."""
    besides = {"energy_joules": None, "energy_covers": None, "load": None, "launcher": "mpirun"}
    return besides | json.loads(path.read_text())


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_runs(tmp_path_factory.mktemp("runs"), {index: log_lines(index) for index in range(2)}, "5" * 64)


def test_records_and_ledgers_of_both_formats(runs: Path) -> None:
    recorded = sorted(RECORDED.glob("*/strong/*/result_*.json"))
    written = sorted(runs.parent.rglob("run.json"))
    assert len(recorded) == 10 and len(written) == 2
    values = [json.loads(path.read_text()) for path in recorded] + [whole(path) for path in written]
    assert {each.get("format") for each in values} == {None, 2}
    for value in values:
        held("run", value)
    for ledger in (*RECORDED.rglob("ledger.jsonl"), runs.parent / "ledger.jsonl"):
        for line in ledger.read_text().splitlines():
            held("ledger_line", json.loads(line))


@pytest.mark.parametrize(
    "spoil", [{"status": "fine"}, {"log": {"name": "x"}}, {"evaluations": {"1": "good"}}, {"ranks": 0}, {"format": 3}]
)
def test_a_record_that_is_spoiled_is_not_one(runs: Path, spoil: dict[str, Any]) -> None:
    record = whole(next(runs.parent.rglob("run.json")))
    held("run", record)
    with pytest.raises(jsonschema.ValidationError):
        held("run", record | spoil)


def test_scores_comparisons_and_results(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    hostile = '=cmd|,"\r\n\u202e_&%#$'
    good = write_set(tmp_path / "a", (10, 11, 12, 13, 14), submission_org=hostile)
    bad = write_set(tmp_path / "b", (10, 11, -1, -1, -1))
    for arguments, schema in (
        (["score", str(good), str(bad), str(RECORDED.parent), "--details", "--format", "json"], "scores"),
        (["compare", str(good), str(bad), "--format", "json"], "comparison"),
    ):
        assert main(arguments) in (0, 1)
        said = capsys.readouterr().out
        held(schema, json.loads(said))
        assert json.dumps(hostile)[1:-1] in said
    table = tmp_path / "table.json"
    assert main(["report", str(good), str(bad), str(RECORDED.parent), "--table", str(table)]) == 0
    held("results", json.loads(table.read_text()))


def test_data_and_what_a_run_leaves_beside_its_record(
    toy_data: Path, smoke_data: Path, smoke_run: Path, tmp_path: Path
) -> None:
    for folder in (toy_data, smoke_data, OLD / "tiny_data"):
        held("manifest", json.loads((folder / "manifest.json").read_text()))
    held("tallies", json.loads((smoke_run / "tallies.json").read_text()))
    facts = describe_node({"data": tmp_path})
    write_nodes(tmp_path, kinds_of([("one", facts), ("two", facts | {"sockets": 4}), ("three", facts)]))
    for folder in (smoke_run, OLD / "tiny_runs" / "one", tmp_path):
        held("nodes", json.loads((folder / "nodes.json").read_text()))


@pytest.mark.parametrize(
    ("name", "spoil"),
    [
        ("manifest", {"format": 3}),
        ("manifest", {"shards": [{"path": "a"}]}),
        ("manifest", {"splits": {"train": {"samples": -1, "groups": {}}}}),
        ("manifest", {"schema": {"inputs": []}}),
        ("tallies", {"splits": {"dev": [0.5]}}),
        ("tallies", {"schema": {"inputs": []}}),
        ("tallies", {"more": 1}),
    ],
)
def test_spoiled_ones_are_refused(smoke_data: Path, smoke_run: Path, name: str, spoil: dict[str, Any]) -> None:
    written = (smoke_data if name == "manifest" else smoke_run) / f"{name}.json"
    with pytest.raises(jsonschema.ValidationError):
        held(name, json.loads(written.read_text()) | spoil)


def test_every_schema_is_listed() -> None:
    text = (SCHEMAS / "README.md").read_text()
    assert all(f"({path.name})" in text for path in PUBLISHED)


def test_the_citation_names_this_version() -> None:
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert cited["version"] == benchmark.__version__ and cited["license"] == "Apache-2.0"
    assert {"cff-version", "message", "title", "authors"} <= cited.keys()
