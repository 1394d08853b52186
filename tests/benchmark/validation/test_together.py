"""Runs of few epochs that are made of others are found by all their numbers together, and honest ones are not."""

from __future__ import annotations

import dataclasses
import math
import random
from collections.abc import Callable, Sequence

import pytest

from benchmark.validation.checks.together import (
    DOUBTFUL,
    Told,
    lengths_again,
    pieced_together,
    power_of_another,
    sum_of_others,
)

WAYS = (sum_of_others, power_of_another, pieced_together, lengths_again)
Slow = Callable[[random.Random, int], list[float]]


def all_day(chance: random.Random, epochs: int) -> list[float]:
    """Other programs slow a whole run, or not."""
    return [chance.choice((1.0, chance.uniform(1.2, 2.5)))] * epochs


def now_and_then(chance: random.Random, epochs: int) -> list[float]:
    return [chance.uniform(1.1, 2.0) if chance.random() < 0.4 else 1.0 for _ in range(epochs)]


def always(chance: random.Random, epochs: int) -> list[float]:
    return [math.exp(chance.gauss(0, 0.3)) for _ in range(epochs)]


def at_first(chance: random.Random, epochs: int) -> list[float]:
    """The first epoch takes longer, and each run has a speed of its own."""
    speed = chance.uniform(1.0, 1.2)
    return [1.2 * speed] + [speed] * (epochs - 1)


def never(chance: random.Random, epochs: int) -> list[float]:
    return [1.0] * epochs


def honest(seed: int, slow: Slow, noise: float, fewest: int = 4) -> list[Told]:
    chance = random.Random(seed)
    ms, alike = 10 ** chance.uniform(2.5, 5), chance.randint(2, 8) if chance.random() < 0.5 else None
    runs = []
    for _ in range(chance.randint(fewest, 10)):
        epochs = alike or chance.randint(2, 7)
        slower = slow(chance, epochs)
        losses = tuple((2.2 * math.exp(-0.4 * n) + 0.3) * math.exp(chance.gauss(0, 0.01)) for n in range(epochs))
        lengths, evaluations = (
            tuple(float(max(1, round(ms * share * each * (1 + chance.gauss(0, noise))))) for each in slower)
            for share in (1.0, 0.13)
        )
        runs.append(Told(None, losses, lengths, evaluations, True))  # type: ignore[arg-type]
    return runs


@pytest.mark.parametrize("slow", [all_day, now_and_then, always, at_first, never])
@pytest.mark.parametrize("noise", [2e-4, 2e-3, 1e-2])
def test_honest_runs_are_of_themselves(slow: Slow, noise: float) -> None:
    sets = [honest(seed, slow, noise) for seed in range(8)]
    assert [(way.__name__, found) for runs in sets for way in WAYS if (found := way(runs))] == []


def made(kinds: Callable[[str], Sequence[float]]) -> Told:
    lengths = {name: tuple(float(round(each)) for each in kinds(name)) for name in ("epochs", "evaluations")}
    return Told(None, tuple(kinds("losses")), known=True, **lengths)  # type: ignore[arg-type]


def three_epochs(seed: int) -> list[Told]:
    """Five runs of three epochs on a busy machine."""
    runs = [each for each in honest(seed, always, 2e-3, fewest=10) if len(each.losses) >= 3][:5]
    return [made(lambda kind, run=run: getattr(run, kind)[:3]) for run in runs]


def mirrored(runs: Sequence[Told]) -> Told:
    """Two thirds of three runs, less one of them."""
    return made(
        lambda kind: [
            2 / 3 * (a + b + c) - c for a, b, c in zip(*(getattr(run, kind) for run in runs[:3]), strict=True)
        ]
    )


def warped(runs: Sequence[Told]) -> Told:
    factor = {"losses": 1.0, "epochs": 1.14, "evaluations": 1.14}
    return made(lambda kind: [factor[kind] * value**0.985 for value in getattr(runs[0], kind)])


def patched(runs: Sequence[Told]) -> Told:
    chance = random.Random(7)
    return made(
        lambda kind: [getattr(runs[at], kind)[at] * (1 + chance.gauss(0, 1e-3)) for at in range(3)],
    )


def with_one_twice(runs: Sequence[Told]) -> Told:
    of = runs[1]
    lengths = {
        name: (*getattr(of, name)[1:], getattr(of, name)[0], getattr(of, name)[1]) for name in ("epochs", "evaluations")
    }
    return dataclasses.replace(of, losses=(2.31, 1.12, 0.82, 0.61), **lengths)


@pytest.mark.parametrize(
    ("make", "way", "of"),
    [
        (mirrored, sum_of_others, {0, 1, 2, 4}),
        (warped, power_of_another, {0, 4}),
        (patched, pieced_together, {0, 1, 2, 4}),
        (with_one_twice, lengths_again, {1, 4}),
    ],
)
def test_a_run_made_of_others_is_found(make: Callable, way: Callable, of: set[int]) -> None:
    sets = [three_epochs(seed) for seed in range(30)]
    sets = [runs for runs in sets if len(runs) == 5 and max(runs[0].epochs) > 1_000]
    assert len(sets) > 10
    found = [way([*runs[:4], make(runs)]) for runs in sets]
    told = [each for each in found if each is not None]
    assert all(chance < DOUBTFUL and {place, *others} <= of | {place} for chance, place, others in told)
    assert len(told) > 0.6 * len(sets), f"{len(told)} of {len(sets)}"


def test_losses_of_a_smooth_task_are_powers_of_each_other() -> None:
    """Where a task leaves no noise and no runs were recorded, nobody knows that it should."""
    runs = [dataclasses.replace(run, known=False) for run in three_epochs(1)]
    copy = dataclasses.replace(
        runs[0], losses=tuple(loss**1.02 for loss in runs[0].losses), epochs=runs[3].epochs[::-1]
    )
    assert power_of_another([*runs[:4], copy]) is None
