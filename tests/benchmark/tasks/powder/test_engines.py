"""Lines of 50 crystals of 50 space groups against those of pymatgen 2026.10.24 and Dans_Diffraction 3.4, as
performance/powder_engines.py recorded them in engines.npz: all above 0.001 of the strongest, 5 to 90 degrees."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pytest

from benchmark.simulation.crystal import Crystal
from benchmark.simulation.scattering import x_ray_scattering_factor
from benchmark.tasks.powder import diffraction
from benchmark.tasks.powder.diffraction import reflections
from benchmark.tasks.powder.profile import CU_K_ALPHA_1_ANGSTROM, Instrument, PowderSpecimen, lines

ONE_LINE = Instrument(wavelength_angstrom=CU_K_ALPHA_1_ANGSTROM, second_strength=0.0)
OVERLAP_DEGREES = 0.005
"""Lines nearer than this are compared as one: an engine may have merged them."""


@pytest.fixture(scope="module")
def recorded() -> Mapping[str, np.ndarray]:
    with np.load(Path(__file__).with_name("engines.npz"), allow_pickle=False) as file:
        return dict(file)


def crystals(recorded: Mapping[str, np.ndarray]) -> Iterator[Crystal]:
    ends = np.cumsum(recorded["counts"])
    for row, (end, count) in enumerate(zip(ends, recorded["counts"], strict=True)):
        atoms = slice(end - count, end)
        cell, group = recorded["cells"][row], int(recorded["space_groups"][row])
        yield Crystal(cell, recorded["numbers"][atoms], recorded["positions"][atoms], group)


def against(recorded: Mapping[str, np.ndarray], engine: str) -> tuple[np.ndarray, np.ndarray]:
    """Of each crystal the largest distance of an engine's line from ours in degrees, and R1 of intensities."""
    low, high = CU_K_ALPHA_1_ANGSTROM / (2.0 * np.sin(np.radians([90.0, 5.0]) / 2.0))
    ends = np.cumsum(recorded[f"{engine}_lines"])
    shifts, residuals = [], []
    for crystal, end, count in zip(crystals(recorded), ends, recorded[f"{engine}_lines"], strict=True):
        at, strength = lines(reflections(crystal, (low, high)), ONE_LINE, PowderSpecimen())
        theirs = recorded[f"{engine}_two_theta"][end - count : end]
        intensity = recorded[f"{engine}_intensity"][end - count : end].astype(np.float64)
        shifts.append(np.abs(at[None] - theirs[:, None]).min(axis=1).max())
        both = np.concatenate([at, theirs])
        order = np.argsort(both)
        cluster = np.empty(len(both), dtype=int)
        cluster[order] = np.concatenate([[0], np.cumsum(np.diff(both[order]) > OVERLAP_DEGREES)])
        size = cluster.max() + 1
        ours = np.bincount(cluster[: len(at)], strength, size)
        other = np.bincount(cluster[len(at) :], intensity, size)
        ours, other = ours[other > 0], other[other > 0]
        residuals.append(np.abs(ours / ours.sum() - other / other.sum()).sum())
    return np.array(shifts), np.array(residuals)


def test_the_record_is_of_many_crystals_and_space_groups(recorded: Mapping[str, np.ndarray]) -> None:
    assert len(set(recorded["space_groups"].tolist())) == len(recorded["counts"]) == 50
    assert recorded["pymatgen_lines"].min() > 5 and recorded["dans_lines"].min() > 5


def test_positions_and_intensities_are_dans_diffractions(recorded: Mapping[str, np.ndarray]) -> None:
    shifts, residuals = against(recorded, "dans")
    assert shifts.max() < 0.002 and residuals.max() < 0.01


def test_positions_and_intensities_are_pymatgens(
    recorded: Mapping[str, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With its table of form factors all, and with the International Tables' most: the tables differ by some percent
    for heavy elements."""
    shifts, residuals = against(recorded, "pymatgen")
    assert shifts.max() < 0.002 and np.median(residuals) < 0.01
    table = recorded["pymatgen_form_factors"]

    def factor(number: int, g_per_angstrom: np.ndarray) -> np.ndarray:
        s2 = np.asarray(g_per_angstrom) ** 2 / 4.0
        a, b = table[number].T
        return np.asarray(number - 41.78214 * s2 * (a * np.exp(-b * s2[..., None])).sum(axis=-1))

    monkeypatch.setattr(diffraction, "x_ray_scattering_factor", factor)
    shifts, residuals = against(recorded, "pymatgen")
    assert shifts.max() < 0.002 and residuals.max() < 0.01


def test_a_wrong_form_factor_would_be_seen(recorded: Mapping[str, np.ndarray], monkeypatch: pytest.MonkeyPatch) -> None:
    """The test above can fail: atoms whose electrons are not spread out are distinguished from those that are."""
    monkeypatch.setattr(diffraction, "x_ray_scattering_factor", lambda z, g: np.full(np.shape(g), float(z)))
    assert np.median(against(recorded, "dans")[1]) > 0.1
    assert x_ray_scattering_factor(14, np.array([0.0]))[0] == pytest.approx(14, rel=1e-3)
