"""The official checker's rules, made for goals that are not the shipped one's."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest
from honest_run import RUNG, Lines, as_text, log_lines

from benchmark.definition.finder import VARIABLE
from benchmark.definition.goal import AT_LEAST, AT_MOST, Goal
from benchmark.events import keys
from benchmark.validation.official_worker import _complies
from benchmark.validation.rule_file import METRIC, OF_GRADIENTS, RULES, rule_file
from benchmark.validation.standard import Standard, standards

SHIPPED = standards()[RUNG]
TOYS = Path(__file__).resolve().parents[2] / "toy_task" / "tasks"


def with_goal(goal: Goal, by_gradients: bool = True) -> Standard:
    """A rung of another benchmark."""
    return dataclasses.replace(SHIPPED, name="other", goal=goal, by_gradients=by_gradients)


def lines_of(key: str) -> Lines:
    """A run whose metric is 0.4763, 0.8609 and 0.9121 under that key."""
    lines = [{**line, "key": key} if line["key"] == keys.EVAL_ACCURACY else line for line in log_lines()]
    return [{**line, "value": "other"} if line["key"] == keys.SUBMISSION_BENCHMARK else line for line in lines]


def complies(folder: Path, lines: Lines, standard: Standard) -> bool:
    path = folder / "result_0.txt"
    path.write_bytes(as_text(lines))
    return _complies(str(path), str(rule_file(standard)), True)


def test_the_shipped_goal_is_in_the_file_that_ships():
    assert rule_file(SHIPPED) == rule_file(None) == RULES


@pytest.mark.parametrize(("target", "passes"), [(0.9, True), (0.95, False)])
def test_a_rung_that_is_new_is_in_it_without_a_change(tmp_path: Path, monkeypatch, target: float, passes: bool):
    definition = (TOYS / "toy_line" / "definition.yaml").read_text(encoding="utf-8")
    goal = f"log_key: eval_accuracy, test_key: test_f1_macro, at_least: {target}, low: 0.0, high: 1.0}}"
    (tmp_path / "task").mkdir()
    (tmp_path / "task" / "definition.yaml").write_text(re.sub("log_key: .*}", goal, definition), encoding="utf-8")
    monkeypatch.setenv(VARIABLE, str(tmp_path / "task"))
    new = standards()["toy_line_60"]
    lines = [{**line, "value": new.name} if line["value"] == "other" else line for line in lines_of(METRIC)]
    assert rule_file(new) == RULES
    assert complies(tmp_path, lines, new) is passes


@pytest.mark.parametrize(
    ("goal", "passes"),
    [
        (Goal("eval_error", AT_MOST, 0.95, low=0.0), True),
        (Goal("eval_error", AT_MOST, 0.5), True),  # the first evaluation reaches it
        (Goal("eval_error", AT_MOST, 0.4), False),
        (Goal("eval_error", AT_MOST, 0.95, low=0.5), False),
        (Goal("eval_error", AT_MOST, 0.9, high=0.9), False),
        (Goal("eval_error", AT_LEAST, 0.9), True),
        (Goal("eval_error", AT_LEAST, 0.92), False),
        (Goal("eval_accuracy", AT_LEAST, 0.95), False),
        (Goal("eval_accuracy", AT_LEAST, 0.91), True),
    ],
)
def test_a_log_is_held_to_the_goal_of_its_benchmark(tmp_path: Path, goal: Goal, passes: bool):
    assert complies(tmp_path, lines_of(goal.log_key), with_goal(goal)) is passes


def test_a_log_without_the_metric_or_with_one_that_is_not_finite_fails(tmp_path: Path):
    standard = with_goal(Goal("eval_error", AT_MOST, 0.95))
    assert not complies(tmp_path, lines_of("eval_mistake"), standard)
    endless = [{**line, "value": -1e999} if line["key"] == "eval_error" else line for line in lines_of("eval_error")]
    assert not complies(tmp_path, endless, standard)


def test_who_fits_at_once_has_no_optimizer_to_log(tmp_path: Path):
    goal = Goal("eval_error", AT_MOST, 0.95)
    lines = [line for line in lines_of("eval_error") if line["key"] not in OF_GRADIENTS]
    assert complies(tmp_path, lines, with_goal(goal, by_gradients=False))
    assert not complies(tmp_path, lines, with_goal(goal))
