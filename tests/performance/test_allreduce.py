"""The time of an all-reduce: what theory says of the algorithms, and that known links are found again from times."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.foundation.errors import StemdlError
from performance.step_time import (
    ALGORITHMS,
    Link,
    Measured,
    ModelCluster,
    allreduce_seconds,
    best_fit,
    cluster_allreduce_seconds,
    fit_allreduce,
)

SIZES, RANKS = (1e3, 1e5, 1e7), (2, 4, 8)
links = st.builds(Link, st.floats(1e-7, 1e-3), st.floats(1e6, 1e12))
sizes, ranks = st.floats(1.0, 1e10), st.integers(1, 30_000)


def timed(link: Link, algorithm: str, counts: tuple[int, ...] = RANKS, fixed: float = 0.0) -> list[Measured]:
    return [
        Measured(size, count, fixed + allreduce_seconds(size, count, link, algorithm))
        for size in SIZES
        for count in counts
    ]


def ring_by_hand(size: float, count: int, link: Link) -> float:
    """Step by step: each rank sends one part of as many as there are ranks, to be summed and then to be spread."""
    seconds = 0.0
    for _ in ("sum", "spread"):
        for _ in range(count - 1):
            seconds += link.latency_seconds + size / count / link.bytes_per_second
    return seconds


@given(sizes, st.integers(1, 64), links)
def test_a_ring_takes_the_time_of_its_messages(size: float, count: int, link: Link):
    assert allreduce_seconds(size, count, link, "ring") == pytest.approx(ring_by_hand(size, count, link))


def test_the_algorithms_by_hand_on_eight_ranks():
    link = Link(1.0, 1.0)
    assert [allreduce_seconds(8.0, 8, link, name) for name in ("ring", "recursive doubling", "double tree")] == [
        14 + 14,
        3 + 24,
        6 + 16,
    ]
    assert allreduce_seconds(8.0, 8, link) == 22


@given(sizes, ranks, links)
def test_it_takes_longer_with_more_bytes_more_ranks_and_more_latency(size: float, count: int, link: Link):
    seconds = allreduce_seconds(size, count, link)
    assert seconds == 0.0 if count == 1 else seconds > 0.0
    assert allreduce_seconds(size, 1, link) == 0.0
    assert allreduce_seconds(2 * size, count, link) >= seconds
    assert allreduce_seconds(size, count + 1, link) >= seconds * (1 - 1e-12)
    assert allreduce_seconds(size, count, Link(2 * link.latency_seconds, link.bytes_per_second)) >= seconds


@given(sizes, ranks, links, links, st.integers(1, 8))
def test_two_levels_are_the_sum_of_both(size: float, count: int, between: Link, within: Link, per_node: int):
    cluster = ModelCluster(between, within, per_node)
    seconds = cluster_allreduce_seconds(size, count, cluster)
    assert cluster_allreduce_seconds(size, count + 1, cluster) >= seconds * (1 - 1e-12)
    if count <= per_node:
        assert seconds == allreduce_seconds(size, count, within, "ring")
    if per_node == 1:
        assert seconds == allreduce_seconds(size, count, between)


@given(links, st.sampled_from(list(ALGORITHMS)), st.floats(0.0, 1e-2))
def test_a_known_link_is_found_again(link: Link, algorithm: str, fixed: float):
    measured = timed(link, algorithm, fixed=fixed)
    fit = fit_allreduce(measured, algorithm)
    assert fit.relative_error < 1e-6
    assert all(fit.seconds(each.size_bytes, each.ranks) == pytest.approx(each.seconds) for each in measured)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("fixed", [0.0, 5e-4])
def test_latency_bandwidth_and_fixed_cost_are_found_again(algorithm: str, fixed: float):
    link = Link(2e-5, 1e9)
    fit = best_fit(timed(link, algorithm, fixed=fixed))
    assert (fit.algorithm, fit.fixed_seconds) == (algorithm, pytest.approx(fixed, abs=1e-9))
    assert fit.link.latency_seconds == pytest.approx(link.latency_seconds, rel=1e-6)
    assert fit.link.bytes_per_second == pytest.approx(link.bytes_per_second, rel=1e-6)


def test_one_number_of_ranks_has_no_fixed_cost():
    fit = fit_allreduce(timed(Link(1e-5, 1e9), "ring", counts=(2,)), "ring")
    assert fit.fixed_seconds == 0.0 and fit.link.latency_seconds == pytest.approx(1e-5)


def test_noise_shows_in_the_error_and_barely_in_the_link():
    generator = random.Random(1)
    noisy = [
        Measured(each.size_bytes, each.ranks, each.seconds * generator.uniform(0.9, 1.1))
        for each in timed(Link(2e-5, 1e9), "ring") * 4
    ]
    fit = fit_allreduce(noisy, "ring")
    assert 0.02 < fit.relative_error < 0.1
    assert fit.link.bytes_per_second == pytest.approx(1e9, rel=0.1)


def test_times_that_fall_with_the_size_have_no_bandwidth():
    fit = fit_allreduce([Measured(8.0, 2, 1.1e-3), Measured(16.0, 2, 0.9e-3)], "ring")
    assert fit.link.bytes_per_second == math.inf and fit.link.latency_seconds == pytest.approx(5e-4, rel=0.02)


@pytest.mark.parametrize(
    "measured",
    [
        [],
        [Measured(8.0, 1, 1.0)],
        [Measured(8.0, 2, 0.0)],
        [Measured(8.0, 2, 1.0)],
        [Measured(8.0, 2, 1.0)] * 5,
    ],
)
def test_too_little_to_fit_is_refused(measured: list[Measured]):
    with pytest.raises(StemdlError):
        fit_allreduce(measured, "ring")


@pytest.mark.parametrize(
    "make",
    [
        lambda: Link(-1.0, 1.0),
        lambda: Link(1.0, 0.0),
        lambda: Link(math.nan, 1.0),
        lambda: ModelCluster(Link(1.0, 1.0), Link(1.0, 1.0), 0),
    ],
)
def test_links_that_cannot_be_are_refused(make):
    with pytest.raises(StemdlError):
        make()
