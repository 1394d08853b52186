"""Runs that are sums of others are told from honest ones, however alike these are."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Callable

import pytest
from test_likeness import TASKS

from benchmark.definition.curves import read_recorded
from benchmark.validation.checks.dependence import OF_LOSSES, few_values, in_another_order, sum_of_others

Runs = dict[str, list[float]]
EPOCHS = range(1, 9)


def losses(seed: int, runs: int = 5) -> Runs:
    chance = random.Random(f"losses {seed}")
    return {str(run): [0.04 + 0.4 / n**1.9 * math.exp(chance.gauss(0, 0.02)) for n in EPOCHS] for run in range(runs)}


def lengths(seed: int, noise_ms: float, epochs: int = 8) -> Runs:
    """Of epochs of one machine: the first ones are longer, alike in all runs."""
    chance = random.Random(f"lengths {seed} {noise_ms}")
    return {
        str(run): [float(round(3000 + 400 / n**2 + chance.gauss(0, noise_ms))) for n in range(1, epochs + 1)]
        for run in range(5)
    }


def readings(seed: int, step: float, noise_watts: float, runs: int = 5) -> Runs:
    """A load that comes and goes at the same times in all runs, after a start from idle."""
    chance = random.Random(f"watts {seed} {step} {noise_watts}")

    def watts(second: int) -> float:
        level = 60.0 if second < 2 else 80.0 if second % 4 == 3 else 100.0
        return step * round((level + chance.gauss(0, noise_watts)) / step)

    return {str(run): [watts(second) for second in range(30)] for run in range(runs)}


def of_losses(runs: Runs, recorded: Runs | None = None) -> object:
    return sum_of_others(runs, recorded or {}, OF_LOSSES, 0.0)


def of_lengths(runs: Runs) -> object:
    return sum_of_others(runs, {}, 0.0, 1.0, alike=True)


def of_readings(runs: Runs, step: float) -> object:
    return sum_of_others(runs, {}, 0.0, step, logarithms=False)


def test_honest_runs_are_no_sums() -> None:
    assert [seed for seed in range(60) if of_losses(losses(seed))] == []
    for noise_ms in (0.3, 1.0, 3.0, 30.0):
        assert [seed for seed in range(60) if of_lengths(lengths(seed, noise_ms))] == []
    for step, noise_watts in ((0.01, 0.05), (0.01, 1.0), (0.04, 0.2)):
        assert [seed for seed in range(20) if of_readings(readings(seed, step, noise_watts), step)] == []


def test_runs_without_epochs_are_passed_over() -> None:
    assert of_lengths(lengths(1, 3.0) | {"4": []}) is None
    assert of_losses({"0": [], "1": []}, losses(1)) is None


def test_recorded_runs_are_no_sums_of_each_other() -> None:
    for task, rung in (("powder", "powder_mini"), ("density", "density_mini"), ("space_group", "stemdl_mini_v2")):
        runs = read_recorded(TASKS / task, rung).runs
        for kind in ("values", "losses"):
            curves = {str(number): list(getattr(run, kind)) for number, run in enumerate(runs)}
            own = {name: curves[name] for name in list(curves)[:5]}
            assert of_losses(own, {name: curves[name] for name in list(curves)[5:]}) is None, json.dumps(own)


def mean_of_three(runs: Runs) -> list[float]:
    return [round(sum(each) / 3) for each in zip(*(runs[name] for name in "012"), strict=True)]


@pytest.mark.parametrize(
    "made",
    [
        lambda runs: [0.93 * value + 0.004 for value in runs["1"]],
        lambda runs: [0.4 * one + 0.6 * other for one, other in zip(runs["1"], runs["2"], strict=True)],
        lambda runs: [math.sqrt(one * other) for one, other in zip(runs["1"], runs["2"], strict=True)],
        lambda runs: [2 / 3 * sum(each[1:]) - each[0] for each in zip(*(runs[name] for name in "0123"), strict=True)],
    ],
)
def test_losses_that_are_made_of_others_are_found(made: Callable[[Runs], list[float]]) -> None:
    runs = losses(1)
    assert of_losses(runs | {"4": made(runs)}) is not None


@pytest.mark.parametrize(
    "made",
    [
        mean_of_three,
        lambda runs: [round(0.95 * value) for value in [*runs["1"][2:], *runs["1"][:2]]],
        lambda runs: [round(6100 - value) for value in runs["1"]],
    ],
)
def test_lengths_that_are_made_of_others_are_found(made: Callable[[Runs], list[float]]) -> None:
    runs = lengths(1, 300.0, epochs=12)
    assert of_lengths(runs | {"4": made(runs)}) is not None


def test_recorded_runs_that_are_mixed_are_found() -> None:
    recorded = losses(7, runs=6)
    own = losses(8) | {"3": [0.5 * (one + other) for one, other in zip(recorded["2"], recorded["5"], strict=True)]}
    found = of_losses(own, {f"recorded {name}": curve for name, curve in recorded.items()})
    assert found == ("3", ("recorded 2", "recorded 5"))


@pytest.mark.parametrize("made", [lambda watts: 140 - watts, lambda watts: 0.8 * watts + 11, lambda watts: watts - 8.5])
def test_readings_that_are_made_of_another_runs_are_found(made: Callable[[float], float]) -> None:
    runs = readings(1, 0.01, 1.5)
    assert of_readings(runs | {"4": [round(made(watts), 2) for watts in runs["1"]]}, 0.01) is not None


@pytest.mark.parametrize("noise_ms", [0.3, 1.0, 3.0, 30.0])
@pytest.mark.parametrize("epochs", [2, 3, 8])
def test_lengths_of_honest_epochs_may_be_alike_by_chance(noise_ms: float, epochs: int) -> None:
    for seed in range(200):
        runs = [[int(each) for each in run] for run in lengths(seed, noise_ms, epochs).values()]
        again = [run for at, run in enumerate(runs) if sorted(run) in map(sorted, runs[:at])]
        assert all(10 * in_another_order(run, runs) >= 1e-6 for run in again)


def test_lengths_of_another_run_in_another_order_are_no_chance() -> None:
    runs = [[int(each) for each in run] for run in lengths(1, 30.0).values()]
    runs[4] = sorted(runs[3])
    assert in_another_order(runs[4], runs) < 1e-8
    assert in_another_order(runs[4][:2], [run[:2] for run in runs]) > 1e-6
    assert in_another_order([3000] * 400, [[3000] * 400] * 5) == 1.0  # more orders than a float counts


def test_readings_are_many_numbers_of_a_fine_meter_and_few_of_a_coarse_one() -> None:
    chance = random.Random(3)
    table = [60.0 + offset for offset in (-3.17, -1.92, -0.41, 0.0, 0.88, 1.73, 2.96)]
    assert few_values([chance.choice(table) for _ in range(60)], 0.01) < 1e-6
    for step in (0.01, 0.1, 1.0):
        for noise_watts in (0.02, 0.05, 0.3, 1.0):
            for seed in range(20):
                some = [each for run in readings(seed, step, noise_watts).values() for each in run]
                assert few_values(some, step) >= 1e-6
