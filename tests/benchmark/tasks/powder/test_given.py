"""Given crystals: each compound once unless the rung says otherwise, whole groups split, what is left out said."""

from __future__ import annotations

import csv
import dataclasses
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmark.data.recipe import recipe_of, samples_of_unit
from benchmark.data.workers import workers
from benchmark.definition.finder import load_benchmark
from benchmark.definition.rung import Rung
from benchmark.foundation.errors import StemdlError
from benchmark.simulation.crystal import Crystal
from benchmark.tasks.powder.rung import UNSEEN

SMOKE = load_benchmark("powder").rungs["powder_smoke"]


def salt(first: int, second: int, group: int = 225) -> Crystal:
    """Of rock salt's structure, or of caesium chloride's (221)."""
    if group == 221:
        return Crystal(np.eye(3) * 4.1, np.array([first, second]), np.array([[0.0] * 3, [0.5] * 3]), 221)
    points = np.array([[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]])
    numbers = np.array([first] * 4 + [second] * 4)
    return Crystal(np.eye(3) * (4.0 + first / 20), numbers, np.concatenate([points, (points + 0.5) % 1.0]), 225)


def inverted(first: int) -> Crystal:
    """Three pairs of atoms in a triclinic cell, each the other's image."""
    cell = np.array([[5.0, 0.0, 0.0], [0.7, 6.0, 0.0], [0.4, 0.9, 7.0]])
    points = np.array([[0.11, 0.23, 0.31], [0.42, 0.13, 0.87], [0.27, 0.61, 0.09]])
    return Crystal(cell, np.array([first, 8, 14] * 2), np.concatenate([points, -points % 1.0]), 2)


def some() -> tuple[Crystal, ...]:
    """Four crystals of each of two groups of the rung, and one of another."""
    salts = (salt(11, 17), salt(19, 17), salt(12, 8), salt(20, 8))
    return (*map(inverted, (20, 26, 30, 38)), *salts, salt(55, 17, 221))


def table(path: Path, crystals: list[tuple[str, Crystal]]) -> Path:
    np.savez(
        path,
        ids=[name for name, _ in crystals],
        cells=[[*each.lengths_angstrom, *each.angles_degrees] for _, each in crystals],
        ns=[len(each.numbers) for _, each in crystals],
        Z=np.concatenate([each.numbers for _, each in crystals]),
        X=np.concatenate([each.positions for _, each in crystals]),
    )
    return path


def chosen(path: Path, folder: Path, rung: Rung = SMOKE, **options: Any) -> Any:
    recipe = recipe_of(rung, {"structures": path, **options})
    folder.mkdir(exist_ok=True)
    with workers(1, None) as work:
        units, report = recipe.select(folder, work)  # type: ignore[attr-defined]
    return recipe, units, report


def swollen(crystal: Crystal) -> Crystal:
    return dataclasses.replace(crystal, cell=crystal.cell * 1.01)


def test_alike_crystals_are_one_and_are_counted(tmp_path: Path) -> None:
    rows = [(f"a-{n}", each) for n, each in enumerate(some())] + [("b", swollen(some()[0]))]
    path = table(tmp_path / "t.npz", rows)
    _, units, report = chosen(path, tmp_path / "out")
    assert {unit.identifier for unit in units} == {f"a-{n}" for n in range(8)}
    assert {split for split, _ in Counter(unit.split for unit in units).items()} == {"train", "dev", "test"}
    assert report["groups"]["2"] == {"found": 5, "used": 4, "dropped": {"the same compound again": 1}}
    assert report["outside"] == {"another space group": 1}
    with open(tmp_path / "out" / "left_out.csv", newline="", encoding="utf-8") as file:
        assert {row["identifier"]: row["reason"] for row in csv.DictReader(file)} == {
            "b": "the same compound again",
            "a-8": "another space group",
        }
    kept = dataclasses.replace(SMOKE, recipe={**SMOKE.recipe, "deduplicate": False})
    _, units, report = chosen(path, tmp_path / "all", kept)
    assert "b" in {unit.identifier for unit in units} and report["groups"]["2"]["used"] == 5


def test_the_order_of_a_source_changes_nothing_and_no_split_takes_all(tmp_path: Path) -> None:
    rows = [(f"a-{n}", each) for n, each in enumerate(some()[:8])]
    found = [
        [(unit.identifier, unit.split) for unit in chosen(table(tmp_path / f"{n}.npz", order), tmp_path / f"{n}")[1]]
        for n, order in enumerate((rows, rows[::-1]))
    ]
    assert sorted(found[0]) == sorted(found[1])
    _, units, _ = chosen(table(tmp_path / "t.npz", rows), tmp_path / "whole", split=False)
    assert {unit.split for unit in units} == {"test"} and len(units) == 8


def test_a_given_crystal_is_simulated_and_new_types_are_said(tmp_path: Path) -> None:
    path = table(tmp_path / "t.npz", [(f"a-{n}", each) for n, each in enumerate(some()[:8])])
    recipe, units, _ = chosen(path, tmp_path / "out")
    unit = next(each for each in units if each.split == "test")
    sample = next(samples_of_unit(recipe, SMOKE, unit))
    assert sample.attributes["formula"] == unit.content.crystal.formula
    assert sample.arrays["space_group"] == str(unit.content.space_group)
    seen = {each.content.crystal.formula for each in units if each.split != "test"}
    assert unit.content.part != UNSEEN and seen  # all crystals of either group are of one type
    assert recipe.source()["kind"] == "structures" and len(recipe.source()["sha256"]) == 64


def test_too_few_and_none_are_refused(tmp_path: Path) -> None:
    few = table(tmp_path / "few.npz", [("a", some()[0]), ("b", some()[1])])
    with pytest.raises(StemdlError, match="too few materials to split"):
        chosen(few, tmp_path / "few")
    none = table(tmp_path / "none.npz", [("a", some()[8])])
    with pytest.raises(StemdlError, match="no crystal can be used"):
        chosen(none, tmp_path / "none")
