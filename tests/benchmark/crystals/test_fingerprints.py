"""Data of fingerprints: whole crystals are what they are called, and nothing of one split is in another."""

from __future__ import annotations

import dataclasses
import itertools
import json
import shutil
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_here import made_here

from benchmark.crystals.duplicates import anonymous_formula, reduced_formula
from benchmark.crystals.fingerprints.checks import CHECKS
from benchmark.crystals.fingerprints.elementals import ELEMENTS, LABELS, PROTOTYPES, draw_elemental, elements_of
from benchmark.crystals.fingerprints.levels import in_levels, whole_levels
from benchmark.crystals.fingerprints.recipe import make_recipe
from benchmark.crystals.fingerprints.rung import KINDS
from benchmark.crystals.fingerprints.units import dealt, split_of
from benchmark.data.examined import Data
from benchmark.data.generate import generate
from benchmark.data.manifest import MANIFEST, read_manifest
from benchmark.data.recipe import samples_of_unit
from benchmark.data.verify import verify
from benchmark.definition.finder import load_benchmark
from benchmark.definition.rung import Rung
from benchmark.foundation.errors import StemdlError
from benchmark.foundation.files import sha256_of_file
from benchmark.simulation.crystal import standardised
from benchmark.simulation.draw import draw_crystal

SMOKE, SMALL = (load_benchmark("fingerprints").rungs[f"fingerprints_{size}"] for size in ("smoke", "small"))


def changed(rung: Rung = SMOKE, **values: Any) -> Rung:
    samples = values.get("samples_per_class", rung.recipe["samples_per_class"])
    classes = len(values.get("space_groups", ())) or rung.classes or 7
    return dataclasses.replace(
        rung,
        name="few",
        recipe={**rung.recipe, **values},
        samples={split: classes * count for split, count in samples.items()},
        named_by={**rung.named_by, "name": "few", **values},
    )


FEW = {"samples_per_class": {"train": 2, "dev": 3, "test": 2}, "atoms": 32}
FEWER = {"samples_per_class": {"train": 1, "dev": 1, "test": 1}, "atoms": 32}


@pytest.mark.parametrize("prototype", PROTOTYPES, ids=lambda prototype: prototype.name)
def test_prototypes_have_the_space_group_that_they_are_called_by(prototype) -> None:
    for seed in range(4):
        drawn = draw_elemental(prototype, 29, np.random.default_rng(seed))
        found = standardised(drawn.cell, drawn.numbers, drawn.positions)
        assert found is not None and found.space_group == drawn.space_group == prototype.space_group
        assert len(found.numbers) == len(drawn.numbers), "not the conventional cell"


def test_the_classes_are_the_published_seven() -> None:
    assert LABELS == ("bcc", "bct_139", "bct_141", "diamond", "fcc", "hex_rh", "sc")
    assert make_recipe(SMOKE).schema().classes["structure"] == LABELS


@given(st.integers(0, 2**32), st.tuples(st.integers(1, 9), st.integers(1, 9), st.integers(1, 9)))
def test_each_element_is_in_one_split(seed: int, shares: tuple[int, int, int]) -> None:
    dealt_out = elements_of(seed, dict(zip(("train", "dev", "test"), shares, strict=True)))
    assert sorted(itertools.chain(*dealt_out.values())) == list(ELEMENTS)
    for split, share in zip(dealt_out.values(), shares, strict=True):
        assert abs(len(split) - len(ELEMENTS) * share / sum(shares)) <= 1


@given(st.dictionaries(st.sampled_from(KINDS), st.floats(0.01, 1.0), min_size=1), st.integers(0, 200))
def test_kinds_are_in_proportion(shares: dict[str, float], total: int) -> None:
    found = Counter(dealt(shares, total))
    assert found.total() == total
    assert all(abs(found[kind] - total * share / sum(shares.values())) < len(shares) for kind, share in shares.items())


@pytest.mark.parametrize("name", ["fingerprints_smoke", "fingerprints_mini"])
def test_no_element_is_in_two_splits_and_training_crystals_are_whole_and_there_once(name: str) -> None:
    units = make_recipe(load_benchmark("fingerprints").rungs[name]).units()
    splits: dict[int, set[str]] = defaultdict(set)
    for unit in units:
        splits[unit.content.number].add(unit.split)
        if unit.split == "train":
            assert unit.content.kind == "pristine"
        assert unit.content.number in unit.content.others, "substitutes are of the split's own elements"
    others = {
        split: {unit.content.others for unit in units if unit.split == split} for split in ("train", "dev", "test")
    }
    assert all(len(each) == 1 for each in others.values())
    assert not set.intersection(*(set(next(iter(each))) for each in others.values()))
    assert all(len(each) == 1 for each in splits.values())
    materials = Counter((unit.stratum, unit.content.number) for unit in units if unit.split == "train")
    assert set(materials.values()) == {1}
    for split in ("dev", "test"):
        kinds = {
            label: Counter(unit.content.kind for unit in units if (unit.split, unit.stratum) == (split, label))
            for label in LABELS
        }
        assert len({tuple(sorted(each.items())) for each in kinds.values()}) == 1, "every class is as badly broken"


def test_more_whole_crystals_than_there_are_elements_are_refused() -> None:
    with pytest.raises(StemdlError, match="differ by their element alone"):
        make_recipe(changed(samples_per_class={"train": 90, "dev": 1, "test": 1})).units()
    broken = changed(samples_per_class={"train": 90, "dev": 1, "test": 1}, broken_training=True)
    assert len(make_recipe(broken).units()) == 7 * 92


def test_compounds_of_a_split_have_its_anonymous_formulas() -> None:
    recipe = make_recipe(changed(SMALL, space_groups=[221, 225], **FEW))
    seen: dict[str, set[str]] = defaultdict(set)
    for unit in recipe.units()[::2]:
        crystal = recipe.crystal(unit.content, unit.split, np.random.default_rng(len(seen)))
        assert split_of(recipe.says, crystal) == unit.split
        seen[anonymous_formula(reduced_formula(crystal.numbers))].add(unit.split)
    assert all(len(splits) == 1 for splits in seen.values())
    other = draw_crystal(225, recipe.says.crystals, np.random.default_rng(5))
    assert split_of(recipe.says, other) in ("train", "dev", "test")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fingerprints") / "few"
    generate(changed(**FEW), folder)
    return folder


@pytest.fixture(scope="module")
def compounds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fingerprints") / "compounds"
    with made_here():
        generate(changed(SMALL, space_groups=[221, 225], **FEWER), folder)
    return folder


def test_data_are_sound_in_every_check(data: Path) -> None:
    report = verify(data)
    assert not report.faults and {"units", "pictures", "materials"} <= set(report.checked)


def test_a_sample_is_the_same_each_time_and_in_whole_steps(data: Path) -> None:
    rung = changed(**FEW)
    recipe = make_recipe(rung)
    for unit in recipe.units()[::5]:
        first, again = (next(samples_of_unit(recipe, rung, unit)) for _ in range(2))
        picture = first.arrays["fingerprint"]
        assert np.array_equal(picture, again.arrays["fingerprint"]) and picture.dtype == np.float32
        assert recipe.counts(picture).max() == 255 and whole_levels(0.9 * picture) is None
        assert first.arrays["structure"] == unit.stratum and first.arrays["defects"] == unit.content.kind
        drawn = {name for name in ("surface", "vacancies", "substituted", "displaced") if first.attributes[name]}
        assert drawn == set(unit.content.kind.split("_")) - {"pristine"}


@given(st.integers(0, 2**32))
def test_steps_are_found_again(seed: int) -> None:
    picture = np.random.default_rng(seed).random((3, 8, 8))
    picture /= picture.max()
    levels = whole_levels(in_levels(picture))
    assert levels is not None and np.abs(levels / 255 - picture).max() <= 0.5 / 255 + 1e-9
    assert whole_levels(np.where(picture < 0.5, np.float32(np.nan), in_levels(picture))) is None


def _renamed(folder: Path, number: int, picture: np.ndarray | None = None, **attributes: bytes) -> None:
    """Change a sample of the test split, and seal the shard again, as whoever forges data would."""
    said = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    entry = next(shard for shard in said["shards"] if shard["path"].startswith("test/"))
    with h5py.File(folder / entry["path"], "r+") as shard:
        sample = shard[list(shard)[number]]
        sample.attrs.update(attributes)
        if picture is not None:
            sample["fingerprint"][...] = picture
    entry["sha256"] = sha256_of_file(folder / entry["path"])
    (folder / MANIFEST).write_text(json.dumps(said), encoding="utf-8")


def test_an_element_of_training_in_the_test_split_is_found(data: Path, tmp_path: Path) -> None:
    """The test set of the re-study is its training set again."""
    folder = shutil.copytree(data, tmp_path / "copy")
    train = next(unit for unit in make_recipe(changed(**FEW)).units() if unit.split == "train")
    import gemmi

    symbol = gemmi.Element(train.content.number).name
    _renamed(folder, 0, formula=f"{symbol}4".encode())
    faults = list(CHECKS["materials"](Data(read_manifest(folder))))
    assert [(fault.message, fault.found) for fault in faults] == [
        (f"the element {train.content.number}x1 is in several splits", "test, train")
    ]


@pytest.mark.parametrize(
    ("stolen", "words"),
    [("formula", {"formula", "anonymous formula"}), ("structure_type", {"structure type"})],
)
def test_a_compound_or_prototype_of_training_in_the_test_split_is_found(
    compounds: Path, tmp_path: Path, stolen: str, words: set[str]
) -> None:
    folder = shutil.copytree(compounds, tmp_path / "copy")
    assert not verify(folder).faults
    path = next(shard["path"] for shard in read_manifest(folder).shards if shard["path"].startswith("train/"))
    with h5py.File(folder / path, "r") as shard:
        of_training = shard[next(iter(shard))].attrs[stolen]
    _renamed(folder, 0, **{stolen: of_training})
    faults = list(CHECKS["materials"](Data(read_manifest(folder))))
    assert len(faults) == len(words) and all("train" in each.found and "test" in each.found for each in faults)
    assert all(any(each.message.startswith(f"the {word} ") for each in faults) for word in words)


def test_a_picture_of_training_in_the_test_split_is_found(data: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(data, tmp_path / "copy")
    manifest = read_manifest(folder)
    path = next(shard["path"] for shard in manifest.shards if shard["path"].startswith("train/"))
    with h5py.File(folder / path, "r") as shard:
        stolen = shard[next(iter(shard))]["fingerprint"][...]
    with h5py.File(folder / next(s["path"] for s in manifest.shards if s["path"].startswith("test/")), "r") as shard:
        own = shard[next(iter(shard))].attrs["formula"]
    _renamed(folder, 0, stolen, formula=own)
    assert "the inputs of others in another split" in next(iter(CHECKS["units"](Data(read_manifest(folder))))).message


@pytest.mark.parametrize(
    ("values", "what"),
    [
        ({"reading": "as_wished"}, "reading is unknown"),
        ({"space_groups": [225]}, "belong to by_structure"),
        ({"atoms": 2}, "out of range"),
        ({"samples_per_class": {"train": 1, "dev": 1}}, "samples_per_class needs a number"),
        ({"split_shares": {"train": -1.0, "dev": 1.0, "test": 1.0}}, "split_shares needs a number"),
        ({"defects": {**SMOKE.recipe["defects"], "kinds": {"twinned": 1.0}}}, "defects of an unknown kind: 'twinned'"),
        ({"defects": {**SMOKE.recipe["defects"], "vacancies": [0.5, 0.1]}}, "vacancies must rise"),
        ({"defects": {**SMOKE.recipe["defects"], "surface": [0.1, 0.95]}}, "surface must rise"),
        ({"spin": 1}, "unknown key 'spin'"),
    ],
)
def test_a_rung_that_cannot_be_is_refused(values: dict[str, Any], what: str) -> None:
    with pytest.raises(StemdlError, match=what):
        make_recipe(dataclasses.replace(SMOKE, recipe={**SMOKE.recipe, **values}))
