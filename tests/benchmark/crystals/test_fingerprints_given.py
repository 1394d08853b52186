"""Crystals that users give to fingerprints: which are used, of which class they are, and in which split."""

from __future__ import annotations

import csv
import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmark.crystals.fingerprints.elementals import LABELS, PROTOTYPES, draw_elemental, elements_of
from benchmark.data.recipe import recipe_of, samples_of_unit
from benchmark.data.workers import workers
from benchmark.definition.finder import load_benchmark
from benchmark.definition.rung import Rung
from benchmark.foundation.errors import StemdlError
from benchmark.simulation.crystal import Crystal

SMOKE, SMALL = (load_benchmark("fingerprints").rungs[f"fingerprints_{size}"] for size in ("smoke", "small"))


def salt(first: int, second: int) -> Crystal:
    points = np.array([[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]])
    positions = np.concatenate([points, (points + 0.5) % 1.0])
    return Crystal(np.eye(3) * (4.0 + first / 20), np.array([first] * 4 + [second] * 4), positions, 225)


def table(path: Path, crystals: dict[str, Crystal]) -> Path:
    np.savez(
        path,
        ids=list(crystals),
        cells=[[*each.lengths_angstrom, *each.angles_degrees] for each in crystals.values()],
        ns=[len(each.numbers) for each in crystals.values()],
        Z=np.concatenate([each.numbers for each in crystals.values()]),
        X=np.concatenate([each.positions for each in crystals.values()]),
    )
    return path


def chosen(rung: Rung, path: Path, folder: Path, **options: Any) -> Any:
    recipe = recipe_of(rung, {"structures": path, **options})
    folder.mkdir()
    with workers(1, None) as work:
        units, report = recipe.select(folder, work)
    with open(folder / "left_out.csv", newline="", encoding="utf-8") as file:
        return recipe, units, report, {row["identifier"]: row["reason"] for row in csv.DictReader(file)}


def test_given_elements_are_of_the_prototypes_classes_and_in_the_splits_of_their_elements(tmp_path: Path) -> None:
    crystals = {
        f"{prototype.name}-{number}": draw_elemental(prototype, number, np.random.default_rng(0))
        for prototype in PROTOTYPES
        for number in (3, 29, 47, 55, 79, 92)
    }
    copy = dataclasses.replace(crystals["A_cF4_225_a-29"], cell=crystals["A_cF4_225_a-29"].cell * 1.01)
    path = table(tmp_path / "t.npz", crystals | {"again": copy, "salt": salt(11, 17)})
    recipe, units, report, left_out = chosen(SMOKE, path, tmp_path / "chosen")
    assert set(report["groups"]) == set(LABELS) and sum(each["used"] for each in report["groups"].values()) == len(
        units
    )
    dealt_out = elements_of(SMOKE.seed, SMOKE.recipe["split_shares"])
    label_of_name = {prototype.name: prototype.label for prototype in PROTOTYPES}
    assert {unit.split for unit in units} == {"train", "dev", "test"}
    for unit in units:
        name, _, number = unit.identifier.partition("-") if unit.identifier != "again" else ("A_cF4_225_a", "", "29")
        assert unit.stratum == label_of_name[name] and int(number) in dealt_out[unit.split]
        assert unit.split != "train" or unit.content.kind == "pristine"
    assert left_out["salt"] == "not of one of the rung's classes"
    assert list(left_out.values()).count("the same compound again") == 1
    sample = next(samples_of_unit(recipe, SMOKE, units[0]))
    assert sample.attributes["formula"] == units[0].content.crystal.formula
    assert recipe.source()["kind"] == "structures"


def test_given_compounds_are_split_by_their_anonymous_formula(tmp_path: Path) -> None:
    crystals = {f"{first}-{second}": salt(first, second) for first in (3, 11, 19) for second in (9, 17)}
    path = table(tmp_path / "t.npz", crystals)
    with pytest.raises(StemdlError, match="too few crystals to split"):
        chosen(SMALL, path, tmp_path / "split")
    _, units, report, _ = chosen(SMALL, path, tmp_path / "whole", split=False)
    assert len(units) == 6 and {(unit.split, unit.stratum) for unit in units} == {("test", "225")}
    assert report["groups"]["225"]["used"] == 6
    with pytest.raises(StemdlError, match="no crystal can be used"):
        chosen(SMOKE, path, tmp_path / "none", split=False)
