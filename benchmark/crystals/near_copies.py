"""Patterns that are the same but for their noise, found across splits.

A pattern is described by how many electrons fall on each of 8 x 8 parts of the detector. The square root of a Poisson
count has variance 1/4 whatever the count (Anscombe, Biometrika 35 (1948) 246), so between two recordings of one pattern
the squared distance of D square roots is D/2 on average, with a standard deviation of sqrt(D/2). What is nearer than
that and six standard deviations is a copy.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from benchmark.foundation.progress import progress

PARTS_ACROSS = 8
DEVIATIONS = 6.0
SAMPLES_AT_ONCE = 512
NOISELESS_DOSE_ELECTRONS = 1e6
"""Electrons a pattern that data without counting noise are judged by."""


def descriptor(patterns: NDArray[np.float32], dose_electrons: float) -> NDArray[np.float32]:
    """Square roots of the electrons on each part of each projection, (projections * 64,); patterns are brought to unit
    sum. NaN where a projection is empty or not finite. `patterns` is (projections, pixels, pixels) intensities."""
    edges = np.linspace(0, patterns.shape[-1], PARTS_ACROSS + 1).astype(int)[:-1]
    parts = np.add.reduceat(np.add.reduceat(patterns.astype(np.float64), edges, axis=1), edges, axis=2)
    totals = parts.sum(axis=(1, 2), keepdims=True)
    if not (np.isfinite(totals).all() and (totals > 0.0).all()):
        return np.full(parts.size, np.nan, dtype=np.float32)
    roots: NDArray[np.float32] = np.sqrt(np.clip(parts / totals, 0.0, None) * dose_electrons).astype(np.float32)
    return roots.ravel()


def noise_distance(dimensions: int) -> float:
    """The distance below which two descriptors of so many numbers are one pattern's but for noise."""
    return float(np.sqrt(dimensions / 2 + DEVIATIONS * np.sqrt(dimensions / 2)))


def near_copies(descriptors: NDArray[np.float32], splits: Sequence[str]) -> Iterator[tuple[int, int, float]]:
    """Samples of two splits whose descriptors differ by noise alone, as (index, index, distance).

    For each sample of the smaller split of each two, its nearest in the larger one. Memory: the descriptors, and
    some megabytes more. Samples without a descriptor (NaN) are left out.
    """
    from sklearn.neighbors import NearestNeighbors

    labels = np.asarray(splits)
    described = np.isfinite(descriptors).all(axis=1)
    members = {split: np.flatnonzero(described & (labels == split)) for split in sorted(set(splits))}
    limit = noise_distance(descriptors.shape[1])
    sized = sorted((split for split in members if len(members[split])), key=lambda split: len(members[split]))
    pairs = [(members[few], members[many]) for few, many in combinations(sized, 2)]
    done = 0
    with progress("Looking for copies", sum(len(few) for few, _ in pairs), "samples", last=False) as advance:
        for few, many in pairs:
            search = NearestNeighbors(n_neighbors=1, algorithm="brute").fit(descriptors[many])
            for first in range(0, len(few), SAMPLES_AT_ONCE):
                here = few[first : first + SAMPLES_AT_ONCE]
                distances, nearest = search.kneighbors(descriptors[here])
                for place in np.flatnonzero(distances[:, 0] < limit):
                    yield int(here[place]), int(many[nearest[place, 0]]), float(distances[place, 0])
                done += len(here)
                advance(done)
