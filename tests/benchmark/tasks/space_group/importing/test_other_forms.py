"""The NPZ form of the public preprocessing, and data of ours for another storage."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from benchmark.crystals import cbed_stack
from benchmark.crystals.cbed_stack import space_groups_of
from benchmark.crystals.materials import cells_are_primitive, read_materials
from benchmark.crystals.partitions import make_partition
from benchmark.data import layout
from benchmark.data.manifest import WrittenShard, read_manifest, write_manifest
from benchmark.data.reader import Part
from benchmark.data.verify import verify
from benchmark.definition.rung import SPLITS, Storage
from benchmark.foundation.errors import StemdlError
from benchmark.simulation import cbed_fields
from benchmark.tasks.space_group.explore import write_page
from benchmark.tasks.space_group.importer import import_data
from benchmark.tasks.space_group.importing.patterns import read_npz

FOLDERS = {
    "mlcommons": {"train": 6, "test": 3, "dev": 2},
    "stfc": {"training": 6, "validation": 2, "testing": 2, "inference": 1},
}
"""Samples of each folder, in the order that both number their files."""
GROUPS = (2, 62, 225)


def unit_sum(number: int) -> np.ndarray:
    """Patterns of 512 x 512 pixels that are even over blocks of 4 x 4, of which the form then loses nothing."""
    generator = np.random.default_rng(number)
    blocks = np.exp(generator.uniform(-4.0, 0.0, (3, 128, 128)))
    blocks /= 16.0 * blocks.sum(axis=(1, 2), keepdims=True)
    return blocks.repeat(4, axis=1).repeat(4, axis=2).astype(np.float32)


def preprocessed(patterns: np.ndarray) -> np.ndarray:
    """What the public preprocessing makes of a stack: log scale first, then the mean over blocks (INTER_AREA)."""
    with np.errstate(divide="ignore"):
        scaled = np.clip((np.maximum(-17, np.log(patterns)) + 17) * 10, 0, 255)
    return scaled.reshape(3, 128, 4, 128, 4).mean(axis=(2, 4)).astype(np.float32)


@pytest.fixture(scope="module", params=FOLDERS)
def npz_set(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A miniature of each of the two published folder layouts. To be read only."""
    folder, number = tmp_path_factory.mktemp(request.param) / "npz", 0
    for name, count in FOLDERS[request.param].items():
        (folder / name).mkdir(parents=True)
        for _ in range(count):
            np.savez(
                folder / name / f"sample-{number}.npz",
                data=preprocessed(unit_sum(number)),
                label=np.asarray([GROUPS[number % 3]]),
            )
            number += 1
    return folder


def test_the_npz_form_becomes_intensities_again(npz_set: Path, tmp_path: Path) -> None:
    done = import_data(npz_set, tmp_path / "data")
    assert done.tally.as_json() == {"imported": 11, "repaired": 0, "dropped": 0, "reasons": {}}
    assert done.manifest.samples == {"train": 6, "dev": 2, "test": 3}
    assert done.manifest.values["source"]["form"] == "npz" and not done.manifest.standard
    assert verify(tmp_path / "data").faults == []
    seen = set()
    for split in SPLITS:
        for path, name in layout.iter_samples(tmp_path / "data", split):
            with h5py.File(path) as shard:
                group = shard[name]
                number = int(group.attrs["source"].split("-")[1].removesuffix(".npz"))
                assert cbed_stack.read_label(group) == GROUPS[number % 3]
                expected = unit_sum(number).reshape(3, 128, 4, 128, 4).sum(axis=(2, 4))
                np.testing.assert_allclose(cbed_stack.read_patterns(group), expected, rtol=1e-4)
                seen.add(number)
    assert seen == set(range(11))
    with pytest.raises(StemdlError, match="do not say what they are of"):
        make_partition(done.manifest, read_materials(done.manifest))


@pytest.mark.parametrize("npz_set", ["mlcommons"], indirect=True)
def test_what_the_npz_form_does_not_tell_is_left_out_of_the_picture(npz_set: Path, tmp_path: Path) -> None:
    done = import_data(npz_set, tmp_path / "data")
    told = write_page(done.manifest, tmp_path / "page", groups=[2])
    names = {Path(figure).name for figure in told["figures"]}
    assert told["stacks"] == 11 and told["pixels"] == 128 and told["groups"] == 3
    assert "radial.png" in names and not names & {"lattice.png", "composition.png"}


def test_an_uneven_block_and_the_floor_of_the_npz_form_lose_as_stated(tmp_path: Path) -> None:
    """A block's geometric mean is at most its mean; what lies below e^-17 becomes zero."""
    patterns = unit_sum(0)
    patterns[0, :4, :4] = np.exp(-18.0)
    patterns[1] *= np.random.default_rng(1).uniform(0.5, 1.5, (512, 512)).astype(np.float32)
    np.savez(tmp_path / "sample-0.npz", data=preprocessed(patterns), label=[1])
    found = read_npz(tmp_path / "sample-0.npz")
    true = patterns.reshape(3, 128, 4, 128, 4).sum(axis=(2, 4))
    assert found[0, 0, 0] == 0.0
    assert (found[1] <= true[1] * 1.0001).all() and found[1].sum() > 0.9 * true[1].sum()


def _broken_files(folder: Path) -> None:
    good = preprocessed(unit_sum(0))
    blown = good.copy()
    blown[1, 5, 5] = 255.0
    nan = good.copy()
    nan[0, 0, 0] = np.nan
    for number, (data, label) in enumerate(
        [
            (blown, [2]),
            (nan, [2]),
            (good - 30.0, [2]),
            (good, [0]),
            (good, [231]),
            (good, [2.5]),
            (good, [2, 14]),
            (good[:, :64], [2]),
            (np.array([{}], dtype=object), [2]),
        ],
        start=100,
    ):
        np.savez(folder / f"sample-{number}.npz", data=data, label=np.asarray(label))
    np.savez(folder / "sample-200.npz", data=good)
    whole = (folder / "sample-0.npz").read_bytes()
    (folder / "sample-201.npz").write_bytes(whole[:-40])
    (folder / "sample-202.npz").write_bytes(b"no NPZ")
    damaged = bytearray(whole)
    damaged[len(whole) // 2] ^= 1
    (folder / "sample-203.npz").write_bytes(damaged)
    (folder / "notes.npz").write_bytes(whole)


@pytest.mark.parametrize("label", ["14", " 14 ", b"14", "14.0", 14.0, np.float32(14), np.array([b"14"])], ids=repr)
def test_npz_labels_of_every_type_are_read_as_the_real_set_s_are(label: object, tmp_path: Path) -> None:
    folder = tmp_path / "source" / "train"
    folder.mkdir(parents=True)
    np.savez(folder / "sample-0.npz", data=preprocessed(unit_sum(0)), label=label)
    done = import_data(tmp_path / "source", tmp_path / "data")
    assert (done.tally.imported, done.tally.dropped) == (1, 0)
    (shard,) = (tmp_path / "data" / "train").glob("*.h5")
    with h5py.File(shard) as file:
        assert [cbed_stack.read_label(group) for group in file.values()] == [14]


@pytest.mark.parametrize("label", ["P1", "", "14.5", True, 14j, "1" * 5000], ids=lambda each: repr(each)[:10])
def test_an_npz_label_that_is_no_space_group_is_named(label: object, tmp_path: Path) -> None:
    folder = tmp_path / "source" / "train"
    folder.mkdir(parents=True)
    np.savez(folder / "sample-0.npz", data=preprocessed(unit_sum(0)), label=np.asarray([2]))
    np.savez(folder / "sample-1.npz", data=preprocessed(unit_sum(1)), label=label)
    reasons = import_data(tmp_path / "source", tmp_path / "data").tally.as_json()["reasons"]
    assert [each.partition(": ")[2].rpartition(":")[0] for each in reasons] == ["its label is not a space group"]


def test_npz_files_that_cannot_be_used_are_told_apart_from_the_others(tmp_path: Path) -> None:
    folder = tmp_path / "source" / "train"
    folder.mkdir(parents=True)
    np.savez(folder / "sample-0.npz", data=preprocessed(unit_sum(0)), label=np.asarray([2]))
    _broken_files(folder)
    done = import_data(tmp_path / "source", tmp_path / "data")
    assert (done.tally.imported, done.tally.dropped) == (1, 7)
    cannot = "it is truncated or no NPZ of a stack"
    assert done.tally.as_json()["reasons"] == {
        "dropped: a pattern is blown up: a pixel holds more than the whole beam": 1,
        "dropped: a pattern holds NaN or infinity": 1,
        "dropped: a pattern holds negative intensities": 1,
        "dropped: its label is not a space group: 0": 1,
        "dropped: its label is not a space group: 231": 1,
        "dropped: its label is not a space group: 2.5": 1,
        "dropped: its label is not a space group: [ 2 14]": 1,
        "file skipped: train/sample-107.npz: its data are truncated or not (3, 128, 128) numbers": 1,
        "file skipped: train/sample-108.npz: its data are truncated or not (3, 128, 128) numbers": 1,
        f"file skipped: train/sample-200.npz: {cannot} (KeyError)": 1,
        f"file skipped: train/sample-201.npz: {cannot} (BadZipFile)": 1,
        f"file skipped: train/sample-202.npz: {cannot} (ValueError)": 1,
        "file skipped: train/sample-203.npz: its data are truncated or not (3, 128, 128) numbers": 1,
        "file skipped: train/notes.npz: its name or folder tells no split": 1,
    }


def test_a_single_npz_file_and_folder_tell_their_split_by_the_folder(npz_set: Path, tmp_path: Path) -> None:
    first = min(npz_set.iterdir()).name
    done = import_data(npz_set / first, tmp_path / "folder")
    assert sum(done.manifest.samples.values()) == sum(1 for _ in (npz_set / first).iterdir())
    one = next((npz_set / first).iterdir())
    assert sum(import_data(one, tmp_path / "file").manifest.samples.values()) == 1
    (tmp_path / "loose").mkdir()
    (tmp_path / "loose" / one.name).write_bytes(one.read_bytes())
    with pytest.raises(StemdlError, match="nothing here can be imported"):
        import_data(tmp_path / "loose", tmp_path / "none")


# ---- data of ours


@pytest.fixture
def ours(tmp_path: Path) -> Path:
    """A data set as generation leaves it: 3 groups, several shards, attributes of our own."""
    folder, number, shards = tmp_path / "ours", 0, []
    for split, sizes in (("train", (4, 3)), ("dev", (3,)), ("test", (3,))):
        for shard_number, size in enumerate(sizes):
            groups = []
            with layout.new_shard(folder, split, shard_number) as shard:
                shard.attrs["recipe_sha256"] = "0"
                for _ in range(size):
                    generator, three = np.random.default_rng(number), np.array([4.0, 5.0, 6.0 + number])
                    patterns = generator.random((3, 16, 16), dtype=np.float32) / 256
                    stack = cbed_stack.Stack(
                        patterns,
                        GROUPS[number % 3],
                        f"mp-{number}",
                        100.0,
                        "Na1 Cl1",
                        np.array([[0, 0, 1], [1, 0, 0], [1, -1, 0]]),
                        generator.random((3, 3)),
                        three,
                        three,
                        three,
                        np.full(3, 90.0),
                        {"thickness_angstrom": np.array(150.0)},
                    )
                    cbed_stack.write_stack(shard, number, 0, stack)
                    groups.append(stack.space_group)
                    number += 1
            shards.append(WrittenShard(split, shard_number, groups))
    write_manifest(
        folder,
        rung="stemdl_smoke",
        standard=True,
        recipe_sha256="0",
        source={"kind": "drawn"},
        schema=cbed_fields.sample_schema(16, (2, 14, 62, 225)),
        shards=shards,
        about={"selection": None},
    )
    return folder


def samples_of(folder: Path) -> list[tuple[str, dict[str, Any]]]:
    """Every sample in the order to be read: split and name, and its attributes as lists."""
    found = []
    for split in SPLITS:
        for path, name in layout.iter_samples(folder, split):
            with h5py.File(path) as shard:
                found.append(
                    (f"{split} {name}", {key: np.asarray(value).tolist() for key, value in shard[name].attrs.items()})
                )
    return found


def test_a_shard_of_ours_that_changed_is_not_imported(ours: Path, tmp_path: Path) -> None:
    shard = min((ours / "train").iterdir())
    content = bytearray(shard.read_bytes())
    content[-1] ^= 1
    shard.write_bytes(content)
    with pytest.raises(StemdlError, match=f"{shard.name}: a shard has changed since the manifest was written"):
        import_data(ours, tmp_path / "data")


@pytest.mark.parametrize("storage", [Storage(), Storage(encoding="float16"), Storage(pixels=8, filter="gzip")])
def test_data_of_ours_keep_their_order_numbers_and_attributes(ours: Path, tmp_path: Path, storage: Storage) -> None:
    done = import_data(ours, tmp_path / "data", storage=storage)
    assert samples_of(tmp_path / "data") == samples_of(ours)
    manifest = done.manifest
    assert (manifest.rung, manifest.standard, space_groups_of(manifest)) == ("stemdl_smoke", False, (2, 14, 62, 225))
    assert manifest.samples == {"train": 7, "dev": 3, "test": 3} and not cells_are_primitive(manifest)
    for split in SPLITS:
        stored, labels = Part(manifest, split).read_whole().values()
        expected, expected_labels = Part(read_manifest(ours), split).read_whole().values()
        np.testing.assert_array_equal(labels, expected_labels)
        if storage.pixels:
            expected = expected.reshape(-1, 3, 8, 2, 8, 2).sum(axis=(3, 5))
        np.testing.assert_allclose(stored, expected, rtol=1e-3 if storage.encoding == "float16" else 1e-6)


def test_imported_data_are_imported_again_for_another_storage(real_set: Path, tmp_path: Path) -> None:
    once = import_data(real_set, tmp_path / "once").manifest
    again = import_data(tmp_path / "once", tmp_path / "again", storage=Storage(filter="gzip")).manifest
    assert samples_of(again.folder) == samples_of(once.folder)
    assert again.classes == once.classes and cells_are_primitive(again)
    for split in SPLITS:
        np.testing.assert_array_equal(
            Part(again, split).read_whole()["cbed_stack"], Part(once, split).read_whole()["cbed_stack"]
        )
    assert json.loads((again.folder / "manifest.json").read_text())["source"]["of"]["name"] == "1510313"
