"""Zone axes: the real set's choice held against pymatgen's XRDCalculator, and what each orientation promises."""

from __future__ import annotations

import numpy as np
import pytest
import spglib

from benchmark.definition.finder import load_benchmark
from benchmark.foundation.errors import StemdlError
from benchmark.simulation import orientation
from benchmark.simulation.cbed import CbedRung
from benchmark.simulation.crystal import Crystal, cell_from_parameters
from benchmark.simulation.draw import draw_crystal
from benchmark.simulation.orientation import (
    RANDOM_AXES,
    primitive_cell,
    projections,
    short_axes,
    strongest_reflections,
)
from benchmark.simulation.recipes import ORIENTATIONS
from benchmark.simulation.zone import CONVENTIONAL_AXES, DETECTOR_RIGHT, project

FACES = np.array([(0, 0, 0), (0, 0.5, 0.5), (0.5, 0, 0.5), (0.5, 0.5, 0)])
RECIPE = CbedRung.of(load_benchmark("space_group").rung("stemdl_mini")).crystals


def crystal(group: int, parameters: tuple[float, ...], *atoms: tuple[int, tuple[float, float, float]]) -> Crystal:
    cell = cell_from_parameters(np.array(parameters[:3]), np.array(parameters[3:]))
    numbers, points = zip(*atoms, strict=True)
    return Crystal(cell, np.array(numbers), np.array(points) % 1.0, group)


def cubic(group: int, edge: float, *atoms: tuple[int, tuple[float, float, float]]) -> Crystal:
    return crystal(group, (edge, edge, edge, 90.0, 90.0, 90.0), *atoms)


def drawn(group: int) -> Crystal:
    return draw_crystal(group, RECIPE, np.random.default_rng(group))


SRTIO3 = cubic(
    221, 3.905, (38, (0, 0, 0)), (22, (0.5, 0.5, 0.5)), (8, (0.5, 0.5, 0)), (8, (0.5, 0, 0.5)), (8, (0, 0.5, 0.5))
)
SI = cubic(227, 5.431, *((14, tuple(face + shift)) for face in FACES for shift in (0.0, 0.25)))
NACL = cubic(225, 5.64, *((11, tuple(face)) for face in FACES), *((17, tuple(face + 0.5)) for face in FACES))
IRON = cubic(229, 2.866, (26, (0, 0, 0)), (26, (0.5, 0.5, 0.5)))
GRAPHITE = crystal(
    194,
    (2.464, 2.464, 6.711, 90, 90, 120),
    (6, (0, 0, 0.25)),
    (6, (0, 0, 0.75)),
    (6, (1 / 3, 2 / 3, 0.25)),
    (6, (2 / 3, 1 / 3, 0.75)),
)
RUTILE = crystal(
    136,
    (4.594, 4.594, 2.959, 90, 90, 90),
    (22, (0, 0, 0)),
    (22, (0.5, 0.5, 0.5)),
    *((8, point) for point in ((0.305, 0.305, 0), (0.695, 0.695, 0), (0.805, 0.195, 0.5), (0.195, 0.805, 0.5))),
)


@pytest.mark.parametrize(
    ("given", "indices"),
    [
        # Recorded from pymatgen 2026.10.24: XRDCalculator("CuKa") on the primitive cell, lines with 1 < d < 5 Angstrom.
        (SRTIO3, [(1, 1, 0), (2, 0, 0), (2, 1, 1)]),
        (SI, [(1, 1, 1), (2, 1, 1), (2, 2, 1)]),
        (NACL, [(1, 1, 0), (2, 1, 1), (3, 2, 1)]),
        (IRON, [(1, 0, 0), (2, 0, -1), (1, 1, -1)]),
        (GRAPHITE, [(0, 0, 2), (1, 0, 1), (2, -1, 2)]),
        (RUTILE, [(1, 1, 0), (2, 1, 1), (1, 0, 1)]),
    ],
    ids=["SrTiO3", "Si", "NaCl", "Fe", "graphite", "TiO2"],
)
def test_the_strongest_x_ray_reflections_are_pymatgens(given: Crystal, indices: list[tuple[int, int, int]]) -> None:
    assert [tuple(line) for line in strongest_reflections(given)] == indices


def test_reflections_of_long_spacing_are_passed_over_and_too_few_are_told() -> None:
    wide = cubic(221, 9.0, (38, (0, 0, 0)))
    assert (9.0 / np.linalg.norm(strongest_reflections(wide), axis=1) < 5.0).all()
    with pytest.raises(StemdlError, match="too few X-ray reflections"):
        strongest_reflections(cubic(221, 1.5, (1, (0, 0, 0))))


@pytest.mark.parametrize("group", [1, 38, 5, 12, 22, 79, 139, 146, 166, 216, 225])
def test_primitive_cells_are_spglibs(group: int) -> None:
    made = drawn(group)
    cell, *_ = spglib.standardize_cell((made.cell, made.positions, made.numbers), to_primitive=True)
    np.testing.assert_allclose(primitive_cell(made) @ made.cell, cell, atol=1e-6)


def test_conventional_views_are_the_three_axes_and_ask_for_no_random_number() -> None:
    views = projections("conventional", SRTIO3, None)  # type: ignore[arg-type]
    assert [view.axis for view in views] == list(CONVENTIONAL_AXES)
    assert [view.right for view in views] == [DETECTOR_RIGHT[axis] for axis in CONVENTIONAL_AXES]


@pytest.mark.parametrize("group", [1, 14, 62, 139, 166, 194, 225])
def test_olcf_views_run_along_the_lattice_vector_with_the_reflections_indices(group: int) -> None:
    """The beam is [hkl] of the primitive cell, and up is what minimises |y . z| from (-1, 1, -1)."""
    given = drawn(group)
    primitive = primitive_cell(given) @ given.cell
    for view, indices in zip(projections("olcf", given, None), strongest_reflections(given), strict=True):
        zone = project(given, view.axis, view.right)
        beam = indices @ primitive
        np.testing.assert_allclose(zone.frame[2], beam / np.linalg.norm(beam), atol=1e-9)
        assert zone.repeat_angstrom == pytest.approx(np.linalg.norm(beam) / np.gcd.reduce(indices))
        up = np.array((-1.0, 1.0, -1.0))
        up -= (up @ indices) / (indices @ indices) * indices
        across = up @ primitive - (up @ primitive @ zone.frame[2]) * zone.frame[2]
        np.testing.assert_allclose(zone.frame[1], across / np.linalg.norm(across), atol=1e-9)


def namsas_matrix(cell: np.ndarray, up: np.ndarray, beam: np.ndarray) -> np.ndarray:
    """The matrix that NAMSA takes atoms to the detector's frame by (SupercellBuilder.make_orthogonal_supercell)."""
    units = cell / np.linalg.norm(cell, axis=1)[:, None]
    b, c = up @ units / np.linalg.norm(up @ units), beam @ units / np.linalg.norm(beam @ units)
    a = np.cross(b, c)
    if round(b @ c, 5) != 0.0:
        b = np.cross(a, c)
    return np.array([a, b, c])


def test_the_real_sets_distortion_is_made_where_it_is_asked_for() -> None:
    primitive = primitive_cell(NACL) @ NACL.cell
    shrunk = 0
    for view, plain, indices in zip(
        projections("olcf_as_made", NACL, None),
        projections("olcf", NACL, None),
        strongest_reflections(NACL),
        strict=True,
    ):
        up = np.array((-1.0, 1.0, -1.0))
        up -= (up @ indices) / (indices @ indices) * indices
        theirs = primitive @ namsas_matrix(primitive, up, indices).T
        zone, true = project(NACL, view.axis, view.right, view.across), project(NACL, plain.axis, plain.right)
        steps = theirs[:, :2] @ np.linalg.inv(zone.lattice)  # the primitive vectors in projection make our lattice
        np.testing.assert_allclose(steps, np.round(steps), atol=1e-9)
        minors = [round(np.linalg.det(np.round(steps[list(pair)]))) for pair in ((0, 1), (0, 2), (1, 2))]
        assert np.gcd.reduce(minors) == 1
        factor = abs(np.linalg.det(zone.lattice) / np.linalg.det(true.lattice))
        assert zone.volume_angstrom3 == pytest.approx(true.volume_angstrom3 * factor)
        assert zone.repeat_angstrom == true.repeat_angstrom
        # A point of the first layer, over the origin of a lattice distorted in the same way.
        np.testing.assert_allclose(zone.layer_shift * view.across, true.layer_shift, atol=1e-12)
        shrunk += factor < 0.99
    assert shrunk >= 2  # of a face-centred cube's primitive cell, whose angles are 60 degrees


def test_there_is_no_distortion_where_up_is_normal_to_the_beam() -> None:
    assert projections("olcf_as_made", SRTIO3, None) == projections("olcf", SRTIO3, None)


def test_up_is_the_third_axis_where_the_beam_runs_along_its_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(orientation, "strongest_reflections", lambda crystal: np.array([[1, -1, 1]]))
    (view,) = projections("olcf", SRTIO3, None)
    zone = project(SRTIO3, view.axis, view.right)
    np.testing.assert_allclose(zone.frame[2], np.array((1, -1, 1)) / np.sqrt(3.0), atol=1e-12)
    np.testing.assert_allclose(zone.frame[1], np.array((-1, 1, 2)) / np.sqrt(6.0), atol=1e-12)  # c, normal to the beam


@pytest.mark.parametrize("group", [2, 62, 166, 194, 227])
def test_random_views_are_different_short_lattice_vectors_and_follow_from_the_generator(group: int) -> None:
    given = SI if group == 227 else drawn(group)
    seen = set()
    for seed in range(40):
        views = projections("random", given, np.random.default_rng(seed))
        assert views == projections("random", given, np.random.default_rng(seed))
        axes = np.array([view.axis for view in views])
        assert all(np.linalg.norm(np.cross(axes[i], axes[j])) > 0 for i, j in ((0, 1), (0, 2), (1, 2)))
        seen |= {view.axis for view in views}
        for view in views:
            project(given, view.axis, view.right)
    short = {tuple(axis) for axis in short_axes(given)} | {tuple(-axis) for axis in short_axes(given)}
    assert seen <= short and len(seen) > 0.6 * len(short)


def test_short_axes_hold_all_equivalent_ones_or_none() -> None:
    axes = short_axes(SRTIO3)
    assert len(axes) >= RANDOM_AXES
    families = [tuple(sorted(np.abs(axis))) for axis in axes]
    assert {family: families.count(family) for family in set(families)} == {
        (0, 0, 1): 3,
        (0, 1, 1): 6,
        (1, 1, 1): 4,
        (0, 1, 2): 12,
        (1, 1, 2): 12,
    }


def test_another_orientation_is_refused() -> None:
    with pytest.raises(StemdlError, match="no such orientation"):
        projections("sideways", SRTIO3, np.random.default_rng(0))
    for name in ORIENTATIONS:
        assert len(projections(name, SRTIO3, np.random.default_rng(0))) == 3
