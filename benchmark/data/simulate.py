"""One material, from its crystal to its stack of CBED patterns."""

from __future__ import annotations

import numpy as np

from benchmark.data.schema import Stack
from benchmark.definition.benchmark import Rung
from benchmark.simulation.crystal import Crystal
from benchmark.simulation.detector import counted, pattern
from benchmark.simulation.manybeam import propagate
from benchmark.simulation.orientation import projections
from benchmark.simulation.scattering import wavelength_angstrom
from benchmark.simulation.zone import project


def simulate_stack(material: str, crystal: Crystal, rung: Rung, generator: np.random.Generator) -> Stack:
    """The CBED patterns of a crystal along a rung's three axes, as an imperfect microscope would record them.

    One thickness a material; each projection has its own small mistilt, in-plane rotation and Poisson noise. All
    random numbers come from `generator`, so the same generator gives the same stack.
    """
    optics = rung.optics
    wavelength = wavelength_angstrom(optics.energy_kev)
    views = projections(rung.orientation, crystal, generator)
    thickness = generator.uniform(*optics.thickness_angstrom)
    tilts_mrad = generator.normal(0.0, optics.mistilt_mrad, size=(len(views), 2))
    if rung.random_rotation:
        rotations = generator.uniform(0.0, 360.0, size=len(views))
    else:
        rotations = generator.normal(0.0, optics.rotation_jitter_degrees, size=len(views))
    zones = [project(crystal, view.axis, view.right) for view in views]
    patterns = []
    for zone, tilt_mrad, rotation in zip(zones, tilts_mrad, rotations, strict=True):
        beams = propagate(
            zone,
            energy_kev=optics.energy_kev,
            thickness_angstrom=thickness,
            semi_angle_per_angstrom=optics.semi_angle_per_angstrom,
            debye_waller_b_angstrom2=optics.debye_waller_b_angstrom2,
            tilt_per_angstrom=tuple(1e-3 * tilt_mrad / wavelength),
            accuracy=optics.accuracy,
        )
        ideal = pattern(beams, pixels=optics.pixels, k_max_per_angstrom=optics.k_max_per_angstrom,
                        rotation_degrees=rotation)
        patterns.append(counted(ideal, optics.dose_electrons, generator))
    inverse_cell = np.linalg.inv(crystal.cell)
    return Stack(
        patterns=np.array(patterns, dtype=np.float32),
        space_group=crystal.space_group,
        material=material,
        energy_kev=optics.energy_kev,
        formula=crystal.formula,
        z_dirs=np.array([view.axis for view in views]),
        y_dirs=np.array([zone.frame[1] @ inverse_cell for zone in zones]),
        semi_angles_rad=np.full(len(zones), optics.semi_angle_per_angstrom * wavelength),
        d_hkls_angstrom=np.array([zone.repeat_angstrom for zone in zones]),
        abc_angstrom=crystal.lengths_angstrom,
        angles_degree=crystal.angles_degrees,
        more={"thickness_angstrom": np.array(thickness), "mistilt_mrad": tilts_mrad, "rotation_degrees": rotations},
    )
