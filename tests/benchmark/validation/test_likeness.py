"""Formulas, and runs made of others with noise, are told from what honest runs have."""

from __future__ import annotations

import json
import math
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmark.definition.curves import read_recorded
from benchmark.validation.checks.likeness import formula_of, nearest, now_one_now_another
from benchmark.validation.trace import LOSSES, RATES
from benchmark.validation.validate import validate

ROOT = Path(__file__).resolve().parents[3]
TASKS = ROOT / "benchmark" / "tasks"
PUBLISHED = ROOT / "results" / "reference"
PREFIX = ":::MLLOG "
EPOCHS = range(1, 9)


def honest(runs: int, seed: int, noise: float = 0.02) -> list[list[float]]:
    chance = random.Random(seed)
    return [[math.log(0.04 + 0.4 / n**1.9) + chance.gauss(0, noise) for n in EPOCHS] for _ in range(runs)]


@pytest.mark.parametrize("kind", [LOSSES, RATES])
def test_honest_runs_are_of_themselves(kind: str) -> None:
    assert [found for seed in range(300) if (found := nearest(honest(5, seed), kind))] == []


@pytest.mark.parametrize("kept", [0.0, 0.02, 0.2])
def test_a_run_may_be_as_lucky_as_another_throughout(kept: float) -> None:
    """`kept`: how much luck a run keeps in all epochs, of the logarithm; each epoch has a hundredth of its own."""
    for seed in range(300):
        chance = random.Random(seed)
        luck = [chance.gauss(0, kept) for _ in range(5)]
        runs = [[value + more for value in curve] for curve, more in zip(honest(5, seed, 0.01), luck, strict=True)]
        assert now_one_now_another(runs) is None


def test_recorded_runs_are_of_themselves() -> None:
    for task, rung in (("powder", "powder_mini"), ("density", "density_mini")):
        for curves in zip(*((run.values, run.losses) for run in read_recorded(TASKS / task, rung).runs), strict=True):
            assert nearest([[math.log(value) for value in curve] for curve in curves], LOSSES) is None
            assert now_one_now_another([[math.log(value) for value in curve] for curve in curves]) is None
            assert [formula_of(curve) for curve in curves] == [""] * len(curves)


@pytest.mark.parametrize(
    "made",
    [
        lambda runs: runs[1],
        lambda runs: [value + 0.3 for value in runs[1]],
        lambda runs: [0.4 * one + 0.6 * other for one, other in zip(runs[1], runs[2], strict=True)],
        lambda runs: [0.97 * value - 0.06 for value in runs[1]],
        lambda runs: [runs[1 + epoch % 2][epoch] for epoch in range(len(EPOCHS))],
        lambda runs: [runs[epoch // 2][epoch] for epoch in range(len(EPOCHS))],
    ],
)
def test_a_run_made_of_others_is_found_under_noise(made: Callable[[list[list[float]]], list[float]]) -> None:
    chance, runs = random.Random(1), honest(5, 1)
    runs[4] = [value + chance.gauss(0, 2e-4) for value in made(runs)]
    found = nearest(runs, LOSSES) or now_one_now_another(runs)
    assert found is not None and 4 in (found[1], *found[2])


@pytest.mark.parametrize("kind", [LOSSES, RATES])
def test_curves_that_do_not_change_or_are_alike_end_no_check(kind: str) -> None:
    constant = [*honest(4, 3), [0.5] * 8]
    assert nearest(constant, kind) is None and now_one_now_another(constant) is None
    first, second, third = honest(3, 4)
    found = nearest([first, [*first], second, [*second], third], kind)
    assert found is None or found[1] != 4  # the one run that is no copy


def test_rates_turned_around_are_found() -> None:
    chance, runs = random.Random(2), honest(5, 2)
    runs[3] = [value + chance.gauss(0, 2e-4) for value in reversed(runs[0])]
    found = nearest(runs, RATES)
    assert found is not None and {found[1], *found[2]} == {0, 3}


@pytest.mark.parametrize(
    ("curve", "name"),
    [
        ([0.2 + 0.6 * math.exp(-0.8 * n) for n in EPOCHS], "an exponential of the epoch"),
        ([0.0395 + 0.36 / n**1.95 for n in EPOCHS], "a power of the epoch"),
        ([2.0 - 1.1 / (n + 1) ** 0.313 for n in EPOCHS], "a power of the epochs and one"),
        ([0.04 + 0.36 / n**1.95 * (1 + 1e-4 * (-1) ** n) for n in EPOCHS], ""),
        ([0.5] * 8, ""),
        ([0.5, 0.4, 0.3, 0.2], ""),
    ],
)
def test_formulas_are_named(curve: list[float], name: str) -> None:
    assert formula_of(curve) == name


def changed(folder: Path, change: Callable[[int, int, dict[str, object]], None]) -> set[str]:
    """What is said of the published density runs, each value of a log changed by the run, the epoch and its event."""
    shutil.copytree(PUBLISHED, folder)
    for run in range(5):
        path = next(folder.glob(f"results/*/strong/density_mini/result_{run}.txt"))
        events = [json.loads(line.removeprefix(PREFIX)) for line in path.read_text().splitlines()]
        for event in events:
            change(run, event["metadata"].get("epoch_num", 0), event)
        path.write_text("".join(f"{PREFIX}{json.dumps(event)}\n" for event in events))
    return {finding.message for finding in validate([folder], official=False).findings if finding.rule == "R4.6"}


def of_a_formula(run: int, epoch: int, event: dict[str, object]) -> None:
    if run == 4 and event["key"] == "tracked_stats":
        event["value"]["loss"] = 0.0395 + 0.36 / epoch**1.95


def of_the_first(run: int, epoch: int, event: dict[str, object]) -> None:
    rates = [46.0 + random.Random(place).gauss(0, 4) for place in range(20)]
    if run in (0, 4) and event["key"] == "tracked_stats":
        event["value"]["throughput"] = rates[epoch] * (1 + random.Random(100 * run + epoch).gauss(0, 1e-4))


def of_two_recorded(run: int, epoch: int, event: dict[str, object]) -> None:
    if run == 4 and event["key"] == "tracked_stats":
        recorded = [each.losses for each in read_recorded(TASKS / "density", "density_mini").runs[:2]]
        event["value"]["loss"] = math.sqrt(math.prod(losses[min(epoch, len(losses)) - 1] for losses in recorded))


def of_the_dev_score(run: int, epoch: int, event: dict[str, object]) -> None:
    if event["key"] == "eval_error":
        event["value"] = of_the_dev_score.last = 0.219 - random.Random(run).uniform(0, 0.004) + (9 - epoch) * 0.01
    if event["key"] == "test_error":
        event["value"] = of_the_dev_score.last * 0.985 * (1 + random.Random(run).gauss(0, 1e-6))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (of_a_formula, "the losses are a power of the epoch"),
        (of_the_first, "the samples/s are those of other runs, with noise"),
        (of_two_recorded, "the losses of a run are made of those of others"),
        (of_the_dev_score, "the test scores are one share of the dev scores"),
    ],
)
def test_published_runs_that_were_changed_are_found(
    tmp_path: Path, change: Callable[[int, int, dict[str, object]], None], message: str
) -> None:
    assert message in changed(tmp_path / "reference", change)
