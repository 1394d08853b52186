"""Measured curves: every way to write one down that has one meaning gives one profile; the others are refused."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmark.foundation.errors import StemdlError
from benchmark.tasks.powder.measured import Grid, MeasuredCurve, read_curve, resampled

CU = 1.540593
GRID = Grid(5.0, 0.05, 1700, CU)
ANGLES = np.round(np.arange(10.0, 80.0, 0.1), 4)


def counts(angles: np.ndarray, wavelength: float = CU) -> np.ndarray:
    """Three lines over a background, at d = 4.5, 2.6 and 1.5 angstrom."""
    lines = [2 * np.degrees(np.arcsin(wavelength / 2 / d)) for d in (4.5, 2.6, 1.5)]
    return np.round(20 + sum(1000 / n * np.exp(-(((angles - at) / 0.3) ** 2)) for n, at in enumerate(lines, 1)))


COUNTS = counts(ANGLES)


def rows(*columns: Sequence[float], separator: str = " ", comma: bool = False) -> str:
    text = "\n".join(separator.join(f"{value:.8g}" for value in row) for row in zip(*columns, strict=True))
    return (text.replace(".", ",") if comma else text) + "\n"


def written(folder: Path, content: str | bytes, name: str = "curve.xy") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def places(curve: MeasuredCurve) -> np.ndarray:
    """2 theta of copper's line at each point."""
    return 2 * np.degrees(np.arcsin(curve.inverse_d * CU / 2))


@pytest.mark.parametrize(
    "text",
    [
        "# wavelength 1.540593\n" + rows(ANGLES, COUNTS),
        "# lambda = 0.1540593 nm\n" + rows(ANGLES, COUNTS),
        "# wavelength 154.0593 pm\n" + rows(ANGLES, COUNTS),
        "# wavelength 1.540593e-10 m\n" + rows(ANGLES, COUNTS),
        "# wavelength 0.1540593e1\n" + rows(ANGLES, COUNTS),
        "# Cu anode, wavelength 1.540593\n" + rows(ANGLES, COUNTS),
        "Anode material: Cu\n" + rows(ANGLES, COUNTS, separator="\t"),
        "# Cu Kalpha radiation\r\n" + rows(ANGLES, COUNTS).replace("\n", "\r\n"),
        "K-Alpha1 wavelength,1.540593\nK-Alpha2 wavelength,1.544427\nK-Beta wavelength,1.392250\n"
        "K-A2 / K-A1 Ratio,0.5\n"
        "[Scan points]\nAngle,Intensity\n" + rows(ANGLES, COUNTS, separator=","),
        "wavelength;1,540593\n2theta;counts\n" + rows(ANGLES, COUNTS, separator=";", comma=True),
        "! wavelength 1.540593\n\n" + rows(ANGLES, COUNTS, separator="\t", comma=True),
        "! wavelength 1.540593\n" + rows(ANGLES, COUNTS, comma=True),
        "# wavelength 1.540593\n" + rows(ANGLES, COUNTS, np.sqrt(COUNTS)),
        "# wavelength 1.540593\n" + rows(COUNTS, ANGLES),
        "# wavelength 1.540593\n# intensity 2theta\n" + rows(COUNTS, ANGLES),
        "# wavelength 1.540593\nn,2theta,I,sigma\n"
        + rows(range(len(ANGLES)), ANGLES, COUNTS, COUNTS**0.5, separator=","),
        "# wavelength 1.540593\n" + rows(ANGLES[::-1], COUNTS[::-1]),
        "# wavelength 1.540593\n2theta I\n" + rows(*np.random.default_rng(3).permutation([ANGLES, COUNTS], axis=1)),
        "# wavelength 1.540593\n" + rows(ANGLES, COUNTS) + rows(ANGLES[-3:], COUNTS[-3:]),
        "# wavelength 1.540593\n" + rows(ANGLES, COUNTS).replace("\n", " ,\n").replace(" ", ",").replace(",,", ","),
        "# Wellenlänge in Å; wavelength 1.540593\n".encode("latin-1") + rows(ANGLES, COUNTS).encode(),
        b"\xef\xbb\xbf" + f"# wavelength 1.540593\n{rows(ANGLES, COUNTS)}".encode(),
        f"# wavelength 1.540593\n{rows(ANGLES, COUNTS)}".encode("utf-16"),
        "# d (A)\tI\n" + rows(CU / 2 / np.sin(np.radians(ANGLES / 2)), COUNTS),
        "q [1/A], counts\n" + rows(4 * np.pi / CU * np.sin(np.radians(ANGLES / 2)), COUNTS, separator=","),
        "# wavelength 0.7093\n2theta I\n"
        + rows(2 * np.degrees(np.arcsin(0.7093 / CU * np.sin(np.radians(ANGLES / 2)))), COUNTS),
    ],
)
def test_one_curve_in_many_forms(text: str | bytes, tmp_path: Path) -> None:
    curve = read_curve(written(tmp_path, text))
    assert np.allclose(places(curve), ANGLES, atol=2e-4)
    assert np.array_equal(curve.intensity, COUNTS)


BAD = {
    "empty": ("", "no rows of numbers", None),
    "prose": ("This is\nno curve\n", "no rows of numbers", None),
    "one column": (rows(COUNTS), "no rows of numbers", None),
    "binary": (b"RAW1.01\0\0\0\x01" * 40, "not text", None),
    "no wavelength": (rows(ANGLES, COUNTS), "wavelength is not known", None),
    "two wavelengths": ("# wavelength 1.5406\n# lambda 0.7093\n" + rows(ANGLES, COUNTS), "another wavelength", None),
    "no wavelength's number": ("# wavelength 1540\n" + rows(ANGLES, COUNTS), "not a wavelength", None),
    "a word within": ("# wavelength 1.5406\n" + rows(ANGLES, COUNTS) + "end of scan\n", "not like those", 702),
    "a row cut off": ("# wavelength 1.5406\n" + rows(ANGLES, COUNTS) + "80.0\n", "not like those", 702),
    "a third column at last": ("# wavelength 1.5406\n" + rows(ANGLES, COUNTS) + "80.0 3 4\n", "not like those", 702),
    "NaN for an angle": ("# wavelength 1.5406\n" + rows(ANGLES, COUNTS) + "nan 21\n", "not a place", 702),
    "an infinite intensity": ("# wavelength 1.5406\n" + rows(ANGLES, COUNTS) + "80.0 inf\n", "infinite", 702),
    "an angle past 180": ("# wavelength 1.5406\n2theta I\n" + rows(ANGLES, COUNTS) + "180.5 3\n", "not a place", 703),
    "an angle below 0": ("# wavelength 1.5406\n2theta I\n-5.0 3\n" + rows(ANGLES, COUNTS), "not a place", 3),
    "a tube of another wavelength": ("# anode Mo\n# wavelength 1.5406\n" + rows(ANGLES, COUNTS), "another wave", None),
    "theta": ("# wavelength 1.5406\ntheta I\n" + rows(ANGLES, COUNTS), "abscissa is another one", 3),
    "a time of flight": ("# wavelength 1.5406\nTOF(us) counts\n" + rows(ANGLES, COUNTS), "abscissa is another one", 3),
    "an energy": ("# wavelength 1.5406\nEnergy (keV),I\n" + rows(ANGLES, COUNTS, separator=","), "another one", 3),
    "q in nm": ("q(nm^-1) I\n" + rows(ANGLES, COUNTS), "q is in another unit", 2),
    "d in nm": ("d(nm) I\n" + rows(ANGLES, COUNTS), "d is in another unit", 2),
    "two scans": ("# wavelength 1.5406\n2theta I\n" + rows(ANGLES, COUNTS) * 2, "more than once", 703),
    "a list of lines": (
        "# wavelength 1.5406\n2theta I\n" + rows(ANGLES[:20], COUNTS[:20]),
        "not a measured curve",
        None,
    ),
    "nothing but one value": ("# wavelength 1.5406\n" + rows(ANGLES, COUNTS * 0 + 7), "all intensities", None),
    "upside down": ("# wavelength 1.5406\n" + rows(ANGLES, -COUNTS), "far below 0", 99),
    "four columns": ("# wavelength 1.5406\n" + rows(ANGLES, COUNTS, COUNTS, COUNTS), "too many columns", 2),
    "two even columns": ("# wavelength 1.5406\n" + rows(range(700), ANGLES, COUNTS), "two columns could", 2),
    "two curves": ("# wavelength 1.5406\n2theta Iobs Icalc_counts\n" + rows(ANGLES, COUNTS, COUNTS), "one column", 3),
    "uneven and nameless": ("# wavelength 1.5406\n" + rows(ANGLES**1.5 / 10, COUNTS), "no even steps", 2),
    "shuffled and nameless": (
        "# wavelength 1.5406\n" + rows(*np.random.default_rng(3).permutation([ANGLES, COUNTS], axis=1)),
        "no even steps",
        2,
    ),
    "2 theta, d or q": ("# wavelength 1.5406\n" + rows(ANGLES / 10, COUNTS), "could be 2 theta, d or q", 2),
}


@pytest.mark.parametrize("case", BAD)
def test_what_has_no_one_meaning_is_refused_with_file_and_line(case: str, tmp_path: Path) -> None:
    text, says, line = BAD[case]
    path = written(tmp_path, text)
    with pytest.raises(StemdlError, match=says) as caught:
        read_curve(path)
    assert str(caught.value).startswith(f"{path}:{line}: " if line else f"{path}: ")


@pytest.mark.parametrize(
    ("text", "options", "says"),
    [
        ("# wavelength 1.5406\n", {"wavelength_angstrom": 0.7093}, "another wavelength"),
        ("", {"wavelength_angstrom": 154.06}, "not a wavelength"),
        ("2theta I\n", {"wavelength_angstrom": CU, "axis": "d"}, "names another abscissa"),
        ("", {"wavelength_angstrom": CU, "axis": "energy"}, "no such abscissa"),
    ],
)
def test_an_option_that_the_file_contradicts_is_refused(text: str, options: dict, says: str, tmp_path: Path) -> None:
    with pytest.raises(StemdlError, match=says):
        read_curve(written(tmp_path, text + rows(ANGLES, COUNTS)), **options)


def test_options_say_what_the_file_does_not(tmp_path: Path) -> None:
    assert np.allclose(places(read_curve(written(tmp_path, rows(ANGLES, COUNTS)), CU)), ANGLES)
    d = CU / 2 / np.sin(np.radians(ANGLES / 2))
    assert np.allclose(places(read_curve(written(tmp_path, rows(d, COUNTS)), axis="d")), ANGLES, atol=1e-4)


@pytest.mark.parametrize(
    ("header", "noted"),
    [("# Anode: Cu\n", True), ("# CuKa1\n", True), ("# Cu anode, wavelength 1.5406\n", False)],
)
def test_a_wavelength_that_the_tube_alone_tells_is_noted(header: str, noted: bool, tmp_path: Path) -> None:
    notes = read_curve(written(tmp_path, header + rows(ANGLES, COUNTS))).notes
    assert (notes == ("wavelength 1.540593 angstrom: K alpha 1 of the Cu tube",)) == noted


def test_a_specimen_is_not_a_tube(tmp_path: Path) -> None:
    with pytest.raises(StemdlError, match="wavelength is not known"):
        read_curve(written(tmp_path, "# Cu K-alum, Fe radiates nothing\n" + rows(ANGLES, COUNTS)))


@pytest.mark.parametrize("missing", ["", "nan", "NaN", "n/a", "--"])
def test_points_without_an_intensity_are_left_out_and_noted(missing: str, tmp_path: Path) -> None:
    lines = rows(ANGLES, COUNTS).splitlines()
    lines[5] = f"{ANGLES[5]} {missing}"
    path = written(tmp_path, "# wavelength 1.540593\n" + "\n".join(lines))
    if not missing:  # a row of one column is not a row of two
        with pytest.raises(StemdlError, match=re.escape(f"{path}:7: ")):
            read_curve(path)
        return
    curve = read_curve(path)
    assert np.allclose(places(curve), np.delete(ANGLES, 5))
    assert curve.notes == ("points without an intensity left out: 1",)


def test_a_profile_is_the_curve_on_the_grid_whatever_the_wavelength_and_the_steps(tmp_path: Path) -> None:
    """Lines lie where the grid's wavelength puts them, to its step."""
    wanted = [2 * np.degrees(np.arcsin(CU / 2 / d)) for d in (4.5, 2.6, 1.5)]
    for wavelength, step in ((CU, 0.02), (CU, 0.05), (CU, 0.11), (0.7093, 0.02), (2.0, 0.05)):
        angles = np.arange(2.0, 140.0 if wavelength > 1 else 60.0, step)
        text = f"# wavelength {wavelength}\n2theta I\n" + rows(angles, counts(angles, wavelength))
        profile, covered, _ = resampled(read_curve(written(tmp_path, text)), GRID)
        assert profile.dtype == np.float32 and profile.max() == 1.0 and profile.min() >= 0.0
        assert covered.all()
        for at in wanted:
            near = np.flatnonzero(np.abs(GRID.two_theta - at) < 1.0)
            assert abs(GRID.two_theta[near[np.argmax(profile[near])]] - at) < 0.06


def curve_of(x: np.ndarray, y: np.ndarray) -> MeasuredCurve:
    return MeasuredCurve(Path("a.xy"), 2 * np.sin(np.radians(x / 2)) / CU, y)


def test_area_is_kept_where_the_curve_is_finer_than_the_grid() -> None:
    x = np.arange(4.0, 95.0, 0.01)
    y = np.exp(-(((x - 30.0) / 0.04) ** 2))
    coarse = Grid(5.0, 0.1, 850, CU)
    profile, _, _ = resampled(curve_of(x, y), coarse)
    means = [y[np.abs(x - at) <= 0.05].mean() for at in coarse.two_theta[248:253]]
    assert np.allclose(profile[248:253], means / np.max(means), atol=0.02)


def test_gaps_ends_and_negative_points() -> None:
    x = np.arange(4.0, 95.0, 0.02)
    y = counts(x) - 21.0
    profile, covered, notes = resampled(curve_of(x, y), GRID)
    assert covered.all() and profile.min() == 0.0 and any("below 0" in note for note in notes)
    narrow = (x < 50.0) | (x > 50.3)
    bridged, _, _ = resampled(curve_of(x[narrow], y[narrow]), GRID)
    assert np.allclose(bridged, profile, atol=1e-6)
    wide = (x < 50.0) | (x > 51.0)
    with pytest.raises(StemdlError, match=r"gap in which lines may lie(.|\n)*none from 50.00 to 51.02"):
        resampled(curve_of(x[wide], y[wide]), GRID)
    part = (x > 20.0) & (x < 80.0)
    cut, covered, notes = resampled(curve_of(x[part], y[part]), GRID)
    assert 0 < covered.sum() < 1700 and any("20.0" in note and "alone" in note for note in notes)
    assert np.allclose(cut[~covered][:10], cut[covered][0], atol=0.02)
    little = x < 40.0
    with pytest.raises(StemdlError, match="covers too little"):
        resampled(curve_of(x[little], y[little]), GRID)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    separator=st.sampled_from([" ", "\t", ",", ";", "   ", ", "]),
    errors=st.booleans(),
    falling=st.booleans(),
    comments=st.lists(st.text(st.characters(exclude_categories=["C", "Nd", "Z"]), max_size=12), max_size=3),
    scale=st.floats(1e-3, 1e6),
)
def test_how_it_is_written_changes_nothing(
    tmp_path: Path, separator: str, errors: bool, falling: bool, comments: list[str], scale: float
) -> None:
    columns = [ANGLES, COUNTS * scale, *([COUNTS**0.5] if errors else [])]
    text = "".join(f"# {comment}\n" for comment in comments)
    text += "# wavelength 1.540593\n" + rows(*([c[::-1] for c in columns] if falling else columns), separator=separator)
    curve = read_curve(written(tmp_path, text))
    assert np.allclose(places(curve), ANGLES, atol=2e-4)
    assert np.allclose(curve.intensity, COUNTS * scale, rtol=1e-6)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    content=st.one_of(st.binary(max_size=400), st.text(st.sampled_from(" 0123456789.,;-+eE\n\t#nanif"), max_size=400))
)
def test_whatever_a_file_holds_it_is_read_or_refused(tmp_path: Path, content: bytes | str) -> None:
    path = written(tmp_path, content)
    _read_or_refused(lambda: resampled(read_curve(path, CU), GRID), path)


def _read_or_refused(read: Callable[[], object], path: Path) -> None:
    try:
        read()
    except StemdlError as error:
        assert str(error).startswith(str(path))
