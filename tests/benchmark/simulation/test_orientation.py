"""Zone axes: the real set's choice held against pymatgen's XRDCalculator, and what each orientation promises."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import spglib

from benchmark.definition.benchmark import ORIENTATIONS, load_benchmark
from benchmark.foundation.errors import StemdlError
from benchmark.simulation.crystal import Crystal, cell_from_parameters
from benchmark.simulation.draw import draw_crystal
from benchmark.simulation.orientation import (
    RANDOM_AXES,
    primitive_cell,
    projections,
    short_axes,
    strongest_reflections,
)
from benchmark.simulation.zone import CONVENTIONAL_AXES, DETECTOR_RIGHT, project

FACES = np.array([(0, 0, 0), (0, 0.5, 0.5), (0.5, 0, 0.5), (0.5, 0.5, 0)])
RECIPE = load_benchmark().rung("stemdl_mini").crystals


def crystal(group: int, parameters: tuple[float, ...], *atoms: tuple[int, tuple[float, float, float]]) -> Crystal:
    cell = cell_from_parameters(np.array(parameters[:3]), np.array(parameters[3:]))
    return Crystal(cell, np.array([number for number, _ in atoms]), np.array([point for _, point in atoms]) % 1.0, group)


def cubic(group: int, edge: float, *atoms: tuple[int, tuple[float, float, float]]) -> Crystal:
    return crystal(group, (edge, edge, edge, 90.0, 90.0, 90.0), *atoms)


SRTIO3 = cubic(221, 3.905, (38, (0, 0, 0)), (22, (0.5, 0.5, 0.5)), (8, (0.5, 0.5, 0)), (8, (0.5, 0, 0.5)),
               (8, (0, 0.5, 0.5)))
SI = cubic(227, 5.431, *((14, tuple(face + shift)) for face in FACES for shift in (0.0, 0.25)))
NACL = cubic(225, 5.64, *((11, tuple(face)) for face in FACES), *((17, tuple(face + 0.5)) for face in FACES))
IRON = cubic(229, 2.866, (26, (0, 0, 0)), (26, (0.5, 0.5, 0.5)))
GRAPHITE = crystal(194, (2.464, 2.464, 6.711, 90, 90, 120), (6, (0, 0, 0.25)), (6, (0, 0, 0.75)),
                   (6, (1 / 3, 2 / 3, 0.25)), (6, (2 / 3, 1 / 3, 0.75)))
RUTILE = crystal(136, (4.594, 4.594, 2.959, 90, 90, 90), (22, (0, 0, 0)), (22, (0.5, 0.5, 0.5)),
                 *((8, point) for point in ((0.305, 0.305, 0), (0.695, 0.695, 0), (0.805, 0.195, 0.5),
                                            (0.195, 0.805, 0.5))))
