"""Runs of a batch size between two recorded ones are held to both, and honest ones are within."""

from __future__ import annotations

import math
from pathlib import Path
from statistics import fmean

import pytest
from changes import with_batch
from corpus import Tree
from honest_run import RANKS, at, mean_of_batches

from benchmark.events import keys
from benchmark.validation.checks.neighbours import between, neighbours
from benchmark.validation.standard import standards
from benchmark.validation.validate import validate

CURVES = standards()["stemdl_mini"].curves
LOSSES = [(each.global_batch_size, each.losses[0]) for each in CURVES]
MEASURED = {
    20: (2.3431, 2.3872, 2.3902, 2.4013, 2.3419, 2.3245),
    24: (2.3727, 2.3175, 2.4016, 2.4071, 2.3648, 2.484, 2.3918, 2.4241),
    48: (2.6123, 2.6689, 2.668),
}
"""Losses of the first epoch of runs that were made at these batch sizes, on 1 and 2 ranks."""


def findings(folder: Path, batch: int, first: list[float]) -> list[str]:
    """What is found in a tree of runs of this batch size whose first epochs have these losses."""
    tree = Tree.valid()
    with_batch(batch)(tree)
    for index, lines in tree.logs.items():
        event = lines[at(lines, keys.TRACKED_STATS, 0)]
        event["value"]["loss"] = mean_of_batches(first[index], event["metadata"]["step_num"] * RANKS)
    return [each.message for each in validate([tree.write(folder / "Somewhere")], official=False).findings]


def spread_between(batch: int) -> list[float]:
    """Losses between those of the recorded runs of two batch sizes, spread as theirs."""
    (small, less), (large, more) = neighbours(LOSSES, batch)
    way = math.log(batch / small) / math.log(large / small)
    mean, spread = fmean(less) + way * (fmean(more) - fmean(less)), max(less) - min(less)
    return [mean + (part + 0.0123) * spread for part in (-0.5, 0.5, -0.13, 0.29, -0.07)]


@pytest.mark.parametrize("batch", [20, 24, 28])
def test_losses_between_those_of_the_neighbours_are_no_finding(tmp_path: Path, batch: int) -> None:
    assert findings(tmp_path, batch, spread_between(batch)) == []


@pytest.mark.parametrize(("batch", "of"), [(18, 32), (20, 32), (40, 64), (48, 16)])
def test_losses_of_another_batch_size_are(tmp_path: Path, batch: int, of: int) -> None:
    others = [each.losses[0] + 0.00137 for each in CURVES if each.global_batch_size == of]
    first = [others[index % len(others)] + 1e-3 * index * (-1) ** index for index in range(5)]
    assert f"the losses after epoch 1 are not those of batch size {batch}" in findings(tmp_path, batch, first)


@pytest.mark.parametrize("batch", MEASURED)
def test_measured_runs_are_within_alone_and_together(batch: int) -> None:
    known = neighbours(LOSSES, batch)
    assert known is not None
    for first in (MEASURED[batch], *([each] for each in MEASURED[batch])):
        low, high = between(*known, batch, len(first))
        assert low < fmean(first) < high


@pytest.mark.parametrize("batch", [8, 16, 32, 64, 128])
def test_batch_sizes_that_were_recorded_or_lie_beyond_have_no_neighbours(batch: int) -> None:
    assert neighbours(LOSSES, batch) is None
    assert neighbours(LOSSES[:2], 20) is None


def test_a_size_just_beyond_all_is_held_to_the_line_of_the_two_nearest() -> None:
    scores = [(each.global_batch_size, each.values[0]) for each in CURVES]
    for batch, honest, of_32 in ((15, 0.75, 0.495), (75, 0.05, 0.495)):
        low, high = between(*neighbours(scores, batch), batch, 5)
        assert low < honest < high and not low < of_32 < high
    assert neighbours(scores, 12) is None and neighbours(scores, 80) is None
