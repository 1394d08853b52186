"""Which column of a curve is what, and at which wavelength it was measured: from names, from order, or asked for."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmark.foundation.errors import StemdlError
from benchmark.tasks.powder.columns import Columns

AXES = ("two_theta", "d", "q")
K_ALPHA_1_ANGSTROM = {"cr": 2.289726, "fe": 1.936042, "co": 1.788965, "cu": 1.540593, "mo": 0.709317, "ag": 0.559421}
"""Wavelengths of the strongest lines of laboratory tubes (Hoelzer et al. 1997; Mo and Ag: Bearden 1967)."""
SAME_WAVELENGTH = 0.003
"""Relative: K alpha 2 of copper is 0.0025 above K alpha 1."""
WAVELENGTHS_ANGSTROM = (0.05, 5.0)
EVEN_SHARE, EVEN_WITHIN = 0.9, 0.2
"""An abscissa without a name is known by its steps: so many of them are alike, to this share of the median."""
SURELY_DEGREES = 30.0
"""A column without a name that goes past this is 2 theta: d and q of powder curves end before."""

_NUMBER = r"([0-9]+[.,]?[0-9]*(?:e[+-]?[0-9]+)?|[.,][0-9]+(?:e[+-]?[0-9]+)?)\s*((?:nm|pm|m)\b)?"
_IN_ANGSTROM = {"": 1.0, "nm": 10.0, "pm": 0.01, "m": 1e10}
_WAVELENGTH = re.compile(
    rf"(?:wave\s*-?length|lambda|λ|k[\s_-]?(?:alpha|α)[\s_-]?1)[^0-9]{{0,24}}{_NUMBER}", re.IGNORECASE
)
_OTHER_LINE = re.compile(r"beta|β|ratio|alpha[\s_-]?2|α[\s_-]?2", re.IGNORECASE)
_TUBE = re.compile(
    r"\b(cr|fe|co|cu|mo|ag)[\s_-]*(?:k[\s_-]*(?:alpha|α|a)(?![a-z])|anode|radiation|tube)"
    r"|(?:anode|target|tube|radiation)\W{0,12}(?:material\W{0,4})?(cr|fe|co|cu|mo|ag)\b",
    re.IGNORECASE,
)
_INTENSITY = re.compile(r"i|y|int\.?|cps|[yi][_ ]?obs.*|obs.*|.*intensit.*|.*counts?.*", re.IGNORECASE)
_ERROR = re.compile(
    r"e|s|esd.*|err.*|sig.*|σ.*|std.*|uncert.*|[esd][_ ]?(y|i|obs|int).*|.*(error|uncertainty).*", re.IGNORECASE
)
_OTHER = re.compile(r"(theta|θ|th|omega|ω|tof|time.*|energy.*|e|channel.*)[\s_-]*([(\[/].*)?", re.IGNORECASE)
"""Names of an abscissa that no axis of ours is: half of 2 theta, a time of flight, an energy."""
_AXES = {
    "two_theta": re.compile(r"tth.*|two[\s_-]*theta.*|.*2[\s_*°-]*(θ|th).*|angle.*", re.IGNORECASE),
    "d": re.compile(r"d|d[\s_-]*(\(|\[|/|spac|val|ang|å).*|.*spacing.*", re.IGNORECASE),
    "q": re.compile(r"q|q[\s_-]*(\(|\[|/|ang|å|a\^).*|scattering vector.*", re.IGNORECASE),
}


@dataclass(frozen=True)
class Meaning:
    """The columns of the abscissa and of the intensity, what the abscissa is (one of `AXES`), and notes."""

    abscissa: int
    intensity: int
    axis: str
    notes: tuple[str, ...] = ()


def meaning_of(table: Columns, axis: str | None) -> Meaning:
    """The abscissa of a file's columns; `axis` is what the reader was asked to take the abscissa for. Raises
    StemdlError where the columns could be one thing or another, and where file and request differ."""
    named = _named(table)
    if named is None:
        return _unnamed(table, axis)
    if axis is not None and axis != named.axis:
        raise StemdlError("the file names another abscissa", where=table.path, expected=axis, found=named.axis)
    return named


def wavelength_of(table: Columns, axis: str, given_angstrom: float | None) -> tuple[float | None, tuple[str, ...]]:
    """The wavelength in angstrom, as the file states it or as given, and notes; None where d or q need none. Raises
    StemdlError where it is not known, not one, or stated otherwise than given."""
    low, high = WAVELENGTHS_ANGSTROM
    if given_angstrom is not None and not low <= given_angstrom <= high:
        expected = f"{low} to {high} angstrom"
        raise StemdlError("this is not a wavelength", where="wavelength", expected=expected, found=given_angstrom)
    if axis != "two_theta":
        return None, ()
    stated, tubes = _stated(table), _tubes(table)
    notes = ()
    if not stated and given_angstrom is None and tubes:
        notes = tuple(
            f"wavelength {K_ALPHA_1_ANGSTROM[tube]} angstrom: K alpha 1 of the {tube.capitalize()} tube"
            for tube in tubes
        )
    stated = [*stated, *(K_ALPHA_1_ANGSTROM[tube] for tube in tubes)]
    values = [*stated, *([given_angstrom] if given_angstrom is not None else [])]
    if not values:
        raise StemdlError(
            "the wavelength is not known",
            where=table.path,
            expected="a line such as '# wavelength 1.5406' before the rows, or the option",
            remedy="--set wavelength=1.5406 for the K alpha 1 of copper",
        )
    if max(values) > min(values) * (1.0 + SAME_WAVELENGTH):
        expected = f"{given_angstrom} angstrom" if given_angstrom is not None else "one wavelength"
        found = ", ".join(f"{value:g}" for value in stated)
        raise StemdlError("the file states another wavelength", where=table.path, expected=expected, found=found)
    return values[0], notes


def _lines(table: Columns) -> list[str]:
    """Header and comments, without those that are of the tube's other lines."""
    return [line for line in table.header if not _OTHER_LINE.search(line)]


def _stated(table: Columns) -> list[float]:
    """The wavelengths in angstrom that header and comments name."""
    found = [match for line in _lines(table) for match in _WAVELENGTH.finditer(line)]
    values = [float(match[1].replace(",", ".")) * _IN_ANGSTROM[(match[2] or "").lower()] for match in found]
    low, high = WAVELENGTHS_ANGSTROM
    if wrong := [value for value in values if not low <= value <= high]:
        raise StemdlError("the file states what is not a wavelength", where=table.path, found=f"{wrong[0]:g} angstrom")
    return values


def _tubes(table: Columns) -> list[str]:
    """The anodes that header and comments name."""
    found = [match for line in _lines(table) for match in _TUBE.finditer(line)]
    return sorted({(match[1] or match[2]).lower() for match in found})


def _named(table: Columns) -> Meaning | None:
    """What the columns are by their names; None where they do not say it."""
    axes = [(name, at) for name in AXES for at, each in enumerate(table.names) if _AXES[name].fullmatch(each)]
    if not axes:
        return None
    axis, at = axes[0]
    if axis != "two_theta" and re.search(r"nm|pm", table.names[at], re.IGNORECASE):
        where, expected = f"{table.path}:{table.lines[0]}", "angstrom, or 1/angstrom"
        raise StemdlError(f"{axis} is in another unit", where=where, expected=expected, found=table.names[at])
    taken = {each for _, each in axes}
    others = [of for of in range(len(table.names)) if of not in taken and not _ERROR.fullmatch(table.names[of])]
    intensities = [of for of in others if _INTENSITY.fullmatch(table.names[of])] or others
    if len(intensities) != 1:
        raise StemdlError(
            "one column of intensities is wanted",
            where=f"{table.path}:{table.lines[0]}",
            expected="a line that names them, such as: 2theta intensity",
            found=", ".join(table.names),
            remedy="give each curve a file of its own",
        )
    note = () if at < intensities[0] else (f"the abscissa is column {at + 1}, by its name",)
    return Meaning(at, intensities[0], axis, note)


def _unnamed(table: Columns, axis: str | None) -> Meaning:
    """What the columns are by their order: 2 theta, intensity and perhaps its error, unless the steps say otherwise."""
    where, count = f"{table.path}:{table.lines[0]}", table.values.shape[1]
    if table.names and _OTHER.fullmatch(table.names[0]):
        raise StemdlError("the abscissa is another one", where=where, expected=", ".join(AXES), found=table.names[0])
    wanted = "a line that names the columns, such as: 2theta intensity error"
    if count > 3:
        raise StemdlError("too many columns without names", where=where, expected=wanted, found=f"{count} columns")
    even = [_is_even(column) for column in table.values.T]
    if sum(even[:2]) == 2:
        raise StemdlError("two columns could be the abscissa: both have even steps", where=where, expected=wanted)
    swapped = even[:2] == [False, True]
    if swapped and (count == 3 or axis is not None):
        raise StemdlError("the second column is the one that has even steps", where=where, expected=wanted)
    if not any(even[:2]) and axis is None:
        raise StemdlError(
            "the first column has no name and no even steps",
            where=where,
            expected=wanted,
            remedy="--set axis=two_theta (or d, or q) if the first column is that",
        )
    notes = ("columns swapped: the second one alone has even steps",) if swapped else ()
    at = 1 if swapped else 0
    x = table.values[:, at]
    if axis is None and not (SURELY_DEGREES < np.nanmax(x) < 180.0 and np.nanmin(x) > 0.0):
        raise StemdlError(
            "the abscissa could be 2 theta, d or q",
            where=where,
            expected=wanted,
            found=f"{np.nanmin(x):.6g} to {np.nanmax(x):.6g}",
            remedy="--set axis=two_theta (or d, or q)",
        )
    return Meaning(at, 1 - at, axis or "two_theta", notes)


def _is_even(column: NDArray[np.float64]) -> bool:
    """Whether nearly all steps of a column are alike and lead one way."""
    steps = np.diff(column)
    usual = float(np.median(steps[np.isfinite(steps)])) if np.isfinite(steps).any() else 0.0
    return usual != 0.0 and bool(np.mean(np.abs(steps - usual) <= EVEN_WITHIN * abs(usual)) >= EVEN_SHARE)
