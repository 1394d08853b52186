"""How the data of a rung are made: crystals, specimens of them with defects, their scans and densities."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.data.recipe import Sample, Unit
from benchmark.definition.rung import SPLITS, Rung
from benchmark.definition.sample import Field, SampleSchema
from benchmark.simulation.crystal import Crystal
from benchmark.simulation.draw import draw_crystal
from benchmark.simulation.gratings import Box
from benchmark.tasks.density.codes import codes
from benchmark.tasks.density.cost import scanning_seconds
from benchmark.tasks.density.drawn import Drawn, draw_specimen
from benchmark.tasks.density.rung import DensityRung, understood
from benchmark.tasks.density.scanned import counted_scan, ideal_scan, thermal_phases
from benchmark.tasks.density.target import electron_density, potential, target_window


class DensityRecipe:
    """Each unit is a material, whose specimens are its samples."""

    def __init__(self, rung: Rung) -> None:
        self._samples, self.parts = dict(rung.samples), understood(rung)

    def schema(self) -> SampleSchema:
        return schema_of(self.parts)

    def units(self) -> Sequence[Unit]:
        each = self.parts.specimens_per_material
        return [
            Unit(f"drawn-{split}-{number:06d}", split, each)
            for split in SPLITS
            for number in range(self._samples[split] // each)
        ]

    def make(self, unit: Unit, generator: np.random.Generator, device: str = "cpu") -> Iterator[Sample]:
        crystal = self._crystal(generator)
        for _ in range(unit.samples):
            drawn = draw_specimen(crystal, self.parts, unit.split, generator)
            yield sample_of(drawn, self.parts, generator, device)
        _give_memory_back()

    def estimate(
        self, unit: Unit, generator: np.random.Generator, device: str, clock: Callable[[], float]
    ) -> float | None:
        begun = clock()
        drawn = draw_specimen(self._crystal(generator), self.parts, unit.split, generator)
        drawing = clock() - begun
        scanning = scanning_seconds(drawn, self.parts, generator, device, clock)
        return None if scanning is None else drawing + scanning

    def _crystal(self, generator: np.random.Generator) -> Crystal:
        group = int(generator.choice(self.parts.specimens.space_groups))
        return draw_crystal(group, self.parts.crystals, generator)

    def counts(self, sample: NDArray[Any], *targets: NDArray[Any]) -> NDArray[np.int64] | None:
        least, most = self.parts.beam.dose_per_angstrom2
        electrons = least * self.parts.scan.step_angstrom**2
        return codes(sample, targets, electrons) if least == most and electrons else None


def schema_of(parts: DensityRung) -> SampleSchema:
    """The schema of every sample of a rung."""
    scan = parts.scan
    square = (scan.target_pixels, scan.target_pixels)
    return SampleSchema(
        (Field("scan", (scan.positions, scan.positions, scan.pixels, scan.pixels)),),
        (
            Field("density", square, unit="electrons/Angstrom^3"),
            Field("potential", square),
            Field("thickness", (), unit="Angstrom"),
        ),
        unit="material",
    )


def sample_of(drawn: Drawn, parts: DensityRung, generator: np.random.Generator, device: str) -> Sample:
    """A specimen, scanned; what is random in that comes from the generator."""
    asked, beam, scan = parts.specimens, parts.beam, parts.scan
    specimen, b = drawn.specimen, asked.debye_waller_b_angstrom2
    draws = thermal_phases(specimen, scan, b, beam.energy_kev, asked.phonon_configurations, generator)
    patterns = np.mean(
        [ideal_scan(phi, drawn.probe, scan, asked.slice_angstrom, beam.source_angstrom, device) for phi in draws],
        axis=0,
    )
    window = target_window(scan)
    return Sample(
        {
            "scan": counted_scan(patterns, drawn.dose_per_angstrom2 * scan.step_angstrom**2, generator),
            "density": electron_density(specimen, b, Box(scan.pixels, scan.box.angstrom), window),
            "potential": np.mean([potential(phi, scan.box, scan.pixels, window) for phi in draws], axis=0),
            "thickness": np.float32(specimen.thickness_angstrom),
        },
        {
            "kind": drawn.kind,
            "formula": drawn.crystal.formula,
            "space_group": drawn.crystal.space_group,
            "zone_axis": drawn.view.axis,
            "tilt_mrad": tuple(1e3 * tilt for tilt in drawn.view.tilt),
            "energy_kev": beam.energy_kev,
            "semi_angle_mrad": beam.semi_angle_mrad,
            "defocus_angstrom": drawn.probe.defocus_angstrom,
            "spherical_angstrom": drawn.probe.spherical_angstrom,
            "dose_per_angstrom2": drawn.dose_per_angstrom2,
            "step_angstrom": scan.step_angstrom,
            "k_max_per_angstrom": scan.k_max_per_angstrom,
        },
    )


def _give_memory_back() -> None:
    """What large arrays of ever other sizes leave behind: some 4 MB a specimen, which glibc keeps until it is asked."""
    if (trim := getattr(ctypes.CDLL(None), "malloc_trim", None)) is not None:
        trim(0)


def make_recipe(rung: Rung) -> DensityRecipe:
    """The recipe of a rung as the definition has it. Raises StemdlError where it cannot be understood."""
    return DensityRecipe(rung)
