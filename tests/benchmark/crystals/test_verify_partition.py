"""Verification of a partition: a sound one passes, and what is wrong with one is found."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import h5py
import pytest

from benchmark.crystals.materials import read_materials
from benchmark.crystals.partitions import make_partition
from benchmark.data.manifest import read_manifest
from benchmark.data.partition import write_partition
from benchmark.data.verify import verify


@pytest.fixture
def split(written: Path) -> Path:
    """The data set with its standard split; the path of that."""
    manifest = read_manifest(written)
    return write_partition(manifest, make_partition(manifest, read_materials(manifest)))


def test_a_sound_partition_passes(written: Path, split: Path) -> None:
    report = verify(written)
    assert report.faults == [] and "partitions" in report.checked


def moved(values: dict) -> None:
    values["splits"]["dev"].append(values["splits"]["train"].pop(0))
    values["splits"]["dev"].sort()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda values: values.update(manifest_sha256="0" * 64), "made for other data"),
        (lambda values: values["splits"]["train"].pop(), "lacks 1 materials"),
        (lambda values: values["splits"]["train"].append("mp-1000"), "names what the data do not hold"),
        (lambda values: values["splits"]["dev"].append(values["splits"]["train"][0]), "names a unit twice"),
        (moved, "not the standard split"),
        (lambda values: values.clear(), "cannot be read"),
    ],
    ids=["other data", "one less", "one more", "one twice", "one moved", "empty"],
)
def test_what_is_wrong_with_a_partition_is_found(written: Path, split: Path, change: Callable, message: str) -> None:
    values = json.loads(split.read_text())
    change(values)
    split.write_text(json.dumps(values))
    faults = verify(written).faults
    assert {fault.check for fault in faults} == {"partitions"} and {fault.file for fault in faults} == {str(split)}
    assert any(message in fault.message for fault in faults)


def test_leaks_of_a_partition_are_found(written: Path, split: Path, seal: Callable) -> None:
    """Folds may separate what the folders do not: a duplicate and a copy within train."""
    split.unlink()
    with h5py.File(written / "train" / "batch_train_0.h5", "r+") as shard:
        for name in ("abc_angstrom", "space_group"):
            shard["sample_3_0"].attrs[name] = shard["sample_0_0"].attrs[name]
        shard["sample_3_0"].attrs["formula"] = "Cl7 Na7"
        shard["sample_4_0/cbed_stack"][...] = shard["sample_5_0/cbed_stack"][()]
    seal(written)
    manifest = read_manifest(written)
    path = write_partition(manifest, make_partition(manifest, read_materials(manifest), "folds_2"))
    assert not any("one material" in fault.message for fault in verify(written).faults)
    values = json.loads(path.read_text())
    split_of = {name: part for part, names in values["splits"].items() for name in names}
    split_of |= {"mp-0": "fold_0", "mp-3": "fold_1", "mp-4": "fold_0", "mp-5": "fold_1"}
    values["splits"] = {
        part: sorted(name for name in split_of if split_of[name] == part) for part in ("fold_0", "fold_1", "test")
    }
    path.write_text(json.dumps(values))
    messages = [fault.message for fault in verify(written).faults]
    assert len(messages) == 2 and "mp-0 and mp-3 are one material" in messages[0] and "but for noise" in messages[1]
