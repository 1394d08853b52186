"""Whether metadata give a space group away: what a classifier that never sees a pattern can tell of crystals."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from benchmark.simulation.crystal import Crystal, crystal_system

FEATURES = (
    "volume_angstrom3",
    "atoms",
    "volume_per_atom_angstrom3",
    "elements",
    "mean_z",
    "std_z",
    "min_z",
    "max_z",
    "largest_fraction",
    "smallest_fraction",
)
"""What a table of compounds would show, all of the conventional cell. Cell edges and angles are not among them: they
are the lattice, which diffraction shows and which is part of the symmetry."""

LATTICE_FEATURES = (
    "a_below_b",
    "b_below_c",
    "a_below_c",
    "log_a_over_b",
    "log_b_over_c",
    "log_a_over_c",
    "alpha",
    "beta",
    "gamma",
)
"""The shape of the conventional cell and how its edges are ordered. The shape is part of the symmetry; an order that a
program prefers where the group leaves axes free is not."""
EDGE_ORDERS = 3
"""The first of `LATTICE_FEATURES` are the order of edges alone."""

FOLDS = 5


def composition_features(counts: Mapping[int, int], volume_angstrom3: float) -> NDArray[np.float64]:
    """The `FEATURES`, (10,), of a cell with so many atoms of each atomic number."""
    numbers = np.repeat(list(counts), list(counts.values()))
    fractions = np.array(list(counts.values())) / len(numbers)
    return np.array(
        [
            volume_angstrom3,
            len(numbers),
            volume_angstrom3 / len(numbers),
            len(counts),
            numbers.mean(),
            numbers.std(),
            numbers.min(),
            numbers.max(),
            fractions.max(),
            fractions.min(),
        ]
    )


def metadata_features(crystal: Crystal) -> NDArray[np.float64]:
    """The `FEATURES` of a crystal, (10,)."""
    return composition_features(Counter(crystal.numbers.tolist()), crystal.volume_angstrom3)


def lattice_features(crystal: Crystal) -> NDArray[np.float64]:
    """The `LATTICE_FEATURES` of a crystal, (9,)."""
    edges = np.round(crystal.lengths_angstrom, 9)
    pairs = edges[[0, 1, 0]], edges[[1, 2, 2]]
    return np.concatenate([pairs[0] < pairs[1], np.log(pairs[0] / pairs[1]), np.round(crystal.angles_degrees, 6)])


def pairwise_accuracies(features_by_group: Mapping[int, NDArray[np.float64]]) -> dict[tuple[int, int], float]:
    """How well each two groups are told apart by their features, chance being 0.5, the most telling pair first.

    `features_by_group` holds (crystals, features) of each group. An accuracy is the cross-validated balanced accuracy
    of a random forest or of logistic regression, whichever is better.
    """
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold, cross_val_score
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=0)
    classifiers = (
        RandomForestClassifier(40, random_state=0),
        make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)),
    )
    accuracies = {}
    for first, second in itertools.combinations(features_by_group, 2):
        features = np.concatenate([features_by_group[first], features_by_group[second]])
        labels = np.repeat([0, 1], [len(features_by_group[first]), len(features_by_group[second])])
        accuracies[first, second] = max(
            float(cross_val_score(classifier, features, labels, cv=folds, scoring="balanced_accuracy").mean())
            for classifier in classifiers
        )
    return dict(sorted(accuracies.items(), key=lambda entry: -entry[1]))


def screened_accuracies(features_by_group: Mapping[int, NDArray[np.float64]]) -> dict[tuple[int, int], float]:
    """About `pairwise_accuracies` of all pairs within each crystal system, for many groups at the price of few.

    One random forest a system tells all its groups apart. Of a pair, a crystal that it was not trained on is assigned
    right where the forest finds its group likelier than the other. Balanced accuracy, the most telling pair first.
    Groups of fewer than `FOLDS` crystals are left out.
    """
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.model_selection import StratifiedKFold, cross_val_predict

    systems: dict[str, list[int]] = {}
    for group, features in sorted(features_by_group.items()):
        if len(features) >= FOLDS:
            systems.setdefault(crystal_system(group), []).append(group)
    accuracies = {}
    for groups in systems.values():
        if len(groups) < 2:
            continue
        features = np.concatenate([features_by_group[group] for group in groups])
        labels = np.repeat(groups, [len(features_by_group[group]) for group in groups])
        forest = RandomForestClassifier(40, class_weight="balanced", min_samples_leaf=2, random_state=0)
        votes = cross_val_predict(
            forest, features, labels, method="predict_proba", cv=StratifiedKFold(FOLDS, shuffle=True, random_state=0)
        )
        for (i, first), (j, second) in itertools.combinations(enumerate(groups), 2):
            lead = votes[:, i] - votes[:, j]
            right = (lead[labels == first] > 0).mean() + (lead[labels == second] < 0).mean()
            accuracies[first, second] = float(right / 2)
    return dict(sorted(accuracies.items(), key=lambda entry: -entry[1]))


def held_out_macro_f1(features: NDArray[np.float64], labels: NDArray[np.int64]) -> float:
    """Macro-F1 of a random forest on crystals that it was not trained on (cross-validated), over the groups of which
    `FOLDS` are there. `features` is (crystals, features)."""
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.metrics import f1_score
    from sklearn.model_selection import StratifiedKFold, cross_val_predict

    groups, counts = np.unique(labels, return_counts=True)
    kept = np.isin(labels, groups[counts >= FOLDS])
    if len(np.unique(labels[kept])) < 2:
        return float("nan")
    forest = RandomForestClassifier(60, min_samples_leaf=2, random_state=0)
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=0)
    told = cross_val_predict(forest, features[kept], labels[kept], cv=folds)
    return float(f1_score(labels[kept], told, average="macro"))


def mutual_information_bits(features: NDArray[np.float64], labels: NDArray[np.int64]) -> NDArray[np.float64]:
    """What each feature alone tells of the label, in bits: (features,), estimated from nearest neighbours (Ross, PLOS
    ONE 9 (2014) e87357)."""
    from sklearn.feature_selection import mutual_info_classif

    bits: NDArray[np.float64] = mutual_info_classif(features, labels, random_state=0) / np.log(2.0)
    return bits
