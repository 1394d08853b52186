"""What `stemdl evaluate` asks of the fingerprints benchmark: crystals of files, whole or broken."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmark.data.recipe import recipe_of
from benchmark.definition.finder import EVALUATE, find_task, load_benchmark
from benchmark.definition.question import Question
from benchmark.foundation.errors import StemdlError

RUNG = load_benchmark("fingerprints").rungs["fingerprints_smoke"]
EVALUATION = find_task("fingerprints").code(EVALUATE)


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copper in its primitive cell, silver, and what no crystal is: two atoms in one place."""
    path = tmp_path_factory.mktemp("crystals") / "crystals.npz"
    cells = [
        [2.55, 2.55, 2.55, 60.0, 60.0, 60.0],
        [2.89, 2.89, 2.89, 60.0, 60.0, 60.0],
        [3.0, 3.0, 3.0, 90.0, 90.0, 90.0],
    ]
    ids, numbers, places = ["copper", "silver", "none"], [29, 47, 26, 26], np.zeros((4, 3))
    np.savez(path, ids=ids, cells=cells, ns=[1, 1, 2], Z=numbers, X=places)
    return path


def test_crystals_are_read_and_what_is_none_is_named(table: Path) -> None:
    copper, silver, none = EVALUATION.read_inputs([table], RUNG, {})
    assert isinstance(copper, Question) and isinstance(silver, Question)
    picture = copper.inputs["fingerprint"]
    assert picture.shape == (3, 64, 64) and picture.dtype == np.float32 and picture.max() == 1.0
    assert "Cu4, space group 225" in copper.notes and "256 atoms" in copper.notes
    assert 0.0 < np.abs(picture - silver.inputs["fingerprint"]).max() < 0.2
    assert [each.path.name for each in (copper, silver)] == ["crystals.npz: copper", "crystals.npz: silver"]
    assert isinstance(none, StemdlError) and "crystals.npz: none" in str(none)


def test_what_holds_no_crystal_costs_no_other_path_its_answers(table: Path, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("no table")
    none, copper, *_ = EVALUATION.read_inputs([tmp_path / "a.csv", table], RUNG, {})
    assert isinstance(none, StemdlError) and "a.csv" in str(none) and isinstance(copper, Question)


def test_they_are_broken_as_is_said(table: Path) -> None:
    options = {"vacancies": "0.25", "displaced": "0.05"}
    broken, *_ = EVALUATION.read_inputs([table], RUNG, options)
    again, *_ = EVALUATION.read_inputs([table], RUNG, {**options, "seed": "0"})
    other, *_ = EVALUATION.read_inputs([table], RUNG, {**options, "seed": "1"})
    assert "192 atoms" in broken.notes
    pictures = [each.inputs["fingerprint"] for each in (broken, again, other)]
    assert np.array_equal(*pictures[:2]) and not np.array_equal(*pictures[1:])
    gone, *_ = EVALUATION.read_inputs([table], RUNG, {"vacancies": "0.99"})
    assert isinstance(gone, StemdlError) and "hardly an atom" in str(gone)


@pytest.mark.parametrize(
    ("options", "what"),
    [({"vacancies": "many"}, "not a number"), ({"vacancies": "2"}, "not a share"), ({"seed": "-1"}, "whole number")],
)
def test_wrong_options_are_refused(table: Path, options: dict[str, str], what: str) -> None:
    with pytest.raises(StemdlError, match=what):
        list(EVALUATION.read_inputs([table], RUNG, options))


def test_each_is_pictured(table: Path, tmp_path: Path) -> None:
    question, *_ = EVALUATION.read_inputs([table], RUNG, {})
    schema = recipe_of(RUNG).schema()
    EVALUATION.picture(question, {"structure": np.arange(7.0)}, schema, tmp_path / "copper.png")
    assert (tmp_path / "copper.png").stat().st_size > 5000
