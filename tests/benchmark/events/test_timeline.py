"""Every number of a timeline against one worked out by hand."""

from __future__ import annotations

import pickle
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.events.log import EventLog
from benchmark.events.reader import Event, read_events
from benchmark.events.timeline import Timeline


def events(*marks) -> list[Event]:
    """(time_ms, key, value or None, metadata) -> events; `x_start` and `x_stop` are intervals."""
    kinds = {"start": "INTERVAL_START", "stop": "INTERVAL_END"}
    return [
        Event(line, time_ms, kinds.get(key.rpartition("_")[2], "POINT_IN_TIME"), key, value, metadata)
        for line, (time_ms, key, value, metadata) in enumerate(marks, 1)
    ]


RUN = [
    (0, "submission_benchmark", "stemdl_mini", {}),
    (0, "submission_division", "open", {}),
    (1_000, "init_start", None, {}),
    (1_100, "seed", 7, {}),
    (1_100, "global_batch_size", 64, {}),
    (1_100, "number_of_nodes", 2, {}),
    (1_100, "accelerators_per_node", 4, {}),
    (3_500, "init_stop", None, {}),
    (4_000, "run_start", None, {}),
    (4_000, "staging_start", None, {}),
    (4_250, "staging_stop", None, {}),
    (4_250, "train_samples", 3_000, {}),
    (4_250, "eval_samples", 500, {}),
    (5_000, "epoch_start", None, {"epoch_num": 1}),
    (15_000, "epoch_stop", None, {"epoch_num": 1}),
    (15_000, "eval_start", None, {"epoch_num": 1}),
    (16_000, "eval_stop", None, {"epoch_num": 1}),
    (16_000, "eval_accuracy", 0.25, {"epoch_num": 1}),
    (16_500, "epoch_start", None, {"epoch_num": 2}),
    (22_500, "eval_start", None, {"epoch_num": 2}),
    (24_500, "eval_stop", None, {"epoch_num": 2}),
    (24_500, "eval_accuracy", 0.95, {"epoch_num": 2}),
    (28_500, "epoch_stop", None, {"epoch_num": 2}),
    (29_000, "run_stop", None, {"status": "success"}),
    (31_000, "test_f1_macro", 0.9, {}),
]


def test_a_run_by_hand():
    timeline = Timeline.of(events(*RUN))
    assert (timeline.status, timeline.run_start_ms, timeline.run_stop_ms) == ("success", 4_000, 29_000)
    assert timeline.time_to_train_seconds == 25.0
    assert timeline.init_seconds == 2.5
    assert timeline.staging_seconds == 0.25
    assert timeline.epochs == 2
    assert timeline.eval_seconds == 1.0 + 2.0
    assert timeline.train_seconds == 10.0 + (12.0 - 2.0)  # the second evaluation lies within its epoch
    assert timeline.samples_per_second == 2 * 3_000 / 20.0
    assert timeline.evaluations == ((1, 0.25), (2, 0.95))
    assert (timeline.benchmark, timeline.division) == ("stemdl_mini", "open")
    assert (timeline.seed, timeline.global_batch_size) == (7, 64)
    assert (timeline.train_samples, timeline.eval_samples) == (3_000, 500)
    assert (timeline.nodes, timeline.accelerators_per_node) == (2, 4)
    assert timeline.value("test_f1_macro") == 0.9
    assert pickle.loads(pickle.dumps(timeline)) == timeline


def test_of_an_empty_log_nothing_is_known():
    timeline = Timeline.of([])
    assert timeline.evaluations == () and timeline.values == {}
    for name in (
        "status",
        "run_start_ms",
        "run_stop_ms",
        "time_to_train_seconds",
        "init_seconds",
        "staging_seconds",
        "train_seconds",
        "eval_seconds",
        "epochs",
        "samples_per_second",
        "benchmark",
        "division",
        "seed",
        "global_batch_size",
        "train_samples",
        "eval_samples",
        "nodes",
        "accelerators_per_node",
    ):
        assert getattr(timeline, name) is None, name


@given(st.integers(0, len(RUN)))
def test_a_run_that_breaks_off_anywhere_has_no_status_and_no_time_to_train_unless_it_had_stopped(kept):
    timeline = Timeline.of(events(*RUN[:kept]))
    stopped = kept > [key for _, key, _, _ in RUN].index("run_stop")
    assert timeline.status == ("success" if stopped else None)
    assert timeline.time_to_train_seconds == (25.0 if stopped else None)
    assert timeline.epochs in (None, 1, 2)
    assert (timeline.train_seconds is None) == (timeline.epochs is None)


@pytest.mark.parametrize("lost", ["init_start", "init_stop", "run_start", "run_stop"])
def test_half_an_interval_is_no_interval(lost):
    timeline = Timeline.of(events(*(mark for mark in RUN if mark[1] != lost)))
    assert (timeline.init_seconds is None) == lost.startswith("init")
    assert (timeline.time_to_train_seconds is None) == lost.startswith("run")


def test_an_epoch_that_is_not_finished_counts_neither_time_nor_samples():
    timeline = Timeline.of(events(*(mark for mark in RUN if mark[:2] != (28_500, "epoch_stop"))))
    assert (timeline.epochs, timeline.train_seconds, timeline.samples_per_second) == (1, 10.0, 300.0)


def test_stop_marks_without_a_start_count_nothing():
    timeline = Timeline.of(events((5, "eval_stop", None, {}), (9, "epoch_stop", None, {})))
    assert (timeline.train_seconds, timeline.eval_seconds) == (None, None)


def test_an_aborted_run_says_so_and_a_stop_without_status_says_nothing():
    assert Timeline.of(events((1, "run_stop", None, {"status": "aborted"}))).status == "aborted"
    assert Timeline.of(events((1, "run_stop", None, {}))).status is None


def test_of_a_resumed_run_no_time_is_lost():
    first = [(0, "run_start", None, {}), (10_000, "run_stop", None, {"status": "aborted"})]
    second = [(50_000, "run_start", None, {}), (60_000, "run_stop", None, {"status": "success"})]
    timeline = Timeline.of(events(*first, *second))
    assert (timeline.time_to_train_seconds, timeline.status) == (60.0, "success")


def test_of_a_value_given_twice_the_first_counts():
    assert Timeline.of(events((0, "seed", 1, {}), (1, "seed", 2, {}))).seed == 1


def test_an_interval_of_no_time_gives_no_throughput():
    epoch = [(5, f"epoch_{edge}", None, {"epoch_num": 1}) for edge in ("start", "stop")]
    timeline = Timeline.of(events((0, "train_samples", 10, {}), *epoch))
    assert (timeline.epochs, timeline.train_seconds, timeline.samples_per_second) == (1, 0.0, None)


def test_from_the_writer_through_the_reader(tmp_path):
    began = time.monotonic()
    with EventLog(tmp_path / "run.log", 0, lambda: None) as log:
        log.point("seed", 3)
        with log.interval("init"):
            log.point("train_samples", 12)
        log.start("run", sync=True)
        with log.interval("epoch", epoch_num=1):
            log.point("eval_accuracy", 1.0, epoch_num=1)
        log.stop("run", sync=True, status="success")
    timeline = Timeline.of(read_events(tmp_path / "run.log"))
    assert (timeline.seed, timeline.train_samples, timeline.status, timeline.epochs) == (3, 12, "success", 1)
    assert timeline.evaluations == ((1, 1.0),)
    assert 0 <= timeline.init_seconds and 0 <= timeline.time_to_train_seconds
    assert timeline.init_seconds + timeline.time_to_train_seconds <= time.monotonic() - began + 0.002  # rounded


def test_epochs_that_overlap_and_evaluations_beside_them_are_told_apart_by_their_number():
    timeline = Timeline.of(
        events(
            (0, "run_start", None, {}),
            (0, "epoch_start", None, {"epoch_num": 1}),
            (6_000, "epoch_start", None, {"epoch_num": 2}),  # while the first is evaluated
            (6_000, "eval_start", None, {"epoch_num": 1}),
            (8_000, "eval_stop", None, {"epoch_num": 1.0}),
            (8_000, "epoch_stop", None, {"epoch_num": 1}),
            (13_000, "epoch_stop", None, {"epoch_num": 2}),
            (13_000, "epoch_start", None, {"epoch_num": 3}),
            (14_000, "eval_start", None, {"epoch_num": 2}),  # of another epoch: not taken out of the third
            (16_000, "eval_stop", None, {"epoch_num": 2}),
            (18_000, "epoch_stop", None, {"epoch_num": 3}),
            (18_000, "run_stop", None, {"status": "success"}),
        )
    )
    assert timeline.train_seconds == 6.0 + 7.0 + 5.0
    assert (timeline.eval_seconds, timeline.epochs) == (4.0, 3)


def test_what_begins_after_run_stop_is_not_of_the_run():
    more = [
        (40_000, "epoch_start", None, {"epoch_num": 3}),
        (41_000, "eval_start", None, {"epoch_num": 3}),
        (42_000, "eval_stop", None, {"epoch_num": 3}),
        (42_000, "epoch_stop", None, {"epoch_num": 3}),
        (42_000, "eval_accuracy", 0.99, {"epoch_num": 3}),
    ]
    run, longer = Timeline.of(events(*RUN)), Timeline.of(events(*RUN, *more))
    for name in ("train_seconds", "eval_seconds", "epochs"):
        assert getattr(longer, name) == getattr(run, name)
    assert longer.evaluations == (*run.evaluations, (3, 0.99))
    assert longer.evaluations_at_stop == run.evaluations_at_stop == 2
    assert run.marks == (1, 1) and Timeline.of(events(*RUN, *RUN)).marks == (2, 2)


def test_staging_is_on_the_clock_from_run_start_on():
    before = [(100, "staging_start", None, {}), (900, "staging_stop", None, {})]
    timeline = Timeline.of(events(*before, *RUN))
    assert (timeline.staging_seconds, timeline.staging_on_clock_seconds) == (0.8 + 0.25, 0.25)


def test_a_metric_of_another_name():
    both = events((0, "eval_error", 0.2, {"epoch_num": 1}), (0, "eval_accuracy", 0.9, {}))
    timeline = Timeline.of(both, "eval_error")
    assert timeline.evaluations == ((1, 0.2),)
