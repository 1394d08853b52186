"""Pictures in 256 steps, as they were published: whole numbers, by which they are recognised wherever they are made."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

LEVELS = 255
"""Above 0; the brightest pixel is the last."""


def in_levels(picture: NDArray[np.float64]) -> NDArray[np.float32]:
    """A picture of values from 0 to 1, each the nearest of the steps."""
    return (np.rint(LEVELS * picture) / LEVELS).astype(np.float32)


def whole_levels(picture: NDArray[Any]) -> NDArray[np.int64] | None:
    """The steps that a picture's pixels were made from; None where they are not whole ones from 0 to `LEVELS`."""
    if not np.isfinite(picture).all() or picture.min() < 0.0 or picture.max() != 1.0:
        return None
    levels = np.rint(picture.astype(np.float64) * LEVELS).astype(np.int64)
    return levels if np.array_equal((levels / LEVELS).astype(np.float32), picture) else None
