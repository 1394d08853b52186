"""How a pattern is measured, drawn at random: the diffractometer, the specimen, its impurity, background and counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from benchmark.foundation.errors import StemdlError
from benchmark.tasks.powder.diffraction import Numbers, Reflections
from benchmark.tasks.powder.measured import Grid
from benchmark.tasks.powder.profile import Instrument, PowderSpecimen, pattern

MOST_COUNTS = 1_000_000
"""Counts of the highest point at most: float32 tells no more counts apart."""
Bounds = tuple[float, float]
AXES = ((0, 0, 1), (1, 0, 0), (0, 1, 0), (1, 1, 0), (1, 1, 1), (1, 0, 1))
"""Along one of these plates lie and needles stand."""


@dataclass(frozen=True)
class Measurements:
    """What each measurement is drawn from: bounds, evenly between them, or standard deviations about zero.

    Attributes
    ----------
    fwhm_degrees : the instrument's Gaussian width at small angles, logarithmically. It rises with tan^2 by up to as
        much again.
    size_angstrom, strain : of crystallites, logarithmically.
    asymmetry : `Instrument.asymmetry`.
    zero_degrees, displacement_millimetres : standard deviations.
    textured : the share of specimens with preferred orientation. march : of these, logarithmically.
    contaminated : the share of specimens that hold a second phase. impurity : of these, its share of the intensity.
    background : its mean, as a share of the highest line, logarithmically. hump : of a glass, as such a share.
    counts : at the highest line, logarithmically.

    Raises StemdlError for bounds that do not rise, and for shares and widths that cannot be.
    """

    fwhm_degrees: Bounds
    size_angstrom: Bounds
    strain: Bounds
    asymmetry: Bounds
    zero_degrees: float
    displacement_millimetres: float
    textured: float
    march: Bounds
    contaminated: float
    impurity: Bounds
    background: Bounds
    hump: Bounds
    counts: Bounds

    def __post_init__(self) -> None:
        for each in fields(self):
            value = getattr(self, each.name)
            low, high = value if isinstance(value, tuple) else (0.0, value)
            least = 0.0 if each.name in EVENLY or not isinstance(value, tuple) else np.nextafter(0.0, 1.0)
            if not least <= low <= high:
                expected = "two rising numbers above 0" if least else "rising numbers from 0"
                raise StemdlError(f"measurements.{each.name} cannot be", expected=expected, found=value)
        for name in ("textured", "contaminated"):
            if getattr(self, name) > 1.0:
                raise StemdlError(f"measurements.{name} is a share", expected="0 to 1", found=getattr(self, name))
        if self.impurity[1] >= 1.0:
            raise StemdlError("an impurity is less than all", where="measurements.impurity", found=self.impurity)


EVENLY = ("asymmetry", "impurity", "hump")
"""Bounds that are drawn between evenly; all others logarithmically, and so are above 0."""


@dataclass(frozen=True)
class Measurement:
    """One of them. `background` are the coefficients of a polynomial of Chebyshev's, as shares of the highest line;
    `hump` is the height, centre and width in degrees of that of a glass."""

    instrument: Instrument
    specimen: PowderSpecimen
    impurity: float
    background: tuple[float, ...]
    hump: tuple[float, float, float]
    peak_counts: float


def draw_measurement(ranges: Measurements, grid: Grid, generator: np.random.Generator) -> Measurement:
    """Takes the same number of random numbers whatever they are."""

    def log(bounds: Bounds) -> float:
        return float(np.exp(generator.uniform(*np.log(bounds))))

    def even(bounds: Bounds) -> float:
        return float(generator.uniform(*bounds))

    fwhm, growth = log(ranges.fwhm_degrees), even((0.0, 1.0))
    size, strain, asymmetry = log(ranges.size_angstrom), log(ranges.strain), even(ranges.asymmetry)
    zero, displacement = generator.standard_normal(2).tolist()
    textured, march, axis = generator.random() < ranges.textured, log(ranges.march), AXES[generator.integers(len(AXES))]
    contaminated, impurity = generator.random() < ranges.contaminated, even(ranges.impurity)
    level, slope, curvature, height = log(ranges.background), *generator.uniform(-0.4, 0.4, 2), even(ranges.hump)
    centre, width = even((15.0, 35.0)), even((4.0, 12.0))
    instrument = Instrument(
        wavelength_angstrom=grid.wavelength_angstrom,
        caglioti_degrees2=(growth * fwhm**2, 0.0, fwhm**2),
        asymmetry=asymmetry,
        zero_degrees=ranges.zero_degrees * zero,
    )
    specimen = PowderSpecimen(
        displacement_millimetres=ranges.displacement_millimetres * displacement,
        size_angstrom=size,
        strain=strain,
        march=march if textured else 1.0,
        axis=axis,
    )
    return Measurement(
        instrument,
        specimen,
        impurity if contaminated else 0.0,
        (level, level * float(slope), level * float(curvature)),
        (height, centre, width),
        log(ranges.counts),
    )


def intensities(found: Reflections, other: Reflections | None, how: Measurement, grid: Grid) -> Numbers:
    """(points,) expected counts of a measurement, background included: of reflections, and of those of an impurity.
    All 0 where no line lies on the grid."""
    curve = pattern(found, how.instrument, how.specimen, grid)
    if how.impurity and other is not None:
        second = pattern(other, how.instrument, PowderSpecimen(size_angstrom=how.specimen.size_angstrom), grid)
        if second.sum() > 0.0:
            curve += second * (curve.sum() / second.sum() * how.impurity / (1.0 - how.impurity))
    if not curve.max() > 0.0:
        return np.zeros(grid.points)
    height, centre, width = how.hump
    along = np.linspace(-1.0, 1.0, grid.points)
    below = np.polynomial.chebyshev.chebval(along, how.background)
    glass = height * np.exp(-(((grid.two_theta - centre) / width) ** 2))
    return np.asarray(how.peak_counts * (curve / curve.max() + below + glass))


def counted(expected: Numbers, generator: np.random.Generator) -> Numbers:
    """Counts by Poisson's law, whole numbers, of expected ones."""
    return generator.poisson(expected).astype(np.float64)


def normalised(counts: Sequence[float] | Numbers) -> NDArray[np.float32]:
    """(points,) with a maximum of 1, of counts."""
    values = np.asarray(counts, dtype=np.float64)
    return (values / values.max()).astype(np.float32)


def whole_counts(profile: NDArray[np.float32]) -> NDArray[np.int64] | None:
    """(points,) the fewest whole counts that `normalised` makes a profile of; None where there are none such.

    Two low points of a counted profile differ by one count somewhere, by two or by three. That says the highest count
    but for the rounding of float32. Wider and wider differences, and then higher and higher points, each of which the
    one before it says to less than half a count, say it exactly.
    """
    values = np.unique(profile.astype(np.float64))
    if not np.isfinite(values).all() or values[0] < 0.0 or values[-1] != 1.0:
        return None
    if len(values) == 1:
        return np.ones(len(profile), dtype=np.int64)
    lower = values[: len(values) // 2 + 1]  # low values are rounded least
    step, rising = np.diff(lower).min(), [*(lower[1:] - lower[0]), *values[values > 0.0]]
    for steps in (1, 2, 3):
        estimate = steps / step
        for each in rising:
            estimate = max(1, round(each * estimate)) / each
        most = round(estimate)
        counts = np.rint(profile.astype(np.float64) * most)
        if most <= MOST_COUNTS and np.array_equal((counts / most).astype(np.float32), profile):
            return counts.astype(np.int64)
    return None
