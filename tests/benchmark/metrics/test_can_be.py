"""Which values counts can have: the value of any tally, and not the number next to it."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.definition.sample import Field, SampleSchema
from benchmark.metrics.metric import can_be, make_metric

SCHEMA = SampleSchema(
    inputs=(Field("x", (4,), "float32"),), targets=(Field("rho", (6, 6), "float32"),), unit="material"
)
NAMES = ("standardised_error", "mean_error")


@pytest.mark.parametrize("name", NAMES)
@given(samples=st.integers(1, 100_000), mean=st.floats(0, 4))
def test_the_value_of_a_tally_can_be(name: str, samples: int, mean: float) -> None:
    tally = np.array([round(mean * 2**32 * samples), samples], dtype=np.int64)
    assert can_be(name, make_metric(name, SCHEMA, ["rho"]).value(tally), samples)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("value", [0.2123, 0.219816924, 0.21981692447681, -0.2123, 1e300, math.inf])
def test_a_value_beside_those_of_tallies_cannot(name: str, value: float) -> None:
    assert not can_be(name, value, 100)


def test_other_metrics_do_not_say() -> None:
    assert can_be("macro_f1", 0.123, 100) and can_be("none", 0.123, 100)
