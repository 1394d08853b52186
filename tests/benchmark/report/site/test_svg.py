"""Axes and numbers of the charts."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from benchmark.report.site.svg import Axis, drawing, number, text

positive = st.floats(1e-6, 1e9)


@given(positive, positive, st.booleans())
def test_ticks_lie_within_the_axis_and_rise(one: float, other: float, log: bool) -> None:
    low, high = sorted((one, other))
    assume(high / low > 1.001)
    axis = Axis(low, high, 0, 100, log=log)
    ticks = axis.ticks
    assert 2 <= len(ticks) <= 9 and ticks == sorted(ticks)
    assert all(-0.2 <= axis.at(tick) <= 100.2 for tick in ticks)
    assert axis.at(low) < axis.at(high)


@pytest.mark.parametrize("log", [True, False])
def test_one_value_has_an_axis(log: bool) -> None:
    assert 0 < Axis(5.0, 5.0, 0, 100, log=log).at(5.0) < 100


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "–"),
        (float("inf"), "–"),
        (0.0, "0"),
        (13.0, "13"),
        (0.83019, "0.8302"),
        (124160, "124,160"),
        (512, "512"),
        (1e-7, "1e-07"),
        (2048, "2048"),
        (-3.5, "-3.5"),
    ],
)
def test_numbers_for_a_reader(value: float | None, shown: str) -> None:
    assert number(value) == shown


def test_a_text_is_escaped_and_cut() -> None:
    drawn = drawing(10, 'a"b', [text(1, 2, "<b>" + "x" * 60, style="name")])
    assert "<b>" not in drawn and "…" in drawn and 'aria-label="a&#34;b"' in drawn
