"""The curve that a diffractometer records of reflections: where lines are shifted to, how wide and lopsided they are.

Lines are pseudo-Voigt functions of the widths and mixing of Thompson, Cox & Hastings, J. Appl. Cryst. 20 (1987) 79. The
area of a line is its intensity, whatever its shape.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchmark.tasks.powder.diffraction import NEUTRONS, X_RAYS, Numbers, Reflections
from benchmark.tasks.powder.measured import Grid

CU_K_ALPHA_1_ANGSTROM, CU_K_ALPHA_2_ANGSTROM = 1.540593, 1.544427
"""The wavelengths of copper (Hoelzer et al., Phys. Rev. A 56 (1997) 4554)."""
SCHERRER = 0.9
REACH = 20.0
"""Full widths at half maximum to either side at which a line is cut off; its area is kept."""
GAUSSIAN_REACH = 2.5
"""Where the Gaussian part has 3e-8 of its height."""
FAINTEST = 1e-6
"""Lines of less than this share of the strongest one's intensity are left out."""
MOST_LOPSIDED = 0.7
LEAST_FWHM_DEGREES = 1e-3


@dataclass(frozen=True)
class Instrument:
    """A diffractometer.

    Attributes
    ----------
    wavelength_angstrom : of the only or the strongest line.
    second_ratio, second_strength : of a second line, to the first in wavelength and intensity; strength 0 for none.
    caglioti_degrees2 : U, V, W of the squared Gaussian width U tan^2 + V tan + W.
    lorentzian_degrees : X, Y of the Lorentzian width X / cos + Y tan.
    asymmetry_degrees : how much longer the side of a line to small angles is at 45 degrees, falling with cot 2 theta:
        the axial divergence of the beam. Share of the width.
    zero_degrees : added to 2 theta. radius_millimetres : from the specimen to the detector.
    monochromator_degrees : 2 theta of a crystal monochromator; 0 where there is none.
    radiation : X-rays or neutrons (`diffraction`); those of neutrons are not polarised.
    """

    wavelength_angstrom: float = CU_K_ALPHA_1_ANGSTROM
    second_ratio: float = CU_K_ALPHA_2_ANGSTROM / CU_K_ALPHA_1_ANGSTROM
    second_strength: float = 0.5
    caglioti_degrees2: tuple[float, float, float] = (0.0, 0.0, 0.01)
    lorentzian_degrees: tuple[float, float] = (0.0, 0.0)
    asymmetry: float = 0.0
    zero_degrees: float = 0.0
    radius_millimetres: float = 200.0
    monochromator_degrees: float = 0.0
    radiation: str = X_RAYS


@dataclass(frozen=True)
class PowderSpecimen:
    """What was measured, besides its crystal.

    Attributes
    ----------
    displacement_millimetres : of the specimen towards the detector's side of the circle.
    size_angstrom : of crystallites, by Scherrer's formula; 0 for large ones. strain : relative, by Stokes and Wilson's.
    march : of the March-Dollase distribution of the direction `axis` (h, k, l): 1 for none, less for platelets that lie
        flat, more for needles (Dollase, J. Appl. Cryst. 19 (1986) 267).
    """

    displacement_millimetres: float = 0.0
    size_angstrom: float = 0.0
    strain: float = 0.0
    march: float = 1.0
    axis: tuple[int, int, int] = (0, 0, 1)


def two_theta_degrees(d_angstrom: Numbers, wavelength_angstrom: float) -> Numbers:
    """Bragg's law; NaN where there is no reflection at that wavelength."""
    with np.errstate(invalid="ignore"):
        return np.asarray(2.0 * np.degrees(np.arcsin(wavelength_angstrom / (2.0 * d_angstrom))))


def lorentz_polarisation(two_theta: Numbers, instrument: Instrument) -> Numbers:
    """The Lorentz and polarisation factors at 2 theta in degrees, for a powder: 1 / (sin^2 cos) and (1 + A cos^2 2
    theta) / (1 + A), where A is cos^2 of the monochromator's 2 theta (International Tables C, 6.2)."""
    theta = np.radians(two_theta) / 2.0
    lorentz = 1.0 / (np.sin(theta) ** 2 * np.cos(theta))
    if instrument.radiation == NEUTRONS:
        return np.asarray(lorentz)
    polarised = np.cos(np.radians(instrument.monochromator_degrees)) ** 2
    return np.asarray(lorentz * (1.0 + polarised * np.cos(2.0 * theta) ** 2) / (1.0 + polarised))


def march_dollase(found: Reflections, march: float, axis: tuple[int, int, int]) -> Numbers:
    """(n,) by how much preferred orientation changes each intensity: (r^2 cos^2 + sin^2 / r)^(-3/2), its mean over all
    equivalent reflections."""
    if march == 1.0:
        return np.ones(len(found))
    towards = np.asarray(axis) @ found.rotations @ found.reciprocal.T
    towards /= np.linalg.norm(towards, axis=-1, keepdims=True)
    along = found.indices @ found.reciprocal.T * found.d_angstrom[:, None]
    cosine2 = np.minimum((along @ towards.T) ** 2, 1.0)
    return np.asarray(((march**2 * cosine2 + (1.0 - cosine2) / march) ** -1.5).mean(axis=1))


def lines(found: Reflections, instrument: Instrument, specimen: PowderSpecimen) -> tuple[Numbers, Numbers]:
    """Bragg angles 2 theta in degrees, as no error shifts them, and intensities: multiplicity times |F|^2, Lorentz and
    polarisation factors and preferred orientation, of both lines of the source."""
    base = found.multiplicity * found.strength * march_dollase(found, specimen.march, specimen.axis)
    angles, intensities = [], []
    for ratio, share in ((1.0, 1.0), (instrument.second_ratio, instrument.second_strength)):
        if not share:
            continue
        at = two_theta_degrees(found.d_angstrom, ratio * instrument.wavelength_angstrom)
        there = np.isfinite(at) & (at < 179.0)
        angles.append(at[there])
        intensities.append(share * base[there] * lorentz_polarisation(at[there], instrument))
    return np.concatenate(angles), np.concatenate(intensities)


def widths(two_theta: Numbers, instrument: Instrument, specimen: PowderSpecimen) -> tuple[Numbers, Numbers]:
    """Full width at half maximum in degrees, and the Lorentzian share, of lines at 2 theta in degrees."""
    theta = np.radians(two_theta) / 2.0
    tan, cos = np.tan(theta), np.cos(theta)
    u, v, w = instrument.caglioti_degrees2
    x, y = instrument.lorentzian_degrees
    gauss = np.sqrt(np.maximum(u * tan**2 + v * tan + w, LEAST_FWHM_DEGREES**2))
    lorentz = x / cos + (y + np.degrees(4.0 * specimen.strain)) * tan
    if specimen.size_angstrom:
        lorentz = lorentz + np.degrees(SCHERRER * instrument.wavelength_angstrom / specimen.size_angstrom) / cos
    fifth = (
        gauss**5
        + 2.69269 * gauss**4 * lorentz
        + 2.42843 * gauss**3 * lorentz**2
        + 4.47163 * gauss**2 * lorentz**3
        + 0.07842 * gauss * lorentz**4
        + lorentz**5
    )
    fwhm = fifth**0.2
    share = lorentz / fwhm
    return np.asarray(fwhm), np.asarray(1.36603 * share - 0.47719 * share**2 + 0.11116 * share**3)


def pattern(found: Reflections, instrument: Instrument, specimen: PowderSpecimen, grid: Grid) -> Numbers:
    """(points,) intensity per degree at the grid's angles, without background and noise. Its integral over 2 theta is
    the sum of the lines' intensities; of those near an end, only what lies on the grid."""
    at, intensity = lines(found, instrument, specimen)
    if not len(at):
        return np.zeros(grid.points)
    bright = intensity > FAINTEST * intensity.max()
    at, intensity = at[bright], intensity[bright]
    fwhm, lorentzian = widths(at, instrument, specimen)
    lean = np.clip(instrument.asymmetry / np.tan(np.radians(at)), -MOST_LOPSIDED, MOST_LOPSIDED)
    radians = specimen.displacement_millimetres / instrument.radius_millimetres
    shifted = at + instrument.zero_degrees - np.degrees(2.0 * radians) * np.cos(np.radians(at) / 2.0)
    curve = np.zeros(grid.points)
    kept = 2.0 / np.pi * np.arctan(2.0 * REACH)
    _add(curve, grid, shifted, fwhm, lean, intensity * lorentzian / kept, REACH, gaussian=False)
    _add(curve, grid, shifted, fwhm, lean, intensity * (1.0 - lorentzian), GAUSSIAN_REACH, gaussian=True)
    return curve


def _add(
    curve: Numbers,
    grid: Grid,
    at: Numbers,
    fwhm: Numbers,
    lean: Numbers,
    area: Numbers,
    reach: float,
    *,
    gaussian: bool,
) -> None:
    """Add lines of these areas, cut off at `reach` widths, to a curve on the grid. `lean` is how much wider the side to
    small angles is than the mean, and narrower the other, as a share of the width."""
    step, half = grid.step_degrees, fwhm / 2.0
    inverse = np.concatenate([1.0 / (half * (1.0 + lean)), 1.0 / (half * (1.0 - lean))])  # of both sides
    place = (at - grid.first_degrees) / step
    middle = np.ceil(place)
    far = 2.0 * reach / (step * inverse)
    first = np.concatenate([np.ceil(place - far[: len(at)]), middle]).clip(0, grid.points).astype(np.int64)
    last = np.concatenate([middle - 1.0, np.floor(place + far[len(at) :])]).clip(-1, grid.points - 1).astype(np.int64)
    count = np.maximum(last - first + 1, 0)
    before = np.cumsum(count) - count
    height = np.tile(area / half * (np.sqrt(np.log(2.0) / np.pi) if gaussian else 1.0 / np.pi), 2)
    begin = (first - before - np.tile(place, 2)) * step * inverse
    along = np.arange(count.sum())
    x2 = (np.repeat(begin, count) + along * np.repeat(step * inverse, count)) ** 2
    shape = np.exp(-np.log(2.0) * x2) if gaussian else 1.0 / (1.0 + x2)
    curve += np.bincount(along + np.repeat(first - before, count), np.repeat(height, count) * shape, grid.points)
