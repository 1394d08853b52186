"""Interpolated patterns: what the interpolation costs, what is conserved, disks that overlap, and their symmetry."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from benchmark.definition.finder import load_benchmark
from benchmark.simulation.aperture import chebyshev, fit, nodes
from benchmark.simulation.cbed import CbedRung
from benchmark.simulation.detector import Screen
from benchmark.simulation.draw import draw_crystal
from benchmark.simulation.manybeam import propagate
from benchmark.simulation.potential import Atoms
from benchmark.simulation.recipes import Accuracy
from benchmark.simulation.scattering import wavelength_angstrom
from benchmark.simulation.symmetry import operations
from benchmark.simulation.waves import Waves
from benchmark.simulation.zone import CONVENTIONAL_AXES, DETECTOR_RIGHT, project

CRYSTALS = CbedRung.of(load_benchmark("space_group").rung("stemdl_mini")).crystals
ACCURACY = Accuracy(1.3, 2.4, 200, 10.0, 0, weak_waves=True, g_z_max_per_angstrom=1.0, wave_degree=8)
THICKNESS, ENERGY = 150.0, 120.0


def picture(screen: Screen, group: int = 62, axis: tuple = (0, 0, 1), tilt: tuple = (0.0, 0.0)) -> tuple:
    zone = project(draw_crystal(group, CRYSTALS, np.random.default_rng(3)), axis, DETECTOR_RIGHT[axis])
    waves = propagate(
        zone,
        screen.directions,
        energy_kev=ENERGY,
        thickness_angstrom=THICKNESS,
        atoms=Atoms(0.5),
        accuracy=ACCURACY,
        tilt_per_angstrom=tilt,
    )
    return zone, waves, screen.pattern(waves, mean_height=THICKNESS * wavelength_angstrom(ENERGY))


@pytest.mark.parametrize("degree", [4, 8, 11])
def test_polynomials_are_reproduced_and_nodes_are_few(degree: int) -> None:
    points = nodes(degree)
    needed = (degree + 1) * (degree + 2) // 2
    assert needed <= len(points) <= 1.6 * needed and np.linalg.norm(points, axis=1).max() <= 1.0
    generator = np.random.default_rng(0)
    shape = np.where(
        np.add.outer(range(degree + 1), range(degree + 1)) <= degree, generator.normal(size=(degree + 1,) * 2), 0
    )
    values = np.einsum("ni,ij,nj->n", chebyshev(points[:, 0], degree), shape, chebyshev(points[:, 1], degree))
    np.testing.assert_allclose((values @ fit(degree)).reshape(shape.shape), shape, atol=1e-9)
    # and noise is not blown up: the set fixes a polynomial well
    noise = generator.normal(size=(200, len(points))) @ fit(degree)
    angle, radius = generator.uniform(0, 2 * np.pi, 100), np.sqrt(generator.uniform(0, 1, 100))
    x, y = chebyshev(radius * np.cos(angle), degree), chebyshev(radius * np.sin(angle), degree)
    assert np.einsum("ni,kij,nj->kn", x, noise.reshape(200, degree + 1, -1), y).std() < 2.0


def test_interpolation_is_within_a_percent_of_many_more_directions() -> None:
    """Amplitudes at directions between the nodes, after 300 Angstrom, against those propagated there."""
    zone = project(draw_crystal(62, CRYSTALS, np.random.default_rng(3)), (0, 0, 1), DETECTOR_RIGHT[0, 0, 1])
    generator = np.random.default_rng(0)
    angle, radius = generator.uniform(0, 2 * np.pi, 40), np.sqrt(generator.uniform(0, 1, 40))
    unit = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)

    def intensities(directions: np.ndarray) -> tuple:
        waves = propagate(
            zone, directions * 0.08, energy_kev=ENERGY, thickness_angstrom=300.0, atoms=Atoms(0.5), accuracy=ACCURACY
        )
        return waves, waves.intensities

    _, exact = intensities(unit)
    errors = []
    for degree in (4, 7, 10):
        waves, _ = intensities(nodes(degree))
        phase = np.exp(1j * np.pi * 300.0 * wavelength_angstrom(ENERGY) * waves.vectors @ (nodes(degree) * 0.08).T)
        shapes = (waves.amplitudes.numpy() * phase) @ fit(degree)
        terms = chebyshev(unit[:, 0], degree)[:, :, None] * chebyshev(unit[:, 1], degree)[:, None, :]
        found = np.abs(shapes @ terms.reshape(40, -1).T) ** 2
        errors.append(np.linalg.norm(found - exact) / np.linalg.norm(exact))
    assert errors[2] < errors[1] < errors[0] and errors[2] < 0.002


def test_a_disk_keeps_its_intensity_its_place_and_its_size() -> None:
    screen = Screen(pixels=256, k_max_per_angstrom=1.0, semi_angle_per_angstrom=0.1, degree=4, samples=2)
    import torch

    one = Waves(
        torch.full((2, len(screen.directions)), 0.6 + 0.0j, dtype=torch.complex64),
        np.array([[0.5, 0.25], [3.0, 0.0]]),
        screen.directions,
    )
    found = screen.pattern(one)
    rows, columns = np.indices(found.shape)
    assert found.sum() == pytest.approx(0.36, rel=1e-5)
    assert ((columns * found).sum() / found.sum() - 127.5) / 128 == pytest.approx(0.5, abs=1e-3)
    assert (127.5 - (rows * found).sum() / found.sum()) / 128 == pytest.approx(0.25, abs=1e-3)
    assert (found > 0.5 * found.max()).sum() == pytest.approx(np.pi * 12.8**2, rel=0.03)


def test_the_mean_over_a_full_grid_of_probe_positions_is_the_incoherent_sum() -> None:
    """Disks overlap up to three deep here; one position alone shows fringes that differ from the mean."""
    screen = Screen(pixels=96, k_max_per_angstrom=0.8, semi_angle_per_angstrom=0.14, degree=10)
    zone, waves, incoherent = picture(screen)
    height = THICKNESS * wavelength_angstrom(ENERGY)
    ticks = np.arange(8) / 8
    cell = np.stack(np.meshgrid(ticks, ticks, indexing="ij"), -1).reshape(-1, 2) @ zone.lattice
    mean = screen.interference(waves, cell, mean_height=height)
    single = screen.interference(waves, cell[:1], mean_height=height)
    scale = np.linalg.norm(incoherent)
    assert np.linalg.norm(mean - incoherent) / scale < 1e-4
    assert np.linalg.norm(single - incoherent) / scale > 0.05


@pytest.mark.parametrize("group", [2, 12, 62, 139, 166, 194, 225])
def test_each_crystal_systems_symmetry_is_kept(group: int) -> None:
    """Of the operations that keep the beam's direction and the surfaces; others need not show with higher zones."""
    turns = {
        "flip columns": (np.diag([-1, 1]), np.fliplr),
        "flip rows": (np.diag([1, -1]), np.flipud),
        "half turn": (-np.eye(2), lambda p: np.rot90(p, 2)),
        "quarter turn": (np.array([[0, -1], [1, 0]]), np.rot90),
    }
    crystal = draw_crystal(group, CRYSTALS, np.random.default_rng(3))
    screen = Screen(pixels=96, k_max_per_angstrom=1.2, semi_angle_per_angstrom=0.08, degree=8)
    lattice = np.array(list(itertools.product(range(-2, 3), repeat=3)), dtype=float)
    rotations, translations = operations(group)
    lattice = np.concatenate([lattice + shift for shift in translations[(rotations == np.eye(3)).all(axis=(1, 2))]])
    checked = 0
    for axis in CONVENTIONAL_AXES:
        zone, _, found = picture(screen, group, axis)
        along = crystal.cell @ zone.frame[2]
        for rotation, translation in zip(rotations, translations, strict=True):
            if np.abs((translation - lattice) @ along).min() > 1e-6:
                continue  # a glide or screw along the beam moves the surfaces
            seen = zone.frame @ crystal.cell.T @ rotation @ np.linalg.inv(crystal.cell.T) @ zone.frame.T
            for matrix, turn in turns.values():
                if abs(seen[2, 2] - 1.0) < 1e-6 and np.allclose(seen[:2, :2], matrix, atol=1e-6):
                    assert np.abs(found - turn(found)).sum() / found.sum() < 1e-3
                    checked += 1
    assert checked > 0 or group == 2  # a centre of inversion turns the beam round
