"""A powder's lines as a diffractometer records them: shape, both lines of the tube, errors, background, counts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmark.tasks.powder.diffraction import Lines, lorentz_polarisation, two_theta_degrees
from benchmark.tasks.powder.measured import Grid

Numbers = NDArray[np.float64]
K_ALPHA_2_RATIO, K_ALPHA_2_STRENGTH = 1.544427 / 1.540593, 0.5
"""Of copper (Hoelzer et al. 1997), to K alpha 1."""
REACH = 25.0
"""Half widths to either side at which a line is cut off: a Lorentzian has 0.0016 of its height there."""


@dataclass(frozen=True)
class Instrument:
    """How a pattern is recorded; ranges that each pattern's own values are drawn from, evenly unless said otherwise.

    Attributes
    ----------
    fwhm_degrees : of a line at 45 degrees, logarithmically. strain_degrees : added with tan theta.
    lorentzian : the share of it in the pseudo-Voigt.
    zero_degrees, displacement_degrees : standard deviations of the zero's error, and of that which goes with cos theta.
    texture : of the March-Dollase kind without its axis: standard deviation of the logarithm of a line's intensity.
    background : of the highest point, logarithmically.
    counts : in the highest point, logarithmically.
    """

    fwhm_degrees: tuple[float, float]
    strain_degrees: tuple[float, float]
    lorentzian: tuple[float, float]
    zero_degrees: float
    displacement_degrees: float
    texture: float
    background: tuple[float, float]
    counts: tuple[float, float]


def profile_of(lines: Lines, grid: Grid, instrument: Instrument, generator: np.random.Generator) -> NDArray[np.float32]:
    """(points,) intensities from 0 with a maximum of 1. Raises ValueError where no line lies on the grid."""
    strength = lines.strength * np.exp(instrument.texture * generator.standard_normal(len(lines.strength)))
    fwhm, strain, lorentzian = (
        np.exp(generator.uniform(*np.log(instrument.fwhm_degrees))),
        generator.uniform(*instrument.strain_degrees),
        generator.uniform(*instrument.lorentzian),
    )
    zero = instrument.zero_degrees * generator.standard_normal()
    displacement = instrument.displacement_degrees * generator.standard_normal()
    y = np.zeros(grid.points)
    for ratio, share in ((1.0, 1.0), (K_ALPHA_2_RATIO, K_ALPHA_2_STRENGTH)):
        at = two_theta_degrees(lines.inverse_d, ratio * grid.wavelength_angstrom)
        seen = np.isfinite(at)
        at = at[seen]
        height = share * strength[seen] * lorentz_polarisation(at)
        half = np.radians(at) / 2.0
        width = np.hypot(fwhm, strain * np.tan(half))
        add_lines(y, at + zero + displacement * np.cos(half), height / width, width, lorentzian, grid)
    if not y.max() > 0.0:
        raise ValueError("no line lies on the grid")
    y = y / y.max() + np.exp(generator.uniform(*np.log(instrument.background)))
    y += np.sqrt(y / np.exp(generator.uniform(*np.log(instrument.counts)))) * generator.standard_normal(grid.points)
    y = np.maximum(y, 0.0)
    return (y / y.max()).astype(np.float32)


def add_lines(y: Numbers, at: Numbers, height: Numbers, fwhm: Numbers, lorentzian: float, grid: Grid) -> None:
    """Add pseudo-Voigt lines at `at` degrees to a profile on the grid."""
    reach = REACH * fwhm / 2.0
    first = np.ceil((at - reach - grid.first_degrees) / grid.step_degrees).astype(int)
    count = int(np.ceil(2.0 * reach.max() / grid.step_degrees)) + 1 if len(at) else 0
    places = first[:, None] + np.arange(count)
    x = (grid.first_degrees + grid.step_degrees * places - at[:, None]) / (fwhm[:, None] / 2.0)
    shape = lorentzian / (1.0 + x**2) + (1.0 - lorentzian) * np.exp(-np.log(2.0) * x**2)
    within = (places >= 0) & (places < grid.points) & (np.abs(x) <= REACH)
    y += np.bincount(places[within], (height[:, None] * shape)[within], minlength=grid.points)
