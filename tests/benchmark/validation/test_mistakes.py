"""Runs that take the same samples for the same wrong classes are one; those that err by themselves are not."""

from __future__ import annotations

import numpy as np
import pytest

from benchmark.validation.checks.mistakes import nearest

CLASSES, MISTAKES = 25, 88


def honest(seed: int, runs: int = 5, alike: float = 0.5) -> list[list[np.ndarray]]:
    """Tables of two splits, of runs that share a part of what is hard."""
    drawn = np.random.default_rng(seed)
    tables = []
    hard = [drawn.dirichlet(np.full(CLASSES**2, 0.05)) for _ in range(2)]
    for _ in range(runs):
        own = [alike * each + (1 - alike) * drawn.dirichlet(np.full(CLASSES**2, 0.2)) for each in hard]
        both = [drawn.multinomial(MISTAKES, each).reshape(CLASSES, CLASSES) for each in own]
        tables.append([each - np.diag(np.diag(each)) for each in both])
    return tables


@pytest.mark.parametrize("alike", [0.0, 0.5, 0.9, 1.0])
@pytest.mark.parametrize("runs", [4, 5, 10])
def test_honest_runs_err_by_themselves(alike: float, runs: int) -> None:
    assert [seed for seed in range(100) if nearest(honest(seed, runs, alike))] == []


@pytest.mark.parametrize("moved", [0, 3])
def test_a_copy_with_a_few_samples_moved_is_found(moved: int) -> None:
    for seed in range(20):
        runs, drawn = honest(seed), np.random.default_rng(seed)
        copy = [table.copy() for table in runs[1]]
        for table in copy:
            for _ in range(moved):
                row, column = (int(each) for each in drawn.choice(np.argwhere(table > 0)))
                table[row, column] -= 1
                table[row, (row + 1) % CLASSES] += 1
        found = nearest([*runs[:4], copy])
        assert found is not None and found[:2] == (1, 4)


def test_a_pair_of_which_no_others_are_left_says_nothing() -> None:
    one, other, third = honest(1, 3)
    assert nearest([one, one, other]) is None and nearest([one, other, third]) is None
