"""Classical methods find what they can be expected to: a weak phase, its gradient's potential, and heavy columns."""

from __future__ import annotations

import numpy as np
import pytest

from benchmark.simulation.gratings import Specimen, phases
from benchmark.simulation.potential import Atoms
from benchmark.simulation.probe import Probe
from benchmark.tasks.density.classical import centre_of_mass, dark_field, ptychography, single_side_band
from benchmark.tasks.density.measures import fitted, square_errors
from benchmark.tasks.density.rung import Scan
from benchmark.tasks.density.scanned import centres, ideal_scan
from benchmark.tasks.density.target import electron_density, potential

SCAN = Scan(positions=8, step_angstrom=0.6, pixels=32, k_max_per_angstrom=1.6, box_points=60, target_pixels=16)
WINDOW = centres(16, SCAN.field_angstrom / 16)


def _thin() -> Specimen:
    """A few columns of two atoms, off the grid, of which none is a mirror image of another."""
    positions = np.array([[-1.3, 0.4, 0.5], [0.9, 1.2, 0.5], [0.3, -1.4, 0.5], [-1.4, -1.6, 0.5]])
    return Specimen(np.array([22, 38, 14, 30]), positions, slices=1, slice_angstrom=1.0)


def _scanned(probe: Probe, specimen: Specimen) -> np.ndarray:
    phi = phases(specimen, SCAN.box, Atoms(0.6, "lobato"), 100.0)
    return ideal_scan(phi, probe, SCAN, specimen.slice_angstrom, 0.0, "cpu")[None]


def _error(pictures: np.ndarray, specimen: Specimen) -> float:
    true = electron_density(specimen, 0.6, SCAN.box, WINDOW)[None]
    return float(np.sqrt(square_errors(fitted(pictures, true), true).mean()))


@pytest.mark.parametrize(("method", "most"), [(dark_field, 0.75), (centre_of_mass, 0.75)])
def test_virtual_detectors_show_columns_in_focus_and_no_mirror_image(method: object, most: float) -> None:
    probe, specimen = Probe(100.0, 20.0), _thin()
    pictures = method(_scanned(probe, specimen), probe, SCAN)
    assert pictures.shape == (1, 16, 16)
    assert _error(pictures, specimen) < most
    for wrong in (pictures[:, ::-1], pictures[:, :, ::-1], pictures.transpose(0, 2, 1)):
        assert _error(wrong, specimen) > _error(pictures, specimen) + 0.05


def test_ptychography_recovers_the_phase_of_a_thin_specimen_out_of_focus() -> None:
    """Held to the potential, which is what shifts phases: that of free atoms reaches further than their electrons."""
    probe, specimen = Probe(100.0, 20.0, defocus_angstrom=60.0), _thin()
    scans = _scanned(probe, specimen)
    phi = phases(specimen, SCAN.box, Atoms(0.6, "lobato"), 100.0)
    true = potential(phi, SCAN.box, SCAN.pixels, WINDOW)[None]

    def error(pictures: np.ndarray) -> float:
        return float(np.sqrt(square_errors(fitted(pictures, true), true).mean()))

    found = ptychography(scans, probe, SCAN, slices=1, slice_angstrom=0.0, iterations=12)
    assert error(found) < 0.35
    assert error(found) < 0.7 * min(error(each(scans, probe, SCAN)) for each in (dark_field, centre_of_mass))
    assert error(found[:, ::-1]) > 0.8


@pytest.mark.parametrize("defocus", [0.0, 80.0])
def test_single_side_band_recovers_the_phase_of_a_weak_object_at_any_defocus(defocus: float) -> None:
    """A light specimen in the middle of the scan, which ends in vacuum: the method takes the scan to be periodic."""
    probe = Probe(100.0, 20.0, defocus_angstrom=defocus)
    places = np.array([[-0.7, 0.4, 0.5], [0.6, 0.9, 0.5], [0.3, -0.8, 0.5]])
    specimen = Specimen(np.array([6, 8, 5]), places, slices=1, slice_angstrom=1.0)
    phi = phases(specimen, SCAN.box, Atoms(0.6, "lobato"), 100.0)
    true = potential(phi, SCAN.box, SCAN.pixels, WINDOW)[None]
    found = single_side_band(_scanned(probe, specimen), probe, SCAN)
    errors = [float(np.sqrt(square_errors(fitted(each, true), true).mean())) for each in (found, found[:, ::-1])]
    assert errors[0] < 0.6 and errors[1] > errors[0] + 0.2
    assert np.corrcoef(found.ravel(), true.ravel())[0, 1] > 0.8


def test_several_slices_describe_depth_that_one_cannot() -> None:
    """Two layers 60 Angstrom apart, known to be so."""
    generator, probe = np.random.default_rng(1), Probe(100.0, 20.0, defocus_angstrom=80.0)
    places = np.column_stack([generator.uniform(-2.2, 2.2, size=(8, 2)), np.repeat([1.0, 61.0], 4)])
    specimen = Specimen(generator.choice([38, 56], 8), places, slices=2, slice_angstrom=60.0)
    scans = _scanned(probe, specimen)
    found = [ptychography(scans, probe, SCAN, slices=n, slice_angstrom=60.0, iterations=15) for n in (1, 2)]
    one, two = (_error(pictures, specimen) for pictures in found)
    assert two < 0.95 * one
