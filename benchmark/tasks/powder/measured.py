"""Measured powder curves (.xy, .xye, .csv, .dat, .txt) as the profiles that a model of this benchmark is given.

What a curve means is taken from its file where the file says it or leaves one meaning, and asked for where it does not:
the wavelength, and whether the abscissa is 2 theta, d or q. All that is mended on the way is noted in words.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmark.foundation.errors import StemdlError
from benchmark.tasks.powder.abscissa import AXES, meaning_of, wavelength_of
from benchmark.tasks.powder.columns import Columns, read_columns

SUFFIXES = (".xy", ".xye", ".csv", ".dat", ".txt")
FEWEST_POINTS = 100
MOST_TWICE = 0.05
"""The share of points at an angle that another has too: more are of a second scan."""
MOST_NEGATIVE = 0.5
"""The share of the highest intensity that may lie below 0: a background that was subtracted leaves less."""
WIDEST_GAP_DEGREES = 0.5
"""The degrees of 2 theta at the grid's wavelength that a straight line bridges: less than the distance of most
lines."""
LEAST_COVERED = 0.5
"""The share of the grid that a curve has to cover."""
Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Grid:
    """Where a rung's profiles are sampled: 2 theta in degrees, at even steps, and the wavelength in angstrom."""

    first_degrees: float
    step_degrees: float
    points: int
    wavelength_angstrom: float

    @property
    def two_theta(self) -> Numbers:
        """(points,), degrees."""
        return self.first_degrees + self.step_degrees * np.arange(self.points)


@dataclass(frozen=True)
class MeasuredCurve:
    """What a file says, in order.

    Attributes
    ----------
    inverse_d : 1/d in 1/angstrom, rising, each value once. intensity : of the same shape, in the file's own units.
    notes : what was mended or found out, in words.
    """

    path: Path
    inverse_d: Numbers
    intensity: Numbers
    notes: tuple[str, ...] = ()


def read_curve(path: Path, wavelength_angstrom: float | None = None, axis: str | None = None) -> MeasuredCurve:
    """A measured curve. The wavelength is the file's own or the given one, and has to be known unless the abscissa is d
    or q; `axis` (one of `AXES`) says what the abscissa is where the file does not.

    Raises StemdlError with file and line for a curve that cannot be read, or that could mean one thing or another.
    """
    if axis is not None and axis not in AXES:
        raise StemdlError("there is no such abscissa", where="axis", expected=", ".join(AXES), found=axis)
    table = read_columns(path)
    meaning = meaning_of(table, axis)
    wavelength, found = wavelength_of(table, meaning.axis, wavelength_angstrom)
    notes = [*meaning.notes, *found]
    x, y = table.values[:, meaning.abscissa], table.values[:, meaning.intensity]
    inverse_d = _inverse_d(table, x, meaning.axis, wavelength)
    if np.isinf(y).any():
        _refuse(table, int(np.argmax(np.isinf(y))), "an intensity is infinite", y)
    if missing := int(np.isnan(y).sum()):
        notes.append(f"points without an intensity left out: {missing}")
        inverse_d, y, table = inverse_d[~np.isnan(y)], y[~np.isnan(y)], table.without(np.isnan(y))
    _require_curve(table, y)
    inverse_d, y = _in_order(table, inverse_d, y, notes)
    return MeasuredCurve(path, inverse_d, y, tuple(notes))


def resampled(curve: MeasuredCurve, grid: Grid) -> tuple[NDArray[np.float32], NDArray[np.bool_], tuple[str, ...]]:
    """A curve on a rung's grid: intensities from 0 with a maximum of 1, which points were measured, and notes.

    A grid point is the mean of the curve over its step where the curve is finer than the grid, and lies on the line
    between two points where it is coarser. What was not measured continues the curve's end. Raises StemdlError where a
    gap is too wide to bridge, too little of the grid is covered, or nothing is left above 0.
    """
    sine = curve.inverse_d * grid.wavelength_angstrom / 2.0
    inside = sine < 1.0
    x, y, notes = 2.0 * np.degrees(np.arcsin(sine[inside])), curve.intensity[inside], list(curve.notes)
    centres = grid.two_theta
    half = grid.step_degrees / 2.0
    if len(x) < 2:
        raise StemdlError("the curve has no part on the rung's grid", where=curve.path, found=f"{len(x)} points")
    covered: NDArray[np.bool_] = (centres >= x[0] - half) & (centres <= x[-1] + half)
    if covered.mean() < LEAST_COVERED:
        raise StemdlError(
            "the curve covers too little of the rung's range",
            where=curve.path,
            expected=f"half of {centres[0]:.2f} to {centres[-1]:.2f} degrees",
            found=f"{x[0]:.2f} to {x[-1]:.2f} degrees, at {grid.wavelength_angstrom} angstrom",
        )
    steps = np.diff(x)
    wide = np.flatnonzero((steps > WIDEST_GAP_DEGREES) & (x[:-1] < centres[-1]) & (x[1:] > centres[0]))
    if len(wide):
        raise StemdlError(
            "the curve has a gap in which lines may lie",
            where=curve.path,
            expected=f"at most {WIDEST_GAP_DEGREES} degrees without a point",
            found=f"none from {x[wide[0]]:.2f} to {x[wide[0] + 1]:.2f} degrees",
        )
    # The mean over a step is the difference of the integral, which is exact for straight lines between points.
    area = np.concatenate([[0.0], np.cumsum(steps * (y[1:] + y[:-1]) / 2.0)])
    low, high = np.clip(centres - half, x[0], x[-1]), np.clip(centres + half, x[0], x[-1])
    width = high - low
    means = (_integral(high, x, y, area) - _integral(low, x, y, area)) / np.where(width > 0, width, 1.0)
    profile = np.where(width > 1e-9, means, np.interp(centres, x, y))
    if not covered.all():
        at = centres[covered]
        notes.append(f"measured from {at[0]:.2f} to {at[-1]:.2f} degrees alone: continued at its ends")
    if negative := int((profile < 0).sum()):
        notes.append(f"points below 0, set to 0: {negative}")
    profile = np.maximum(profile, 0.0)
    if profile.max() <= 0:
        raise StemdlError("nothing of the curve is above 0 on the rung's grid", where=curve.path)
    return (profile / profile.max()).astype(np.float32), covered, tuple(notes)


def _integral(at: Numbers, x: Numbers, y: Numbers, area: Numbers) -> Numbers:
    """The curve's integral from its beginning to each place."""
    left = np.clip(np.searchsorted(x, at, side="right") - 1, 0, len(x) - 2)
    along = at - x[left]
    slope = (y[left + 1] - y[left]) / (x[left + 1] - x[left])
    return np.asarray(area[left] + along * (y[left] + slope * along / 2.0))


def _inverse_d(table: Columns, x: Numbers, axis: str, wavelength_angstrom: float | None) -> Numbers:
    """1/d in 1/angstrom of each row."""
    most = 180.0 if axis == "two_theta" else np.inf
    if not (sound := (x > 0) & (x < most)).all():
        _refuse(table, int(np.argmin(sound)), f"this is not a place on an axis of {axis}", x)
    if axis == "d":
        return np.asarray(1.0 / x)
    if axis == "q":
        return np.asarray(x / (2.0 * np.pi))
    assert wavelength_angstrom is not None
    return np.asarray(2.0 * np.sin(np.radians(x / 2.0)) / wavelength_angstrom)


def _refuse(table: Columns, row: int, what: str, values: Numbers) -> None:
    raise StemdlError(what, where=f"{table.path}:{table.lines[row]}", found=f"{values[row]:.6g}")


def _require_curve(table: Columns, y: Numbers) -> None:
    """Raises StemdlError for what is a list of lines, a straight line, or upside down."""
    if len(y) < FEWEST_POINTS:
        expected, found = f"at least {FEWEST_POINTS} points", f"{len(y)}"
        raise StemdlError("this is not a measured curve", where=table.path, expected=expected, found=found)
    if y.max() == y.min():
        raise StemdlError("all intensities are the same", where=table.path, found=f"{y[0]:.6g}")
    if y.min() < -MOST_NEGATIVE * y.max():
        _refuse(table, int(np.argmin(y)), "an intensity is far below 0: not a curve of counts", y)


def _in_order(table: Columns, x: Numbers, y: Numbers, notes: list[str]) -> tuple[Numbers, Numbers]:
    """The points by rising abscissa, each value of it once."""
    steps = np.diff(x)
    against = steps < 0 if (steps > 0).sum() >= (steps < 0).sum() else steps > 0
    order = np.argsort(x, kind="stable")
    x, y = x[order], y[order]
    places, first = np.unique(x, return_index=True)
    if (twice := len(x) - len(places)) > MOST_TWICE * len(x):
        row = int(np.argmax(against)) + 1 if against.any() else 1
        raise StemdlError(
            "the abscissa has values more than once, as where two scans share a file",
            where=f"{table.path}:{table.lines[row]}",
            expected="one scan per file",
            found=f"{twice} of {len(x)} points",
        )
    if against.any():
        notes.append(f"points out of order, sorted: {int(against.sum())}")
    if twice:
        notes.append(f"points at the angle of another, their mean taken: {twice}")
        y = np.add.reduceat(y, first) / np.diff([*first, len(x)])
    return places, y
