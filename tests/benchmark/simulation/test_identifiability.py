"""Plane groups of projections against the International Tables, and the groups that three axes can tell apart."""

from __future__ import annotations

import pytest

from benchmark.foundation.errors import StemdlError
from benchmark.simulation.identifiability import identifiable, indistinguishable, kept_in_depth, plane_group, signature

MIRROR_X, MIRROR_Y, TURN = (-2, 0, 0, 2), (2, 0, 0, -2), (-2, 0, 0, -2)
"""Linear parts in halves: p to -p, q to -q, and both."""
NONE, HALF_P, HALF_Q, CENTRED = {(0, 0)}, {(0, 0), (12, 0)}, {(0, 0), (0, 12)}, {(0, 0), (12, 12)}


@pytest.mark.parametrize(
    ("group", "axis", "centring", "mirror_x", "mirror_y"),
    [
        # International Tables A, "Symmetry of special projections"; None: no such operation, False: a glide line only.
        (62, (0, 0, 1), HALF_P, False, True),  # Pnma: p2gm with a' = a / 2
        (62, (1, 0, 0), CENTRED, True, True),  # c2mm
        (62, (0, 1, 0), NONE, False, False),  # p2gg
        (14, (0, 0, 1), NONE, False, True),  # P2_1/c: p2gm
        (14, (1, 0, 0), NONE, False, False),  # p2gg
        (14, (0, 1, 0), HALF_Q, None, None),  # p2 with a' = c / 2
        (15, (0, 0, 1), CENTRED, True, True),  # C2/c: c2mm
        (16, (0, 0, 1), NONE, True, True),  # P222: p2mm
        (19, (1, 0, 0), NONE, False, False),  # P2_12_12_1: p2gg
        (36, (0, 0, 1), CENTRED, True, True),  # Cmc2_1: c2mm
        (36, (1, 0, 0), HALF_P, False, None),  # p1g1 with a' = b / 2
    ],
)
def test_projections_have_the_plane_groups_of_the_international_tables(
    group: int, axis: tuple[int, int, int], centring: set, mirror_x: bool | None, mirror_y: bool | None
) -> None:
    shifts, parts = plane_group(group, axis)
    assert shifts == centring
    without_glide = dict(parts)
    assert without_glide.get(MIRROR_X) is mirror_x and without_glide.get(MIRROR_Y) is mirror_y
    assert len(parts) == {2: 2, 4: 4}[2 if None in (mirror_x, mirror_y) else 4]
    assert (TURN in without_glide) == (group != 36 or axis == (0, 0, 1))


@pytest.mark.parametrize(("group", "order"), [(75, 4), (99, 8), (143, 3), (156, 6), (168, 6), (183, 12), (186, 12)])
def test_rotations_about_the_axis_are_all_seen(group: int, order: int) -> None:
    assert len(plane_group(group, (0, 0, 1))[1]) == order


def test_the_three_conventional_axes_tell_161_groups_apart() -> None:
    together = indistinguishable()
    assert sorted(sum(together, ())) == list(range(1, 231))
    assert len(together) == 187 and len(identifiable()) == 161
    alike = [groups for groups in together if len(groups) > 1]
    assert set(alike) == {
        (23, 24),
        (44, 46),
        (50, 65),
        (60, 63),
        (75, 77, 81),
        (76, 78),
        (79, 80, 82),
        (83, 84),
        (85, 86),
        (89, 93, 123),
        (90, 94),
        (91, 95),
        (92, 96),
        (97, 98, 126, 139),
        (143, 144, 145),
        (149, 151, 153),
        (150, 152, 154),
        (168, 171, 172),
        (169, 170, 173),
        (177, 180, 181, 191),
        (178, 179, 182),
        (197, 199),
        (207, 208, 221),
        (209, 210, 225),
        (211, 214, 222, 229),
        (212, 213),
    }


def test_enantiomorphs_look_alike_and_one_axis_shows_less() -> None:
    for one, other in (
        (76, 78),
        (91, 95),
        (92, 96),
        (144, 145),
        (151, 153),
        (152, 154),
        (169, 170),
        (171, 172),
        (178, 179),
        (180, 181),
        (212, 213),
        (23, 24),
        (197, 199),
    ):
        assert signature(one) == signature(other)
    one_axis = indistinguishable(((0, 0, 1),))
    assert len(one_axis) < 100 and set(identifiable(((0, 0, 1),))) < set(identifiable())


def test_what_whole_patterns_with_higher_zones_still_do_not_tell_apart() -> None:
    """Enantiomorphs, screws of one kind, and the pairs whose operations are the same about other points."""
    alike = [groups for groups in indistinguishable(in_depth=True) if len(groups) > 1]
    assert set(alike) == {
        (23, 24),
        (44, 46),
        (76, 78),
        (77, 81),
        (80, 82),
        (91, 95),
        (92, 96),
        (144, 145),
        (151, 153),
        (152, 154),
        (169, 170),
        (171, 172),
        (178, 179),
        (180, 181),
        (197, 199),
        (212, 213),
    }


@pytest.mark.parametrize(
    ("group", "axis", "orders"),
    [
        (75, (0, 0, 1), 4),  # P4 keeps its fourfold axis,
        (77, (0, 0, 1), 2),  # P4_2 the twofold one in it,
        (76, (0, 0, 1), 1),  # P4_1 nothing
        (79, (0, 0, 1), 4),  # I4 has 4 beside 4_2,
        (80, (0, 0, 1), 2),  # I4_1 has 2 beside 2_1,
        (82, (0, 0, 1), 2),  # and I-4 turns the beam round
        (173, (0, 0, 1), 3),
        (170, (0, 0, 1), 1),
        (14, (0, 1, 0), 1),  # P2_1/c along its screw axis
        (13, (0, 1, 0), 2),
        (14, (1, 0, 0), 1),  # the glide goes along c, which is oblique to the beam
        (7, (0, 0, 1), 1),
        (26, (0, 0, 1), 2),  # Pmc2_1: the mirror, and no glide along the beam
        (27, (0, 0, 1), 2),  # Pcc2: the axis alone
        (32, (0, 0, 1), 4),  # Pba2: glides across the beam keep heights
    ],
)
def test_a_slab_keeps_what_shifts_nothing_along_the_beam(group: int, axis: tuple[int, int, int], orders: int) -> None:
    assert len(kept_in_depth(group, axis)) == orders


def test_axes_of_high_indices_have_plane_groups() -> None:
    assert len(plane_group(1, (3, 5, 7))[1]) == 1  # P1: p1
    assert len(plane_group(2, (-5, 3, 5))[1]) == 2  # P-1: p2
    assert len(plane_group(221, (3, 5, 0))[1]) == 4  # Pm-3m: the mirrors across and along [350] leave p2mm


def test_an_axis_that_is_no_shortest_vector_is_refused() -> None:
    with pytest.raises(StemdlError, match="with the zone axis"):
        plane_group(1, (6, 10, 14))
