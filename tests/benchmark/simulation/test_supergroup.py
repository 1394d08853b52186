"""Supergroups in the same cell: they are groups, hold the space group, and are those of the International Tables."""

from __future__ import annotations

import numpy as np
import pytest
import spglib

from benchmark.simulation.supergroup import extensions, supergroup, supergroup_sites, symmetrised_metric
from benchmark.simulation.symmetry import Operations, operations, orbit_under


def keys(group: Operations) -> set[bytes]:
    rotations, translations = group
    cells = np.round(translations * 24).astype(int) % 24
    return {
        np.round(rotation).astype(int).tobytes() + cell.tobytes()
        for rotation, cell in zip(rotations, cells, strict=True)
    }


def numbers_one_step_up(space_group: int) -> set[int]:
    """Space groups of all supergroups that keep the conventional cell's shape."""
    found = set()
    for way in range(len(extensions(space_group, ())[0])):
        group = supergroup(space_group, (way,))
        metric = symmetrised_metric(np.array([[9.0, 0.7, 0.5], [0.7, 16.0, 0.9], [0.5, 0.9, 30.0]]), group)
        kind = spglib.get_spacegroup_type_from_symmetry(*group, lattice=np.linalg.cholesky(metric))
        found.add(kind.number)
    return found


@pytest.mark.parametrize(
    ("space_group", "some"),
    [
        (216, {227, 225}),
        (36, {63}),
        (33, {62}),
        (186, {194}),
        (148, {166}),
        (4, {11, 14}),
        (19, {62}),
        (1, {2, 3, 6}),
        (221, {229}),
    ],
)
def test_supergroups_of_the_tables_are_found(space_group: int, some: set[int]) -> None:
    """Minimal supergroups of index 2 after the International Tables A1."""
    assert some <= numbers_one_step_up(space_group)


@pytest.mark.parametrize("space_group", [1, 14, 36, 148, 194, 216])
def test_a_supergroup_is_a_group_that_holds_the_space_group(space_group: int) -> None:
    path: tuple[int, ...] = ()
    for step in (1, 2):
        if not len(extensions(space_group, path)[0]):
            break
        path = (*path, 0)
        rotations, translations = group = supergroup(space_group, path)
        known = keys(group)
        assert len(rotations) == len(known) == 2**step * len(operations(space_group)[0])
        assert keys(operations(space_group)) <= known
        for rotation, translation in zip(rotations[::5], translations[::5], strict=True):
            assert keys((rotation @ rotations, translations @ rotation.T + translation)) == known


@pytest.mark.parametrize(
    ("space_group", "multiplicities"),
    [
        (197, {2, 6, 8, 12, 24}),
        (209, {4, 8, 24, 32, 48, 96}),
        (214, {8, 12, 16, 24, 48}),
        (68, {4, 8, 16}),
        (230, {16, 24, 32, 48, 96}),
        (227, {8, 16, 32, 48, 96, 192}),
        (166, {3, 6, 9, 18, 36}),
        (1, {1}),
        (210, {8, 16, 32, 48, 96}),
    ],
)
def test_positions_are_those_of_the_tables(space_group: int, multiplicities: set[int]) -> None:
    """Multiplicities of the Wyckoff positions after the International Tables A."""
    found = supergroup_sites(space_group, ())
    assert {site.multiplicity for site in found} == multiplicities
    generator = np.random.default_rng(0)
    for site in found:
        point = site.origin + generator.random(len(site.directions)) @ site.directions
        assert len(orbit_under(operations(space_group), point)) == site.multiplicity


def test_a_symmetrised_metric_has_the_groups_symmetry() -> None:
    group = operations(194)
    metric = symmetrised_metric(np.array([[9.0, 1.0, 2.0], [1.0, 12.0, 0.5], [2.0, 0.5, 30.0]]), group)
    for rotation in group[0]:
        np.testing.assert_allclose(rotation.T @ metric @ rotation, metric, atol=1e-9)
    assert metric[0, 0] == pytest.approx(metric[1, 1]) and metric[0, 1] == pytest.approx(-metric[0, 0] / 2)
