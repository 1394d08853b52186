"""Clusters are judged by their best pairing with the classes, whoever counted what."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.definition.sample import Field, SampleSchema
from benchmark.foundation.errors import StemdlError
from benchmark.metrics.clustering import Clustering, make
from benchmark.metrics.metric import InParts, make_metric

SCHEMA = SampleSchema(
    (Field("x", (2,)),), (Field("kind", (), "int64"), Field("y", ())), classes={"kind": ("a", "b", "c", "d")}
)
METRIC: Clustering = make(SCHEMA, ["kind"])
NUMBERS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=60)


def tally(pairs: list[tuple[int, int]]) -> np.ndarray:
    true, found = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    return METRIC.tally({"kind": found}, {"kind": true})


@given(NUMBERS)
def test_the_value_is_that_of_the_best_of_all_pairings(pairs: list[tuple[int, int]]) -> None:
    true, found = np.array(pairs).T
    best = max(np.mean(np.array(names)[found] == true) for names in itertools.permutations(range(4)))
    assert METRIC.value(tally(pairs)) == pytest.approx(best, abs=1e-12)


@given(NUMBERS, st.permutations(range(4)), st.integers(0, 60))
def test_names_of_clusters_and_shares_of_ranks_do_not_matter(pairs, names, cut) -> None:
    renamed = [(true, names[found]) for true, found in pairs]
    values = METRIC.value, METRIC.adjusted_rand_index, METRIC.normalised_mutual_information
    for value in values:
        assert value(tally(renamed)) == pytest.approx(value(tally(pairs)), abs=1e-9)
    assert METRIC.value(tally(renamed)) == METRIC.value(tally(pairs))
    assert np.array_equal(tally(pairs[:cut]) + tally(pairs[cut:]), tally(pairs))


@given(NUMBERS)
def test_index_and_information_are_scikit_learn_s(pairs: list[tuple[int, int]]) -> None:
    from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

    true, found = np.array(pairs).T
    counts = tally(pairs)
    assert METRIC.adjusted_rand_index(counts) == pytest.approx(adjusted_rand_score(true, found), abs=1e-9)
    wanted = normalized_mutual_info_score(true, found)
    assert METRIC.normalised_mutual_information(counts) == pytest.approx(wanted, abs=1e-9)


@given(NUMBERS)
def test_both_are_logged_as_shares(pairs: list[tuple[int, int]]) -> None:
    assert isinstance(METRIC, InParts)
    (shares,) = METRIC.by_part(tally(pairs)).values()
    assert len(shares) == 2 and all(0.0 <= share <= 1.0 for share in shares.values())


def test_one_cluster_for_all_is_worth_the_largest_class() -> None:
    assert METRIC.value(tally([(0, 2)] * 5 + [(1, 2)] * 3)) == 5 / 8
    assert METRIC.adjusted_rand_index(tally([(0, 2)] * 5 + [(1, 2)] * 3)) == 0.0


def test_scores_are_clusters_too_and_what_is_none_is_refused() -> None:
    scores = np.array([[0.1, 0.9, 0.0, 0.0], [0.6, 0.1, 0.2, 0.1]])
    true = np.array([3, 2])
    assert METRIC.value(METRIC.tally({"kind": scores}, {"kind": true})) == 1.0
    with pytest.raises(StemdlError, match="not finite"):
        METRIC.tally({"kind": np.full((2, 4), np.nan)}, {"kind": true})
    with pytest.raises(StemdlError, match="outside the classes"):
        METRIC.tally({"kind": np.array([4, 0])}, {"kind": true})
    with pytest.raises(StemdlError, match="score of no samples"):
        METRIC.value(tally([]))
    with pytest.raises(StemdlError, match="one target that is a class"):
        make_metric("clustering", SCHEMA, ["y"])
