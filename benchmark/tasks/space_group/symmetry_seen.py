"""Which symmetry a pattern shows about its own centre, whatever its rotation, and which is broken.

On rings about the centre a rotation is a shift, and a mirror image the same numbers backwards. An element's residual is
the mean distance of the logarithms from their image, as a share of what the pattern would differ by from one without
any relation to it: 0 where the element is there exactly, about 1 where nothing of it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RINGS, DIRECTIONS = 24, 360
NEAREST, FARTHEST = 0.08, 0.94
"""Radii of the rings, as shares of half the pattern's edge."""
FLOOR = 1e-4
"""Added before the logarithm: what is darker is counting noise."""
ROTATIONS = (2, 3, 4, 6)
SHOWN, BROKEN = 0.25, 0.4
"""Residuals up to the one, and from the other: between them a pattern leaves it open. README.md says what they were
measured on."""


@dataclass(frozen=True)
class Seen:
    """The elements of one pattern.

    Attributes
    ----------
    residuals : by "2", "3", "4", "6", rotations, and "m", the best mirror line.
    mirror_degrees : of that line, from columns to rows (counterclockwise as drawn is minus), 0 to 180.
    """

    residuals: Mapping[str, float]
    mirror_degrees: float

    def verdict(self, element: str) -> str:
        """ "shown", "broken" or "open"."""
        residual = self.residuals[element]
        return "shown" if residual <= SHOWN else "broken" if residual >= BROKEN else "open"

    @property
    def lines_degrees(self) -> tuple[float, ...]:
        """The mirror lines that follow from the best one and the highest rotation that is shown."""
        fold = max((int(n) for n in self.residuals if n != "m" and self.verdict(n) == "shown"), default=1)
        return tuple((self.mirror_degrees + 180.0 * turn / fold) % 180.0 for turn in range(fold))


def symmetry_of(pattern: NDArray[np.float32]) -> Seen:
    """The elements of intensities (p, p) of about unit sum."""
    from scipy.ndimage import map_coordinates

    logarithms = np.log10(pattern.astype(np.float64) + FLOOR)
    half = pattern.shape[0] / 2.0
    radii = np.linspace(NEAREST, FARTHEST, RINGS)[:, None] * half
    directions = np.arange(DIRECTIONS) * 2.0 * np.pi / DIRECTIONS
    places = [half - 0.5 + radii * np.sin(directions), half - 0.5 + radii * np.cos(directions)]
    rings = map_coordinates(logarithms, places, order=1, mode="nearest")
    rings -= rings.mean(axis=1, keepdims=True)
    weights = radii / radii.sum()
    unrelated = _distances(rings, rings, weights).mean()
    turned = _distances(rings, rings, weights) / max(unrelated, 1e-12)
    mirrored = _distances(rings, rings[:, ::-1], weights) / max(unrelated, 1e-12)
    best = int(mirrored.argmin())
    residuals = {str(n): float(turned[DIRECTIONS // n]) for n in ROTATIONS} | {"m": float(mirrored[best])}
    # backwards is phi -> -phi - 1 step, and a shift by s its image in the line at half of s - 1 steps
    return Seen(residuals, ((best - 1) * 180.0 / DIRECTIONS) % 180.0)


def _distances(
    rings: NDArray[np.float64], others: NDArray[np.float64], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(DIRECTIONS,) the mean distance of rings from others that are turned by 0, 1, ... steps."""
    return np.array(
        [
            (np.abs(rings - np.roll(others, turn, axis=1)).mean(axis=1) * weights[:, 0]).sum()
            for turn in range(DIRECTIONS)
        ]
    )
