"""Power that a meter measured has no finding, in hundredths of a watt or in whole ones."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest
from changes import after
from corpus import RESULTS, Tree
from mutations_power import Watts, honest, measured, whole_watts
from mutations_visible import readme

from benchmark.validation.finding import Severity, Verdict
from benchmark.validation.validate import validate


def busy_in_turn(drawn: random.Random, count: int) -> list[float]:
    """Whole watts of a node that trains and evaluates in turn."""
    began = drawn.random() * 43
    return [float(round((120 if (k + began) % 43 < 36 else 90) + drawn.gauss(0, 0.6))) for k in range(count)]


def steady(drawn: random.Random, count: int) -> list[float]:
    """Tenths of a watt of a node that is nearly as steady as they are, with dips."""
    return [round(drawn.gauss(350.0, 0.2) - (drawn.random() < 0.1) * drawn.uniform(20, 80), 1) for _ in range(count)]


def kept(drawn: random.Random, count: int) -> list[float]:
    """A meter that gives each second twice, and a mean of the last ones."""
    told = [drawn.uniform(80, 90)]
    while len(told) < count:
        told += [round(0.5 * told[-1] + 0.5 * drawn.gauss(95, 1.2), 2)] * 2
    return told[:count]


def falling(drawn: random.Random, count: int) -> list[float]:
    """Tenths of a watt of fans that slow down."""
    return [round(120 - 2 * k / count + drawn.gauss(0, 0.15), 1) for k in range(count)]


def of_a_board(drawn: random.Random, count: int) -> list[float]:
    """Whole watts of a board whose power varies by less: in four runs one number, in one a watt more now and then."""
    more = 1.0 if drawn.random() < 0.2 else 0.0
    return [14.0 + more * (drawn.random() < 0.1) for _ in range(count)]


@pytest.mark.parametrize("watts", [honest, whole_watts, busy_in_turn, steady, kept, falling, of_a_board])
@pytest.mark.parametrize("efficiencies", [(), (0.92,)])
def test_a_meters_power_has_no_finding(tmp_path: Path, watts: Watts, efficiencies: tuple[float, ...]) -> None:
    tree = Tree.valid()
    measured(watts, efficiencies=efficiencies)(tree)
    report = validate([tree.write(tmp_path / "Somewhere")], official=False)
    assert not [finding for finding in report.findings if finding.rule == "R5.6"]


def test_readings_that_come_late_and_supplies_that_vary_a_little_have_no_finding(tmp_path: Path) -> None:
    tree = Tree.valid()
    measured(busy_in_turn, every_ms=(50, 50, 51, 50, 63), supply_of=lambda index: 0.92 + 0.002 * index)(tree)
    report = validate([tree.write(tmp_path / "Somewhere")], official=False)
    assert not [finding for finding in report.findings if finding.rule == "R5.6"]


@pytest.mark.parametrize(
    "covers",
    [
        "the whole node, at the plug, by a Shelly Plug S",
        "processors and memory, by RAPL",
        "the node; the switch estimated",
        "the node with its 4 GPUs and their memory, by its BMC",
    ],
)
def test_what_a_meter_covers_has_no_finding(tmp_path: Path, covers: str) -> None:
    tree = Tree.valid()
    measured(covers=covers)(tree)
    readme(b"The node draws 96 W on average, 1.3 kJ for a run.\n")(tree)
    report = validate([tree.write(tmp_path / "Somewhere")], official=False)
    assert not [finding for finding in report.findings if finding.rule == "R5.6"]


@pytest.mark.parametrize(
    "text",
    [
        "The power of the switch is an estimate from its data sheet (15 W), and is logged as such.",
        "We estimate that the interconnect draws 9 W on average.",
    ],
)
def test_what_is_said_of_the_interconnect_has_no_finding(tmp_path: Path, text: str) -> None:
    tree = Tree.valid()
    measured()(tree)
    readme(f"{text}\n".encode())(tree)
    report = validate([tree.write(tmp_path / "Somewhere")], official=False)
    assert not [finding for finding in report.findings if finding.severity is not Severity.NOTE]


@pytest.mark.parametrize("value", ["9" * 400, "1e999", "1e308", "NaN", '"95"', "null", "true", "-5", "[]"])
def test_readings_that_are_no_power_end_no_check(tmp_path: Path, value: str) -> None:
    tree = Tree.valid()
    measured()(tree)

    def spoil(folder: Path) -> None:
        for path in (folder / RESULTS / "power").rglob("node_0.txt"):
            first, reading, *others = path.read_text().splitlines(keepends=True)
            spoilt = re.sub(r'"value": [0-9.]+', f'"value": {value}', reading)
            assert spoilt != reading
            path.write_text("".join([first, spoilt, *others]))

    after(spoil)(tree)
    report = validate([tree.write(tmp_path / "Somewhere")], official=False)
    messages = [finding.message for finding in report.findings]
    assert report.verdict is Verdict.INVALID and any("cannot be read" in each for each in messages)
    assert not [each for each in messages if "broke off" in each]
