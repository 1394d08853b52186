"""The time of a step on many ranks: bounds, what makes it worse, and a case by hand."""

from __future__ import annotations

import dataclasses
import statistics
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from patience import HANG_SECONDS

from benchmark.foundation.errors import StemdlError
from performance.step_time import (
    Link,
    ModelCluster,
    Step,
    cluster_allreduce_seconds,
    largest_of_normals,
    overlap_of,
    predict,
)

ROOT = Path(__file__).resolve().parents[2]
CLUSTER = ModelCluster(Link(2e-6, 25e9), Link(2e-6, 50e9), 6)
STEP = Step(0.1, 0.06, 0.0, 1e8, overlap=0.5, spread=0.01)
steps = st.builds(
    lambda compute, share, *others: Step(compute, share * compute, *others),
    st.floats(1e-4, 10.0),
    st.floats(0.0, 1.0),
    st.floats(0.0, 1.0),
    st.floats(0.0, 1e10),
    st.floats(0.0, 1.0),
    st.floats(0.0, 0.2),
    st.floats(0.0, 0.1),
)


@given(steps, st.integers(1, 30_000))
def test_efficiency_is_a_share_and_falls_with_ranks_latency_and_spread(step: Step, ranks: int):
    found = predict(step, ranks, CLUSTER)
    assert 0.0 < found.efficiency <= 1.0
    assert 0.0 <= found.blocked_seconds <= found.exchange_seconds
    assert found.step_seconds == pytest.approx(
        step.compute_seconds + step.input_seconds + found.waiting_seconds + found.blocked_seconds
    )
    not_more = found.efficiency * (1 + 1e-12)
    assert predict(step, ranks + 1, CLUSTER).efficiency <= not_more
    slower = dataclasses.replace(CLUSTER, between=Link(4e-6, 25e9))
    assert predict(step, ranks, slower).efficiency <= not_more
    assert predict(dataclasses.replace(step, spread=step.spread + 0.01), ranks, CLUSTER).efficiency <= not_more
    assert predict(dataclasses.replace(step, overlap=0.0), ranks, CLUSTER).efficiency <= not_more
    dearer = dataclasses.replace(step, fixed_seconds=step.fixed_seconds + 0.01)
    assert predict(dearer, ranks, CLUSTER).efficiency <= not_more


@given(steps)
def test_one_rank_alone_is_perfect(step: Step):
    assert predict(step, 1, CLUSTER).efficiency == 1.0


def test_a_case_by_hand():
    step = Step(0.1, 0.06, 0.02, 1e9, overlap=1.0)
    exchange = cluster_allreduce_seconds(1e9, 12, CLUSTER)
    assert exchange == pytest.approx(10 * 2e-6 + 10 / 6 / 50 + 2e-6 + 1 / 25)  # in the nodes, and between the two
    assert exchange > 0.06  # longer than what can hide it
    found = predict(step, 12, CLUSTER)
    assert found.blocked_seconds == pytest.approx(exchange - 0.06)
    assert found.efficiency == pytest.approx(0.12 / (0.12 + exchange - 0.06))
    dearer = predict(dataclasses.replace(step, fixed_seconds=0.005), 12, CLUSTER)
    assert dearer.step_seconds == pytest.approx(found.step_seconds + 0.005)


@pytest.mark.parametrize("count", [1, 2, 10, 1000])
def test_the_slowest_of_many_is_as_slow_as_drawing_them_says(count: int):
    drawn = np.random.default_rng(0).standard_normal((4000, count)).max(axis=1)
    assert largest_of_normals(count) == pytest.approx(statistics.fmean(drawn), abs=0.05)


def test_overlap_is_what_was_not_waited_for():
    assert [overlap_of(2.0, blocked) for blocked in (0.0, 0.5, 2.0, 3.0, -1.0)] == [1.0, 0.75, 0.0, 0.0, 1.0]


@pytest.mark.parametrize(
    "changes",
    [
        {"compute_seconds": 0.0},
        {"backward_seconds": 0.2},
        {"overlap": 1.1},
        {"overlap": -0.1},
        {"spread": -1.0},
        {"gradient_bytes": -1.0},
        {"input_seconds": -1.0},
        {"fixed_seconds": -1.0},
        {"compute_seconds": float("nan")},
    ],
)
def test_steps_that_cannot_be_are_refused(changes: dict):
    with pytest.raises(StemdlError):
        dataclasses.replace(STEP, **changes)


def test_no_rank_is_no_job():
    with pytest.raises(StemdlError):
        predict(STEP, 0, CLUSTER)


def test_the_script_predicts_by_the_model_and_prints_what_it_assumes(environment: dict[str, str]):
    done = subprocess.run(
        [
            sys.executable,
            str(ROOT / "performance" / "scaling.py"),
            "--predict",
            "--compute-ms",
            "100",
            "--gradient-mb",
            "400",
            "--overlap",
            "0.5",
            "--spread",
            "0.01",
            "--latency-us",
            "3",
            "--bandwidth-gb-s",
            "12.5",
            "--fixed-ms",
            "5",
        ],
        env=environment,
        capture_output=True,
        text=True,
        timeout=HANG_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "50 % of the exchange during the backward pass" in done.stdout and "12.5 GB/s per node" in done.stdout
    table = {
        int(line.split()[0]): tuple(map(float, line.split()[-2:]))
        for line in done.stdout.splitlines()
        if line.strip()[:2].isdigit() and len(line.split()) == 7
    }
    step = Step(0.1, 0.1 * 2 / 3, 0.0, 4e8, overlap=0.5, spread=0.01)
    cluster = ModelCluster(Link(3e-6, 12.5e9), Link(3e-6, 50e9), 6)
    both = (step, dataclasses.replace(step, fixed_seconds=0.005))
    assert table == {
        ranks: pytest.approx(tuple(predict(each, ranks, cluster).efficiency for each in both), abs=5e-4)
        for ranks in table
    }
    assert list(table) == [24, 384, 27_600]
