"""A run in a few lines: the same figures as its record, and a curve that shows where the target was crossed."""

from __future__ import annotations

from typing import Any

import pytest

from benchmark.report.run_summary import WIDTH, curve_lines, set_figures, set_lines, summary_lines
from benchmark.submission.record_format import are_shares

RECORD: dict[str, Any] = {
    "rung": "stemdl_smoke",
    "status": "success",
    "metric": "macro-F1",
    "reaches": "at_least",
    "target": 0.9,
    "low": 0.0,
    "high": 1.0,
    "time_to_train_seconds": 12.345,
    "epochs": 2,
    "evaluations": {"1": 0.25, "2": 0.9312},
    "test": 0.8765,
    "samples_per_second": 432.4,
    "train_seconds": 10.0,
    "eval_seconds": 1.25,
    "staging_seconds": 0.75,
    "init_seconds": 3.14,
    "ranks": 2,
    "launcher": "mpirun",
    "global_batch_size": 32,
    "seed": 99,
    "data": {"manifest_sha256": "abcdef0123456789" * 4, "standard": True},
    "resumed": False,
}


def test_the_figures_are_the_record_s():
    text = "\n".join(summary_lines(RECORD))
    for figure in (
        "macro-F1 0.9 reached in 12.35 s",
        "epochs 2",
        "dev 0.9312",
        "test 0.8765",
        "432 samples/s",
        "training 10.00 s",
        "evaluation 1.25 s",
        "staging 0.75 s",
        "3.1 s",
        "2 ranks (mpirun)",
        "batch 32",
        "seed 99",
        "abcdef0123456789 ",
        "the rung's own",
    ):
        assert figure in text, figure
    assert "cannot be scored" not in text and "NOT" not in text


def test_shares_of_parts_of_the_test_split_have_a_line_each():
    parts = {"balanced": {"top-1": 0.5, "top-3": 0.75}, "unseen": {"top-1": 0.25}}
    lines = summary_lines(RECORD | {"test_by_part": parts})
    assert "  test, balanced: top-1 0.5000   top-3 0.7500" in lines and "  test, unseen: top-1 0.2500" in lines


@pytest.mark.parametrize("parts", [{}, {"a": {}}, {"a": {"top-1": 1.5}}, {"a": {"top-1": True}}, {"a": 0.5}, [], None])
def test_what_are_not_shares_of_parts_is_refused(parts: Any):
    assert are_shares({"a": {"top-1": 0, "top-3": 1.0}}) and not are_shares(parts)


def test_what_spoils_a_score_is_said():
    assert "resumed from a checkpoint: cannot be scored" in "\n".join(summary_lines(RECORD | {"resumed": True}))
    other = RECORD | {"data": RECORD["data"] | {"standard": False}}
    assert "NOT the rung's own" in "\n".join(summary_lines(other))
    mine = "\n".join(summary_lines(other | {"rung": "imbalanced"}))
    assert "of a rung of one's own" in mine and "NOT" not in mine
    missed = summary_lines(RECORD | {"status": "aborted"})
    assert missed[0] == "stemdl_smoke: aborted: the target of 0.9 was missed"
    assert "reached" not in "\n".join(missed)


@pytest.mark.parametrize(
    "key", ["test", "samples_per_second", "train_seconds", "eval_seconds", "staging_seconds", "init_seconds"]
)
def test_what_the_log_does_not_hold_is_unknown(key: str):
    assert "unknown" in "\n".join(summary_lines(RECORD | {key: None}))


def test_a_run_that_broke_off_before_its_first_evaluation_can_be_shown():
    empty = RECORD | {"status": "crashed", "evaluations": {}, "epochs": None, "time_to_train_seconds": None}
    assert "crashed" in summary_lines(empty)[0] and "dev unknown" in "\n".join(summary_lines(empty))
    assert curve_lines(empty) == []


def test_an_error_is_reached_from_above_and_its_bars_end_where_the_first_does():
    error = RECORD | {"metric": "mean error", "reaches": "at_most", "target": 0.25, "high": None}
    error |= {"evaluations": {"1": 0.5, "2": 0.2, "3": 2.5e-5}}
    assert summary_lines(error)[0].startswith("stemdl_smoke: mean error at most 0.25 reached in")
    assert "target of at most 0.25 was missed" in summary_lines(error | {"status": "aborted"})[0]
    first, second, third = curve_lines(error)
    assert first.count("█") == WIDTH and first.index("│") - first.index("█") == WIDTH // 2
    assert second.count("█") == 16 and third.count("█") == 0 and third.endswith(" 2.5e-05")


@pytest.mark.parametrize("low", [None, 0.25])
def test_a_curve_without_a_range_or_length_can_be_shown(low: float | None):
    assert len(curve_lines(RECORD | {"low": low, "high": None, "target": 0.25, "evaluations": {"1": 0.25}})) == 1


@pytest.mark.parametrize("f1", [0.0, 0.25, 0.89, 0.9, 1.0])
def test_a_bar_is_as_long_as_its_f1_and_the_target_is_marked(f1: float):
    (line,) = curve_lines(RECORD | {"evaluations": {"7": f1}})
    assert line.split()[:2] == ["epoch", "7"] and line.endswith(f" {f1:.4f}")
    bar = line[len("  epoch   7 ") : -len(" 0.0000")]
    assert len(bar) == WIDTH + 1 and bar.count("█") == round(f1 * WIDTH)
    assert bar.index("│") == round(0.9 * WIDTH)
    assert bar.replace("│", "") == "█" * round(f1 * WIDTH) + " " * (WIDTH - round(f1 * WIDTH))


@pytest.mark.parametrize(
    ("load", "said"),
    [
        (None, False),
        ({"given": 2, "free": 1.95, "average": 0.1}, False),
        ({"given": 2, "free": 0.9, "average": 6.4}, True),
    ],
)
def test_a_busy_machine_is_said_of_the_run(load: dict | None, said: bool):
    text = "\n".join(summary_lines(RECORD | {"load": load}))
    line = "  busy machine: 0.9 of 2 cores free (load 6.4) before the clock: this time is not the machine's own (R3.10)"
    assert (line in text) is said and ("busy machine" in text) is said


def test_a_run_that_stands_out_of_its_set_is_named():
    seconds = (12.0, 12.1, 30.0, 12.2, 12.3)
    runs = {f"run_{place}": RECORD | {"time_to_train_seconds": each} for place, each in enumerate(seconds)}
    runs["run_5"] = RECORD | {"status": "aborted", "time_to_train_seconds": None}
    (told,) = [line for line in set_lines(runs) if "stands out" in line]
    assert told.startswith("  run_2 stands out: 30.00 s in 2 epochs, ") and told.endswith(" above the median")
    (outlier,) = set_figures(list(runs.values()))["outliers"]
    assert outlier["run"] == 2 and outlier["deviations"] > 50
