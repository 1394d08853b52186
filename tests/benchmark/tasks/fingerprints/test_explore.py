"""The page about fingerprints shows one picture of each class and kind."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from benchmark.data.generate import generate
from benchmark.data.manifest import read_manifest
from benchmark.definition.finder import load_benchmark
from benchmark.foundation.errors import StemdlError
from benchmark.report.explored import PAGE
from benchmark.tasks.fingerprints.explore import PICTURES, explore, one_of_each

SMOKE = load_benchmark("fingerprints").rungs["fingerprints_smoke"]
FEW = {"samples_per_class": {"train": 1, "dev": 2, "test": 1}, "atoms": 32}


def test_the_page_shows_one_picture_of_each_class_and_kind(tmp_path: Path) -> None:
    rung = dataclasses.replace(
        SMOKE,
        name="few",
        samples={"train": 7, "dev": 14, "test": 7},
        recipe={**SMOKE.recipe, **FEW},
        named_by={**SMOKE.named_by, "name": "few", **FEW},
    )
    generate(rung, tmp_path / "few")
    manifest = read_manifest(tmp_path / "few")
    found = one_of_each(manifest)
    assert {label for label, _ in found} == set(manifest.schema.classes["structure"])
    assert "pristine" in {kind for _, kind in found} and len({kind for _, kind in found}) == 3
    explored = explore(manifest, tmp_path / "page")
    page = (tmp_path / "page" / PAGE).read_text(encoding="utf-8")
    assert "://" not in page and "hex_rh" in page and (tmp_path / "page" / PICTURES).stat().st_size > 5000
    assert explored.numbers["classes"] == 7 and "28 pictures" in explored.lines[0]
    (tmp_path / "file").write_text("x", encoding="utf-8")
    with pytest.raises(StemdlError, match="cannot be written"):
        explore(manifest, tmp_path / "file")
