"""Top-1, 3 and 5 over parts of a split, against counting by hand and scikit-learn's."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import f1_score, top_k_accuracy_score

from benchmark.definition.sample import Field, SampleSchema
from benchmark.foundation.errors import StemdlError
from benchmark.metrics.metric import make_metric, samples_in
from benchmark.metrics.ranking import Ranking

CLASSES = tuple("abcdefgh")
PARTS = ("balanced", "biased")


def schema(parts: bool = True) -> SampleSchema:
    targets = (Field("group", (), "int64"), *((Field("part", (), "int64"),) if parts else ()), Field("height", ()))
    classes = {"group": CLASSES, **({"part": PARTS} if parts else {})}
    return SampleSchema((Field("x", (3,)),), targets, classes=classes)


@given(st.integers(0, 2**32), st.integers(1, 60))
def test_it_is_scikit_learns_top_k_and_adds_up(seed: int, count: int) -> None:
    generator = np.random.default_rng(seed)
    scores, true = generator.standard_normal((count, 8)), generator.integers(8, size=count)
    metric = make_metric("ranking", schema(parts=False), ["group"])
    assert isinstance(metric, Ranking)
    tally = metric.tally({"group": scores}, {"group": true})
    pieces = [metric.tally({"group": scores[part]}, {"group": true[part]}) for part in (slice(0, 7), slice(7, None))]
    assert np.array_equal(tally, pieces[0] + pieces[1]) and samples_in(tally) == count
    shares = metric.by_part(tally)["all"]
    for depth in (1, 3, 5):
        expected = top_k_accuracy_score(true, scores, k=depth, labels=range(8))
        assert shares[f"top-{depth}"] == pytest.approx(expected)
    there = np.unique(true)
    assert shares["macro-F1"] == pytest.approx(f1_score(true, scores.argmax(1), labels=there, average="macro"))
    assert metric.value(tally) == shares["top-1"]


def test_the_first_part_is_what_the_value_is_of() -> None:
    metric = make_metric("ranking", schema(), ["group"])
    assert isinstance(metric, Ranking)
    targets = {"group": np.array([0, 1, 2, 3]), "part": np.array([0, 0, 1, 1])}
    tally = metric.tally({"group": np.array([0, 0, 2, 3])}, targets)
    assert metric.value(tally) == 0.5 and samples_in(tally) == 4
    names = ("top-1", "top-3", "top-5")
    balanced, biased = dict.fromkeys(names, 0.5), dict.fromkeys(names, 1.0)
    third = 2 / 3  # of class 0, which 1 of 2 that are called so are of; class 1 has none
    assert metric.by_part(tally) == {"balanced": balanced | {"macro-F1": third / 2}, "biased": biased | {"macro-F1": 1}}


def test_equal_scores_rank_in_the_classes_order_and_gain_nothing() -> None:
    metric = make_metric("ranking", schema(parts=False), ["group"])
    true = np.arange(8)
    tally = metric.tally({"group": np.zeros((8, 8))}, {"group": true})
    assert metric.value(tally) == 1 / 8


@pytest.mark.parametrize(
    "found",
    [
        np.full((2, 8), np.nan),
        np.array([[np.inf] + [0.0] * 7] * 2),
        np.zeros((2, 7)),
        np.zeros((3, 8)),
        np.array([0, 8]),
        np.array([-1, 0]),
        np.array([0.0, 1.0]),
    ],
)
def test_predictions_of_another_form_are_refused(found: np.ndarray) -> None:
    with pytest.raises(StemdlError):
        make_metric("ranking", schema(), ["group"]).tally({"group": found}, {"group": np.array([0, 1])})


def test_it_is_of_one_class_and_of_samples() -> None:
    with pytest.raises(StemdlError, match="one target that is a class"):
        make_metric("ranking", schema(), ["height"])
    metric = make_metric("ranking", schema(), ["group"])
    with pytest.raises(StemdlError, match="no samples"):
        metric.value(np.zeros(2 * (4 + 3 * 8) + 1, dtype=np.int64))
