"""A small data set: its page, and what its checks find."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest

from benchmark.crystals.duplicates import Compound
from benchmark.data.examined import Data
from benchmark.data.generate import generate
from benchmark.data.manifest import MANIFEST, read_manifest
from benchmark.data.verify import verify
from benchmark.definition.finder import load_benchmark
from benchmark.foundation.errors import StemdlError
from benchmark.foundation.files import sha256_of_file
from benchmark.report.explored import PAGE
from benchmark.tasks.powder.checks import CHECKS, Profiles
from benchmark.tasks.powder.explore import PICTURE, explore, one_of_each

SMOKE = load_benchmark("powder").rungs["powder_smoke"]
FEW = {"patterns_per_group": {"train": 2, "dev": 1, "test": 1, "unseen": 0}, "biased_patterns": 3}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("powder") / "few"
    values = {"space_groups": [2, 62, 225], **FEW}
    rung = dataclasses.replace(
        SMOKE,
        name="few",
        samples={"train": 6, "dev": 3, "test": 6},
        recipe={**SMOKE.recipe, **values},
        named_by={**SMOKE.named_by, "name": "few", **values},
    )
    generate(rung, folder, crystals="reflections")
    return folder


def test_data_are_sound_in_every_check(data: Path) -> None:
    report = verify(data)
    assert not report.faults and {"labels", "duplicates", "types", "units"} <= set(report.checked)


def test_the_page_shows_one_pattern_of_each_group(data: Path, tmp_path: Path) -> None:
    manifest = read_manifest(data)
    assert list(one_of_each(manifest)) == ["1:P1", "33:Pna21", "196:F23"]
    explored = explore(manifest, tmp_path / "page")
    page = (tmp_path / "page" / PAGE).read_text(encoding="utf-8")
    assert "http" not in page and "33:Pna21" in page and (tmp_path / "page" / PICTURE).stat().st_size > 5000
    assert explored.numbers["groups"] == 3 and "15 patterns" in explored.lines[0]


def test_a_folder_that_cannot_be_written_is_said(data: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x", encoding="utf-8")
    with pytest.raises(StemdlError, match="cannot be written"):
        explore(read_manifest(data), tmp_path / "file")


def with_seen(data: Path, **seen: object) -> Data:
    examined = Data(read_manifest(data))
    profiles = examined.once(Profiles)
    for name, value in seen.items():
        setattr(profiles, name, value)
    return examined


def test_a_crystal_in_two_splits_and_a_type_that_was_seen_are_found(data: Path) -> None:
    one = Compound("a", ((11, 1), (17, 1)), 225, (5.64,) * 3, (90.0,) * 3)
    other = dataclasses.replace(one, identifier="b", lengths_angstrom=(5.7,) * 3)
    apart = dataclasses.replace(one, identifier="c", lengths_angstrom=(6.6,) * 3)
    leaking = with_seen(data, compounds=[("train", one), ("test", other), ("dev", apart)])
    (fault,) = CHECKS["duplicates"](leaking)
    assert fault.found == "test, train" and "a" in fault.message
    assert not list(CHECKS["duplicates"](with_seen(data, compounds=[("train", one), ("train", other)])))
    shared = {("train", "balanced"): {"AB cF8 225", ""}, ("test", "unseen"): {"AB cF8 225"}}
    (fault,) = CHECKS["types"](with_seen(data, types=shared))
    assert fault.found == "AB cF8 225"


def test_labels_and_profiles_that_disagree_are_found(data: Path, tmp_path: Path) -> None:
    """Even where whoever changed them made the manifest again."""
    folder = shutil.copytree(data, tmp_path / "copy")
    manifest = read_manifest(folder)
    path = folder / manifest.shards[0]["path"]
    with h5py.File(path, "r+") as shard:
        first, second, *_ = shard
        shard[first].attrs["crystal_system"] = np.bytes_(b"hexagonal")
        shard[second]["profile"][...] = 0.7 * shard[second]["profile"][...]
    said = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    said["shards"][0]["sha256"] = sha256_of_file(path)
    (folder / MANIFEST).write_text(json.dumps(said), encoding="utf-8")
    faults = list(CHECKS["labels"](Data(read_manifest(folder))))
    assert [fault.message for fault in faults] == [
        f"another crystal_system than space group {_group(path, first)} has",
        "the profile is not one of whole counts",
    ]


def _group(path: Path, name: str) -> str:
    with h5py.File(path, "r") as shard:
        return str(shard[name].attrs["space_group"].decode())
