"""Estimates of time: means over the units as the plan has them, within the time that is given."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from benchmark.data.cost import MOST_UNITS, Cost, measure
from benchmark.data.recipe import Unit, recipe_of
from benchmark.definition.finder import load_benchmark
from benchmark.simulation.cbed import CbedRung

RUNG = CbedRung.of(load_benchmark("space_group").rung("stemdl_smoke"))
SECONDS = {"2": 1.0, "225": 5.0}
"""What a sample of each stratum costs by the clock of these tests."""


class Timed:
    """A recipe whose samples take the time of their stratum, by a clock of its own."""

    def __init__(self) -> None:
        self.now, self.asked = 0.0, []

    def __call__(self) -> float:
        return self.now

    def make(self, unit: Unit, generator: np.random.Generator, device: str) -> Iterator[str]:
        for number in range(unit.samples):
            self.now += SECONDS[unit.stratum]
            self.asked.append(unit.stratum)
            yield f"sample {number}"


def units(counts: dict[str, int]) -> list[Unit]:
    return [
        Unit(f"{stratum}-{number}", "train", 10, stratum)
        for stratum, count in counts.items()
        for number in range(count)
    ]


def test_strata_are_timed_as_often_as_they_have_units_and_one_sample_of_each() -> None:
    timed = Timed()
    found = measure(timed, RUNG, units({"225": 100, "2": 300}), timed, limit_seconds=1e6)
    times = Counter(timed.asked[1:])  # the first loads libraries
    assert found.timed == MOST_UNITS == times.total() and abs(times["225"] - MOST_UNITS / 4) <= 1
    mean = (times["2"] * 1.0 + times["225"] * 5.0) / MOST_UNITS
    assert found.seconds_per_sample == pytest.approx(mean)
    assert found.seconds(1000, 4) == (pytest.approx(250.0 * mean), pytest.approx(250.0 * found.standard_error))


def test_timing_ends_when_its_time_is_over_but_not_before_two() -> None:
    for limit_seconds, expected in ((0.0, 2), (4.5, 5)):
        timed = Timed()
        assert measure(timed, RUNG, units({"2": 9}), timed, limit_seconds=limit_seconds).timed == expected
    timed = Timed()
    assert measure(timed, RUNG, units({"2": 1}), timed).timed == 1


def test_a_real_rung_is_timed() -> None:
    small = replace(RUNG, optics=replace(RUNG.optics, pixels=16))
    began = time.perf_counter()
    found = measure(recipe_of(small), small, units({"2": 2, "225": 2}), limit_seconds=0.0)
    assert isinstance(found, Cost) and found.timed == 2
    assert 0.0 < found.seconds(2)[0] < time.perf_counter() - began  # the mean of two samples
