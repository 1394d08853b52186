"""The fingerprint against a direct sum that shares nothing with it, and what must hold of any."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.foundation.errors import StemdlError
from benchmark.simulation.cluster import cluster_of, nearest_mean_angstrom
from benchmark.simulation.fingerprint import PIXELS, detector, fingerprint, intensities
from benchmark.simulation.scattering import x_ray_scattering_factor

FCC = np.array([[0.0, 0.0, 0.0], [0.0, 0.5, 0.5], [0.5, 0.0, 0.5], [0.5, 0.5, 0.0]])


def fcc(atoms: int = 32, number: int = 29):
    return cluster_of(3.6 * np.eye(3), np.full(4, number), FCC, atoms)


def plainly(positions: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    """(3, 64, 64): the published formula word for word, pixel by pixel and atom by atom, in double precision."""
    positions = (positions - positions.mean(axis=0)) / nearest_mean_angstrom(positions)
    places = (np.arange(64) - 31.5) * 0.4
    x, y = np.meshgrid(places, places)
    length = np.sqrt(x**2 + y**2 + 100.0**2)
    s = np.stack([x / length, y / length, 100.0 / length - 1.0], axis=-1) / 0.05
    size = np.linalg.norm(s, axis=-1)
    found = np.zeros((3, 64, 64))
    for axis, (i, j) in enumerate(((1, 2), (2, 0), (0, 1))):
        for angle in (math.radians(-45.0), math.radians(45.0)):
            turn = np.eye(3)
            turn[i, i] = turn[j, j] = math.cos(angle)
            turn[i, j], turn[j, i] = -math.sin(angle), math.sin(angle)
            phases = np.exp(-2j * np.pi * (s @ (positions @ turn.T).T))
            factors = np.stack([x_ray_scattering_factor(int(number) + 2, size) for number in numbers], axis=-1)
            found[axis] += (100.0 / length) ** 3 * np.abs((factors * phases).sum(axis=-1)) ** 2
    radius = np.add.outer((np.arange(64) - 31.5) ** 2, (np.arange(64) - 31.5) ** 2)
    return found * ((radius > 10.0**2) & (radius < 30.0**2))


@settings(max_examples=6)
@given(st.integers(0, 2**32), st.integers(2, 60), st.floats(1.0, 12.0))
def test_it_is_the_direct_sum_for_any_atoms(seed: int, atoms: int, size: float) -> None:
    generator = np.random.default_rng(seed)
    positions = generator.uniform(-size, size, size=(atoms, 3))
    numbers = generator.choice([1, 8, 29, 55, 96], size=atoms)
    direct = plainly(positions, numbers)
    assert np.abs(intensities(positions, numbers) - direct).max() <= 1e-6 * direct.max()


def test_a_whole_cluster_of_256_atoms_is_the_direct_sum() -> None:
    cluster = fcc(256)
    direct = plainly(cluster.positions, cluster.numbers)
    found = fingerprint(cluster.positions, cluster.numbers)
    assert found.shape == (3, PIXELS, PIXELS) and found.max() == 1.0 and found.min() == 0.0
    assert np.abs(found - direct / direct.max()).max() < 1e-8


def test_bonds_of_any_length_and_any_place_give_one_picture() -> None:
    cluster = fcc()
    one = fingerprint(cluster.positions, cluster.numbers)
    other = fingerprint(1.7 * cluster.positions + np.array([5.0, -3.0, 40.0]), cluster.numbers)
    assert np.abs(one - other).max() < 1e-9


def test_a_cube_looks_alike_about_all_three_axes_and_elements_change_it_little() -> None:
    """The fault of the published task: what tells its cubic pictures apart is the form factor alone."""
    copper, silver = (fingerprint(fcc(108, number).positions, fcc(108, number).numbers) for number in (29, 47))
    assert np.abs(copper[0] - copper[1].T).max() < 1e-6
    assert 1e-4 < np.abs(copper - silver).max() < 0.2
    assert np.corrcoef(copper.ravel(), silver.ravel())[0, 1] > 0.99


def test_the_ring_is_where_the_published_one_is() -> None:
    pixels = detector()
    radius = np.hypot(*np.meshgrid(np.arange(-30, 30) + 0.5, np.arange(-30, 30) + 0.5))
    assert np.array_equal(pixels.ring, (radius > 10) & (radius < 30))
    assert pixels.lengths[pixels.ring].min() == pytest.approx(0.8, rel=0.02)
    assert pixels.lengths[pixels.ring].max() == pytest.approx(2.4, rel=0.02)


def test_torch_gives_the_same_picture() -> None:
    """What a GPU is asked for too."""
    import torch

    cluster = fcc()
    positions = cluster.positions + np.random.default_rng(1).normal(scale=0.1, size=cluster.positions.shape)
    numbers = np.where(np.arange(len(positions)) % 3, 29, 47)
    other = "cuda" if torch.cuda.is_available() else "cpu:0"
    assert np.abs(fingerprint(positions, numbers) - fingerprint(positions, numbers, other)).max() < 1e-9


def test_what_has_no_fingerprint_is_refused() -> None:
    with pytest.raises(StemdlError, match="knows no such element"):
        fingerprint(np.eye(3), np.array([1, 2, 97]))
    with pytest.raises(StemdlError, match="has no neighbour"):
        fingerprint(np.zeros((1, 3)), np.array([6]))
    with pytest.raises(StemdlError, match="in one place"):
        fingerprint(np.zeros((3, 3)), np.array([6, 6, 6]))
