"""Macro-F1 against scikit-learn, and that no way of sharing out the samples moves its last bit."""

from __future__ import annotations

import functools
import operator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, f1_score

from benchmark.foundation.errors import StemdlError
from benchmark.metrics.confusion import Confusion


@st.composite
def samples(draw):
    """(labels, predictions, classes), often with classes that are absent or never predicted."""
    classes = draw(st.integers(1, 12))
    number = st.integers(0, classes - 1)
    pairs = draw(st.lists(st.tuples(number, number), min_size=1, max_size=80))
    return [true for true, _ in pairs], [predicted for _, predicted in pairs], classes


@settings(deadline=None)  # the machine may be busy
@given(samples())
def test_scores_equal_those_of_scikit_learn(drawn):
    labels, predictions, classes = drawn
    confusion = Confusion.of(labels, predictions, classes)
    present = sorted(set(labels))
    assert confusion.present == tuple(present)
    assert confusion.samples == len(labels)
    expected = f1_score(labels, predictions, labels=present, average="macro", zero_division=0)
    assert confusion.macro_f1() == pytest.approx(expected, abs=1e-12, rel=0)
    assert confusion.accuracy() == pytest.approx(accuracy_score(labels, predictions), abs=1e-12, rel=0)
    each = f1_score(labels, predictions, labels=present, average=None, zero_division=0)
    assert [score for score in confusion.per_class_f1() if score is not None] == pytest.approx(each, abs=1e-12, rel=0)


@settings(deadline=None)
@given(samples(), st.data())
def test_sharing_the_samples_among_ranks_in_any_order_changes_no_bit(drawn, data):
    labels, predictions, classes = drawn
    ranks = data.draw(st.integers(1, 24))
    owner = data.draw(st.lists(st.integers(0, ranks - 1), min_size=len(labels), max_size=len(labels)))
    shares = [
        Confusion.of(
            [true for true, rank in zip(labels, owner, strict=True) if rank == mine],
            [guess for guess, rank in zip(predictions, owner, strict=True) if rank == mine],
            classes,
        )
        for mine in data.draw(st.permutations(range(ranks)))
    ]
    whole, together = Confusion.of(labels, predictions, classes), functools.reduce(operator.add, shares)
    assert together == whole
    assert together.macro_f1().hex() == whole.macro_f1().hex()


@settings(deadline=None)
@given(samples(), st.data())
def test_renaming_the_classes_changes_no_bit(drawn, data):
    labels, predictions, classes = drawn
    name = data.draw(st.permutations(range(classes)))
    renamed = Confusion.of([name[true] for true in labels], [name[guess] for guess in predictions], classes)
    assert renamed.macro_f1().hex() == Confusion.of(labels, predictions, classes).macro_f1().hex()


def test_a_prediction_of_an_absent_class_costs_the_true_class_its_recall_and_nothing_else():
    confusion = Confusion.of([0, 0, 1, 1], [0, 2, 1, 1], 4)
    assert confusion.per_class_f1() == (2 / 3, 1.0, None, None)  # by hand: class 0 has TP 1, FP 0, FN 1
    assert confusion.macro_f1() == pytest.approx((2 / 3 + 1) / 2, abs=1e-15)


def test_the_mean_over_batches_is_another_and_wrong_number():
    batches = [Confusion.of([0, 0], [0, 0], 2), Confusion.of([0, 1], [1, 1], 2)]
    mean = sum(batch.macro_f1() for batch in batches) / 2
    assert (batches[0] + batches[1]).macro_f1() != pytest.approx(mean, abs=0.01)


def test_counts_hold_true_in_rows():
    confusion = Confusion.of([0, 0, 1], [1, 1, 0], 2)
    assert confusion.counts.tolist() == [[0, 2], [1, 0]]
    assert Confusion.zeros(2) + confusion == confusion != Confusion.zeros(2)


def test_numpy_arrays_of_narrow_integers_do_not_overflow():
    labels = np.full(300, 229, dtype=np.uint8)
    assert Confusion.of(labels, labels, 230).counts[229, 229] == 300


def test_a_frozen_value_is_frozen():
    mine = np.eye(2, dtype=np.int64)
    confusion = Confusion(mine)
    mine[0, 0] = 7
    assert confusion.counts[0, 0] == 1
    with pytest.raises(ValueError):
        confusion.counts[0, 0] = 7


@pytest.mark.parametrize(
    "labels, predictions",
    [([0, 3], [0, 0]), ([0, -1], [0, 0]), ([0, 0], [0, 3]), ([0], [0, 1]), ([0.0], [0]), ([[0]], [[0]]), ([True], [0])],
)
def test_what_is_no_class_number_is_refused(labels, predictions):
    with pytest.raises(StemdlError):
        Confusion.of(labels, predictions, 3)


def test_the_sample_at_fault_is_named():
    with pytest.raises(StemdlError, match=r"(?s)sample 2: a label is outside.*0 to 4.*found: 5"):
        Confusion.of([0, 1, 5], [0, 1, 2], 5)


@pytest.mark.parametrize("rows", [[[1, 2]], [[1, -1], [0, 0]], [[1.0]], [1], [[2**70]], [["1"]]])
def test_what_is_no_matrix_of_counts_is_refused(rows):
    with pytest.raises(StemdlError):
        Confusion(rows)


def test_numbers_of_classes_must_agree_to_add():
    with pytest.raises(StemdlError):
        Confusion.zeros(2) + Confusion.zeros(3)


def test_no_samples_have_no_score():
    for score in (Confusion.zeros(3).macro_f1, Confusion.zeros(3).accuracy):
        with pytest.raises(StemdlError, match="no samples"):
            score()
