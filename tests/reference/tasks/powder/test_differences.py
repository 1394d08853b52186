"""Differences of 1/d^2: a lattice's own axes are among the most frequent, whatever its size, and noise is not."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from reference.tasks.powder.differences import (
    DIFFERENCES_AT,
    LINES_AT,
    MARKS,
    ZONE_MARKS,
    ZONES,
    Differences,
)

LARGEST = 0.918
find = Differences(LARGEST, 12)


def lines_of(a: float, b: float, c: float, count: int = 40, keep: float = 1.0) -> tuple[torch.Tensor, torch.Tensor]:
    """1/d of the first lines of an orthorhombic lattice with these reciprocal edges squared, all of a height."""
    h, k, m = np.array(np.meshgrid(*[range(12)] * 3)).reshape(3, -1).T[1:].T
    q = np.unique(np.round(h**2 * a + k**2 * b + m**2 * c, 9))
    q = q[(q > 0.003) & (q < LARGEST**2)]
    q = q[np.random.default_rng(0).random(len(q)) < keep][:count]
    inverse_d = torch.from_numpy(np.sqrt(q)).float()[None]
    return inverse_d, torch.full_like(inverse_d, 0.5)


@given(st.floats(0.012, 0.03), st.floats(1.15, 1.6), st.floats(1.15, 1.6))
def test_the_axes_of_an_orthorhombic_lattice_are_found(a: float, ratio: float, next_ratio: float) -> None:
    axes = np.array([a, a * ratio, a * ratio * next_ratio])
    difference, score, marks, zones = find(*lines_of(*axes))
    assert score.shape == (1, 12) and marks.shape == (1, 12, MARKS) and zones.shape == (1, 12, 12, ZONE_MARKS)
    found = difference[0][score[0] > 0].numpy()
    multiples = np.outer(axes, [1, 3, 4, 8]).ravel()
    assert np.isclose(found[0], multiples, rtol=5e-3).any() or np.isclose(found[1], multiples, rtol=5e-3).any()
    near = [np.isclose(found[:, None], axis * np.array([1, 3, 4]), rtol=5e-3).any() for axis in axes]
    assert sum(near) >= 2


@pytest.mark.parametrize("edge", [4.0, 5.5, 9.0])
def test_marks_of_a_cubic_lattice_are_the_same_at_any_size(edge: float) -> None:
    """A primitive cubic lattice has lines at 1, 2, 3, 4, 5, 6, 8 times its own, and none at 7."""
    q = np.array([1, 2, 3, 4, 5, 6, 8, 9, 10, 11, 12, 13, 14]) / edge**2
    q = q[q < LARGEST**2]
    inverse_d = torch.from_numpy(np.sqrt(q)).float()[None]
    difference, score, marks, _ = find(inverse_d, torch.full_like(inverse_d, 0.5))
    own = int(np.abs(difference[0].numpy() * edge**2 - 1).argmin())
    assert difference[0, own].item() * edge**2 == pytest.approx(1, rel=5e-3) and score[0, own] > 0
    seen = marks[0, own, : len(LINES_AT)]
    for n in (1, 2, 3, 4, 5, 6, 8):
        if n / edge**2 < LARGEST**2:
            assert seen[LINES_AT.index(float(n))] > 0.5, n
    assert seen[LINES_AT.index(7.0)] < 0.1
    assert marks[0, own, len(LINES_AT) + DIFFERENCES_AT.index(2.0)] > 0.5


def test_zones_have_the_lines_of_two_axes() -> None:
    """Where A and B are axes, m A + n B has a line for squares m and n, and A - B has none."""
    a, b = 0.020, 0.0283
    difference, _, _, zones = find(*lines_of(a, b, 0.0391))
    one, other = (int(np.abs(difference[0].numpy() - axis).argmin()) for axis in (a, b))
    assert difference[0, one].item() == pytest.approx(a, rel=5e-3)
    assert difference[0, other].item() == pytest.approx(b, rel=5e-3)
    seen = dict(zip(ZONES, zones[0, one, other].tolist(), strict=False))
    assert min(seen[square] for square in ((1, 1), (4, 1), (1, 4), (4, 4))) > 0.5 > 0.1 > seen[1, -1]


def test_lines_at_random_have_no_difference_as_often_as_those_of_a_lattice() -> None:
    generator = np.random.default_rng(1)
    q = np.sort(generator.uniform(0.01, LARGEST**2, (200, 40)))
    by_chance = find(torch.from_numpy(np.sqrt(q)).float(), torch.full((200, 40), 0.5))[1][:, 0]
    lattice = find(*lines_of(0.0200, 0.0283, 0.0391))[1][0, 0]
    assert lattice > 1.5 * by_chance.median() and lattice > by_chance.quantile(0.95)


def test_no_lines_are_no_differences_and_the_order_of_lines_is_nothing() -> None:
    inverse_d, height = lines_of(0.0200, 0.0283, 0.0391)
    _, score, marks, zones = find(inverse_d, torch.zeros_like(height))
    assert not score.any() and torch.isfinite(marks).all() and torch.isfinite(zones).all()
    order = torch.from_numpy(np.random.default_rng(2).permutation(inverse_d.shape[1]))
    for one, other in zip(find(inverse_d, height), find(inverse_d[:, order], height), strict=True):
        assert torch.allclose(one, other, atol=1e-3)
