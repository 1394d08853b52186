"""Estimates of time: means over the systems as the plan has them, within the time that is given."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from benchmark.data import cost
from benchmark.data.cost import Cost, measure
from benchmark.data.plan import Material
from benchmark.definition.finder import load_benchmark
from benchmark.definition.rung import Rung

RUNG = load_benchmark().rung("stemdl_smoke")
SECONDS = {2: 1.0, 225: 5.0}
"""What a sample of each group costs by the clock of these tests."""


class Clock:
    def __init__(self) -> None:
        self.now, self.asked = 0.0, []

    def __call__(self) -> float:
        return self.now

    def stacks_of(self, rung: Rung, material: Material, device: str) -> Iterator[str]:
        assert material.samples == 1 and device == "cpu"
        self.now += SECONDS[material.space_group]
        self.asked.append(material.identifier)
        yield material.identifier


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(cost, "stacks_of", made.stacks_of)
    return made


def materials(counts: dict[int, int]) -> list[Material]:
    return [
        Material(number, f"{group}-{number}", group, None, 10)
        for group, count in counts.items()
        for number in range(count)
    ]


def test_the_mean_is_weighted_by_how_many_materials_each_system_has(clock: Clock) -> None:
    found = measure(RUNG, materials({2: 300, 225: 100}), clock, limit_seconds=1e6)
    assert found.seconds_per_sample == pytest.approx(0.75 * 1.0 + 0.25 * 5.0) and found.timed == 6
    assert found.seconds(1000, 4) == (pytest.approx(500.0), pytest.approx(250.0 * found.standard_error))
    assert clock.asked[1:] == ["2-50", "225-16", "2-150", "225-50", "2-250", "225-83"]  # the first loads libraries


def test_timing_ends_when_its_time_is_over_but_not_before_two(clock: Clock) -> None:
    assert measure(RUNG, materials({2: 5, 225: 5}), clock, limit_seconds=0.0).timed == 2
    assert measure(RUNG, materials({2: 5, 225: 5}), clock, limit_seconds=7.5).timed == 4


def test_a_real_rung_is_timed() -> None:
    small = replace(RUNG, optics=replace(RUNG.optics, pixels=16))
    began = time.perf_counter()
    found = measure(small, materials({2: 2, 225: 2}), limit_seconds=0.0)
    assert isinstance(found, Cost) and found.timed == 2
    assert 0.0 < found.seconds(2)[0] < time.perf_counter() - began  # the mean of two samples, of two systems alike
