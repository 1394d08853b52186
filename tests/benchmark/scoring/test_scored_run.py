"""What a log says of its run, and that no bytes at all raise anything."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmark.definition.scored import scored_benchmark
from benchmark.scoring.scored_run import ScoredRun, read_names, read_run_log

COSMOFLOW = scored_benchmark("cosmoflow")


def test_a_run_by_hand(tmp_path: Path, write_log):
    run = read_run_log(write_log(tmp_path / "result_0.txt", epochs=4, run_ms=80_000, seed="17"), COSMOFLOW)
    assert run.converged and run.problem is None
    assert (run.minutes, run.epochs_to_target) == (80_000 / 60 / 1000, 4)
    assert (run.benchmark, run.division, run.seed) == ("cosmoflow", "closed", "17")
    assert read_names(run.log) == ("cosmoflow", "Somewhere")
    assert (run.global_batch_size, run.accelerators) == (512, 8)
    assert run.train_minutes == pytest.approx(1.0) and run.eval_minutes == pytest.approx(20 / 60)
    assert run.staging_minutes is None and run.samples_per_second == pytest.approx(4 * 1200 / 60)


def test_a_node_without_accelerators_counts_as_one(tmp_path: Path, write_log):
    assert read_run_log(write_log(tmp_path / "a.txt", nodes=128, accelerators=0), COSMOFLOW).accelerators == 128


def test_where_epoch_num_counts_samples_the_throughput_is_of_those(tmp_path: Path, write_log):
    log = write_log(
        tmp_path / "a.txt",
        benchmark="openfold",
        metric="eval_accuracy",
        reached=0.81,
        missed=0.1,
        epochs=4,
        run_ms=80_000,
    )
    assert read_run_log(log, scored_benchmark("openfold")).samples_per_second == pytest.approx(4 / 60)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda text: text.replace('"run_start"', '"run_began"'), "run_start stands 0 times"),
        (lambda text: text[: text.rindex(":::MLLOG")], "run_stop 0 times"),
        (lambda text: text + text, "run_start stands 2 times in the log and run_stop 2 times"),
        (lambda text: text.replace('"status": "success"', '"status": "aborted"'), "status 'aborted'"),
        (lambda text: text.replace('"status": "success"', '"state": "success"'), "status None"),
        (
            lambda text: text.replace(
                '"time_ms": 1060000, "event_type": "INTERVAL_END", "key": "run_stop"',
                '"time_ms": 1000000, "event_type": "INTERVAL_END", "key": "run_stop"',
            ),
            "not after",
        ),
        (lambda text: text.replace('"value": 0.12,', '"value": 0.13,'), "0.13, misses the target 0.124"),
        (lambda text: text.replace('"value": 0.12,', '"value": NaN,'), "no eval_error before run_stop"),
        (lambda text: text.replace('"value": 0.12,', '"value": "0.12",'), "no eval_error before run_stop"),
        (lambda text: text.replace("eval_error", "eval_accuracy"), "no eval_error before run_stop"),
        (lambda text: text.replace('"time_ms": 1000000', '"time_ms": 1e400', 1), "'time_ms' of type int"),
        (lambda text: text.replace('"time_ms": 1000000', '"time_ms": ' + "9" * 400, 1), "milliseconds since 1970"),
        (lambda text: text.replace('"run_stop", "value": null, ', '"run_stop", '), "a field 'value'"),
        (lambda text: "", "neither run_start nor run_stop"),
    ],
)
def test_a_bad_log_says_what_is_wrong(tmp_path: Path, write_log, change, says: str):
    log = write_log(tmp_path / "result_0.txt")
    text = change(log.read_text())
    assert text != log.read_text()
    log.write_text(text)
    run = read_run_log(log, COSMOFLOW)
    assert says in run.problem and run.minutes is None and math.isinf(run.epochs_to_target)


def test_an_evaluation_after_run_stop_reaches_nothing(tmp_path: Path, write_log):
    log = write_log(tmp_path / "result_0.txt")
    lines = log.read_text().splitlines()
    log.write_text("\n".join([*lines[:-2], lines[-1], lines[-2]]))
    assert "misses the target" in read_run_log(log, COSMOFLOW).problem


@pytest.mark.parametrize(("more", "says"), [((("resumed", 2),), "resumed"), ((("data_standard", False),), "own data")])
def test_what_our_rules_refuse_does_not_count(tmp_path: Path, write_log, more, says: str):
    assert says in read_run_log(write_log(tmp_path / "a.txt", more=more), COSMOFLOW).problem


def test_logs_are_taken_as_the_official_parser_takes_them(tmp_path: Path, write_log):
    log = write_log(tmp_path / "result_0.txt", more=(("note", float("nan")),))
    plain = read_run_log(log, COSMOFLOW)
    log.write_bytes(b"".join(b"\xe9 12: :::MLLOG {} " + line + b"\r\n" for line in log.read_bytes().splitlines()))
    assert read_run_log(log, COSMOFLOW) == plain and plain.converged


def test_a_log_that_is_not_there_is_a_problem(tmp_path: Path):
    assert "cannot be read" in read_run_log(tmp_path / "none.txt", COSMOFLOW).problem


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=4,
)
KEYS = (
    "run_start",
    "run_stop",
    "epoch_start",
    "epoch_stop",
    "eval_start",
    "eval_stop",
    "eval_error",
    "staging_stop",
    "global_batch_size",
    "number_of_nodes",
    "accelerators_per_node",
    "train_samples",
    "submission_division",
    "seed",
)
lines = st.fixed_dictionaries(
    {},
    optional={
        "time_ms": st.integers() | json_values,
        "event_type": st.sampled_from(["POINT_IN_TIME", "x"]) | json_values,
        "key": st.sampled_from(KEYS) | json_values,
        "value": json_values,
        "metadata": st.fixed_dictionaries({}, optional={"epoch_num": json_values, "status": json_values}) | json_values,
    },
)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=200) | st.binary(max_size=50).map(lambda tail: b":::MLLOG " + tail))
def test_any_bytes_are_a_run_or_a_problem(tmp_path: Path, data: bytes):
    path = tmp_path / "result_0.txt"
    path.write_bytes(data)
    assert isinstance(read_run_log(path, COSMOFLOW), ScoredRun)
    assert read_names(path) == (None, None)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(lines, max_size=8), st.integers(0, 40))
def test_any_events_are_a_run_or_a_problem(tmp_path: Path, write_log, events, position: int):
    import json

    path = write_log(tmp_path / "result_0.txt")
    text = path.read_text().splitlines()
    text[position:position] = [":::MLLOG " + json.dumps(event) for event in events]
    path.write_text("\n".join(text), encoding="utf-8", errors="replace")
    run = read_run_log(path, COSMOFLOW)
    assert run.converged == (run.minutes is not None)
    for field in dataclasses.fields(run):
        value = getattr(run, field.name)
        if isinstance(value, float) and field.name != "epochs_to_target":
            assert math.isfinite(value), field.name
