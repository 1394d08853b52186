"""Manifests that are none, and what is read of the layout: the order of samples, and labels."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from benchmark.crystals import cbed_stack
from benchmark.data import layout
from benchmark.data.manifest import MANIFEST, read_manifest
from benchmark.data.reader import Part
from benchmark.foundation.errors import StemdlError


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "cannot be read"),
        ("[]", "cannot be read"),
        ("{}", "cannot be read"),
        ('{"format": 1}', "cannot be read"),
        ('{"format": 99}', "another format"),
    ],
)
def test_a_manifest_that_is_none_is_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(StemdlError, match=message):
        read_manifest(tmp_path)


def test_a_manifest_of_the_first_format_is_read_as_the_same_data(written: Path) -> None:
    """It had the space groups, and left everything else about samples to be known."""
    now = read_manifest(written)
    values = json.loads((written / MANIFEST).read_text())
    del values["schema"]
    (written / MANIFEST).write_text(json.dumps(values | {"format": 1, "space_groups": [2, 62, 225]}))
    before = read_manifest(written)
    assert (before.schema, before.classes, before.samples) == (now.schema, now.classes, now.samples)
    for split in before.samples:
        for name, array in Part(before, split).read_whole().items():
            np.testing.assert_array_equal(array, Part(now, split).read_whole()[name])


@pytest.mark.parametrize(
    ("source", "more", "words"),
    [
        ({"kind": "drawn"}, {}, "drawn"),
        (
            {"kind": "drawn", "crystals": "realistic", "orientation": "olcf"},
            {"device": "cuda"},
            "drawn, crystals realistic, orientation olcf, made on cuda",
        ),
        ({"kind": "prototypes", "name": "a.npz"}, {}, "prototypes from a.npz"),
        ({"kind": "imported", "name": "real"}, {}, "imported from real"),
        ({"kind": "measured", "name": "b.h5", "sha256": "0", "beam": "line 7"}, {}, "measured from b.h5, beam line 7"),
        ({"kind": "structures", "name": "c", "splits": ["test"]}, {}, "structures from c, in no splits"),
    ],
)
def test_the_origin_of_data_is_told_in_words(written: Path, source: dict, more: dict, words: str) -> None:
    manifest = read_manifest(written)
    assert replace(manifest, values={**manifest.values, **more, "source": source}).origin == words


def test_no_data_and_unfinished_data_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(StemdlError, match="there are no data here"):
        read_manifest(tmp_path)
    (tmp_path / "recipe.json").write_text("{}")
    with pytest.raises(StemdlError, match="not finished"):
        read_manifest(tmp_path)


def test_samples_and_shards_are_in_the_order_of_their_numbers(stack_of: Callable, tmp_path: Path) -> None:
    for number in (10, 2, 0):
        path = layout.shard_path(tmp_path, "dev", number)
        path.parent.mkdir(exist_ok=True)
        with h5py.File(path, "w") as shard:
            for material, energy in ((10, 0), (9, 1), (9, 0), (100, 0)):
                cbed_stack.write_stack(shard, material, energy, stack_of(number))
    assert [path.name for path in layout.shards_of(tmp_path, "dev")] == [
        "batch_dev_0.h5",
        "batch_dev_2.h5",
        "batch_dev_10.h5",
    ]
    names = [name for _, name in layout.iter_samples(tmp_path, "dev")]
    assert names == ["sample_9_0", "sample_9_1", "sample_10_0", "sample_100_0"] * 3
    with pytest.raises(StemdlError, match="no shards of the split 'train'"):
        layout.shards_of(tmp_path, "train")


@pytest.mark.parametrize(
    ("label", "read"),
    [(np.bytes_("225"), 225), ("14", 14), (b"0", None), ("231", None), (b"P1", None), (b"", None), (b"-1", None)],
)
def test_a_label_is_read_as_the_real_set_writes_it_and_checked(tmp_path: Path, label: object, read: int | None) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as shard:
        group = shard.create_group("sample_0_0")
        group.attrs["space_group"] = label
        if read is not None:
            assert cbed_stack.read_label(group) == read
        else:
            with pytest.raises(StemdlError, match="the label is not a space group"):
                cbed_stack.read_label(group)
