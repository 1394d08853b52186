"""Specimens: crystals in any orientation fill the box at their own density, and defects change what they say."""

from __future__ import annotations

import numpy as np
import pytest

from benchmark.definition.finder import load_benchmark
from benchmark.simulation.cbed import crystals_of
from benchmark.simulation.crystal import Crystal, shortest_distance_angstrom
from benchmark.simulation.draw import draw_crystal
from benchmark.simulation.gratings import Box, Specimen
from benchmark.tasks.density.columns import CrystalView, columns_of, draw_view, tilted
from benchmark.tasks.density.defects import CHANGED_ATOMS, CHANGED_COLUMNS, KINDS
from benchmark.tasks.density.specimen import build, thermally_moved

BOX = Box(64, 24.0)
STRAIGHT = CrystalView((0, 0, 1), (1.0, 0.0, 0.0), 0.3, (0.0, 0.0), (0.21, 0.32, 0.13))


def _built(crystal: Crystal, kind: str = "perfect", view: CrystalView = STRAIGHT, seed: int = 0) -> Specimen:
    return build(
        crystal,
        view,
        kind,
        box=BOX,
        field_angstrom=8.0,
        slices=20,
        slice_angstrom=2.0,
        generator=np.random.default_rng(seed),
    )


@pytest.mark.parametrize("space_group", [2, 14, 62, 139, 166, 194, 227])
def test_a_crystal_of_any_system_in_any_orientation_fills_the_box(space_group: int) -> None:
    """As many atoms as its cell says, each at the distance from its neighbours that it has in the cell."""
    shared = load_benchmark("density").shared
    generator = np.random.default_rng(space_group)
    crystal = draw_crystal(space_group, crystals_of("shared", shared, "crystals"), generator)
    least = min(shortest_distance_angstrom(crystal.cell, point, crystal.positions) for point in crystal.positions)
    for _ in range(3):
        specimen = _built(crystal, view=draw_view(crystal, 12, 5.0, generator))
        expected = len(crystal.numbers) / crystal.volume_angstrom3 * BOX.angstrom**2 * 40.0
        assert len(specimen.numbers) == pytest.approx(expected, rel=0.1)  # surfaces cut cells
        middle = np.abs(specimen.positions - [0.0, 0.0, 20.0]).max(axis=1) < 7.0
        some = specimen.positions[middle][:60]
        distances = np.linalg.norm(some[:, None] - specimen.positions[None], axis=-1)
        assert np.sort(distances, axis=1)[:, 1].min() > least - 1e-6
        for number in np.unique(crystal.numbers):
            share = (crystal.numbers == number).mean()
            assert (specimen.numbers == number).mean() == pytest.approx(share, abs=0.03)


def test_columns_are_atoms_over_one_another(srtio3: Crystal) -> None:
    columns = columns_of(srtio3, STRAIGHT, 20.0, 40.0)
    for number in np.unique(columns.column)[::37]:
        of_one = columns.positions[columns.column == number]
        assert np.ptp(of_one[:, :2], axis=0).max() < 1e-6
        assert np.ptp(of_one[:, 2]) > 40.0
    titanium = columns.column[columns.numbers == 22]
    assert np.isin(titanium, columns.column[columns.numbers == 8]).all()  # oxygen lies over titanium along [001]


def test_a_tilt_turns_the_specimen_about_both_axes() -> None:
    up = np.array([[0.0, 0.0, 100.0]])
    np.testing.assert_allclose(tilted(up, (0.01, 0.02))[0], [100 * 0.02, -100 * 0.01, 100.0], atol=0.03)
    turned = tilted(np.eye(3), (0.3, -0.2))
    np.testing.assert_allclose(turned @ turned.T, np.eye(3), atol=1e-12)


def test_kinds_of_defects_change_what_they_say(srtio3: Crystal) -> None:
    perfect = _built(srtio3)
    made = {kind: _built(srtio3, kind) for kind in KINDS}
    assert np.array_equal(made["perfect"].positions, perfect.positions)
    moved = made["displaced"]
    assert abs(len(moved.numbers) - len(perfect.numbers)) < 0.05 * len(perfect.numbers)
    lost = 1.0 - len(made["vacancies"].numbers) / len(perfect.numbers)
    assert lost == pytest.approx(CHANGED_COLUMNS * CHANGED_ATOMS, abs=0.05)
    others = made["substitutions"]
    assert np.array_equal(others.positions, perfect.positions)
    changed = (others.numbers != perfect.numbers).mean()
    assert changed == pytest.approx(CHANGED_COLUMNS * CHANGED_ATOMS, abs=0.05)
    edge = made["edge"].positions[:, :2]
    angles = np.linspace(0.0, 2.0 * np.pi, 360)
    reach = (edge @ np.stack([np.cos(angles), np.sin(angles)])).max(axis=0)
    assert reach.min() < 0.3 * 8.0 + 0.1  # the edge passes through the scanned square
    boundary = made["boundary"]
    assert len(boundary.numbers) == pytest.approx(len(perfect.numbers), rel=0.08)
    distances = np.linalg.norm(boundary.positions[:300, None] - boundary.positions[None], axis=-1)
    assert np.sort(distances, axis=1)[:, 1].min() > 0.7


def test_atoms_move_as_their_debye_waller_factor_says(srtio3: Crystal) -> None:
    still = _built(srtio3)
    by = thermally_moved(still, 0.6, np.random.default_rng(1)).positions - still.positions
    assert 8.0 * np.pi**2 * (by**2).mean() == pytest.approx(0.6, rel=0.05)
