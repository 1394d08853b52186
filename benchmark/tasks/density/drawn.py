"""What is drawn of a specimen before it is scanned: crystal, view, defect, thickness, probe, dose."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from benchmark.simulation.crystal import Crystal
from benchmark.simulation.gratings import Specimen
from benchmark.simulation.probe import Probe
from benchmark.tasks.density.columns import CrystalView, draw_view
from benchmark.tasks.density.rung import DensityRung
from benchmark.tasks.density.specimen import build


@dataclass(frozen=True)
class Drawn:
    """A specimen and how it is looked at. `kind` is that of its defect."""

    crystal: Crystal
    kind: str
    view: CrystalView
    probe: Probe
    dose_per_angstrom2: float
    specimen: Specimen


def draw_specimen(crystal: Crystal, parts: DensityRung, split: str, generator: np.random.Generator) -> Drawn:
    """One specimen of a crystal; all that is random in it comes from the generator, in this order."""
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
    return Drawn(crystal, kind, view, probe, dose, specimen)
