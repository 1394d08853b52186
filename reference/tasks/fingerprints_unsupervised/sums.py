"""What ranks learn together from sums of whole numbers: the same to the last bit, however samples are dealt to them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

Total = Callable[[Tensor], Tensor]
STEPS_PER_UNIT = 2**14
"""Features are rounded to this share of 1 before they are summed; products of two to its square."""


@dataclass(frozen=True)
class Moments:
    """Moments of features: how many samples there are, `mean` (d,), and `covariance` (d, d)."""

    samples: int
    mean: Tensor
    covariance: Tensor


def in_steps(features: Tensor) -> Tensor:
    """Features (n, d) as whole numbers of steps, in double precision, which has them exactly."""
    return (features.double() * STEPS_PER_UNIT).round()


def moments(batches: Iterable[Tensor], total: Total) -> Moments:
    """The moments of features (n, d) in batches of all ranks. Sums of up to 2^25 samples' products of numbers below 1
    are exact."""
    count, first, second = 0, None, None
    for features in batches:
        steps = in_steps(features)
        own = steps.sum(dim=0).to(torch.int64), (steps.T @ steps).to(torch.int64)
        first, second = own if first is None or second is None else (first + own[0], second + own[1])
        count += len(features)
    assert first is not None and second is not None, "each rank has a sample"
    samples = int(total(torch.tensor([count])))
    mean = total(first).double() / samples
    covariance = total(second).double() / samples - mean[:, None] * mean
    return Moments(samples, mean / STEPS_PER_UNIT, covariance / STEPS_PER_UNIT**2)


@dataclass(frozen=True)
class Axes:
    """Principal axes: `columns` (d, c), of the largest variance first; `variances` of all d, falling."""

    mean: Tensor
    columns: Tensor
    variances: Tensor

    def of(self, features: Tensor) -> Tensor:
        """The coordinates (n, c) of features (n, d)."""
        return (features.double() - self.mean) @ self.columns


def principal(found: Moments, components: int) -> Axes:
    """The principal axes. The largest number of each is positive, so that an axis has one direction."""
    values, vectors = torch.linalg.eigh(found.covariance)
    columns = vectors.flip(1)[:, :components]
    largest = columns.gather(0, columns.abs().argmax(dim=0, keepdim=True))
    return Axes(found.mean, columns * largest.sign(), values.flip(0).clamp(min=0.0))


def nearest(points: Tensor, centres: Tensor) -> Tensor:
    """(n,) the centre (k, d) that each of the points (n, d) is nearest to; of equally near ones the first."""
    return (points.square().sum(dim=1, keepdim=True) - 2.0 * points @ centres.T + centres.square().sum(dim=1)).argmin(1)


def k_means(batches: Callable[[], Iterable[Tensor]], clusters: int, total: Total, passes: int = 50) -> Tensor:
    """(k, d) centres of so many clusters of the points (n, d) in batches of all ranks: by splitting.

    From one centre on, the cluster of the largest sum of squared distances is parted across its axis of the largest
    variance, and Lloyd's passes follow (Linde, Buzo & Gray 1980). Nothing in it is drawn at random. Of fewer different
    points there are fewer centres.
    """
    centres = torch.zeros(1, next(iter(batches())).shape[1], dtype=torch.float64)
    while True:
        for _ in range(passes):
            moved, scatter = _pass(batches(), centres, total)
            done = torch.equal(moved, centres)
            centres = moved
            if done:
                break
        if len(centres) == clusters or not scatter.any():
            return centres
        worst = int(scatter.argmax())
        own = moments((_of_cluster(points, centres, worst) for points in batches()), total)
        axes = principal(own, 1)
        step = axes.columns[:, 0] * axes.variances[0].sqrt()
        centres = torch.cat([centres, (centres[worst] + step)[None]])
        centres[worst] = centres[worst] - step


def _of_cluster(points: Tensor, centres: Tensor, wanted: int) -> Tensor:
    return points[nearest(points, centres) == wanted]


def _pass(batches: Iterable[Tensor], centres: Tensor, total: Total) -> tuple[Tensor, Tensor]:
    """New centres (k, d), and of each old one's points the sum of squared distances to it (k,). A centre without a
    point stays."""
    clusters, width = centres.shape
    counts = torch.zeros(clusters, dtype=torch.int64)
    sums = torch.zeros(clusters, width, dtype=torch.int64)
    scatter = torch.zeros(clusters, dtype=torch.int64)
    for points in batches:
        own = nearest(points, centres)
        counts += torch.bincount(own, minlength=clusters)
        sums.index_add_(0, own, in_steps(points).to(torch.int64))
        away = in_steps((points - centres[own]).square().sum(dim=1))
        scatter.index_add_(0, own, away.to(torch.int64))
    counts, sums, scatter = (total(each) for each in (counts, sums, scatter))
    moved = sums.double() / STEPS_PER_UNIT / counts.clamp(min=1)[:, None]
    return torch.where(counts[:, None] > 0, moved, centres), scatter.double() / STEPS_PER_UNIT
