"""Checks that no recorded runs of a benchmark stand behind: what a score of counts, and one of errors, can be."""

from __future__ import annotations

from pathlib import Path

import pytest
from honest_run import EPOCHS, as_text, at, log_lines

from benchmark.events import keys
from benchmark.validation.checks.measured import numbers_were_computed
from benchmark.validation.checks.plausible import scores_can_be
from benchmark.validation.limits import Limits
from benchmark.validation.standard import standards
from benchmark.validation.subjects import Log

SHARES, ERRORS = (430 / 700, 633 / 700, 672 / 700), (0.6212837464999464, 0.41009283739874985, 0.29127364510067677)


def log_of(folder: Path, rung: str, values: tuple[float, ...], test: float) -> Log:
    """An honest log, as of another rung whose evaluations and test score have these values."""
    goal, lines = standards()[rung].goal, [line for line in log_lines() if line["key"] != keys.F1_MACRO]
    lines[at(lines, keys.SUBMISSION_BENCHMARK)]["value"] = rung
    for epoch in range(EPOCHS):
        lines[at(lines, keys.EVAL_ACCURACY, 0 if goal.log_key != keys.EVAL_ACCURACY else epoch)].update(
            key=goal.log_key, value=values[epoch]
        )
    lines[at(lines, keys.TEST_F1_MACRO)].update(key=goal.test_key, value=test)
    path = folder / "result_0.txt"
    path.write_bytes(as_text(lines))
    return Log.read(path, path.name, Limits())


@pytest.mark.parametrize(
    ("rung", "values", "test", "says"),
    [
        ("fingerprints_mini", SHARES, 655 / 700, None),
        ("fingerprints_mini", SHARES, SHARES[-1], None),  # as many are right by chance
        ("fingerprints_mini", (*SHARES[:2], 0.9601234567), 655 / 700, "not a share"),
        ("fingerprints_mini", SHARES, 0.93571428571, "not a share"),
        ("powder_mini", (0.21, 0.43, 661 / 1200), 800 / 1470, None),
        ("powder_mini", (0.21, 0.43, 0.5501234567), 800 / 1470, "not a share"),
        ("density_mini", ERRORS, 0.3012938474992384, None),
        ("density_mini", ERRORS, ERRORS[-1], "to the last digit"),
        ("density_mini", (*ERRORS[:2], 0.0), 0.3012938474992384, "without any error"),
        ("density_mini", ERRORS, 0.0, "without any error"),
        ("density_mini", (*ERRORS[:2], 0.2912736451), ERRORS[-1], "no counts"),
        ("density_mini", (0.62123, 0.41009, 0.29127), 0.30129, "rounded"),
    ],
)
def test_a_score_is_of_counts_or_has_its_digits(tmp_path, rung, values, test, says):
    log = log_of(tmp_path, rung, values, test)
    found = [fault.message for check in (numbers_were_computed, scores_can_be) for fault in check(log)]
    assert (found == []) if says is None else any(says in message for message in found), found
