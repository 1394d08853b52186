"""The patterns of one stack of a source, as intensities, and whether they can be patterns at all.

A pattern's intensities are shares of the beam: a pixel above 1 is impossible, and so is one below 0. One to three per
cent of the real set's patterns blew up numerically, up to e^28, some to infinity. Nothing of the crystal can be got
back from them, and log scaling with a clip only hides them; so the whole stack goes, its other energies stay.
"""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.data.storage import LOG_FLOOR, LOG_STEP

NPZ_FAULTS = (OSError, EOFError, ValueError, KeyError, IndexError, zipfile.BadZipFile, zlib.error)
REAL_PIXELS, NPZ_PIXELS = 512, 128
REAL_KINDS = "fiu"
"""The kinds of numpy's types that are real numbers: complex ones would be read as if their imaginary part were not
there."""


def fault_of(patterns: NDArray[np.float32]) -> str | None:
    """Why these (3, pixels, pixels) intensities are not patterns, or None where they may be."""
    if not np.isfinite(patterns).all():
        return "a pattern holds NaN or infinity"
    if patterns.min() < 0.0:
        return "a pattern holds negative intensities"
    if patterns.max() > 1.0:
        return "a pattern is blown up: a pixel holds more than the whole beam"
    if not patterns.any(axis=(1, 2)).all():
        return "a pattern is empty"
    return None


def read_npz(path: Path) -> NDArray[np.float32]:
    """The intensities of one sample-<i>.npz, (3, 128, 128) float32.

    `data` is the mean over blocks of 4 x 4 pixels of (max(-17, ln I) + 17) * 10. Its inverse is the blocks' geometric
    mean; times 16 it is the intensity of a block, too small where a block is uneven. 0 becomes 0. Raises one of
    NPZ_FAULTS where the file is truncated or no NPZ, or does not hold such data.
    """
    with np.load(path, allow_pickle=False) as file:
        stored = file["data"]
    if stored.dtype.kind not in REAL_KINDS:
        raise ValueError(f"its data are of type {stored.dtype}")
    scaled = stored.astype(np.float64)
    if scaled.shape != (3, NPZ_PIXELS, NPZ_PIXELS):
        raise ValueError(f"its data are {scaled.shape}, not (3, {NPZ_PIXELS}, {NPZ_PIXELS})")
    with np.errstate(over="ignore"):  # infinity is reported as such
        intensities = np.where(scaled == 0.0, 0.0, np.exp(LOG_FLOOR + LOG_STEP * scaled))
        intensities[scaled < 0.0] = -1.0  # no logarithm of the form: told as any negative intensity
        return (intensities * (REAL_PIXELS // NPZ_PIXELS) ** 2).astype(np.float32)


def read_npz_label(path: Path) -> NDArray[Any]:
    """What one sample-<i>.npz gives as its label, whatever that is. Raises one of NPZ_FAULTS."""
    with np.load(path, allow_pickle=False) as file:
        return np.asarray(file["label"])
