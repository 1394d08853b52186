"""Macro-F1 of the first target, and what else is counted."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import f1_score

from benchmark.definition.sample import Field, SampleSchema
from benchmark.foundation.errors import StemdlError
from benchmark.metrics.metric import make_metric

SCHEMA = SampleSchema(
    (Field("x", (2,)),),
    (
        Field("kind", (), "int64"),
        Field("family", (), "int64"),
        Field("edges", (3,), unit="Angstrom"),
        Field("energy", ()),
    ),
    classes={"kind": ("a", "b", "c"), "family": ("p", "q")},
)
FIELDS = ("kind", "family", "edges", "energy")


def drawn(count: int) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    generator = np.random.default_rng(8)
    targets = {
        "kind": generator.integers(3, size=count),
        "family": generator.integers(2, size=count),
        "edges": generator.uniform(3.0, 12.0, size=(count, 3)).astype(np.float32),
        "energy": generator.uniform(100.0, 200.0, size=count).astype(np.float32),
    }
    found = {
        "kind": generator.normal(size=(count, 3)) + 2.0 * np.eye(3)[targets["kind"]],
        "family": generator.integers(2, size=count),
        "edges": (targets["edges"] * generator.uniform(0.9, 1.1, size=(count, 3))).astype(np.float32),
        "energy": (targets["energy"] * generator.uniform(0.9, 1.1, size=count)).astype(np.float32),
    }
    return found, targets


def test_each_target_is_counted_by_its_own_measure():
    metric = make_metric("several", SCHEMA, FIELDS)
    found, true = drawn(300)
    tally = metric.tally(found, true)
    assert metric.value(tally) == pytest.approx(f1_score(true["kind"], found["kind"].argmax(axis=1), average="macro"))
    shares, errors = metric.by_part(tally), metric.errors(tally)
    assert shares["family"] == {"right": np.mean(found["family"] == true["family"])}
    off = np.abs(found["edges"] - true["edges"]).mean(axis=1)
    assert shares["edges"] == {"within 5 %": np.mean(off <= 0.05 * true["edges"].mean(axis=1))}
    assert errors == pytest.approx(
        {"edges": off.mean(), "energy": np.abs(found["energy"] - true["energy"]).mean()}, rel=1e-6
    )
    assert 0.2 < shares["edges"]["within 5 %"] < 0.8 and list(shares) == ["family", "edges", "energy"]


def test_tallies_add_up_to_the_last_bit():
    metric = make_metric("several", SCHEMA, FIELDS)
    found, true = drawn(97)
    parts = [slice(0, 1), slice(1, 40), slice(40, 97)]
    tallies = [
        metric.tally(*({name: each[part] for name, each in of.items()} for of in (found, true))) for part in parts
    ]
    assert np.array_equal(sum(tallies), metric.tally(found, true))


def test_numbers_that_are_not_finite_are_far_off_and_not_close():
    metric = make_metric("several", SCHEMA, FIELDS)
    found, true = drawn(4)
    found["energy"][:] = np.nan
    tally = metric.tally(found, true)
    assert metric.by_part(tally)["energy"] == {"within 5 %": 0.0} and metric.errors(tally)["energy"] == 1024.0


def test_the_first_target_is_a_class():
    with pytest.raises(StemdlError, match="a target that is a class|of one target"):
        make_metric("several", SCHEMA, ("edges", "kind"))
    with pytest.raises(StemdlError, match="no samples|no sample"):
        metric = make_metric("several", SCHEMA, FIELDS)
        metric.by_part(np.zeros(16, dtype=np.int64))
