"""Patterns are turned upright: by the angle that they were simulated at, and so that their symmetry shows."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from benchmark.crystals.simulate import atoms_of, ideal_pattern
from benchmark.definition.finder import load_benchmark
from benchmark.simulation.cbed import CbedRung
from benchmark.simulation.crystal import Crystal
from benchmark.simulation.zone import project
from reference.tasks.space_group.model import log_intensity
from reference.tasks.space_group.upright import angles_of, upright

OPTICS = CbedRung.of(load_benchmark("space_group").rung("stemdl_mini_v2")).optics
ANGLES_DEGREES = (-8.5, -3.0, 0.0, 4.25)
MOST_DEGREES = 10.0


def turned(degrees: float, edges: tuple[float, float, float] = (4.2, 5.1, 6.3)) -> torch.Tensor:
    """(1, 1, 64, 64): two atoms in a brick, which leave no mirror line across its long edge, as a detector at an angle
    sees them."""
    positions = np.array([[0.0, 0.0, 0.0], [0.21, 0.5, 0.5]])
    crystal = Crystal(np.diag(edges), np.array([55, 17]), positions, 25)
    zone = project(crystal, (0, 0, 1), (1.0, 0.0, 0.0))
    pattern = ideal_pattern(
        zone, atoms_of(crystal, OPTICS), OPTICS, energy_kev=100.0, thickness_angstrom=180.0, rotation_degrees=degrees
    )
    return log_intensity(torch.from_numpy(pattern).float())[None, None]


@pytest.mark.parametrize("degrees", ANGLES_DEGREES)
def test_the_angle_that_a_pattern_was_simulated_at_is_found(degrees: float):
    assert math.degrees(angles_of(turned(degrees), MOST_DEGREES)) == pytest.approx(-degrees, abs=0.3)


@pytest.mark.parametrize("degrees", [20.0, -38.5, 61.0, 170.0])
def test_any_angle_is_found_but_for_quarter_turns(degrees: float):
    wrong = (math.degrees(angles_of(turned(degrees), 45.0)) + degrees + 45.0) % 90.0 - 45.0
    assert wrong == pytest.approx(0.0, abs=0.3)


def test_upright_patterns_show_their_mirror_and_lack_the_one_that_they_lack():
    askew = turned(4.25)
    straight = upright(askew, MOST_DEGREES)
    kept, lacking = ((straight - straight.flip(axis)).abs().mean() for axis in (-2, -1))
    hidden = (askew - askew.flip(-2)).abs().mean()
    assert kept < 0.3 * hidden and lacking > 2.0 * kept


def test_a_flipped_pattern_is_turned_the_other_way():
    x = torch.cat([turned(each) for each in ANGLES_DEGREES])
    for axis in (-1, -2):
        found, turned_back = angles_of(x, MOST_DEGREES), angles_of(x.flip(axis), MOST_DEGREES)
        assert torch.allclose(turned_back, -found, atol=math.radians(0.26))
        assert torch.allclose(upright(x.flip(axis), MOST_DEGREES), upright(x, MOST_DEGREES).flip(axis), atol=0.35)


def test_no_pattern_is_turned_further_than_allowed_and_dark_ones_stay_numbers():
    x = torch.cat([torch.rand(8, 1, 33, 33, generator=torch.Generator().manual_seed(1)), torch.zeros(1, 1, 33, 33)])
    assert angles_of(x, MOST_DEGREES).abs().max() <= math.radians(MOST_DEGREES) + 1e-6
    assert upright(x, MOST_DEGREES).shape == x.shape and torch.isfinite(upright(x, MOST_DEGREES)).all()


def test_half_precision_elsewhere_changes_nothing_here():
    """The places that pixels are taken from, too: of bfloat16 they would be a third of a pixel off."""
    x = torch.cat([turned(each) for each in ANGLES_DEGREES])
    angles, found = angles_of(x, MOST_DEGREES), upright(x, MOST_DEGREES)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(angles_of(x, MOST_DEGREES), angles)
        assert torch.equal(upright(x, MOST_DEGREES), found)


def test_a_picture_is_turned_as_an_affine_grid_turns_it():
    x = turned(4.25)
    angle = float(angles_of(x, MOST_DEGREES))
    turn = torch.tensor([[[math.cos(angle), -math.sin(angle), 0.0], [math.sin(angle), math.cos(angle), 0.0]]])
    grid = F.affine_grid(turn, list(x.shape), align_corners=False)
    known = F.grid_sample(x, grid, padding_mode="border", align_corners=False)
    torch.testing.assert_close(upright(x, MOST_DEGREES), known, rtol=0.0, atol=1e-3)
