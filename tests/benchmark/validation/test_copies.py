"""Copies are found whatever digits they have, and honest runs are none: real ones, and many made by chance."""

from __future__ import annotations

import copy
import dataclasses
import random

import pytest
from changes import OF_A_RUN, taken_from_run_0
from corpus import REFERENCE, Tree
from honest_run import as_text, log_lines

from benchmark.validation.checks.relations import made_of
from benchmark.validation.copies import copies
from benchmark.validation.finding import Severity
from benchmark.validation.limits import Limits
from benchmark.validation.subjects import Log
from benchmark.validation.trace import LOSSES, Trace


def traces_of(folder, logs):
    folder.mkdir(exist_ok=True)
    for index, lines in logs.items():
        (folder / f"result_{index}.txt").write_bytes(as_text(lines))
    return [Trace.of(Log.read(path, str(path), Limits())) for path in sorted(folder.glob("result_*.txt"))]


def test_runs_of_the_reference_are_no_copies():
    logs = sorted(REFERENCE.glob("results/*/strong/stemdl_mini/result_*.txt"))
    assert len(logs) == 5
    traces = [Trace.of(Log.read(path, str(path), Limits())) for path in logs]
    assert list(copies([traces])) == [] == list(copies([traces[:2], traces[2:]]))


def test_three_hundred_honest_runs_are_no_copies(tmp_path):
    """As one set, and each as a set of its own next to the others."""
    traces = traces_of(tmp_path, {index: log_lines(index) for index in range(300)})
    assert list(copies([traces])) == []
    assert list(copies([traces[at : at + 5] for at in range(0, 300, 5)])) == []


def test_losses_that_are_scaled_are_found_where_seeds_change_them(tmp_path):
    """A fit without chance has the same losses under every seed: nothing is said of them where no runs are recorded."""
    logs = {index: log_lines(index) for index in range(4)}
    traces = traces_of(tmp_path, logs)
    first, second, *others = traces
    scaled = [value and 1.25 * value for value in first.values[LOSSES]]
    second = dataclasses.replace(second, values=second.values | {LOSSES: scaled}, steps=second.steps | {LOSSES: 1e-12})
    first = dataclasses.replace(first, steps=first.steps | {LOSSES: 1e-12})
    (found,) = copies([[first, second, *others]])
    assert (found.trace.file, found.severity) == (second.file, Severity.ERROR) and "times one factor" in found.how
    unknown = [dataclasses.replace(each, recorded=()) for each in (first, second, *others)]
    assert list(copies([unknown])) == []


@pytest.mark.parametrize("kinds", [(OF_A_RUN[0],), (OF_A_RUN[1],), (OF_A_RUN[2],), OF_A_RUN])
def test_one_copy_among_many_runs_is_found(tmp_path, kinds):
    tree = Tree(logs={index: copy.deepcopy(log_lines(index)) for index in range(60)})
    taken_from_run_0(*kinds, by=1e-6)(tree)
    (found,) = copies([traces_of(tmp_path, tree.logs)])
    assert (found.trace.path.name, found.twin.path.name) == ("result_1.txt", "result_0.txt")
    assert found.severity >= Severity.WARNING


def test_a_log_judged_by_two_names_is_one_log(tmp_path):
    traces = traces_of(tmp_path / "runs", {index: log_lines(index) for index in range(5)})
    (tmp_path / "again").symlink_to("runs")
    again = [
        Trace.of(Log.read(tmp_path / "again" / trace.path.name, f"again/{trace.path.name}", Limits()))
        for trace in traces
    ]
    assert list(copies([traces, again])) == []
    copied = traces_of(tmp_path / "copied", {index: log_lines(index) for index in range(5)})
    assert [found.trace.path for found in copies([traces, copied])] == [trace.path for trace in copied]


def test_curves_that_are_made_of_others_are_seen() -> None:
    draw = random.Random(5)
    rest = {place: [draw.uniform(1, 2) for _ in range(8)] for place in range(7)}
    of = {place: [draw.uniform(1, 2) for _ in range(8)] for place in (7, 8)}
    mixed = [0.3 * a + 0.7 * b for a, b in zip(rest[1], rest[4], strict=True)]
    means = [sum(values) / 3 for values in zip(rest[0], rest[2], rest[6], strict=True)]
    of_all = [sum(values) / 7 for values in zip(*rest.values(), strict=True)]
    on_a_line = [3 * value - 1 for value in rest[5]]
    assert [made_of(own, rest) for own in (mixed, means, of_all, on_a_line)] == [
        (1, 4),
        (0, 2, 6),
        tuple(range(7)),
        (5,),
    ]
    assert not any(made_of(own, rest) for own in (*of.values(), [1.5] * 8))
    assert not made_of(on_a_line[:3], {place: values[:3] for place, values in rest.items()})
