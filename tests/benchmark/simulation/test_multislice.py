"""Probes through slices: one method against the other, and both against multislice written here in real space.

The oracle shares no code with the engine: atoms are sums of Gaussians laid into the box in real space, the interaction
constant is Kirkland's in radians per volt and Angstrom, and the probe is summed wave by wave in double precision.
"""

from __future__ import annotations

import math

import gemmi
import numpy as np
import pytest

from benchmark.simulation.gratings import Box, Specimen, gratings, phases
from benchmark.simulation.multislice import Passage
from benchmark.simulation.potential import Atoms
from benchmark.simulation.probe import Probe
from benchmark.simulation.scattering import electron_scattering_factor, mass_ratio, wavelength_angstrom

BOX = Box(72, 10.0)
B, ENERGY_KEV = 0.6, 100.0
PROBE = Probe(ENERGY_KEV, 20.0, defocus_angstrom=60.0, spherical_angstrom=1e5)
POSITIONS = np.array([[0.0, 0.0], [1.3, -0.7], [-2.11, 0.4]])


def _some_atoms(seed: int = 0) -> Specimen:
    generator = np.random.default_rng(seed)
    numbers = generator.choice([8, 14, 22, 38, 79], size=60)
    return Specimen(numbers, generator.uniform([-5, -5, 0], [5, 5, 24], size=(60, 3)), slices=12, slice_angstrom=2.0)


def _patterns(specimen: Specimen, *, plane_waves: bool | None = None) -> np.ndarray:
    phi = phases(specimen, BOX, Atoms(B), ENERGY_KEV)
    return Passage(gratings(phi, BOX), BOX, specimen.slice_angstrom, 48).patterns(PROBE, POSITIONS, plane_waves)


def _oracle(specimen: Specimen) -> np.ndarray:
    n, edge = BOX.points, BOX.angstrom
    energy, rest = 1e3 * ENERGY_KEV, 510_998.95
    wavelength = 12.2643 / math.sqrt(energy * (1.0 + 0.978476e-6 * energy))
    sigma = 2.0 * math.pi / (wavelength * energy) * (rest + energy) / (2.0 * rest + energy)
    place = np.arange(n) * edge / n
    volts = np.zeros((specimen.slices, n, n))
    for number, (x, y, z) in zip(specimen.numbers, specimen.positions, strict=True):
        peng = gemmi.Element(int(number)).c4322
        for a, b in zip(peng.a, peng.b, strict=True):
            w = 4.0 * math.pi**2 / (b + B)
            images = np.arange(-3, 4)[:, None] * edge
            along_x = np.exp(-w * (place - x - images) ** 2).sum(axis=0)
            along_y = np.exp(-w * (place - y - images) ** 2).sum(axis=0)
            volts[int(z // specimen.slice_angstrom)] += 47.87801 * a * w / math.pi * np.outer(along_y, along_x)
    k = np.fft.fftfreq(n, edge / n)
    squared = k[:, None] ** 2 + k[None] ** 2
    band = np.sqrt(squared) < n / edge / 3.0
    transmission = np.fft.ifft2(np.fft.fft2(np.exp(1j * sigma * volts)) * band)
    fresnel = np.exp(-1j * math.pi * wavelength * specimen.slice_angstrom * squared) * band
    edge_of_aperture = 1e-3 * PROBE.semi_angle_mrad / wavelength
    found = []
    for x, y in POSITIONS:
        wave = np.zeros((n, n), dtype=complex)
        for row, column in zip(*np.nonzero(np.sqrt(squared) < edge_of_aperture + 0.5 / edge), strict=True):
            length = math.sqrt(squared[row, column])
            angle = wavelength * length
            lens = PROBE.spherical_angstrom * angle**4 / 4.0 - PROBE.defocus_angstrom * angle**2 / 2.0
            amplitude = math.sqrt(min(1.0, (edge_of_aperture - length) * edge + 0.5))
            shift = k[column] * (place[None, :] - x) + k[row] * (place[:, None] - y)
            wave += amplitude * np.exp(2j * math.pi * (shift - lens / wavelength))
        wave /= math.sqrt((np.abs(wave) ** 2).mean())
        for one in transmission:
            wave = np.fft.ifft2(np.fft.fft2(wave * one) * fresnel)
        intensity = np.fft.fftshift(np.abs(np.fft.fft2(wave) / n**2) ** 2)
        found.append(intensity[n // 2 - 24 : n // 2 + 24, n // 2 - 24 : n // 2 + 24])
    return np.array(found)


def _distance(found: np.ndarray, expected: np.ndarray) -> float:
    return float(np.linalg.norm(found - expected) / np.linalg.norm(expected))


def test_patterns_are_those_of_multislice_in_real_space() -> None:
    """abTEM 1.0.11 agrees to 0.2 to 0.3 % where atoms lie on its grid points (performance/scan.py)."""
    specimen = _some_atoms()
    assert _distance(_patterns(specimen), _oracle(specimen)) < 1e-4


def test_plane_waves_propagated_once_give_the_patterns_of_probes_one_by_one() -> None:
    specimen = _some_atoms(1)
    probes, waves = (_patterns(specimen, plane_waves=way) for way in (False, True))
    assert _distance(waves, probes) < 1e-5
    assert _distance(probes[1:], probes[:-1]) > 0.1  # the positions do differ


def test_disks_of_a_weak_grating_interfere_where_they_overlap_and_nowhere_else() -> None:
    """One slice that shifts phases by `shift` cos(2 pi g x), in focus: where the disk of g overlaps the direct beam, a
    probe at x has 1 - shift sin(2 pi g x) of the intensity, 1 + shift sin(2 pi g x) where that of -g does, to first
    order in the shift, and 1 where neither does. Waves and their relative phase make it so; a sum of intensities would
    be the same at every position."""
    box, shift, order = Box(128, 20.0), 1e-3, 14
    probe, g = Probe(ENERGY_KEV, 20.0), order / box.angstrom
    x = np.arange(box.points) * box.angstrom / box.points
    phi = np.broadcast_to(shift * np.cos(2.0 * np.pi * g * x), (1, box.points, box.points)).astype(np.float32)
    along = np.linspace(0.0, 1.0 / g, 9)[:-1]
    found = Passage(gratings(phi, box), box, 1.0, 64).patterns(probe, np.stack([along, 0.3 * along], axis=1))
    disk = np.abs(np.fft.fftshift(probe.spectrum(box))[32:96, 32:96])
    whole = disk > 0.999 * disk.max()
    plus, minus = np.roll(whole, order, axis=1), np.roll(whole, -order, axis=1)
    near = np.roll(disk > 0.0, order, axis=1) | np.roll(disk > 0.0, -order, axis=1)
    assert (whole & plus).sum() > 30 and not (plus & minus).any()
    fringes = shift * np.sin(2.0 * np.pi * g * along)
    contrast = found / np.maximum(disk**2, 1e-12) - 1.0
    for region, expected in ((whole & plus, -fringes), (whole & minus, fringes), (whole & ~near, 0.0 * fringes)):
        np.testing.assert_allclose(contrast[:, region].mean(axis=1), expected, atol=0.01 * shift)


def test_in_vacuum_the_aperture_is_seen_wherever_the_probe_stands() -> None:
    patterns = _patterns(Specimen(np.zeros(0, dtype=np.int64), np.zeros((0, 3)), 3, 2.0))
    aperture = np.abs(np.fft.fftshift(PROBE.spectrum(BOX)))[12:60, 12:60] ** 2
    np.testing.assert_allclose(patterns, np.broadcast_to(aperture, patterns.shape), rtol=1e-4, atol=1e-9)
    np.testing.assert_allclose(patterns.sum(axis=(1, 2)), 1.0, atol=1e-5)
    radius = math.sqrt((patterns[0] > patterns[0].max() / 2).sum() / math.pi) / BOX.angstrom
    assert radius == pytest.approx(0.020 / wavelength_angstrom(ENERGY_KEV), rel=0.03)


def test_a_slice_shifts_the_phase_by_as_much_as_its_atoms_scatter_forwards() -> None:
    specimen = _some_atoms()
    phi = phases(specimen, BOX, Atoms(B, "lobato"), ENERGY_KEV)
    forward = sum(float(electron_scattering_factor(int(z), np.zeros(1), "lobato")[0]) for z in specimen.numbers)
    expected = mass_ratio(ENERGY_KEV) * wavelength_angstrom(ENERGY_KEV) * forward
    assert phi.sum() * (BOX.angstrom / BOX.points) ** 2 == pytest.approx(expected, rel=1e-4)


def test_moving_probe_and_specimen_together_changes_nothing() -> None:
    specimen, by = _some_atoms(), np.array([0.37, -1.21])
    moved = Specimen(
        specimen.numbers, specimen.positions + np.array([*by, 0.0]), specimen.slices, specimen.slice_angstrom
    )
    grids = [gratings(phases(each, BOX, Atoms(B), ENERGY_KEV), BOX) for each in (specimen, moved)]
    here, there = (Passage(each, BOX, 2.0, 48) for each in grids)
    assert _distance(there.patterns(PROBE, POSITIONS + by), here.patterns(PROBE, POSITIONS)) < 2e-2
    assert _distance(there.patterns(PROBE, POSITIONS), here.patterns(PROBE, POSITIONS)) > 0.1


def test_a_defocused_probe_is_wide_at_the_entrance_and_sharp_below_it() -> None:
    """`defocus_angstrom` above 0 is the distance from the entrance down to the crossover."""
    box = Box(128, 40.0)
    spectrum = Probe(ENERGY_KEV, 20.0, defocus_angstrom=150.0).spectrum(box)

    def peak(depth: float) -> float:
        free = np.exp(-1j * np.pi * wavelength_angstrom(ENERGY_KEV) * depth * box.squared)
        return float((np.abs(np.fft.ifft2(spectrum * free)) ** 2).max())

    assert peak(150.0) > 4.0 * max(peak(0.0), peak(300.0))
