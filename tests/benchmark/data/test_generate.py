"""Generation: the same bytes on any number of workers, after any kill, and one clear error for what goes wrong."""

from __future__ import annotations

import dataclasses
import errno
import itertools
import json
import os
import runpy
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import h5py
import numpy as np
import pytest
from hashes import hashes
from made_here import made_here

from benchmark.crystals.cbed_stack import space_groups_of
from benchmark.data import claim as claim_module
from benchmark.data import plan as plan_module
from benchmark.data.claim import RECIPE
from benchmark.data.generate import generate
from benchmark.data.manifest import read_manifest
from benchmark.data.recipe import Unit, recipe_of, samples_of_unit
from benchmark.data.verify import verify
from benchmark.definition.finder import load_benchmark
from benchmark.definition.rung import SPLITS
from benchmark.foundation.errors import StemdlError
from benchmark.foundation.files import sha256_of_file
from benchmark.simulation.cbed import CbedRung

SCRIPT = runpy.run_path(str(Path(__file__).with_name("generation_script.py")))
tiny: Callable[..., CbedRung] = SCRIPT["tiny"]
PER_SHARD: int = SCRIPT["PER_SHARD"]


@pytest.fixture(scope="module", autouse=True)
def small_shards_made_here() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch, made_here():
        patch.setattr(plan_module, "SAMPLES_PER_SHARD", PER_SHARD)
        yield


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny rung's data, made once by one process."""
    folder = tmp_path_factory.mktemp("made") / "data"
    generate(tiny(), folder)
    return folder


def test_every_material_of_every_split_is_there_once(made: Path) -> None:
    materials: dict[str, list[str]] = {}
    for split in SPLITS:
        materials[split] = []
        for path in (made / split).glob("*.h5"):
            with h5py.File(path) as shard:
                assert 1 <= len(shard) <= PER_SHARD
                materials[split] += [shard[name].attrs["material"].decode() for name in shard]
    assert {split: len(names) for split, names in materials.items()} == {"train": 6, "dev": 4, "test": 4}
    together = list(itertools.chain.from_iterable(materials.values()))
    assert len(set(together)) == len(together) == 14
    assert {name.rsplit("-", 1)[0] for name in together} == {"drawn-2", "drawn-62"}


def test_the_layout_is_the_real_sets(made: Path) -> None:
    """Names, types and shapes of DOI 10.13139/OLCF/1510313, read by h5py alone."""
    assert sorted(path.name for path in (made / "train").iterdir()) == ["batch_train_0.h5", "batch_train_1.h5"]
    numbers = []
    for split in SPLITS:
        for path in (made / split).iterdir():
            with h5py.File(path) as shard:
                for name, group in shard.items():
                    word, material, energy = name.split("_")
                    assert (word, energy) == ("sample", "0") and list(group) == ["cbed_stack"]
                    numbers.append(int(material))
                    stack, attributes = group["cbed_stack"], dict(group.attrs)
                    assert (stack.shape, stack.dtype, stack.chunks) == ((3, 32, 32), np.float32, None)
                    assert np.isfinite(stack[()]).all() and stack[()].min() >= 0.0
                    assert (0.5 < stack[()].sum(axis=(1, 2))).all() and (stack[()].sum(axis=(1, 2)) < 1.01).all()
                    assert isinstance(attributes["space_group"], bytes) and int(attributes["space_group"]) in (2, 62)
                    assert isinstance(attributes["material"], bytes)
                    assert isinstance(attributes["formula"], str)
                    assert attributes["energy_keV"] == 100 and np.issubdtype(attributes["energy_keV"].dtype, np.integer)
                    assert attributes["z_dirs"].shape == (1, 3, 3)
                    assert np.issubdtype(attributes["z_dirs"].dtype, np.integer)
                    for projection, axis in enumerate(((0, 0, 1), (1, 0, 0), (1, -1, 0))):
                        assert tuple(attributes["z_dirs"][0, :, projection]) == axis  # vectors are columns
                    assert attributes["y_dirs"].shape == (1, 3, 3)
                    for key in ("semi_angles_rad", "d_hkls_angstrom", "abc_angstrom", "angles_degree"):
                        assert attributes[key].shape == (3,) and attributes[key].dtype == np.float64, key
                    np.testing.assert_allclose(attributes["semi_angles_rad"], 0.08 * 0.037014, rtol=1e-4)
                    assert 100.0 <= attributes["thickness_angstrom"] <= 300.0
    assert sorted(numbers) == list(range(14))


def test_directions_and_periods_follow_from_the_cell(made: Path) -> None:
    """y is the detector's up, a unit vector across the beam; d is the repeat along it in these primitive cells."""
    import gemmi

    for path in (made / "train").iterdir():
        with h5py.File(path) as shard:
            for group in shard.values():
                attributes = group.attrs
                cell = np.array(gemmi.UnitCell(*attributes["abc_angstrom"], *attributes["angles_degree"]).orth.mat).T
                z, y = attributes["z_dirs"][0].T @ cell, attributes["y_dirs"][0].T @ cell
                np.testing.assert_allclose(np.linalg.norm(y, axis=1), 1.0, rtol=1e-6)
                np.testing.assert_allclose((y * z).sum(axis=1), 0.0, atol=1e-6)
                np.testing.assert_allclose(attributes["d_hkls_angstrom"], np.linalg.norm(z, axis=1), rtol=1e-6)


def test_two_processes_make_the_same_bytes(made: Path, tmp_path: Path) -> None:
    generate(tiny(), tmp_path / "data", processes=2)
    assert hashes(tmp_path / "data") == hashes(made)


def test_another_seed_makes_other_bytes(made: Path, tmp_path: Path) -> None:
    generate(tiny(seed=7), tmp_path / "data")
    shard = "train/batch_train_0.h5"
    with h5py.File(tmp_path / "data" / shard) as other, h5py.File(made / shard) as one:
        assert not np.array_equal(other["sample_0_0/cbed_stack"], one["sample_0_0/cbed_stack"])


def test_a_finished_folder_is_only_read(made: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in made.rglob("*")}
    assert generate(tiny(), made) == read_manifest(made)
    assert {path: path.stat().st_mtime_ns for path in made.rglob("*")} == before


def test_a_folder_of_other_data_is_refused_and_left_alone(made: Path) -> None:
    before = hashes(made)
    with pytest.raises(StemdlError, match="the folder holds other data") as caught:
        generate(tiny(seed=7), made)
    assert "-o" in caught.value.remedy and hashes(made) == before


def test_shards_of_other_data_and_shards_that_cannot_be_read_are_refused(made: Path, tmp_path: Path) -> None:
    shard = tmp_path / "data" / "dev" / "batch_dev_0.h5"
    shard.parent.mkdir(parents=True)
    shard.write_bytes(b"no HDF5")
    with pytest.raises(StemdlError, match="cannot be read"):
        generate(tiny(), tmp_path / "data")
    shard.write_bytes((made / "dev" / "batch_dev_0.h5").read_bytes())
    assert not (tmp_path / "data" / "recipe.json").exists()
    with pytest.raises(StemdlError, match="a shard of other data is in the way"):
        generate(tiny(seed=7), tmp_path / "data")


def test_the_manifest_tells_what_is_there(made: Path) -> None:
    manifest = read_manifest(made)
    assert (manifest.rung, manifest.standard, space_groups_of(manifest)) == ("stemdl_smoke", True, (2, 62))
    assert manifest.samples == {"train": 6, "dev": 4, "test": 4}
    assert manifest.recipe_sha256 == tiny().recipe_sha256
    assert manifest.sha256 == sha256_of_file(made / "manifest.json")
    assert verify(made).faults == []
    values = json.loads((made / "manifest.json").read_text())
    assert values["splits"]["train"]["groups"] == {"2": 3, "62": 3}
    with h5py.File(made / "train" / "batch_train_0.h5") as shard:
        assert shard.attrs["recipe_sha256"] == manifest.recipe_sha256


def test_a_material_has_a_sample_at_each_energy_but_for_those_that_it_lacks(tmp_path: Path) -> None:
    """Two groups of 5 and 2 train samples at two energies: one of the first group's materials lacks the second."""
    optics = dataclasses.replace(tiny().optics, energy_kev=(100.0, 190.0))
    rung = tiny(optics=optics, materials_per_group=None, samples_per_group={2: (5, 2, 0), 62: (2, 1, 2)})
    manifest = generate(rung, tmp_path / "data")
    assert manifest.samples == {"train": 7, "dev": 3, "test": 2}
    assert manifest.values["splits"]["train"]["groups"] == {"2": 5, "62": 2}
    energies: dict[tuple[str, str], list[int]] = {}
    for split in SPLITS:
        for path in sorted((tmp_path / "data" / split).iterdir()):
            with h5py.File(path) as shard:
                assert len(shard) <= PER_SHARD
                for name, group in shard.items():
                    material = group.attrs["material"].decode()
                    energies.setdefault((split, material), []).append(int(group.attrs["energy_keV"]))
                    assert int(name.rsplit("_", 1)[1]) == len(energies[split, material]) - 1
    assert energies == {
        ("train", "drawn-2-00000"): [100, 190],
        ("train", "drawn-2-00001"): [100, 190],
        ("train", "drawn-2-00002"): [100],
        ("dev", "drawn-2-00003"): [100, 190],
        ("train", "drawn-62-00000"): [100, 190],
        ("dev", "drawn-62-00001"): [100],
        ("test", "drawn-62-00002"): [100, 190],
    }


def test_storage_and_orientation_are_the_rungs(tmp_path: Path) -> None:
    storage = dataclasses.replace(tiny().storage, pixels=16, encoding="log_uint8")
    generate(tiny(storage=storage, orientation="random", random_rotation=True), tmp_path / "data")
    with h5py.File(tmp_path / "data" / "train" / "batch_train_0.h5") as shard:
        group = shard["sample_0_0"]
        assert (group["cbed_stack"].shape, group["cbed_stack"].dtype) == ((3, 16, 16), np.uint8)
        axes = [tuple(axis) for axis in group.attrs["z_dirs"][0].T]
        assert len(set(axes)) == 3 and axes != [(0, 0, 1), (1, 0, 0), (1, -1, 0)]
        assert np.ptp(np.concatenate([shard[name].attrs["rotation_degrees"] for name in shard])) > 90.0


def test_another_orientation_is_told_and_names_other_data(tmp_path: Path) -> None:
    """Space group 2's cells are oblique: there the real set's distortion shows, and nothing else is different."""
    plain, made = (
        tiny(orientation=orientation, space_groups=(2,), materials_per_group=dict.fromkeys(SPLITS, 1))
        for orientation in ("olcf", "olcf_as_made")
    )
    assert made.recipe_sha256 != plain.recipe_sha256
    manifest = generate(plain, tmp_path / "data", orientation="olcf_as_made")
    assert not manifest.standard and manifest.values["source"] == {"kind": "drawn", "orientation": "olcf_as_made"}
    assert manifest.values["recipe"]["orientation"] == "olcf_as_made"
    with h5py.File(tmp_path / "data" / "train" / "batch_train_0.h5") as shard:
        stack, axes = shard["sample_0_0/cbed_stack"][()], shard["sample_0_0"].attrs["z_dirs"][0].T
    (undistorted,) = samples_of_unit(recipe_of(plain), plain, Unit("drawn-2-00000", "train", 1, "2"))
    np.testing.assert_array_equal(axes, undistorted.attributes["z_dirs"][0].T)
    assert not np.array_equal(stack, undistorted.arrays["cbed_stack"])


def test_likeness_to_a_published_set_names_other_data(tmp_path: Path) -> None:
    rung = tiny(space_groups=(225,), materials_per_group=dict.fromkeys(SPLITS, 1))
    manifest = generate(rung, tmp_path / "data", likeness="olcf")
    assert not manifest.standard and manifest.values["source"] == {"kind": "drawn", "likeness": "olcf"}
    assert manifest.values["recipe"]["optics"]["field"] == "circle"
    assert manifest.recipe_sha256 != rung.recipe_sha256


@pytest.mark.parametrize("device", ["cuda", "gpu"])
def test_a_device_that_is_not_there_is_told_before_anything_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, device: str
) -> None:
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(StemdlError, match="no GPU is seen here|there is no such device"):
        generate(tiny(), tmp_path / "data", device=device)
    assert not (tmp_path / "data").exists()


def test_shards_of_a_gpu_and_of_a_cpu_do_not_mix(made: Path, tmp_path: Path) -> None:
    shutil.copytree(made, tmp_path / "data")
    (tmp_path / "data" / "manifest.json").unlink()
    with h5py.File(tmp_path / "data" / "train" / "batch_train_0.h5", "a") as shard:
        shard.attrs["device"] = "cuda"
    with pytest.raises(StemdlError, match="a shard of other data is in the way(\n.*)*cuda"):
        generate(tiny(), tmp_path / "data")


def test_a_rung_that_is_imported_is_not_generated(tmp_path: Path) -> None:
    with pytest.raises(StemdlError, match="not simulated") as caught:
        generate(CbedRung.of(load_benchmark("space_group").rung("stemdl_olcf")), tmp_path / "data")
    assert "stemdl data import" in caught.value.remedy and not (tmp_path / "data").exists()


def test_a_disk_that_is_too_small_is_told_before_anything_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(plan_module.shutil, "disk_usage", lambda path: usage._replace(free=100_000))
    with pytest.raises(StemdlError, match="the disk has too little room") as caught:
        generate(tiny(), tmp_path / "data")
    assert caught.value.found == "0.00 GB free" and not list((tmp_path / "data").rglob("*.h5"))


@pytest.mark.parametrize("number", [errno.EROFS, errno.EACCES])
def test_a_folder_that_cannot_be_written_is_one_clear_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def refuse(path: Path) -> None:
        raise OSError(number, os.strerror(number), str(path))

    monkeypatch.setattr(claim_module, "exclusive", refuse)
    with pytest.raises(StemdlError, match="the data cannot be written") as caught:
        generate(tiny(), tmp_path / "data")
    assert caught.value.found == os.strerror(number) and "choose another folder" in caught.value.remedy


def test_a_file_where_the_folder_should_be_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("mine")
    with pytest.raises(StemdlError, match="the data cannot be written"):
        generate(tiny(), tmp_path / "data")
    assert (tmp_path / "data").read_text() == "mine"


def test_a_damaged_recipe_is_told(tmp_path):
    (tmp_path / RECIPE).write_text("{")
    with pytest.raises(StemdlError, match="cannot be read"):
        generate(CbedRung.of(load_benchmark("space_group").rung("stemdl_smoke")), tmp_path)
