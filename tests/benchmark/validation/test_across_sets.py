"""Sets that follow from another set of what is judged are seen, and honest ones are not, however regular they are."""

from __future__ import annotations

import dataclasses
import random
from pathlib import Path

import pytest
from changes import ledger
from corpus import Tree
from honest_run import as_text, log_lines
from mutations_across import overlapping
from mutations_published import placed
from mutations_weak import at_once

from benchmark.validation.across_sets import follow, seeds_of_another
from benchmark.validation.chance import DOUBTFUL
from benchmark.validation.limits import Limits
from benchmark.validation.subjects import Log
from benchmark.validation.trace import OF_TIMES, TIMES, Trace
from benchmark.validation.validate import validate

WHOLE, RUNS = 2**31, 5


def drawn(name: str) -> list[int]:
    seeds = random.Random(name)
    return [seeds.getrandbits(31) for _ in range(RUNS)]


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (lambda seed: (seed + 104_729) % WHOLE, "plus 104729"),
        (lambda seed: seed ^ 0x5EED, "xor 24301"),
        (lambda seed: (77_777 - seed) % WHOLE, "from 77777"),
        (lambda seed: 48_271 * seed % WHOLE, "times 48271"),
        (lambda seed: 48_271 * seed % (WHOLE - 1), "2^31 - 1, 48271"),
        (lambda seed: int(0.731 * seed), "times 0.731"),
    ],
)
def test_seeds_that_are_others_by_one_number_are_named(made, said) -> None:
    others = [made(seed) for seed in drawn("one set")]
    assert said in seeds_of_another(drawn("one set"), others)
    assert said.startswith("times 0") or said in seeds_of_another(drawn("one set"), others[::-1])  # of any order


def test_drawn_seeds_are_made_of_no_others() -> None:
    assert not [n for n in range(2_000) if seeds_of_another(drawn(f"set {n}"), drawn(f"other set {n}"))]


def traces(folder: Path, first: int) -> list[Trace]:
    folder.mkdir()
    found = []
    for index in range(RUNS):
        path = folder / f"result_{index}.txt"
        path.write_bytes(as_text(log_lines(first + index)))
        found.append(Trace.of(Log.read(path, str(path), Limits())))
    return found


def with_times(trace: Trace, epochs: list[float]) -> Trace:
    return dataclasses.replace(
        trace, values=trace.values | {TIMES: [*epochs, *[None] * (OF_TIMES - len(epochs)), *[None] * OF_TIMES]}
    )


@pytest.mark.parametrize("epochs", [2, 3, 4])
@pytest.mark.parametrize("deviation", [0.3, 1.0, 5.0, 60.0])
def test_honest_times_follow_from_no_other_sets(tmp_path: Path, epochs: int, deviation: float) -> None:
    """Of machines as regular as they may be: nodes of any speed, and a first epoch that is slow everywhere."""
    times = random.Random(f"{epochs} of {deviation}")
    one, other = traces(tmp_path / "one", 0), traces(tmp_path / "other", RUNS)
    for _ in range(200):
        speeds = [times.gauss(1, 0.03) for _ in range(RUNS)]

        def some(traces: list[Trace], length: float, speeds: list[float] = speeds) -> list[Trace]:
            return [
                with_times(
                    trace,
                    [
                        float(round(length * speed + 30 * (not epoch) + times.gauss(0, deviation)))
                        for epoch in range(epochs)
                    ],
                )
                for trace, speed in zip(traces, speeds, strict=True)
            ]

        found = [kind for kind, chance in follow(some(one, 3_200), some(other, 14_000)) if chance < DOUBTFUL]
        assert not found


def test_times_that_are_others_times_a_number_are_seen(tmp_path: Path) -> None:
    one, other = traces(tmp_path / "one", 0), traces(tmp_path / "other", RUNS)
    scaled = [
        with_times(trace, [float(round(4.2241 * each)) for each in model.values[TIMES][:3]])
        for model, trace in zip(one, other, strict=True)
    ]
    assert TIMES in [kind for kind, chance in follow(one, scaled) if chance < DOUBTFUL]


def test_honest_weak_and_strong_sets_have_no_relation(tmp_path: Path) -> None:
    tree = Tree.valid()
    at_once()(tree)
    report = validate([tree.write(tmp_path / "Somewhere")], official=False)
    assert not [finding for finding in report.findings if "another's" in finding.message]


@pytest.mark.parametrize("nodes", [1, 5])
def test_runs_on_nodes_of_their_own_may_be_made_at_one_time(tmp_path: Path, nodes: int) -> None:
    tree = Tree.valid()
    for index, lines in tree.logs.items():
        for rank in (0, 1):
            placed(rank, host=f"node-{index % nodes}")(lines)
    ledger(overlapping)(tree)
    report = validate([tree.write(tmp_path / "Somewhere")], official=False)
    assert [finding.rule for finding in report.findings].count("R5.4") == (1 if nodes == 1 else 0)
