"""A good submission is valid; each way to spoil it is found, under its rule; nothing that is changed goes unnoticed."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path

import pytest
import yaml
from corpus import RESULTS, Mutation, Tree
from findings import ARCHIVE, PUBLISHED, folders, places, published, recorded
from honest_run import as_text, at, log_lines, record_of
from mutations import MUTATIONS
from mutations_tallies import FILE, counted

from benchmark.definition.finder import readable
from benchmark.events import keys
from benchmark.foundation.errors import StemdlError
from benchmark.validation import judged_scores
from benchmark.validation.finding import Severity, Verdict
from benchmark.validation.limits import Limits
from benchmark.validation.registry import all_checks
from benchmark.validation.rulebook import read_rules
from benchmark.validation.standard import standards
from benchmark.validation.validate import Report, validate

ROOT = Path(__file__).resolve().parents[3]
REFERENCE = ROOT / "results" / "reference"
NOT_BY_ONE_MUTATION = {"R9.4"}
"""It asks the official checkers, and has tests of its own."""


def judge(*paths: Path):
    return validate(paths, official=False)


@pytest.mark.parametrize(("division", "verdict"), [("closed", Verdict.CLOSED), ("open", Verdict.OPEN)])
def test_a_good_submission_has_no_finding(tmp_path, division, verdict):
    report = judge(Tree.valid(division).write(tmp_path / "Somewhere"))
    assert (report.verdict, report.findings) == (verdict, [])
    assert [(each.kind, each.logs) for each in report.judged] == [("submission", 5)]


def test_counts_that_come_to_the_log_are_no_finding(tmp_path):
    tree = Tree.valid()
    counted()(tree)
    assert FILE in tree.files and judge(tree.write(tmp_path / "Somewhere")).findings == []


def test_the_corpus_logs_what_a_real_run_logs():
    """Key for key with the same types of values and metadata, so that the checks are tried on what they will meet."""
    real = [
        json.loads(line.removeprefix(":::MLLOG "))
        for line in next(REFERENCE.glob("results/*/strong/stemdl_mini/result_0.txt")).read_text().splitlines()
    ]

    def shape(lines):
        return [(line["key"], line["event_type"], type(line["value"]), sorted(line["metadata"])) for line in lines]

    ours = [line for line in log_lines() if line["key"] != keys.DATA_RECOGNISED]  # newer than what was recorded
    assert shape(ours) == shape(real)
    settings = set(next(line for line in real if line["key"] == keys.CONFIG)["value"])
    assert set(log_lines()[6]["value"]) == settings - {"check_hashes"}  # of the version that was recorded


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_each_mutation_is_found_under_its_rule(tmp_path, mutation: Mutation, monkeypatch: pytest.MonkeyPatch):
    """And nothing else is found in it than what `findings.json` has; it has a score where the rules that a score rests
    on are kept, and nowhere else."""
    tree = mutation.tree().write(tmp_path / "Somewhere")
    report = judge(tree)
    assert places(report, tree) == recorded(mutation.name)
    severity = Severity.ERROR if mutation.invalid else Severity.WARNING
    assert (mutation.rule, severity) in {(finding.rule, finding.severity) for finding in report.findings}
    assert (report.verdict is Verdict.INVALID) == mutation.invalid
    assert not any("broke off" in finding.message for finding in report.findings)
    if any((tree / RESULTS).parents[1].rglob("result_*.txt")):  # else it lies in a folder of no benchmark
        assert_scored_where_unbroken(tree, report, monkeypatch)


def assert_scored_where_unbroken(tree: Path, report: Report, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the same report: what is asked for it is asserted, and it is not made twice."""

    def made(paths: list[Path], official: bool, limits: Limits) -> Report:
        assert (paths, official, limits) == ([tree], False, Limits())
        return report

    monkeypatch.setattr(judged_scores, "validate", made)
    broken = {
        runs.folder.absolute()
        for judged in report.judged
        for runs in judged.sets
        if any(judged_scores.OF_A_SCORE.match(finding.rule) for finding in runs.findings)
    }
    for row in judged_scores.judged_scores([tree]):
        if row.benchmark in standards():
            assert row.complete == (row.folder not in broken), row.warnings


def test_how_gradients_are_exchanged_is_free_in_the_closed_division(tmp_path):
    exchange = {
        "torch_backend": "auto",
        "fusion_mib": 1.0,
        "gradient_compression": "none",
        "gradient_groups": 4,
        "cycle_ms": 2.5,
        "hierarchical": True,
        "autotune": True,
        "timeline": True,
    }
    tree = Mutation(
        "exchange",
        "R5.1",
        lambda tree: [lines[at(lines, keys.CONFIG)]["value"].update(exchange) for lines in tree.logs.values()],
    ).tree()
    report = judge(tree.write(tmp_path / "Somewhere"))
    assert (report.verdict, report.findings) == (Verdict.CLOSED, [])


def test_there_is_a_mutation_for_every_rule_that_a_check_holds():
    held = {rule.id for rule in read_rules().values() if rule.checks}
    assert held - {mutation.rule for mutation in MUTATIONS} == NOT_BY_ONE_MUTATION
    assert len({mutation.name for mutation in MUTATIONS}) == len(MUTATIONS) >= 60


@pytest.mark.parametrize("document", ["submitting.md", "validation.md"])
def test_documents_say_how_many_mutations_there_are(document):
    text = " ".join((Path(__file__).resolve().parents[3] / "docs" / document).read_text().split())
    (told,) = re.findall(r"Of (\d+) ways to spoil|spoil a valid submission in (\d+) ways", text)
    assert int("".join(told)) == len(MUTATIONS)


def test_a_finding_says_where_and_what_instead(tmp_path):
    mutation = next(each for each in MUTATIONS if each.name == "the target missed")
    finding, *others = judge(mutation.tree().write(tmp_path / "S")).findings  # the gravest first
    assert {other.severity for other in others} <= {Severity.WARNING}
    lines = mutation.tree().logs[0]
    assert finding.to_dict() == {
        "rule": "R1.4",
        "severity": "error",
        "file": f"{tmp_path}/S/{RESULTS}/result_0.txt",
        "line": max(number for number, line in enumerate(lines, 1) if line["key"] == keys.EVAL_ACCURACY),
        "message": "the last evaluation before run_stop misses the target",
        "expected": "at least 0.9",
        "found": "0.8999",
        "hint": "a run that does not reach the target has no time to train",
    }


def test_no_check_stops_another_and_the_order_is_always_the_same(tmp_path):
    tree = Tree.valid()
    for name in ("a wider network and a missing log", "no code", "a field left out", "an aborted run", "no seed"):
        next(each for each in MUTATIONS if each.name == name).change(tree)
    report = judge(tree.write(tmp_path / "S"))
    assert {finding.rule for finding in report.findings} >= {"R5.1", "R4.5", "R8.2", "R7.1", "R3.5", "R4.2"}
    assert report == judge(tmp_path / "S")
    severities = [finding.severity for finding in report.findings]
    assert severities == sorted(severities, reverse=True)


def test_many_paths_have_one_verdict(tmp_path):
    trees = {"closed": Tree.valid("closed"), "open": Tree.valid("open"), "bad": Tree.valid("closed")}
    for number, tree in enumerate(trees.values()):  # runs of their own each, or they were copies
        tree.logs = {index: log_lines(10 * number + index, tree.system["division"]) for index in tree.logs}
    MUTATIONS[0].change(trees["bad"])
    closed, open_, bad = (tree.write(tmp_path / name) for name, tree in trees.items())
    assert judge(closed, open_).verdict is Verdict.OPEN
    assert judge(tmp_path).verdict is judge(closed, bad).verdict is Verdict.INVALID
    assert [each.verdict.value for each in judge(tmp_path).judged] == ["INVALID", "CLOSED", "OPEN"]


def test_a_run_folder_is_held_against_its_record_and_system(tmp_path):
    lines = log_lines()
    (tmp_path / "result_0.txt").write_bytes(as_text(lines))
    (tmp_path / "run.json").write_text(json.dumps(record_of(lines, as_text(lines))))
    (tmp_path / "system.json").write_text(json.dumps(Tree.valid().system))
    assert judge(tmp_path).verdict is judge(tmp_path / "result_0.txt").verdict is Verdict.CLOSED
    (tmp_path / "system.json").write_text(json.dumps(Tree.valid().system | {"number_of_nodes": "2"}))
    assert [finding.rule for finding in judge(tmp_path).findings] == ["R7.3"]
    (tmp_path / "run.json").write_text(json.dumps(record_of(lines, b"")))
    assert {finding.rule for finding in judge(tmp_path).findings} == {"R7.3", "R4.9"}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("width: 16\n", "width"),
        ("a: &a [1]\nb: *a\n", "not plain YAML"),
        ("- 1\n", "not a mapping"),
        ("a: [", "not plain"),
        ("[" * 5000, "not plain"),
        ("x: 1\n" * 10_000, "bytes"),
        ("!!python/object:os.system {}", "not plain"),
        ("\xff", "no"),
    ],
)
def test_the_file_of_settings_is_held_against_the_log(tmp_path, text, found):
    lines = log_lines()
    settings_ = next(line["value"] for line in lines if line["key"] == keys.CONFIG)
    (tmp_path / "result_0.txt").write_bytes(as_text(lines))
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(settings_))
    assert judge(tmp_path).findings == []
    (tmp_path / "config.yaml").write_text(text if text != "width: 16\n" else yaml.safe_dump({**settings_, "width": 32}))
    (finding,) = judge(tmp_path).findings
    assert finding.rule == "R4.8" and found in finding.found


def test_a_fresh_run_of_the_reference_is_valid(smoke_run):
    report = judge(smoke_run)
    of_the_machine = "R3.10"  # which may be busy while the tests run
    assert report.verdict is Verdict.OPEN
    assert [finding for finding in report.findings if finding.rule != of_the_machine] == []


def test_the_runs_of_a_set_are_held_against_each_other(tmp_path):
    def write(*sets):
        for number, lines in enumerate(sets):
            folder = tmp_path / "set" / f"run_{number}"
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"result_{number}.txt").write_bytes(as_text(lines))
            (folder / "run.json").write_text(json.dumps(record_of(lines, as_text(lines), number)))
        return {(finding.rule, finding.severity) for finding in judge(tmp_path / "set").findings}

    assert write(*(log_lines(index) for index in range(5))) == set()
    other = log_lines(1)
    next(line for line in other if line["key"] == keys.SEED)["value"] = log_lines(0)[at(log_lines(0), keys.SEED)][
        "value"
    ]
    assert write(log_lines(0), other) == {("R4.2", Severity.ERROR)}
    assert write(*(log_lines(index) for index in range(6))) == {("R4.5", Severity.WARNING)}
    wider = log_lines(1, batch=64)
    assert write(log_lines(0), wider) >= {("R4.10", Severity.ERROR)}


def test_what_does_not_exist_is_wrong_use_and_what_holds_nothing_is_invalid(tmp_path):
    with pytest.raises(StemdlError, match="there is nothing here"):
        judge(tmp_path / "absent")
    assert [(finding.rule, finding.severity) for finding in judge(tmp_path).findings] == [("R8.1", Severity.ERROR)]
    assert judge(tmp_path).verdict is Verdict.INVALID


# ---- what is published


def test_every_rung_has_a_standard_with_its_samples():
    """The real set's counts, group by group, add up to its 187,155 stacks (DOI 10.13139/OLCF/1510313)."""
    assert standards()["stemdl_mini"].samples == {"train": 3500, "dev": 1000, "test": 1000}
    assert sum(standards()["stemdl_olcf"].samples.values()) == 187_155
    rungs = {rung for benchmark in readable().values() for rung in benchmark.rungs}
    assert rungs == {name for name, standard in standards().items() if standard.ours}


def test_the_reference_s_own_results_are_valid():
    report = validate([REFERENCE])
    assert report.verdict == Verdict.CLOSED
    assert [(each.rule, each.severity) for each in report.findings] == [("R4.12", Severity.NOTE)], "of ten runs five"


@pytest.mark.slow
@pytest.mark.realdata
@pytest.mark.skipif(not ARCHIVE.is_file(), reason="needs the published results of MLPerf HPC v3.0")
def test_the_published_results_of_mlperf_hpc_have_the_errors_that_are_in_them():
    """No check of ours fires on another suite's benchmark; the errors are those that the logs were read for by hand."""
    with published() as folder:
        report = judge(folder)
    assert folders(report, folder) == recorded(PUBLISHED)
    assert sum(each.logs for each in report.judged) == 1079
    assert {Path(each.path).name: each.verdict.value for each in report.judged} == {
        "Clemson": "CLOSED",
        "Dell": "CLOSED",
        "Fujitsu+RIKEN": "OPEN",
        "HPE+LBNL": "INVALID",
        "NVIDIA": "INVALID",
        "TACC": "CLOSED",
    }
    errors = Counter(
        (
            finding.rule,
            finding.file.removeprefix(f"{folder}/").rpartition("/result_")[0]
            or finding.file.removeprefix(f"{folder}/"),
        )
        for finding in report.findings
        if finding.severity is Severity.ERROR
    )
    assert errors == {
        ("R4.2", "HPE+LBNL/results/perlmutter_10x128x4_ngc21.09_mxnet/weak/cosmoflow"): 10,
        ("R4.11", "HPE+LBNL/results/perlmutter_224x4/strong/openfold"): 1,
        ("R4.11", "NVIDIA/results/eos_n256_ngc23.09_pytorch/weak/cosmoflow"): 1,
    }
    ours_alone = {rule for each in all_checks() if each.ours_alone for rule in each.rules}
    shared = {rule for each in all_checks() if not each.ours_alone for rule in each.rules}
    assert not {finding.rule for finding in report.findings} & (ours_alone - shared)
