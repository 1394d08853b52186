"""How the data of a rung are made: crystals, specimens of them with defects, their scans and densities."""

from __future__ import annotations

import ctypes
import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.data.recipe import Sample, Unit
from benchmark.definition.rung import SPLITS, Rung
from benchmark.definition.sample import Field, SampleSchema
from benchmark.simulation.crystal import Crystal
from benchmark.simulation.draw import draw_crystal
from benchmark.simulation.gratings import Box
from benchmark.simulation.probe import Probe
from benchmark.tasks.density.codes import codes
from benchmark.tasks.density.columns import draw_view
from benchmark.tasks.density.rung import DensityRung, understood
from benchmark.tasks.density.scanned import centres, counted_scan, ideal_scan, thermal_phases
from benchmark.tasks.density.specimen import build
from benchmark.tasks.density.target import electron_density, potential


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
        group = int(generator.choice(self.parts.specimens.space_groups))
        crystal = draw_crystal(group, self.parts.crystals, generator)
        for _ in range(unit.samples):
            yield specimen_sample(crystal, self.parts, unit.split, generator, device)
        _give_memory_back()

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


def specimen_sample(
    crystal: Crystal, parts: DensityRung, split: str, generator: np.random.Generator, device: str
) -> Sample:
    """One specimen of a crystal, scanned; all that is random in it comes from the generator, in this order."""
    asked, beam, scan = parts.specimens, parts.beam, parts.scan
    kinds, weights = list(asked.kinds), np.array(list(asked.kinds.values()), dtype=np.float64)
    kind = str(generator.choice(kinds, p=weights / weights.sum()))
    unseen = generator.random() < asked.unseen_share and split == "test"
    if unseen:
        kind = str(generator.choice(asked.unseen))
    thinnest, thickest = (round(length / asked.slice_angstrom) for length in asked.thickness_angstrom)
    slices = int(generator.integers(thinnest, thickest, endpoint=True))
    view = draw_view(crystal, asked.zone_axes, asked.tilt_mrad, generator)
    defocus, spherical = (generator.uniform(*pair) for pair in (beam.defocus_angstrom, beam.spherical_angstrom))
    probe = Probe(beam.energy_kev, beam.semi_angle_mrad, float(defocus), float(spherical))
    least, most = beam.dose_per_angstrom2
    dose = least if least == most else math.exp(generator.uniform(math.log(least), math.log(most)))
    specimen = build(
        crystal,
        view,
        kind,
        box=scan.box,
        field_angstrom=scan.field_angstrom,
        slices=slices,
        slice_angstrom=asked.slice_angstrom,
        generator=generator,
    )
    b = asked.debye_waller_b_angstrom2
    draws = thermal_phases(specimen, scan, b, beam.energy_kev, asked.phonon_configurations, generator)
    patterns = np.mean(
        [ideal_scan(phi, probe, scan, asked.slice_angstrom, beam.source_angstrom, device) for phi in draws], axis=0
    )
    window = centres(scan.target_pixels, scan.field_angstrom / scan.target_pixels)
    return Sample(
        {
            "scan": counted_scan(patterns, dose * scan.step_angstrom**2, generator),
            "density": electron_density(specimen, b, Box(scan.pixels, scan.box.angstrom), window),
            "potential": np.mean([potential(phi, scan.box, scan.pixels, window) for phi in draws], axis=0),
            "thickness": np.float32(specimen.thickness_angstrom),
        },
        {
            "kind": kind,
            "formula": crystal.formula,
            "space_group": crystal.space_group,
            "zone_axis": view.axis,
            "tilt_mrad": tuple(1e3 * tilt for tilt in view.tilt),
            "energy_kev": beam.energy_kev,
            "semi_angle_mrad": beam.semi_angle_mrad,
            "defocus_angstrom": probe.defocus_angstrom,
            "spherical_angstrom": probe.spherical_angstrom,
            "dose_per_angstrom2": dose,
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
