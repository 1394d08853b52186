"""Quirks of files: broken or doubled ones, materials that several have, links, and filters that are not there."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import h5py
import pytest

from benchmark.crystals.cbed_stack import space_groups_of
from benchmark.data.manifest import read_manifest
from benchmark.foundation.errors import StemdlError
from benchmark.tasks.space_group.importer import ImportResult, import_data

Write = Callable[..., Path]


def reasons(done: ImportResult) -> dict[str, int]:
    return done.tally.as_json()["reasons"]


def test_files_that_are_not_whole_are_named_and_give_nothing(real_set: Path, tmp_path: Path) -> None:
    source = shutil.copytree(real_set, tmp_path / "source")
    content = (source / "train" / "batch_train_0.h5").read_bytes()
    damaged = content[:-1], content[: len(content) // 2], content[:100], b"no HDF5" * 99, b""
    for number, broken in enumerate(damaged, start=1):
        (source / "train" / f"batch_train_{number}.h5").write_bytes(broken)
    shutil.copy(source / "train" / "batch_train_12.h5", source / "train" / "backup.h5")
    done = import_data(source, tmp_path / "data")
    assert (done.tally.imported, done.tally.dropped) == (87, 0)
    assert {reason.split(": ", 1)[1] for reason in reasons(done)} == {
        "train/batch_train_1.h5: it is truncated",
        "train/batch_train_2.h5: it is truncated",
        "train/batch_train_3.h5: it is truncated",
        "train/batch_train_4.h5: it is not an HDF5 file",
        "train/batch_train_5.h5: it is not an HDF5 file",
        "train/backup.h5: its name or folder tells no split",
    }
    assert all(reason.startswith("file skipped: ") for reason in reasons(done))


def test_a_file_damaged_inside_gives_nothing_either(real_set: Path, tmp_path: Path) -> None:
    """A group's own header overwritten: the file opens, and most of it could be read."""
    source = shutil.copytree(real_set, tmp_path / "source")
    path = source / "train" / "batch_train_12.h5"
    with h5py.File(path) as file:
        address = h5py.h5g.get_objinfo(file["sample_2_5"].id).objno[0]
    content = bytearray(path.read_bytes())
    content[address : address + 16] = b"\xff" * 16
    path.write_bytes(content)
    done = import_data(source, tmp_path / "data")
    assert space_groups_of(done.manifest) == (2,) and done.tally.imported == 28 + 10
    skipped = [reason for reason in reasons(done) if reason.startswith("file skipped")]
    assert len(skipped) == 1 and skipped[0].startswith("file skipped: train/batch_train_12.h5: it cannot be read")


def test_a_file_that_is_there_twice_counts_once(real_set: Path, tmp_path: Path) -> None:
    source = shutil.copytree(real_set, tmp_path / "source")
    shutil.copy(source / "train" / "batch_train_12.h5", source / "train" / "batch_train_13.h5")
    done = import_data(source, tmp_path / "data")
    assert reasons(done) == {"dropped: its material has another stack of this energy": 20}
    assert done.manifest.samples["train"] == 48


def test_a_material_of_two_splits_stays_in_the_first(real_set: Path, tmp_path: Path, write_real: Write) -> None:
    source = shutil.copytree(real_set, tmp_path / "source")
    write_real(source / "test" / "batch_test_1.h5", [(0, 0, 2, "mp-20"), (1, 0, 2, "mp-23"), (2, 0, 2, "mp-29")])
    done = import_data(source, tmp_path / "data")
    assert reasons(done) == {
        "dropped: its material is in train already": 1,
        "dropped: its material is in dev already": 1,
    }
    assert done.manifest.samples == {"train": 48, "dev": 19, "test": 21}


def test_a_group_that_train_does_not_have_is_dropped(real_set: Path, tmp_path: Path, write_real: Write) -> None:
    source = shutil.copytree(real_set, tmp_path / "source")
    write_real(source / "dev" / "batch_dev_1.h5", [(0, e, 14, "mp-140") for e in range(4)])
    done = import_data(source, tmp_path / "data")
    assert reasons(done) == {"dropped: train has no stack of its space group": 4}
    assert space_groups_of(done.manifest) == (2, 62, 225)
    assert read_manifest(tmp_path / "data").values["import"]["dropped"] == 4


@pytest.mark.parametrize(
    ("link", "reason"),
    [
        (h5py.SoftLink("/nowhere"), "it is a link to nothing"),
        (h5py.SoftLink("/sample_9_0"), "it is a link to nothing"),  # itself
        (h5py.SoftLink("/sample_0_0"), "it is a link to another object"),
        (h5py.ExternalLink("nowhere.h5", "/sample_0_0"), "it is a link to another file"),
        (h5py.ExternalLink("/dev/zero", "/"), "it is a link to another file"),
    ],
)
def test_a_link_costs_its_own_entry_and_no_other(write_real: Write, tmp_path: Path, link: object, reason: str) -> None:
    path = write_real(tmp_path / "source" / "train" / "batch_train_0.h5", [(0, 0, 14, "mp-1"), (1, 0, 14, "mp-2")])
    with h5py.File(path, "a") as file:
        file["sample_9_0"] = link
    done = import_data(tmp_path / "source", tmp_path / "data")
    assert done.tally.imported == 2 and reasons(done) == {f"dropped: {reason}": 1}


def test_a_linked_stack_drops_its_sample(write_real: Write, tmp_path: Path) -> None:
    path = write_real(
        tmp_path / "source" / "train" / "batch_train_0.h5", [(0, 0, 14, "mp-1"), (1, 0, 14, "mp-2", {"patterns": None})]
    )
    with h5py.File(path, "a") as file:
        file["sample_1_0/cbed_stack"] = h5py.SoftLink("/sample_1_0/cbed_stack")
    done = import_data(tmp_path / "source", tmp_path / "data")
    assert done.tally.imported == 1 and reasons(done) == {"dropped: its cbed_stack is a link to nothing": 1}


def test_a_filter_that_is_not_there_is_named_before_anything_is_made(write_real: Write, tmp_path: Path) -> None:
    path = write_real(
        tmp_path / "source" / "train" / "batch_train_0.h5", [(0, 0, 14, "mp-1"), (1, 0, 14, "mp-2", {"patterns": None})]
    )
    with h5py.File(path, "a") as file:  # as one writes who has the filter
        properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        properties.set_chunk((3, 16, 16))
        properties.set_filter(32099, h5py.h5z.FLAG_OPTIONAL, ())
        stack = h5py.h5d.create(
            file["sample_1_0"].id, b"cbed_stack", h5py.h5t.IEEE_F32LE, h5py.h5s.create_simple((3, 16, 16)), properties
        )
        h5py.Dataset(stack).id.write_direct_chunk((0, 0, 0), b"compressed")
    with pytest.raises(StemdlError, match="filter that is not installed") as caught:
        import_data(tmp_path / "source", tmp_path / "data")
    assert caught.value.found == "filter 32099" and "stemdl-benchmark[storage]" in str(caught.value.remedy)
    assert str(path) in str(caught.value.where) and not (tmp_path / "data" / "train").exists()
