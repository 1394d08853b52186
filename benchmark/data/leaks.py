"""Whether metadata give a space group away: what a classifier that never sees a pattern can tell of drawn crystals."""

from __future__ import annotations

import itertools
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from benchmark.simulation.crystal import Crystal

FEATURES = ("volume_angstrom3", "atoms", "volume_per_atom_angstrom3", "elements", "mean_z", "std_z", "min_z", "max_z",
            "largest_fraction", "smallest_fraction")
"""What a table of compounds would show, all of the conventional cell. Cell edges and angles are not among them: they
are the lattice, which diffraction shows and which is part of the symmetry."""

FOLDS = 5


def metadata_features(crystal: Crystal) -> NDArray[np.float64]:
    """The `FEATURES` of a crystal, (10,)."""
    numbers = crystal.numbers
    _, counts = np.unique(numbers, return_counts=True)
    fractions = counts / len(numbers)
    return np.array([
        crystal.volume_angstrom3, len(numbers), crystal.volume_angstrom3 / len(numbers), len(counts),
        numbers.mean(), numbers.std(), numbers.min(), numbers.max(), fractions.max(), fractions.min(),
    ])


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
    classifiers = (RandomForestClassifier(40, random_state=0),
                   make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)))
    accuracies = {}
    for first, second in itertools.combinations(features_by_group, 2):
        features = np.concatenate([features_by_group[first], features_by_group[second]])
        labels = np.repeat([0, 1], [len(features_by_group[first]), len(features_by_group[second])])
        accuracies[first, second] = max(
            float(cross_val_score(classifier, features, labels, cv=folds, scoring="balanced_accuracy").mean())
            for classifier in classifiers
        )
    return dict(sorted(accuracies.items(), key=lambda entry: -entry[1]))
