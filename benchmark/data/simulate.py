"""One material, from its crystal to its stacks of CBED patterns."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from benchmark.data.schema import Stack
from benchmark.definition.benchmark import Optics, Rung
from benchmark.simulation.aperture import grid
from benchmark.simulation.crystal import Crystal
from benchmark.simulation.detector import Screen, counted, pattern
from benchmark.simulation.manybeam import propagate
from benchmark.simulation.orientation import projections
from benchmark.simulation.potential import Atoms, debye_b_factors
from benchmark.simulation.scattering import wavelength_angstrom
from benchmark.simulation.zone import Zone, project


def atoms_of(crystal: Crystal, optics: Optics) -> Atoms:
    """How a crystal's atoms scatter in this microscope."""
    b: dict[int, float] | float = optics.debye_waller_b_angstrom2
    if optics.debye_temperature_kelvin > 0.0 or optics.element_b_angstrom2:
        import gemmi

        numbers = [int(number) for number in np.unique(crystal.numbers)]
        b = dict.fromkeys(numbers, optics.debye_waller_b_angstrom2)
        if optics.debye_temperature_kelvin > 0.0:
            b = debye_b_factors(crystal.numbers, optics.debye_temperature_kelvin, optics.temperature_kelvin)
        b |= {gemmi.Element(symbol).atomic_number: own for symbol, own in optics.element_b_angstrom2}
    return Atoms(b, optics.scattering_factors, optics.absorption, optics.absorption_share)


def ideal_pattern(
    zone: Zone, atoms: Atoms, optics: Optics, *, energy_kev: float, thickness_angstrom: float,
    tilt_mrad: tuple[float, float] | NDArray[np.float64] = (0.0, 0.0), rotation_degrees: float = 0.0, device: str = "cpu"
) -> NDArray[np.float64]:
    """The pattern (pixels, pixels) of one zone axis without noise, about unit sum."""
    accuracy = optics.accuracy
    wavelength = wavelength_angstrom(energy_kev)
    screen = None
    if accuracy.wave_degree:
        screen = Screen(pixels=optics.pixels, k_max_per_angstrom=optics.k_max_per_angstrom,
                        semi_angle_per_angstrom=optics.semi_angle_per_angstrom, degree=accuracy.wave_degree,
                        samples=accuracy.samples_per_pixel, rotation_degrees=rotation_degrees)
        directions = screen.directions
    else:
        directions = grid(optics.semi_angle_per_angstrom, accuracy.directions_across)
    waves = propagate(
        zone, directions, energy_kev=energy_kev, thickness_angstrom=thickness_angstrom, atoms=atoms, accuracy=accuracy,
        tilt_per_angstrom=tuple(1e-3 * np.asarray(tilt_mrad) / wavelength),
        reach_per_angstrom=np.sqrt(2.0) * (optics.k_max_per_angstrom + optics.semi_angle_per_angstrom), device=device,
    )
    if screen is None:
        return pattern(waves, pixels=optics.pixels, k_max_per_angstrom=optics.k_max_per_angstrom,
                       rotation_degrees=rotation_degrees)
    mean_height = thickness_angstrom * wavelength
    if optics.probe_positions == 0:
        return screen.pattern(waves, mean_height=mean_height)
    steps = (np.arange(optics.probe_positions) + 0.5) / optics.probe_positions
    cell = np.stack(np.meshgrid(steps, steps, indexing="ij"), axis=-1).reshape(-1, 2)
    return screen.interference(waves, cell @ zone.lattice, mean_height=mean_height)


def simulate_stacks(
    material: str, crystal: Crystal, rung: Rung, generator: np.random.Generator, device: str = "cpu"
) -> Iterator[Stack]:
    """The CBED patterns of a crystal along a rung's three axes, as an imperfect microscope would record them: one
    stack for each of the optics' energies, in their order.

    The axes are a material's; each stack has its own thickness, and each projection has its own small mistilt, in-plane
    rotation and Poisson noise. All random numbers come from `generator`, so the same generator gives the same stacks.
    """
    optics = rung.optics
    atoms = atoms_of(crystal, optics)
    views = projections(rung.orientation, crystal, generator)
    zones = [project(crystal, view.axis, view.right) for view in views]
    inverse_cell = np.linalg.inv(crystal.cell)
    for energy in optics.energies_kev:
        wavelength = wavelength_angstrom(energy)
        thickness = generator.uniform(*optics.thickness_angstrom)
        tilts_mrad = generator.normal(0.0, optics.mistilt_mrad, size=(len(views), 2))
        if rung.random_rotation:
            rotations = generator.uniform(0.0, 360.0, size=len(views))
        else:
            rotations = generator.normal(0.0, optics.rotation_jitter_degrees, size=len(views))
        patterns = []
        for zone, tilt_mrad, rotation in zip(zones, tilts_mrad, rotations, strict=True):
            picture = ideal_pattern(zone, atoms, optics, energy_kev=energy, thickness_angstrom=thickness,
                                    tilt_mrad=tilt_mrad, rotation_degrees=rotation, device=device)
            if optics.dose_electrons:
                picture = counted(picture, optics.dose_electrons, generator)
            patterns.append(picture)
        yield Stack(
            patterns=np.array(patterns, dtype=np.float32),
            space_group=crystal.space_group,
            material=material,
            energy_kev=energy,
            formula=crystal.formula,
            z_dirs=np.array([view.axis for view in views]),
            y_dirs=np.array([zone.frame[1] @ inverse_cell for zone in zones]),
            semi_angles_rad=np.full(len(zones), optics.semi_angle_per_angstrom * wavelength),
            d_hkls_angstrom=np.array([zone.repeat_angstrom for zone in zones]),
            abc_angstrom=crystal.lengths_angstrom,
            angles_degree=crystal.angles_degrees,
            more={"thickness_angstrom": np.array(thickness), "mistilt_mrad": tilts_mrad, "rotation_degrees": rotations},
        )
