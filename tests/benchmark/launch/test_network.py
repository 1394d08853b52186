"""Sums over ranks are held against what they must be, and their times are what they say."""

from __future__ import annotations

import numpy as np
import pytest

from benchmark.launch import network as measured
from benchmark.launch.network import Effort, TensorReducer, measure

EFFORT = Effort(small_repeats=3, large_bytes=4_000_000, large_repeats=2)


class Ranks:
    """Sums as so many ranks would give them; by its clock, after 1 ms those of a number, and after 10 ms others."""

    name = "made"

    def __init__(self, size: int, wrong_at: int | None = None) -> None:
        self.size, self.wrong_at, self.given, self.seconds = size, wrong_at, [], 0.0

    def filled(self, value: float, count: int) -> np.ndarray:
        self.given.append((value, count))
        return np.full(count, value, np.float32)

    def sum(self, vector: np.ndarray) -> np.ndarray:
        self.seconds += 0.001 if len(vector) == 1 else 0.01
        total = np.zeros_like(vector)
        for rank in range(self.size):  # in float32, as the ranks do
            total += np.float32(1 + rank % 7)
        if self.wrong_at is not None and len(vector) > self.wrong_at:
            total[self.wrong_at] = 0
        return total

    def extremes(self, vector: np.ndarray) -> tuple[float, float]:
        return float(vector.min()), float(vector.max())


@pytest.mark.parametrize("size", [2, 24, 3000])
def test_right_sums_are_found_right(size: int) -> None:
    ranks = Ranks(size)
    network = measure(ranks, size - 1, size, EFFORT)
    assert network.wrong == ""
    assert ranks.given == [(1 + (size - 1) % 7, 1), (1 + (size - 1) % 7, 1_000_000)]


def test_a_sum_of_the_most_ranks_is_exact_in_float32() -> None:
    values = 1 + np.arange(1_000_000) % 7
    assert values.sum() < 2**24 and float(np.float32(values.sum())) == values.sum()


def test_one_wrong_element_is_found() -> None:
    assert measure(Ranks(2, wrong_at=999_999), 0, 2, EFFORT).wrong == "1000000 numbers summed to 0 to 3 instead of 3"
    assert measure(Ranks(2, wrong_at=0), 0, 2, EFFORT).wrong == "1 number summed to 0 instead of 3"


def test_figures_are_those_of_the_times(monkeypatch: pytest.MonkeyPatch) -> None:
    ranks = Ranks(4)
    monkeypatch.setattr(measured.time, "perf_counter", lambda: ranks.seconds)
    network = measure(ranks, 0, 4, EFFORT)
    assert network.latency_seconds == pytest.approx(0.001)
    assert network.bandwidth_bytes_per_second == pytest.approx(2 * 3 / 4 * 4_000_000 / 0.01)
    assert network.to_dict()["message_bytes"] == 4_000_000


def test_tensors_are_summed_where_they_are() -> None:
    import torch

    reducer = TensorReducer("twice", torch.device("cpu"), lambda tensor: tensor * 2)
    vector = reducer.filled(1.5, 4)
    assert vector.dtype == torch.float32 and reducer.extremes(reducer.sum(vector)) == (3.0, 3.0)
