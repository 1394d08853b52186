"""What a picture is worth besides its error: similarity, resolution, and the columns of atoms that it shows."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmark.metrics.standardised_error import standardised

ENOUGH_CORRELATION = 0.5
NEAREST_ANGSTROM = 0.6
"""A column is found where the other picture has one as near."""
LEAST_HEIGHT = 0.5
"""A column's least height, in standard deviations above the mean."""


def fitted(pictures: NDArray, true: NDArray) -> NDArray[np.float64]:
    """Pictures (n, m, m) by the scale and offset, of either sign, that bring each next to its standardised true one."""
    found, wanted = (standardised(each).reshape(len(each), -1) for each in (pictures, true))
    scale = (found * wanted).mean(axis=1, keepdims=True)
    return (scale * found).reshape(np.shape(true))


def square_errors(pictures: NDArray, true: NDArray) -> NDArray[np.float64]:
    """(n,) mean square differences from the standardised true pictures; the metric is the root of their mean."""
    errors: NDArray[np.float64] = ((np.asarray(pictures, dtype=np.float64) - standardised(true)) ** 2).mean(axis=(1, 2))
    return errors


def similarity(picture: NDArray, true: NDArray) -> float:
    """SSIM (Wang et al. 2004, IEEE Trans. Image Process. 13, 600) of two pictures, with Gaussian windows of 1.5 pixels
    and the true one's range; 1 for equal ones."""
    from scipy.ndimage import gaussian_filter

    extent = float(np.ptp(true)) or 1.0
    first, second = ((0.01 * extent) ** 2, (0.03 * extent) ** 2)
    mean_a, mean_b = (gaussian_filter(each, 1.5) for each in (picture, true))
    var_a, var_b = (gaussian_filter(each**2, 1.5) - mean**2 for each, mean in ((picture, mean_a), (true, mean_b)))
    both = gaussian_filter(picture * true, 1.5) - mean_a * mean_b
    ratio = (2 * mean_a * mean_b + first) * (2 * both + second)
    return float((ratio / ((mean_a**2 + mean_b**2 + first) * (var_a + var_b + second))).mean())


def resolution_angstrom(pictures: NDArray, true: NDArray, pixel_angstrom: float) -> float:
    """Where the Fourier ring correlation of pictures (n, m, m) with the true ones, summed over all of them, falls below
    0.5 for the first time: the period in Angstrom. Where it never does, twice the pixel."""
    size = true.shape[-1]
    window = np.hanning(size + 2)[1:-1]
    a, b = (np.fft.fft2(standardised(each) * np.outer(window, window)) for each in (pictures, true))
    k = np.fft.fftfreq(size)
    ring = np.rint(np.hypot(k[:, None], k[None]) * size).astype(int)
    sums = [
        np.bincount(ring.ravel(), weights=each.sum(axis=0).ravel())
        for each in ((a * b.conj()).real, np.abs(a) ** 2, np.abs(b) ** 2)
    ]
    for number in range(1, size // 2 + 1):
        cross, own, other = (each[number] for each in sums)
        if not cross > ENOUGH_CORRELATION * math.sqrt(own * other):
            return size * pixel_angstrom / number
    return 2.0 * pixel_angstrom


def columns(picture: NDArray, pixel_angstrom: float) -> NDArray[np.float64]:
    """(n, 2) y, x in Angstrom of the maxima of a standardised picture that stand out, refined by parabolas. Its rim has
    none."""
    from scipy.ndimage import maximum_filter

    peak = (picture == maximum_filter(picture, 3)) & (picture > LEAST_HEIGHT)
    peak[[0, -1]] = peak[:, [0, -1]] = False
    rows, across = np.nonzero(peak)
    here = picture[rows, across]

    def offset(before: NDArray, after: NDArray) -> NDArray:
        bend = 2.0 * here - before - after
        return np.where(bend > 0.0, (after - before) / np.where(bend > 0.0, 2.0 * bend, 1.0), 0.0)

    y = rows + offset(picture[rows - 1, across], picture[rows + 1, across])
    x = across + offset(picture[rows, across - 1], picture[rows, across + 1])
    return pixel_angstrom * np.column_stack([y, x])


@dataclass
class Found:
    """Columns over several pictures: `right` of those `shown` are among the `true` ones, `apart_angstrom` in sum."""

    right: int = 0
    shown: int = 0
    true: int = 0
    apart_angstrom: float = 0.0

    def add(self, picture: NDArray, true: NDArray, pixel_angstrom: float) -> None:
        """Counts one more standardised picture. Each column has at most one partner, the nearest pairs taken
        together."""
        from scipy.optimize import linear_sum_assignment

        shown, wanted = (columns(each, pixel_angstrom) for each in (picture, true))
        self.shown, self.true = self.shown + len(shown), self.true + len(wanted)
        if len(shown) and len(wanted):
            distance = np.linalg.norm(shown[:, None] - wanted[None], axis=-1)
            pairs = linear_sum_assignment(np.minimum(distance, 2.0 * NEAREST_ANGSTROM))
            near = distance[pairs][distance[pairs] < NEAREST_ANGSTROM]
            self.right, self.apart_angstrom = self.right + len(near), self.apart_angstrom + float(near.sum())

    def summary(self) -> dict[str, float]:
        """Precision, recall and mean distance in Angstrom; nan where there is nothing to divide by."""

        def ratio(part: float, whole: int) -> float:
            return part / whole if whole else math.nan

        return {
            "precision": ratio(self.right, self.shown),
            "recall": ratio(self.right, self.true),
            "apart_angstrom": ratio(self.apart_angstrom, self.right),
        }
