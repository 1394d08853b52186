"""The ledger: every run stands in it, however it ended; which are of one configuration; foreign files are borne."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.definition.finder import load_benchmark
from benchmark.definition.request import RunRequest
from benchmark.foundation.errors import StemdlError
from benchmark.foundation.files import canonical_json, sha256_of_file, write_json
from benchmark.foundation.source import source_files, source_sha256
from benchmark.submission import chain, record_format
from benchmark.submission.ledger import LEDGER, UNFINISHED, Ledger, find_ledger, parse_ledger, read_ledger
from benchmark.submission.ledger_entry import ROOT, entered, packages

SETTINGS = {"org": "Somewhere", "learning_rate": 0.002, "division": "closed"}
SOURCES = {"benchmark": "b" * 64, "reference": "r" * 64}


@pytest.fixture
def request_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """`request_in(name)`: a run of the smoke rung into runs/name, with data whose manifest has the hash 1111..."""
    from benchmark.submission import ledger_entry

    class ManifestOf:
        sha256 = "1" * 64

    monkeypatch.setattr(ledger_entry, "read_manifest", lambda folder: ManifestOf())
    benchmark = load_benchmark("space_group")
    return lambda name: RunRequest(benchmark, benchmark.rung("stemdl_smoke"), Path("data"), tmp_path / "runs" / name)


def make(
    request: RunRequest,
    *,
    settings: dict = SETTINGS,
    ranks: int = 1,
    status: str = "success",
    seconds: float = 10.0,
    recorded: bool = True,
) -> None:
    """A run that leaves a log and, where it is `recorded`, a record of it."""
    with entered(request.output.parent / LEDGER, request, settings, ranks):
        request.output.mkdir(parents=True)
        request.log.write_text(f"a log of {request.output.name}\n")
        if recorded:
            write_json(
                request.output / "run.json",
                {name: kinds[0]() for name, kinds in record_format._KINDS.items()}
                | {
                    "format": record_format.FORMAT,
                    "evaluations": {},
                    "data": {"manifest_sha256": None},
                    "status": status,
                    "time_to_train_seconds": seconds,
                    "epochs": 3,
                    "seed": 5,
                    "log": {"sha256": sha256_of_file(request.log)},
                },
            )


def test_a_run_whose_record_cannot_be_read_ends_in_the_ledger_all_the_same(request_in):
    request = request_in("a")
    with entered(request.output.parent / LEDGER, request, SETTINGS, 1):
        request.output.mkdir(parents=True)
        request.log.write_text("a log\n")
        (request.output / "run.json").write_text('{"format": 2}')
    (run,) = ledger_of(request_in).runs
    assert run.status == "crashed" and run.log_sha256 == sha256_of_file(request.log)


def ledger_of(request_in) -> Ledger:
    return read_ledger(request_in("any").output.parent)


def test_runs_stand_in_the_order_of_their_starts(request_in):
    make(request_in("a"))
    make(request_in("b"), status="aborted", seconds=20.0)
    make(request_in("c"), recorded=False)
    ledger = ledger_of(request_in)
    assert not ledger.faults
    assert [(run.folder, run.status, run.seconds, run.counts) for run in ledger.runs] == [
        ("a", "success", 10.0, True),
        ("b", "aborted", 20.0, True),
        ("c", "crashed", None, False),
    ]
    first = ledger.runs[0]
    assert (first.rung, first.ranks, first.epochs, first.seed, first.manifest_sha256) == (
        "stemdl_smoke",
        1,
        3,
        5,
        "1" * 64,
    )
    assert first.source == {name: source_sha256(ROOT / name) for name in ("benchmark", "reference")}
    assert ledger.run_of(sha256_of_file(request_in("b").log)) == ledger.runs[1]
    assert ledger.run_of("0" * 64) is None


def test_a_run_that_fails_is_told_and_the_error_goes_on(request_in):
    request = request_in("a")
    with pytest.raises(KeyboardInterrupt), entered(request.output.parent / LEDGER, request, SETTINGS, 1):
        raise KeyboardInterrupt
    assert [run.status for run in ledger_of(request_in).runs] == ["crashed"]


def test_a_killed_run_has_no_end(request_in):
    request = request_in("a")
    kept = request.output.parent / "kept"
    with entered(request.output.parent / LEDGER, request, SETTINGS, 1):
        shutil.copy(request.output.parent / LEDGER, kept)  # as the ledger is while the run goes on
    assert [(run.status, run.counts) for run in read_ledger(kept).runs] == [(UNFINISHED, False)]


def test_an_old_record_is_none_of_a_run_that_crashed_later(request_in):
    make(request_in("a"))
    resumed = replace(request_in("a"), resume=True)
    with entered(resumed.output.parent / LEDGER, resumed, SETTINGS, 1):
        resumed.log.write_text("another log\n")
    assert [(run.status, run.resumed, run.counts) for run in ledger_of(request_in).runs] == [
        ("success", False, True),
        ("crashed", True, False),
    ]


def test_no_run_without_a_ledger(request_in, tmp_path: Path):
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(StemdlError, match="cannot be added to"),
        entered(tmp_path / "file" / LEDGER, request_in("a"), SETTINGS, 1),
    ):
        pytest.fail("the run was made")


def test_seeds_given_by_hand_are_told(request_in):
    make(replace(request_in("a"), seed=5))
    run = ledger_of(request_in).runs[0]
    assert run.seed_given and not run.counts


@pytest.mark.parametrize(
    ("change", "same"),
    [
        ({}, True),
        ({"settings": {**SETTINGS, "platform": "a name", "status": "cloud"}}, True),
        ({"settings": {**SETTINGS, "org": "Elsewhere"}}, False),
        ({"settings": {**SETTINGS, "division": "open"}}, False),
        ({"settings": {**SETTINGS, "learning_rate": 0.0021}}, False),
        ({"ranks": 2}, False),
        ({"status": "aborted", "seconds": 99.0}, True),
    ],
    ids=["nothing", "labels", "submitter", "division", "a setting", "ranks", "outcome"],
)
def test_which_runs_are_submitted_together(request_in, change: dict, same: bool):
    make(request_in("a"))
    make(request_in("b"), **change)
    ledger = ledger_of(request_in)
    assert (len(ledger.alike(ledger.runs[0])) == 2) is same


def test_runs_by_another_partition_are_of_another_configuration(request_in):
    make(request_in("a"))
    make(replace(request_in("b"), partition="folds_5/fold_0"))
    make(request_in("c"))
    ledger = ledger_of(request_in)
    assert [run.partition for run in ledger.runs] == ["", "folds_5/fold_0", ""]
    assert ledger.alike(ledger.runs[0]) == [ledger.runs[0], ledger.runs[2]]


def test_other_code_is_another_configuration(request_in, monkeypatch: pytest.MonkeyPatch):
    from benchmark.submission import ledger_entry

    make(request_in("a"))
    monkeypatch.setattr(ledger_entry, "source_sha256", lambda package: "c" * 64)
    make(request_in("b"))
    ledger = ledger_of(request_in)
    assert ledger.alike(ledger.runs[0]) == [ledger.runs[0]]


def test_ends_that_are_of_no_run_or_of_one_that_has_ended(tmp_path: Path):
    path = tmp_path / LEDGER
    start = chain.append(path, {"event": "start", "folder": "a"})
    for sha256 in (start, start, "f" * 64):
        chain.append(path, {"event": "end", "start": sha256, "status": "success"})
    chain.append(path, {"event": "other"})
    ledger = read_ledger(path)
    assert [line for line, _ in ledger.faults] == [3, 4, 5] and len(ledger.runs) == 1


NAMES = st.text("ab\ud800", max_size=2)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats() | NAMES,
    lambda each: st.lists(each, max_size=2) | st.dictionaries(NAMES, each, max_size=2),
    max_leaves=4,
)


@given(
    st.dictionaries(st.sampled_from(["folder", "rung", "settings", "ranks", "source", "seed_given"]), JSON),
    st.dictionaries(st.sampled_from(["status", "seed", "time_to_train_seconds", "log_sha256", "epochs"]), JSON),
)
def test_whatever_entries_hold_is_borne(start: dict, end: dict):
    first = json.dumps({**start, "event": "start", "previous": chain.FIRST}).encode()
    sha256 = chain.parse(first + b"\n").head
    ledger = parse_ledger(
        first + b"\n" + json.dumps({**end, "event": "end", "start": sha256, "previous": sha256}).encode() + b"\n"
    )
    assert not ledger.faults
    assert ledger.alike(ledger.runs[0]) == [ledger.runs[0]]


def test_the_ledger_of_runs_and_run_sets_is_found(tmp_path: Path):
    tmp_path = tmp_path / "below" / "those"  # of other tests' runs, which have a ledger
    for name in ("one/a", "one/set/run_0", "two/b"):
        (tmp_path / name).mkdir(parents=True)
    assert find_ledger([tmp_path / "one" / "a"]) is None
    for name in ("one", "two"):
        (tmp_path / name / LEDGER).write_text(canonical_json({}) + "\n")
    one = tmp_path / "one"
    assert find_ledger([one / "a", one / "set" / "run_0"]) == one / LEDGER
    with pytest.raises(StemdlError, match="several results folders"):
        find_ledger([one / "a", tmp_path / "two" / "b"])
    with pytest.raises(StemdlError, match="no ledger here"):
        read_ledger(tmp_path)


def test_source_is_hashed_by_name_and_content(tmp_path: Path):
    for name, text in (("a.py", "1"), ("below/b.yaml", "2"), ("notes.md", "3"), ("__pycache__/a.pyc", "4")):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert list(source_files(tmp_path)) == ["a.py", "below/b.yaml"]
    before = source_sha256(tmp_path)
    (tmp_path / "notes.md").write_text("changed")
    assert source_sha256(tmp_path) == before
    (tmp_path / "a.py").rename(tmp_path / "c.py")
    assert source_sha256(tmp_path) != before
    assert packages(load_benchmark("space_group")) == {"benchmark": ROOT / "benchmark", "reference": ROOT / "reference"}
