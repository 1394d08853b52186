"""From the beams behind the crystal to a picture on the detector."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from benchmark.simulation.manybeam import Beams


def pattern(
    beams: Beams, *, pixels: int, k_max_per_angstrom: float, rotation_degrees: float = 0.0
) -> NDArray[np.float64]:
    """The CBED pattern (pixels, pixels) that the beams make: rows from top to bottom, the optical axis in the middle.

    The picture spans -k_max to k_max in both directions and its centre lies between pixels, so that flips of the array
    are exact flips of the pattern. Disks that overlap add up incoherently. Each direction of each beam is shared among
    its four nearest pixels (bilinear), so intensity is kept: the sum is the share of the electrons that hit the
    detector, at most 1. `rotation_degrees` turns the pattern counter-clockwise.
    """
    angle = np.radians(rotation_degrees)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    positions = (beams.vectors[:, None, :] + beams.directions[None, :, :]) @ turn
    pitch = 2.0 * k_max_per_angstrom / pixels
    column = (positions[..., 0] / pitch + (pixels - 1) / 2).ravel()
    row = (-positions[..., 1] / pitch + (pixels - 1) / 2).ravel()
    weight = (beams.intensities / beams.intensities.shape[1]).ravel().astype(np.float64)

    # One spare pixel all around takes what falls off the edge, then is cut off.
    inside = (column > -1) & (column < pixels) & (row > -1) & (row < pixels)
    column, row, weight = column[inside] + 1, row[inside] + 1, weight[inside]
    left, top = np.floor(column).astype(np.int64), np.floor(row).astype(np.int64)
    right_share, bottom_share = column - left, row - top
    side = pixels + 2
    picture = np.zeros(side * side)
    for down, vertical in ((0, 1.0 - bottom_share), (1, bottom_share)):
        for across, horizontal in ((0, 1.0 - right_share), (1, right_share)):
            flat = (top + down) * side + left + across
            picture += np.bincount(flat, weights=weight * vertical * horizontal, minlength=side * side)
    return picture.reshape(side, side)[1:-1, 1:-1]


def counted(picture: NDArray, dose_electrons: float, generator: np.random.Generator) -> NDArray[np.float64]:
    """A pattern as a counting detector sees it: Poisson noise at a dose per pattern, scaled back to the unit sum."""
    return generator.poisson(np.maximum(picture, 0.0) * dose_electrons) / dose_electrons
