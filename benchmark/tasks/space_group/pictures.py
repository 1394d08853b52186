"""A measured pattern as a picture file, brought to a rung's detector by its calibration."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmark.definition.question import Question
from benchmark.foundation.errors import StemdlError
from benchmark.simulation.cbed import CbedRung
from benchmark.simulation.cbed_fields import PROJECTIONS, STACK

SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff")
BRIGHT = 0.3
"""Of the brightest pixel: the centre of the pattern is that of what is as bright."""
MOST_PIXELS = 2**26
MOST_POINTS = 2**13
"""Of a picture that the detector is compared with, each way."""


def pictures_of(path: Path) -> list[Path]:
    """A file that is named so, or those of a folder and of the folders in it."""
    if path.is_dir():
        return sorted(each for each in path.rglob("*") if each.suffix.lower() in SUFFIXES and each.is_file())
    return [path] if path.suffix.lower() in SUFFIXES else []


def of_picture(path: Path, rung: CbedRung, per_pixel: float | None) -> Iterator[Question | StemdlError]:
    """The one pattern of a picture, of `per_pixel` 1/Angstrom, in all three projections."""
    if rung.optics is None:
        yield StemdlError("the rung has no detector to bring a picture to", where=path, found=rung.name)
        return
    if per_pixel is None:
        yield StemdlError(
            "the picture has no calibration", where=path, remedy="--set calibration=X, in 1/Angstrom per pixel"
        )
        return
    try:
        grey = _read(path)
        pattern, outside = seen_by(grey, per_pixel, rung.pixels, rung.optics.k_max_per_angstrom)
    except StemdlError as error:
        yield StemdlError(error.what, where=path, expected=error.expected, found=error.found)
        return
    notes = [
        "one pattern stands for all three projections, as of a cubic crystal along <100>",
        f"{grey.shape[0]} x {grey.shape[1]} grey levels, taken as intensities; about their bright centre",
    ]
    if outside > 0.02:
        notes.append(f"{outside:.0%} of the rung's detector lie outside of the picture and are dark")
    yield Question(path.stem, path, {STACK: np.repeat(pattern[None], PROJECTIONS, axis=0)}, tuple(notes))


def seen_by(
    grey: NDArray[np.float64], per_pixel: float, pixels: int, k_max: float
) -> tuple[NDArray[np.float32], float]:
    """A picture (rows, columns) as a detector (pixels, pixels) from -k_max to k_max 1/Angstrom about the pattern's
    centre sees it, of unit sum; and the share of the detector outside of the picture. Raises StemdlError for one that
    is uniform or not of numbers, and for a calibration by which it is a speck on the detector."""
    from scipy.ndimage import map_coordinates

    if not np.isfinite(grey).all():
        raise StemdlError("the picture has values that are not finite numbers")
    grey = grey - grey.min()
    if not grey.max() > 0.0:
        raise StemdlError("the picture is uniform", expected="a pattern")
    rows, columns = np.nonzero(grey > BRIGHT * grey.max())
    centre = rows.mean(), columns.mean()
    wide = 2.0 * k_max / pixels / per_pixel
    if wide * pixels > MOST_POINTS:
        raise StemdlError(
            "the calibration makes the picture a speck on the detector",
            expected=f"at least {2.0 * k_max / MOST_POINTS:.2g} 1/Angstrom per pixel",
            found=f"{per_pixel:g}",
        )
    fine = max(1, round(wide))  # a detector's pixel is the mean over so many points each way
    steps = ((np.arange(pixels * fine) + 0.5) / fine - pixels / 2.0) * wide
    places = np.meshgrid(centre[0] + steps, centre[1] + steps, indexing="ij")
    values = map_coordinates(grey, places, order=1, mode="constant")
    inside = [(place >= -0.5) & (place <= size - 0.5) for place, size in zip(places, grey.shape, strict=True)]
    pattern = values.reshape(pixels, fine, pixels, fine).mean(axis=(1, 3))
    if not pattern.sum() > 0.0:
        raise StemdlError("the pattern is smaller than a pixel of the detector", expected="another calibration")
    return (pattern / pattern.sum()).astype(np.float32), float(1.0 - (inside[0] & inside[1]).mean())


def _read(path: Path) -> NDArray[np.float64]:
    """Grey levels (rows, columns). Raises StemdlError for what is not a picture."""
    from PIL import Image

    try:
        with Image.open(path) as picture:
            picture.verify()  # the checksums of a PNG, which are not looked at when its pixels are read
        with Image.open(path) as picture:
            if picture.width * picture.height > MOST_PIXELS:
                raise StemdlError("the picture is too large", expected=f"at most {MOST_PIXELS} pixels")
            if picture.mode not in ("I;16", "I", "F"):
                picture = picture.convert("L")  # type: ignore[assignment]
            return np.asarray(picture, dtype=np.float64)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise StemdlError("the picture cannot be read", found=" ".join(str(error).split())) from error
