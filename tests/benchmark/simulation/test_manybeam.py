"""The many-beam engine against another method: FFT multislice in real space, written here and sharing none of its code.

The oracle works on a grid of one unit cell: atoms are sums of Gaussians in real space, cut into slices by the error
function, the interaction constant is Kirkland's in radians per volt and Angstrom, and free space is a Fresnel
propagator with the incident direction in it.
"""

from __future__ import annotations

import math

import gemmi
import numpy as np
import pytest
import torch
from scipy.special import erf

from benchmark.definition.finder import load_benchmark
from benchmark.simulation.aperture import grid
from benchmark.simulation.cbed import CbedRung
from benchmark.simulation.crystal import Crystal
from benchmark.simulation.detector import counted, pattern
from benchmark.simulation.draw import draw_crystal
from benchmark.simulation.manybeam import propagate
from benchmark.simulation.potential import Atoms, coefficients
from benchmark.simulation.recipes import Accuracy
from benchmark.simulation.waves import Waves
from benchmark.simulation.zone import CONVENTIONAL_AXES, DETECTOR_RIGHT, project

EDGE = 3.905
SRTIO3 = Crystal(
    EDGE * np.eye(3),
    np.array([38, 22, 8, 8, 8]),
    np.array([[0, 0, 0], [0.5, 0.5, 0.5], [0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0.5]]),
    221,
)
ENERGY_KEV, B, CELLS, GRID, SLICES = 100.0, 0.6, 51, 64, 16
SEMI_ANGLE, ACROSS = 0.08, 6
TILT = (0.013, 0.021)
"""A general direction, so that no symmetry hides a mistake of sign."""


def _slices_volt_angstrom(*, averaged: bool) -> np.ndarray:
    """The potential of the cell integrated over each of 16 slices; all of them alike when `averaged` along the beam."""
    grid = np.arange(GRID) * EDGE / GRID
    edges = np.arange(SLICES + 1) * EDGE / SLICES
    images = np.arange(-3, 4)[:, None] * EDGE
    slices = np.zeros((SLICES, GRID, GRID))
    for number, (x, y, z) in zip(SRTIO3.numbers, SRTIO3.positions * EDGE, strict=True):
        peng = gemmi.Element(int(number)).c4322
        for a, b in zip(peng.a, peng.b, strict=True):
            # a exp(-(b + B) g^2 / 4) is in real space a (w / pi)^1.5 exp(-w r^2)
            w = 4.0 * math.pi**2 / (b + B)
            across = np.exp(-w * (grid - x - images) ** 2).sum(axis=0)
            down = np.exp(-w * (grid - y - images) ** 2).sum(axis=0)
            along = np.diff(erf(math.sqrt(w) * (edges - z - images)).sum(axis=0)) * math.sqrt(math.pi / w) / 2.0
            slices += a * (w / math.pi) ** 1.5 * along[:, None, None] * across[:, None] * down[None]
    slices *= 47.87801  # h^2 / (2 pi m e) in V Angstrom^2
    return np.repeat(slices.mean(axis=0, keepdims=True), SLICES, axis=0) if averaged else slices


def _multislice(directions: np.ndarray, *, averaged: bool) -> np.ndarray:
    """Exit intensities (directions, GRID, GRID) on the reciprocal grid in numpy's order."""
    energy, rest = 1e3 * ENERGY_KEV, 510_998.95
    wavelength = 12.2643 / math.sqrt(energy * (1.0 + 0.978476e-6 * energy))
    sigma = 2.0 * math.pi / (wavelength * energy) * (rest + energy) / (2.0 * rest + energy)
    g = np.fft.fftfreq(GRID, EDGE / GRID)
    band = np.hypot(g[:, None], g[None]) < 2.0 / 3.0 * GRID / (2.0 * EDGE)
    squared = (g[:, None] + directions[:, 0, None, None]) ** 2 + (g[None] + directions[:, 1, None, None]) ** 2
    propagator = np.exp(-1j * math.pi * wavelength * (EDGE / SLICES) * squared) * band
    transmission = np.exp(1j * sigma * _slices_volt_angstrom(averaged=averaged))
    transmission = np.fft.ifft2(np.fft.fft2(transmission) * band)
    waves = np.ones((len(directions), GRID, GRID), dtype=complex)
    for _ in range(CELLS):
        for one in transmission:
            waves = np.fft.ifft2(np.fft.fft2(waves * one) * propagator)
    return np.abs(np.fft.fft2(waves) / GRID**2) ** 2


def _error(intensities: np.ndarray, *, averaged: bool, accuracy: Accuracy) -> float:
    """Relative L2 of the engine's intensities over all beams with |g| < 1 per Angstrom and all directions."""
    beams = propagate(
        project(SRTIO3, (0, 0, 1), (1, 0, 0)),
        grid(SEMI_ANGLE, ACROSS),
        energy_kev=ENERGY_KEV,
        thickness_angstrom=CELLS * EDGE,
        atoms=Atoms(B),
        tilt_per_angstrom=TILT,
        accuracy=accuracy,
    )
    inside = np.linalg.norm(beams.vectors, axis=1) < 1.0
    indices = np.round(beams.vectors[inside] * EDGE).astype(int)
    expected = intensities[:, indices[:, 0], indices[:, 1]].T
    assert len(indices) == 45 and expected.shape == (45, 32)
    return float(np.linalg.norm(beams.intensities[inside] - expected) / np.linalg.norm(expected))


@pytest.fixture(scope="module")
def projected() -> np.ndarray:
    return _multislice(grid(SEMI_ANGLE, ACROSS) + TILT, averaged=True)


def test_it_agrees_with_multislice_of_the_same_projected_potential(projected: np.ndarray) -> None:
    """Measured: 0.15 % with slices of 2 Angstrom, 0.01 % with slices of 1 Angstrom and weak beams to 4 per Angstrom.

    SrTiO3 [001], 100 kV, 199 Angstrom, B = 0.6, 32 directions around a general tilt.
    """
    assert projected.sum(axis=(1, 2)).min() > 0.999  # the grid itself loses nothing
    assert _error(projected, averaged=True, accuracy=Accuracy(2.5, 3.2, 10_000, 2.0, ACROSS)) < 0.003
    assert _error(projected, averaged=True, accuracy=Accuracy(3.2, 4.0, 10_000, 1.0, ACROSS)) < 0.0005


def test_folding_the_weak_beams_in_is_worth_it(projected: np.ndarray) -> None:
    """Measured with 69 strong beams: 4.4 % with weak beams folded in to 2.4 per Angstrom, and far more without."""
    folded = _error(projected, averaged=True, accuracy=Accuracy(1.25, 2.4, 280, 10.0, ACROSS))
    cut = _error(projected, averaged=True, accuracy=Accuracy(1.25, 1.25, 280, 10.0, ACROSS))
    assert folded < 0.06 and cut > 2.0 * folded


def test_it_agrees_with_multislice_of_the_crystal_in_three_dimensions() -> None:
    """Measured: 2.5 %. What is left is the crystal's structure along the beam, which the zero-order zone averages."""
    expected = _multislice(grid(SEMI_ANGLE, ACROSS) + TILT, averaged=False)
    assert _error(expected, averaged=False, accuracy=Accuracy(2.5, 3.2, 10_000, 2.0, ACROSS)) < 0.03


@pytest.mark.parametrize(
    ("space_group", "accuracy"),
    [
        (1, Accuracy(1.6, 1.6, 10_000, 25.0, 6)),
        (186, Accuracy(1.6, 1.6, 10_000, 25.0, 6)),
        (225, Accuracy(1.6, 1.6, 10_000, 25.0, 6)),
        (62, Accuracy(1.25, 2.4, 280, 25.0, 6)),
    ],
)
def test_no_electron_is_lost(space_group: int, accuracy: Accuracy) -> None:
    """Without folding, and with it (the folded matrix stays Hermitian), each direction's intensities sum to 1.

    Single precision loses about 5e-6 a slice: with steps of 1 Angstrom instead of 25 it would be 2e-4.
    """
    crystal = draw_crystal(
        space_group, CbedRung.of(load_benchmark("space_group").rung("stemdl_mini")).crystals, np.random.default_rng(5)
    )
    for axis in CONVENTIONAL_AXES:
        beams = propagate(
            project(crystal, axis, DETECTOR_RIGHT[axis]),
            grid(SEMI_ANGLE, accuracy.directions_across),
            energy_kev=100.0,
            thickness_angstrom=300.0,
            atoms=Atoms(0.5),
            tilt_per_angstrom=TILT,
            accuracy=accuracy,
        )
        np.testing.assert_allclose(beams.intensities.sum(axis=0, dtype=np.float64), 1.0, atol=1e-4)
        assert beams.intensities[0].max() < 0.99  # something was scattered at all


def test_the_potential_is_real_and_its_mean_is_the_sum_of_the_atoms() -> None:
    zone = project(SRTIO3, (0, 0, 1), (1, 0, 0))
    table = coefficients(zone, Atoms(B), (4, 4), range(1), 100.0)[0]
    np.testing.assert_allclose(table, table[::-1, ::-1].conj(), atol=1e-12)
    forward = sum(gemmi.Element(int(z)).c4322.calculate_sf(0.0) for z in SRTIO3.numbers)
    assert table[4, 4].real == pytest.approx(1.195696 * forward / (math.pi * EDGE**3), rel=1e-5)


def test_a_large_cell_keeps_whole_shells_within_the_limit() -> None:
    crystal = Crystal(8.0 * np.eye(3), SRTIO3.numbers, SRTIO3.positions, 221)
    zone = project(crystal, (0, 0, 1), (1, 0, 0))
    for most in (50, 120, 200):
        beams = propagate(
            zone,
            grid(SEMI_ANGLE, 4),
            energy_kev=100.0,
            thickness_angstrom=50.0,
            atoms=Atoms(),
            accuracy=Accuracy(1.25, 1.6, most, 25.0, 4),
        )
        kept = {tuple(np.round(vector, 6)) for vector in beams.vectors}
        assert most - 16 <= len(kept) <= most  # a general shell of a square lattice has 8, at most 16 coincide here
        assert {(-y, x) for x, y in kept} == kept


def test_the_aperture_is_round_centred_and_symmetric() -> None:
    points = grid(0.08, 8)
    assert np.linalg.norm(points, axis=1).max() < 0.08
    assert len(points) / 64 == pytest.approx(math.pi / 4, abs=0.05)
    as_set = {tuple(np.round(point, 9)) for point in points}
    assert {(-x, y) for x, y in as_set} == as_set == {(y, x) for x, y in as_set}


def _beams(vectors: list, intensities: list, directions: list) -> Waves:
    amplitudes = torch.tensor(intensities, dtype=torch.float32).sqrt().to(torch.complex64)
    return Waves(amplitudes, np.array(vectors, dtype=float), np.array(directions, float))


def test_the_detector_has_x_to_the_right_and_y_up_and_turns_counter_clockwise() -> None:
    one = _beams([[0.5, 0.25]], [[1.0]], [[0.0, 0.0]])
    picture = pattern(one, pixels=64, k_max_per_angstrom=1.0)
    rows, columns = np.indices(picture.shape)
    assert ((columns * picture).sum() - 31.5) / 32 == pytest.approx(0.5)
    assert (31.5 - (rows * picture).sum()) / 32 == pytest.approx(0.25)
    assert picture.sum() == pytest.approx(1.0)
    turned = pattern(one, pixels=64, k_max_per_angstrom=1.0, rotation_degrees=90.0)
    np.testing.assert_allclose(turned, np.rot90(picture), atol=1e-9)  # numpy turns counter-clockwise too


def test_disks_that_overlap_add_up_and_what_misses_the_detector_is_lost() -> None:
    two = _beams([[0.1, 0.0], [0.1, 0.0], [3.0, 0.0]], [[0.2, 0.4], [0.1, 0.1], [0.7, 0.5]], [[0.0, 0.0], [0.05, 0.0]])
    assert pattern(two, pixels=64, k_max_per_angstrom=1.0).sum() == pytest.approx((0.3 + 0.5) / 2)


def test_counting_keeps_the_mean_and_has_poissons_variance() -> None:
    ideal = np.full((200, 200), 1e-4)
    noisy = counted(ideal, 1e6, np.random.default_rng(0))
    assert noisy.mean() == pytest.approx(1e-4, rel=0.002)
    assert noisy.var() == pytest.approx(1e-4 / 1e6, rel=0.03)
    assert counted(np.array([-1e-18, 0.0]), 1e6, np.random.default_rng(0)).tolist() == [0.0, 0.0]
