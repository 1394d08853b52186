"""One material, from its crystal to its stacks of CBED patterns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from benchmark.crystals.cbed_stack import Stack
from benchmark.simulation.adaptive import propagate_within
from benchmark.simulation.aperture import grid
from benchmark.simulation.cbed import CbedRung
from benchmark.simulation.crystal import Crystal
from benchmark.simulation.detector import Screen, blown_up, counted, pattern
from benchmark.simulation.diffuse import background, speckled
from benchmark.simulation.manybeam import propagate_many
from benchmark.simulation.orientation import projections
from benchmark.simulation.potential import Atoms, debye_b_factors
from benchmark.simulation.recipes import Optics
from benchmark.simulation.scattering import wavelength_angstrom
from benchmark.simulation.waves import Problem, Waves
from benchmark.simulation.zone import Zone, project

_ACROSS = 8
"""Directions along a diameter of the aperture at which electrons are counted that are in no beam."""
BRAGG_KEV = 100.0
"""The energy at which apertures of the real set are half of Bragg's angle; those of other energies have this angle."""


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


@dataclass(frozen=True)
class View:
    """One zone axis as the microscope sees it, at one or several thicknesses. Where it has a semi-angle of its own,
    the optics' is not looked at; the speckles of its background follow from `displacements`, a seed."""

    zone: Zone
    atoms: Atoms
    energy_kev: float
    thicknesses_angstrom: tuple[float, ...]
    tilt_mrad: tuple[float, float] | NDArray[np.float64] = (0.0, 0.0)
    rotation_degrees: float = 0.0
    semi_angle_per_angstrom: float | None = None
    displacements: int = 0

    def semi_angle(self, optics: Optics) -> float:
        """Of the probe, 1/Angstrom."""
        own = self.semi_angle_per_angstrom
        return optics.semi_angle_per_angstrom if own is None else own


def ideal_pattern(
    zone: Zone,
    atoms: Atoms,
    optics: Optics,
    *,
    energy_kev: float,
    thickness_angstrom: float,
    tilt_mrad: tuple[float, float] | NDArray[np.float64] = (0.0, 0.0),
    rotation_degrees: float = 0.0,
    device: str = "cpu",
) -> NDArray[np.float64]:
    """The pattern (pixels, pixels) of one zone axis without noise, about unit sum."""
    view = View(zone, atoms, energy_kev, (thickness_angstrom,), tilt_mrad, rotation_degrees)
    pattern: NDArray[np.float64] = ideal_patterns([view], optics, device=device)[0][0]
    return pattern


def ideal_patterns(
    views: Sequence[View], optics: Optics, *, device: str = "cpu", together: int | None = None
) -> list[NDArray[np.float64]]:
    """The patterns of each view, (thicknesses, pixels, pixels), without noise, each about unit sum.

    `device` and `together` are those of `manybeam.propagate_many`.
    """
    return [patterns for patterns, _ in patterns_with_errors(views, optics, device=device, together=together)]


def patterns_with_errors(
    views: Sequence[View], optics: Optics, *, device: str = "cpu", together: int | None = None
) -> list[tuple[NDArray[np.float64], float]]:
    """`ideal_patterns`, each with the estimate of its relative error; 0 where the recipe asks for no `tolerance`."""
    accuracy = optics.accuracy
    widest = max(view.semi_angle(optics) for view in views)
    reach = np.sqrt(2.0) * (optics.k_max_per_angstrom + widest)
    if accuracy.tolerance:
        found = []
        for view in views:
            waves, screen, error = propagate_within(
                partial(_problem, view),
                partial(_screen, view, optics),
                accuracy,
                reach_per_angstrom=reach,
                device=device,
            )
            found.append((_drawn(view, optics, screen, waves), error))
        return found
    screens = [_screen(view, optics, accuracy.wave_degree) if accuracy.wave_degree else None for view in views]
    problems = [
        _problem(
            view,
            screen.directions if screen else grid(view.semi_angle(optics), accuracy.directions_across),
        )
        for view, screen in zip(views, screens, strict=True)
    ]
    behind = propagate_many(problems, accuracy=accuracy, device=device, together=together, reach_per_angstrom=reach)
    return [
        (_drawn(view, optics, screen, waves), 0.0) for view, screen, waves in zip(views, screens, behind, strict=True)
    ]


def _problem(view: View, directions: NDArray[np.float64]) -> Problem:
    tilt = tuple(1e-3 * np.asarray(view.tilt_mrad) / wavelength_angstrom(view.energy_kev))
    return Problem(view.zone, directions, view.energy_kev, view.thicknesses_angstrom, view.atoms, tilt)


def _screen(view: View, optics: Optics, degree: int) -> Screen:
    return Screen(
        pixels=optics.pixels,
        k_max_per_angstrom=optics.k_max_per_angstrom,
        semi_angle_per_angstrom=view.semi_angle(optics),
        degree=degree,
        samples=optics.accuracy.samples_per_pixel,
        rotation_degrees=view.rotation_degrees,
    )


def _drawn(view: View, optics: Optics, screen: Screen | None, waves: Sequence[Waves]) -> NDArray[np.float64]:
    """The patterns (thicknesses, pixels, pixels) of waves, interpolated by a screen or spread over the pixels."""
    steps = (np.arange(optics.probe_positions) + 0.5) / max(1, optics.probe_positions)
    cell = np.stack(np.meshgrid(steps, steps, indexing="ij"), axis=-1).reshape(-1, 2)
    patterns = []
    for thickness, behind in zip(view.thicknesses_angstrom, waves, strict=True):
        mean_height = thickness * wavelength_angstrom(view.energy_kev)
        if screen is None:
            patterns.append(
                pattern(
                    behind,
                    pixels=optics.pixels,
                    k_max_per_angstrom=optics.k_max_per_angstrom,
                    rotation_degrees=view.rotation_degrees,
                )
            )
        elif optics.probe_positions == 0:
            patterns.append(screen.pattern(behind, mean_height=mean_height))
        else:
            patterns.append(screen.interference(behind, cell @ view.zone.lattice, mean_height=mean_height))
        if optics.diffuse:
            patterns[-1] += _lost(behind, screen, mean_height) * _background(view, optics)
    seen = np.stack(patterns)
    return seen * _inscribed(optics.pixels) if optics.field == "circle" else seen


def _background(view: View, optics: Optics) -> NDArray[np.float64]:
    """The share of the diffuse electrons in each pixel (pixels, pixels)."""
    reach = {"k_max_per_angstrom": optics.k_max_per_angstrom, "semi_angle_per_angstrom": view.semi_angle(optics)}
    smooth = background(view.zone.numbers, view.atoms, pixels=optics.pixels, **reach)
    if not optics.speckles:
        return smooth
    return speckled(smooth, optics.speckles, **reach, generator=np.random.default_rng(view.displacements))


def _lost(waves: Waves, screen: Screen | None, mean_height: float) -> float:
    """The share of the electrons that is in no beam, averaged over the probe's directions."""
    if screen is None:
        kept = waves.intensities.sum(axis=0, dtype=np.float64)
    else:
        kept = screen.at(grid(screen.semi_angle, _ACROSS) @ screen.turn.T, waves, mean_height=mean_height).sum(axis=0)
    return max(0.0, 1.0 - float(kept.mean()))


def _inscribed(pixels: int) -> NDArray[np.bool_]:
    """Which pixels (pixels, pixels) have their centres in the circle that touches the picture's edges."""
    place = np.arange(pixels) - (pixels - 1) / 2
    inside: NDArray[np.bool_] = np.hypot(place, place[:, None]) <= pixels / 2
    return inside


def simulate_stacks(
    material: str,
    crystal: Crystal,
    rung: CbedRung,
    generator: np.random.Generator,
    *,
    samples: int | None = None,
    device: str = "cpu",
) -> Iterator[Stack]:
    """The CBED patterns of a crystal along a rung's three axes, as an imperfect microscope would record them: one
    stack for each of the optics' energies, in their order, or for the first `samples` of them.

    One specimen is seen at all energies: its axes and thickness are the material's. Each projection of each stack has
    its own small mistilt, in-plane rotation and Poisson noise. All random numbers come from `generator`, so the same
    generator gives the same stacks, however many are wanted. On a CPU energies are simulated when their stack is asked
    for; on another `device` (of torch) all together.
    """
    optics = rung.optics
    assert optics is not None, "an imported rung is not simulated"
    atoms = atoms_of(crystal, optics)
    projected = projections(rung.orientation, crystal, generator)
    zones = [project(crystal, one.axis, one.right, one.across) for one in projected]
    inverse_cell = np.linalg.inv(crystal.cell)
    spacings = [
        one.spacing_angstrom(crystal) if one.planes or rung.spacings == "planes" else zone.repeat_angstrom
        for one, zone in zip(projected, zones, strict=True)
    ]
    thickness = generator.uniform(*optics.thickness_angstrom)
    planes = [one.spacing_angstrom(crystal) if optics.aperture == "bragg" else None for one in projected]
    views = [
        _seen(zones, planes, atoms, energy, thickness, optics, rung.random_rotation, generator)
        for energy in optics.energies_kev
    ]
    views = views[:samples]
    for together in [[each] for each in views] if device == "cpu" else [views]:
        patterns = patterns_with_errors([view for each in together for view in each], optics, device=device)
        for number, each in enumerate(together):
            own = patterns[number * len(zones) : (number + 1) * len(zones)]
            recorded = [picture for (picture,), _ in own]
            if optics.blown_up and generator.uniform() < optics.blown_up:
                recorded = [blown_up(picture, generator) for picture in recorded]
            if optics.dose_electrons:
                recorded = [counted(picture, optics.dose_electrons, generator) for picture in recorded]
            energy = each[0].energy_kev
            yield Stack(
                patterns=np.array(recorded, dtype=np.float32),
                space_group=crystal.space_group,
                material=material,
                energy_kev=energy,
                formula=crystal.formula,
                z_dirs=np.array([one.axis for one in projected]),
                y_dirs=np.array([zone.frame[1] @ inverse_cell for zone in zones]),
                semi_angles_rad=np.array([view.semi_angle(optics) for view in each]) * wavelength_angstrom(energy),
                d_hkls_angstrom=np.array(spacings),
                abc_angstrom=crystal.lengths_angstrom,
                angles_degree=crystal.angles_degrees,
                more={
                    "thickness_angstrom": np.array(thickness),
                    "mistilt_mrad": np.array([view.tilt_mrad for view in each]),
                    "rotation_degrees": np.array([view.rotation_degrees for view in each]),
                    **({"error_estimate": np.array([error for _, error in own])} if optics.accuracy.tolerance else {}),
                },
            )


def _seen(
    zones: Sequence[Zone],
    planes: Sequence[float | None],
    atoms: Atoms,
    energy_kev: float,
    thickness_angstrom: float,
    optics: Optics,
    random_rotation: bool,
    generator: np.random.Generator,
) -> list[View]:
    """The zones of a specimen as they come to lie in the microscope at one energy; where the distance of its `planes`
    is given, Angstrom, a zone has an aperture of its own."""
    tilts_mrad = generator.normal(0.0, optics.mistilt_mrad, size=(len(zones), 2))
    if random_rotation:
        rotations = generator.uniform(0.0, 360.0, size=len(zones))
    else:
        rotations = generator.normal(0.0, optics.rotation_jitter_degrees, size=len(zones))
    draws = generator.integers(2**31, size=len(zones)) if optics.speckles else np.zeros(len(zones), dtype=np.int64)
    return [
        View(
            zone,
            atoms,
            energy_kev,
            (thickness_angstrom,),
            tilt_mrad,
            rotation,
            spacing and 0.25 / spacing * wavelength_angstrom(BRAGG_KEV) / wavelength_angstrom(energy_kev),
            int(draw),
        )
        for zone, spacing, tilt_mrad, rotation, draw in zip(zones, planes, tilts_mrad, rotations, draws, strict=True)
    ]
