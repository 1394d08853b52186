"""The bands of what can be learned: from recorded runs, which themselves are within them."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest

from benchmark.definition.curves import at_batch_size
from benchmark.validation.checks.plausible import least_loss, losses_can_be, scores_can_be
from benchmark.validation.checks.work import work_takes_its_time
from benchmark.validation.curves import curve_of
from benchmark.validation.limits import Limits
from benchmark.validation.standard import standards
from benchmark.validation.subjects import Log

REFERENCE = Path(__file__).resolve().parents[3] / "results" / "reference"
CURVES = standards()["stemdl_mini"].curves
RECORDED = ("stemdl_mini", "density_mini")


@pytest.mark.parametrize("rung", RECORDED)
@pytest.mark.parametrize("index", range(5))
def test_the_published_runs_are_among_the_recorded_ones_and_within_their_bands(rung: str, index: int) -> None:
    path = next(REFERENCE.glob(f"results/*/strong/{rung}/result_{index}.txt"))
    log = Log.read(path, path.name, Limits())
    assert curve_of(log) in standards()[rung].curves
    assert [*losses_can_be(log), *scores_can_be(log), *work_takes_its_time(log)] == []


@pytest.mark.parametrize(("classes", "smoothing"), [(25, 0.05), (5, 0.05), (2, 0.5), (200, 0.1)])
def test_the_least_loss_is_that_of_the_smoothed_label_itself(classes: int, smoothing: float) -> None:
    """By definition: minus the sum of q ln q, and any other prediction costs more."""
    label = [smoothing / classes + (1 - smoothing) * (each == 0) for each in range(classes)]
    assert sum(label) == pytest.approx(1)
    assert least_loss(classes, smoothing) == pytest.approx(-sum(q * math.log(q) for q in label))
    surer = [q * 0.9 + 0.1 * (each == 0) for each, q in enumerate(label)]
    assert -sum(q * math.log(p) for q, p in zip(label, surer, strict=True)) > least_loss(classes, smoothing)
    assert least_loss(classes, 0.0) == 0.0


def test_a_batch_size_is_held_to_the_nearest_recorded_one_that_learns_no_slower() -> None:
    def sizes(batch_size: int) -> set[int]:
        return {each.global_batch_size for each in at_batch_size(CURVES, batch_size)}

    assert [sizes(batch) for batch in (8, 16, 31, 32, 48, 64, 4096)] == [{16}, {16}, {16}, {32}, {32}, {64}, {64}]
    assert at_batch_size((), 32) == ()
    lonely = (replace(CURVES[0], global_batch_size=7),)
    assert at_batch_size(lonely, 1) == at_batch_size(lonely, 9) == lonely
