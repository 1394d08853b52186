"""A whole import: every stack where it belongs, the same bytes whatever the workers, kills and restarts."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from benchmark.cli.main import main
from benchmark.crystals import cbed_stack
from benchmark.crystals.cbed_stack import space_groups_of
from benchmark.data import layout
from benchmark.data.manifest import read_manifest
from benchmark.data.reader import Part
from benchmark.data.verify import verify
from benchmark.definition.finder import load_benchmark
from benchmark.definition.rung import SPLITS, Storage
from benchmark.foundation.files import sha256_of_file
from benchmark.tasks.space_group import importer
from benchmark.tasks.space_group.importer import import_data

ROOT = Path(__file__).resolve().parents[4]
STACKS = {"train": 48, "dev": 19, "test": 20}


pytestmark = pytest.mark.usefixtures("small_shards")


def materials_of(folder: Path, split: str) -> list[str]:
    """Of every sample, in the order to be read."""
    found = []
    for path, name in layout.iter_samples(folder, split):
        with h5py.File(path) as shard:
            found.append(cbed_stack.read_material(shard[name]))
    return found


# ---- what is imported


def test_every_stack_arrives_once_as_it_was(
    real_set: Path, imported: Path, real_patterns: Callable[..., np.ndarray]
) -> None:
    assert verify(imported).faults == []
    seen, numbers = set(), {}
    for split in SPLITS:
        for path, name in layout.iter_samples(imported, split):
            with h5py.File(path) as shard:
                group = shard[name]
                source, where = group.attrs["source"].split(":")
                with h5py.File(real_set / source) as original:
                    theirs = original[where]
                    assert source.startswith(f"{split}/")
                    assert cbed_stack.read_label(group) == cbed_stack.read_label(theirs)
                    material = cbed_stack.read_material(group)
                    assert material == cbed_stack.read_material(theirs)
                    assert set(group.attrs) == {*theirs.attrs, "source"}
                    for key in theirs.attrs:
                        np.testing.assert_array_equal(group.attrs[key], theirs.attrs[key])
                m, e = map(int, name.split("_")[1:])
                np.testing.assert_array_equal(cbed_stack.read_patterns(group), real_patterns(material, e))
                assert numbers.setdefault(m, material) == material
                seen.add((source, where))
    assert len(seen) == sum(STACKS.values())
    assert sorted(numbers) == list(range(9)) and len(set(numbers.values())) == 9  # no gaps, one number a material


def test_the_manifest_tells_what_is_there(imported: Path) -> None:
    manifest = read_manifest(imported)
    assert (manifest.rung, manifest.standard, space_groups_of(manifest)) == ("stemdl_olcf", False, (2, 62, 225))
    assert manifest.samples == STACKS
    assert manifest.values["splits"]["dev"]["groups"] == {"2": 10, "62": 9, "225": 0}
    assert manifest.values["source"]["form"] == "olcf" and manifest.values["source"]["name"] == "1510313"
    assert manifest.values["import"] == {"imported": 87, "repaired": 0, "dropped": 0, "reasons": {}}
    assert len(manifest.shards) > 3 and all(shard["samples"] <= 20 for shard in manifest.shards)


def test_materials_are_not_in_the_order_of_the_source(imported: Path) -> None:
    order = list(dict.fromkeys(materials_of(imported, "train")))
    assert sorted(order) == sorted(["mp-20", "mvc-21", "mp-22", "mp-620", "mp-2250"])
    _, labels = Part(read_manifest(imported), "train").read_whole().values()
    assert len(labels) == 48 and list(labels) != sorted(labels)


@pytest.mark.parametrize(
    ("part", "stacks"),
    [("train", {"train": 48}), ("train/batch_train_0.h5", {"train": 28}), ("dev/batch_dev_0.h5", {"dev": 19})],
)
def test_a_single_folder_and_a_single_file_are_enough(
    real_set: Path, tmp_path: Path, part: str, stacks: dict[str, int]
) -> None:
    done = import_data(real_set / part, tmp_path / "data")
    assert done.manifest.samples == {"train": 0, "dev": 0, "test": 0} | stacks
    assert space_groups_of(done.manifest) == ((2, 62) if "dev" in part else (2,) if "batch" in part else (2, 62, 225))


@pytest.mark.parametrize(
    "storage", [Storage(pixels=8, encoding="log_uint8", filter="gzip"), Storage(encoding="float16")]
)
def test_another_storage_holds_the_same_within_its_loss(
    imported: Path, real_set: Path, tmp_path: Path, storage: Storage
) -> None:
    stored, labels = (
        Part(import_data(real_set, tmp_path / "data", storage=storage).manifest, "dev").read_whole().values()
    )
    expected, expected_labels = Part(read_manifest(imported), "dev").read_whole().values()
    np.testing.assert_array_equal(labels, expected_labels)
    assert materials_of(tmp_path / "data", "dev") == materials_of(imported, "dev")
    if storage.pixels:
        expected = expected.reshape(-1, 3, 8, 2, 8, 2).sum(axis=(3, 5))
    np.testing.assert_allclose(stored, expected, rtol=0.052 if storage.pixels else 1e-3, atol=4.4e-8)
    assert not np.array_equal(stored, expected)


def test_the_standard_set_is_told_by_its_counts_and_storage(
    real_set: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importer, "REAL_RUNG", "stemdl_smoke")
    monkeypatch.setattr(importer, "PUBLISHED", {"train": (48, 3), "dev": (19, 2), "test": (20, 2)})
    manifest = import_data(real_set, tmp_path / "whole").manifest
    assert (
        manifest.standard and manifest.recipe_sha256 == load_benchmark("space_group").rung("stemdl_smoke").recipe_sha256
    )
    assert not import_data(real_set, tmp_path / "other", storage=Storage(filter="gzip")).manifest.standard
    monkeypatch.setattr(importer, "PUBLISHED", {"train": (49, 3), "dev": (19, 2), "test": (20, 2)})
    assert not import_data(real_set, tmp_path / "short").manifest.standard


# ---- the command, and what follows it


def test_the_command_tells_what_it_did(real_set: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = shutil.copytree(real_set, tmp_path / "source")
    cut = source / "train" / "batch_train_0.h5"
    cut.write_bytes(cut.read_bytes()[:-1])
    arguments = [
        "data",
        "import",
        str(source),
        "-o",
        str(tmp_path / "data"),
        "--pixels",
        "8",
        "--encoding",
        "log_uint8",
        "--filter",
        "gzip",
        "--ranks",
        "1",
    ]
    assert main([*arguments, "--format", "json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told == {
        "imported": 49,
        "repaired": 0,
        "dropped": 10,
        "reasons": {
            "dropped: train has no stack of its space group": 10,
            "file skipped: train/batch_train_0.h5: it is truncated": 1,
        },
    }
    assert main(arguments) == 0
    output = capsys.readouterr()
    assert "imported 49 samples, of which repaired 0; dropped 10" in output.out and "stemdl data verify" in output.err
    assert main(["data", "verify", str(tmp_path / "data"), "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["ok"] is True
    assert main(["data", "info", str(tmp_path / "data")]) == 0
    assert "imported from source: not the rung's own" in capsys.readouterr().out


@pytest.mark.slow
def test_an_imported_set_is_trained_on(
    real_set: Path, tmp_path: Path, stemdl: Callable[..., subprocess.CompletedProcess]
) -> None:
    """One epoch on one rank, from the real layout to a log; far from the target, and so exit code 1."""
    data = tmp_path / "data"
    done = stemdl("data", "import", real_set, "-o", data, "--rung", "stemdl_smoke", "--encoding", "float16")
    assert done.returncode == 0, done.stderr
    done = stemdl(
        "run",
        "--rung",
        "stemdl_smoke",
        "--data",
        data,
        "--output",
        tmp_path / "run",
        "--ranks",
        1,
        "--seed",
        1,
        "--set",
        "max_epochs=1",
        "--set",
        "global_batch_size=16",
        "--set",
        "threads_per_rank=1",
        "--format",
        "json",
    )
    assert done.returncode == 1, done.stderr
    record = json.loads(done.stdout)["records"][0]
    assert record["status"] == "aborted" and record["epochs"] == 1
    assert record["data"]["manifest_sha256"] == sha256_of_file(data / "manifest.json")
    assert (record["data"]["train_samples"], record["data"]["eval_samples"]) == (48, 19)
