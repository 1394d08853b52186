"""No test times the machine: it waits for events (`patience`), and asserts nothing of how long something took."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

TESTS = Path(__file__).resolve().parents[1]
CLOCKS = {"monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns", "process_time", "time", "time_ns"}
WAITS = {"wait", "join", "communicate", "result"}


def is_number(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, (int, float))


def reads_clock(node: ast.AST, timed: set[str] = frozenset()) -> bool:
    """Whether a clock of `time` is read in it, or one of the names that hold what was read."""
    return any(
        (
            isinstance(each, ast.Call)
            and isinstance(each.func, ast.Attribute)
            and each.func.attr in CLOCKS
            and isinstance(each.func.value, ast.Name)
            and each.func.value.id == "time"
        )
        or (isinstance(each, ast.Name) and each.id in timed)
        for each in ast.walk(node)
    )


def timings(tree: ast.AST) -> Iterator[int]:
    """The lines that wait for a number of seconds, and those that hold what a clock said against a number."""
    timed = {
        target.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and reads_clock(node.value)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            waits = isinstance(node.func, ast.Attribute) and node.func.attr in WAITS and len(node.args) == 1
            if any(each.arg == "timeout" and is_number(each.value) for each in node.keywords) or (
                waits and is_number(node.args[0])
            ):
                yield node.lineno
        if isinstance(node, ast.Assert):
            for each in (each for each in ast.walk(node.test) if isinstance(each, ast.Compare)):
                sides = [each.left, *each.comparators]
                if any(
                    is_number(one) and reads_clock(other, timed)
                    for pair in itertools.pairwise(sides)
                    for one, other in (pair, pair[::-1])
                ):
                    yield each.lineno


def test_no_test_waits_for_seconds_or_holds_them_against_a_bound() -> None:
    """Wait with patience.wait_until and for HANG_SECONDS, and compare no seconds."""
    files = sorted(TESTS.rglob("*.py"))
    assert Path(__file__) in files
    assert not [f"{path}:{line}" for path in files for line in sorted(timings(ast.parse(path.read_text("utf-8"))))]


def test_no_example_has_a_deadline_and_all_machines_draw_the_same() -> None:
    assert settings.default.deadline is None and settings.get_profile("anywhere").derandomize


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("run(x, timeout=60)", True),
        ("run(x, timeout=HANG_SECONDS)", False),
        ("process.wait(10)", True),
        ("thread.join(HANG_SECONDS)", False),
        ("', '.join(names)", False),
        ("assert time.monotonic() - began < 3", True),
        ("took = time.time() - began\nassert took < 3", True),
        ("took = time.time() - began\nassert told <= took", False),
        ("assert seconds > 0", False),
    ],
)
def test_these_tests_see_what_they_look_for(text: str, found: bool) -> None:
    assert bool(list(timings(ast.parse(text)))) is found
