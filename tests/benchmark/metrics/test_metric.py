"""Every metric is the same to the last bit whoever counted which samples, and refuses what it cannot measure."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import f1_score, mean_absolute_error

from benchmark.definition.sample import Field, SampleSchema
from benchmark.foundation.errors import StemdlError
from benchmark.metrics.metric import METRICS, make_metric, samples_in

SCHEMA = SampleSchema(
    (Field("x", (4,)),),
    (Field("group", (), "int64"), Field("density", (5, 5))),
    classes={"group": tuple("abcdefg")},
)
SAMPLES = 1000
ROOT = Path(__file__).resolve().parents[3]


def _truth(name: str) -> tuple[dict, dict]:
    generator = np.random.default_rng(3)
    if name == "macro_f1":
        return {"group": generator.integers(0, 7, SAMPLES)}, {"group": generator.integers(0, 6, SAMPLES)}
    return {"density": generator.normal(size=(SAMPLES, 5, 5)).astype(np.float32)}, {
        "density": generator.normal(size=(SAMPLES, 5, 5)).astype(np.float32)
    }


@pytest.mark.parametrize(("name", "field"), [("macro_f1", "group"), ("mean_error", "density")])
@pytest.mark.parametrize("ranks", [1, 3, 16, 97])
def test_shares_of_the_samples_add_up_to_the_whole(name: str, field: str, ranks: int) -> None:
    metric = make_metric(name, SCHEMA, [field])
    found, true = _truth(name)
    order = np.random.default_rng(ranks).permutation(SAMPLES)
    tally = sum(
        metric.tally({field: found[field][part]}, {field: true[field][part]}) for part in np.array_split(order, ranks)
    )
    whole = metric.tally(found, true)
    assert whole.dtype == np.int64 and np.array_equal(tally, whole)
    assert samples_in(tally) == SAMPLES and metric.value(tally) == metric.value(whole)


def test_the_values_are_those_of_scikit_learn() -> None:
    found, true = _truth("macro_f1")
    metric = make_metric("macro_f1", SCHEMA, ["group"])
    present = np.unique(true["group"])
    expected = f1_score(true["group"], found["group"], labels=present, average="macro", zero_division=0)
    assert metric.value(metric.tally(found, true)) == pytest.approx(expected, abs=1e-15)
    scores = np.eye(7)[found["group"]]
    assert np.array_equal(metric.tally({"group": scores}, true), metric.tally(found, true))
    found, true = _truth("mean_error")
    metric = make_metric("mean_error", SCHEMA, ["density"])
    expected = mean_absolute_error(*(each["density"].reshape(SAMPLES, -1).astype(float) for each in (true, found)))
    assert metric.value(metric.tally(found, true)) == pytest.approx(expected, abs=1e-9)


def test_a_prediction_that_is_not_finite_costs_the_most() -> None:
    metric = make_metric("mean_error", SCHEMA, ["density"])
    for value in (np.nan, np.inf, -np.inf, 3e38):
        found = np.full((2, 5, 5), value, dtype=np.float32)
        assert metric.value(metric.tally({"density": found}, {"density": np.zeros((2, 5, 5))})) == 1024.0


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("macro_f2", ["group"]),
        ("../cli/main", ["group"]),
        ("macro_f1", ["x"]),
        ("macro_f1", ["density"]),
        ("macro_f1", ["group", "density"]),
        ("mean_error", ["group"]),
        ("mean_error", []),
    ],
)
def test_a_metric_that_cannot_be_is_refused(name: str, fields: list[str]) -> None:
    with pytest.raises(StemdlError):
        make_metric(name, SCHEMA, fields)


def test_no_sample_has_no_value() -> None:
    for name, field, empty in (("macro_f1", "group", np.zeros(0, int)), ("mean_error", "density", np.zeros((0, 5, 5)))):
        metric = make_metric(name, SCHEMA, [field])
        with pytest.raises(StemdlError, match="no samples"):
            metric.value(metric.tally({field: empty}, {field: empty}))


def test_every_metric_is_known_and_in_the_walk() -> None:
    """The modules that make one are found by name; docs/add_a_benchmark.md has them all in its table."""
    modules = (ROOT / "benchmark" / "metrics").glob("*.py")
    assert {path.stem for path in modules if "\ndef make(" in path.read_text(encoding="utf-8")} == set(METRICS)
    walk = (ROOT / "docs" / "add_a_benchmark.md").read_text(encoding="utf-8")
    rows = [line for line in walk.splitlines() if line.endswith((" more |", " less |"))]
    assert sorted(name for row in rows for name in re.findall(r"`(\w+)`", row)) == sorted(METRICS)
