"""The experiments on extinction groups: what sets of patterns hold, and what is counted of answers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmark.tasks.powder.extinction import extinction_groups
from performance import powder_experiments, powder_sets
from performance.powder_experiments import Way, figures, intervals, trained
from performance.powder_sets import GROUP_OF, LABELS, Patterns, by_reflections, of_measured, of_structures, to_groups

GROUPS = extinction_groups()


def named(space_groups: list[int], formulas: list[str]) -> Patterns:
    return Patterns(np.zeros((len(formulas), 5), np.float32), np.array(space_groups), np.array(formulas))


def test_space_groups_add_up_to_their_extinction_groups() -> None:
    probabilities = np.random.default_rng(0).dirichlet(np.ones(230), size=4)
    found = to_groups(probabilities)
    for index, members in enumerate(GROUPS):
        assert found[:, index] == pytest.approx(probabilities[:, np.array(members) - 1].sum(axis=1))
    assert LABELS["groups"](np.array([1, 2, 225, 216])).tolist()[2:] == [GROUP_OF[196]] * 2


def test_formulas_are_held_out_whole_and_duplicates_are_taken_once() -> None:
    patterns = named([1, 2, 1, 1, 2] * 20, ["A", "A", "A", "B", "B"] * 10 + [f"C{n}" for n in range(50)])
    kept, held = patterns.split_by_formula(1)
    assert held.formulas.size and not set(kept.formulas) & set(held.formulas)
    assert kept.formulas.size + held.formulas.size == 100
    once = patterns.once_each()
    keys = list(zip(once.formulas.tolist(), once.space_groups.tolist(), strict=True))
    assert len(keys) == len(set(keys)) == 4 + 50


def test_a_biased_set_has_the_frequencies_of_the_database() -> None:
    patterns = named([1] * 500 + [2] * 500 + [3] * 500, [""] * 1500)
    biased = patterns.as_frequent_as(np.array([1] * 9 + [2] * 1), 0)
    counts = np.bincount(biased.space_groups, minlength=4)
    assert counts[3] == 0 and counts.sum() == 1500 and 0.85 < counts[1] / 1500 < 0.95


def test_patterns_of_lattices_and_of_a_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(powder_sets, "GROUPS", ((196, 202, 209, 216, 225), (230,)))
    drawn = by_reflections(3, 851, 0)
    assert drawn.profiles.shape == (6, 851) and drawn.profiles.max(axis=1) == pytest.approx(1.0)
    assert sorted(drawn.space_groups) == [196, 202, 209, 230, 230, 230]
    salt = np.array([[0, 0, 0], [0.5, 0.5, 0.5]])  # in its primitive cell
    cell = [[3.988, 3.988, 3.988, 60.0, 60.0, 60.0]] * 2
    np.savez(tmp_path / "t.npz", cells=cell, ns=[2, 2], Z=[11, 17] * 2, X=np.concatenate([salt] * 2), sg01=[225, 225])
    table = of_structures(tmp_path / "t.npz", 1701, 10)
    assert table.space_groups.tolist() == [225, 225] and table.formulas.tolist() == ["Cl1 Na1"] * 2
    angles = np.linspace(5, 90, 1701)
    assert angles[table.profiles[0].argmax()] == pytest.approx(31.7, abs=0.1)  # of its (200), a = 5.64 angstrom
    measured = np.round(1000 * np.interp(5 + 0.01 * np.arange(8500), angles, table.profiles[0])).astype(np.uint16)
    np.savez(tmp_path / "m.npz", intensity=measured[None], space_group=[225])
    found = of_measured(tmp_path / "m.npz", 1701)
    assert found.space_groups.tolist() == [225] and found.profiles[0].argmax() == table.profiles[0].argmax()
    assert np.corrcoef(found.profiles[0], table.profiles[0])[0, 1] > 0.95


def test_figures_count_what_they_say() -> None:
    test = named([1, 225, 230, 14], [""] * 4)
    right = LABELS["groups"](test.space_groups)
    scores = np.full((4, 99), 1e-6)
    scores[np.arange(4), right] = [0.9, 0.8, 0.1, 0.1]
    scores[2, GROUP_OF[225]], scores[3, GROUP_OF[225]] = 0.2, 0.2  # wrong: of the right family, and of another
    found = figures(scores, test)
    assert found == {"top-1": 0.5, "top-3": 1.0, "top-5": 1.0, "family": 0.75, "half refused": 1.0}
    low, high = intervals(scores, test)["top-1"]
    assert 0.0 <= low < 0.5 < high <= 1.0
    assert intervals(scores, test)["top-5"] == (1.0, 1.0)


def test_a_way_of_training_answers_with_probabilities(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(powder_sets, "GROUPS", GROUPS[:3])
    train = by_reflections(2, 851, 0)
    for labels in ("groups", "space groups"):
        settings = ("width=16", "layers=1", "heads=2", "global_batch_size=4")
        answer = trained(Way("tiny", train, settings, labels, balanced=0.5), steps=2, seed=0)
        monkeypatch.setattr(powder_sets, "GROUPS", GROUPS)
        found = answer(train.profiles)
        assert found.shape == (6, 99) and found.sum(axis=1) == pytest.approx(1.0, abs=1e-5)


def test_every_experiment_of_the_page_is_a_command() -> None:
    assert set(powder_experiments.EXPERIMENTS) == {
        "labels", "bias", "duplicates", "amount", "resolution", "network", "measured"
    }  # fmt: skip
