"""Verification: sound data pass, and every check fails on data doctored to break it, and it alone."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import h5py
import numpy as np
import pytest
from counting import recounted

from benchmark.crystals import relabel
from benchmark.data.examined import Data, ReadShard
from benchmark.data.file_checks import Hashes
from benchmark.data.manifest import Manifest, read_manifest
from benchmark.data.verify import GENERAL, MOST_FAULTS, verify
from benchmark.foundation.errors import StemdlError
from benchmark.tasks.space_group.checks import CHECKS

STACK = "cbed_stack"
Seal = Callable[[Path], None]

EVERY = {*GENERAL, *CHECKS} - {"units"}
"""Checks of data in STEMDL's layout."""


def test_sound_data_pass_every_check(written: Path) -> None:
    report = verify(written)
    assert report.faults == [] and report.notes == []
    assert set(report.skipped) == {"symmetry", "partitions", "golden"}
    assert set(report.checked) | set(report.skipped) == EVERY
    quick = verify(written, quick=True)
    assert (quick.faults, quick.checked, set(quick.skipped)) == ([], ["files", "recipe"], {"golden"})


def test_each_shard_is_read_once(written: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is hashed are the bytes that all checks look at."""
    read: list[str] = []
    read_bytes = Path.read_bytes

    def counting(path: Path) -> bytes:
        read.extend([path.name] * (path.suffix == ".h5"))
        return read_bytes(path)

    monkeypatch.setattr(Path, "read_bytes", counting)
    assert not verify(written).faults
    assert sorted(read) == sorted(path.name for path in written.rglob("*.h5")) != []


def test_a_look_that_fails_fails_the_checks_that_ask_for_it_alone(written: Path) -> None:
    class Blind:
        def __init__(self, manifest: Manifest) -> None:
            self.tries = 0

        def shard(self, shard: ReadShard) -> None:
            self.tries += 1
            raise KeyError("nothing here")

    data = Data(read_manifest(written), looks=[Blind, Hashes])
    assert data.once(Hashes).faults == []
    for _ in range(2):
        with pytest.raises(KeyError, match="nothing here"):
            data.once(Blind)


def replace(shard: h5py.File, sample: str, patterns: np.ndarray) -> None:
    del shard[sample][STACK]
    shard[sample].create_dataset(STACK, data=patterns)


def shaped(name: str, value: object) -> Callable[[h5py.File], None]:
    def change(shard: h5py.File) -> None:
        if value is None:
            del shard["sample_1_0"].attrs[name]
        else:
            shard["sample_1_0"].attrs[name] = value

    return change


def intensities(change: Callable[[np.ndarray], None]) -> Callable[[h5py.File], None]:
    def doctor(shard: h5py.File) -> None:
        patterns = shard["sample_1_0"][STACK][()]
        change(patterns)
        replace(shard, "sample_1_0", patterns)

    return doctor


def put(index: tuple, value: float) -> Callable[[h5py.File], None]:
    return intensities(lambda patterns: patterns.__setitem__(index, value))


CONTENT = [
    ("label 0", shaped("space_group", np.bytes_("0")), {"label", "counts"}, "the label is not a space group"),
    ("label 231", shaped("space_group", np.bytes_("231")), {"label", "counts"}, "the label is not a space group"),
    ("label of another rung", shaped("space_group", np.bytes_("63")), {"label", "counts"}, "not one of the rung's"),
    ("label of another class", shaped("space_group", np.bytes_("225")), {"counts"}, "samples of space group"),
    ("NaN", put((1, 3, 4), np.nan), {"values"}, "not finite"),
    ("infinity", put((2, 0, 0), np.inf), {"values"}, "not finite"),
    ("a negative intensity", put((0, 5, 5), -1e-6), {"values"}, "negative"),
    ("an empty projection", put((1,), 0.0), {"values"}, "empty"),
    ("more than the beam", intensities(lambda patterns: patterns.__imul__(3.0)), {"values"}, "incident beam"),
    (
        "another shape",
        lambda shard: replace(shard, "sample_1_0", np.full((3, 8, 16), 1 / 128, np.float32)),
        {"layout"},
        "another shape",
    ),
    (
        "another type",
        lambda shard: replace(shard, "sample_1_0", shard["sample_1_0"][STACK][()].astype(np.float64)),
        {"layout"},
        "another type",
    ),
    ("a missing attribute", shaped("z_dirs", None), {"layout"}, "z_dirs is missing"),
    ("no material", shaped("material", None), {"layout", "counts"}, "material is missing"),
    ("a text for bytes", shaped("material", "mp-1"), {"layout"}, "material has another type"),
    ("three numbers cut to two", shaped("d_hkls_angstrom", np.ones(2)), {"layout"}, "another type or shape"),
    (
        "a broken cell",
        shaped("abc_angstrom", np.array([4.2, 3.4, 1.7e-313])),
        {"layout", "counts"},
        "out of range",
    ),
    ("not a formula", shaped("formula", "water"), {"layout", "counts"}, "does not say what it is of"),
    ("no stack", lambda shard: shard["sample_1_0"].__delitem__(STACK), {"layout"}, "other data sets"),
    ("a sample less", lambda shard: shard.__delitem__("sample_1_0"), {"counts"}, "another number of samples"),
    ("a stranger", lambda shard: shard.create_group("notes"), {"layout", "counts"}, "cannot be read"),
    ("of another recipe", lambda shard: shard.attrs.__setitem__("recipe_sha256", "0"), {"recipe"}, "of other data"),
    ("one material in two splits", shaped("material", np.bytes_("mp-40")), {"materials"}, "lies in two splits"),
]


@pytest.mark.parametrize(
    ("doctor", "checks", "message"), [case[1:] for case in CONTENT], ids=[case[0] for case in CONTENT]
)
def test_what_is_wrong_with_a_sample_is_found_alone(
    written: Path, seal: Seal, doctor: Callable, checks: set[str], message: str
) -> None:
    with h5py.File(written / "train" / "batch_train_0.h5", "r+") as shard:
        doctor(shard)
    seal(written)
    faults = verify(written).faults
    assert {fault.check for fault in faults} == checks
    told = [fault for fault in faults if message in fault.message]
    assert told and all(fault.file.startswith(str(written)) for fault in told)
    assert all("\n" not in fault.line and fault.check in fault.line for fault in faults)
    assert verify(written, quick=True).faults == []  # all of this is in the manifest: hashes alone do not tell


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("doctor", "message"),
    [
        (flip, "changed since the manifest"),
        (lambda path: path.write_bytes(path.read_bytes()[:-7]), "changed since the manifest"),
        (lambda path: path.unlink(), "missing"),
        (lambda path: shutil.copy(path, path.with_name("batch_train_9.h5")), "not in the manifest"),
        (lambda path: path.with_name("notes.txt").write_text("mine"), "not in the manifest"),
    ],
    ids=["a flipped bit", "cut short", "gone", "one more", "a stranger"],
)
def test_what_is_wrong_with_a_file_is_found(written: Path, doctor: Callable, message: str) -> None:
    doctor(written / "train" / "batch_train_1.h5")
    (fault,) = verify(written, quick=True).faults
    assert fault.check == "files" and message in fault.message and "batch_train" in fault.file + "batch_train"


def test_a_broken_shard_stops_no_check(written: Path, seal: Seal) -> None:
    (written / "train" / "batch_train_0.h5").write_bytes(b"no HDF5 at all")
    with h5py.File(written / "dev" / "batch_dev_0.h5", "r+") as shard:
        shard["sample_30_0"].attrs["space_group"] = np.bytes_("231")
    seal(written)
    report = verify(written)
    assert {"layout", "label", "counts"} == {fault.check for fault in report.faults}
    assert any("cannot be read" in fault.message and "batch_train_0" in fault.file for fault in report.faults)
    assert set(report.checked) == EVERY - {"symmetry", "partitions", "golden"}


def test_a_shard_that_is_being_written_is_named_and_nothing_is_counted(written: Path) -> None:
    shard = next((written / "train").glob("*.h5"))
    holder = subprocess.Popen(
        [sys.executable, "-c", "import h5py, sys\nwith h5py.File(sys.argv[1], 'a'): print(flush=True); input()", shard],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        holder.stdout.readline()  # it is open from here on
        with pytest.raises(StemdlError, match="open for writing") as caught:
            verify(written)
        assert caught.value.where == shard and "errno" not in str(caught.value)
    finally:
        holder.communicate(b"\n")


def test_a_missing_split_is_told(written: Path) -> None:
    values = json.loads((written / "manifest.json").read_text())
    values["shards"] = [entry for entry in values["shards"] if not entry["path"].startswith("test/")]
    (written / "manifest.json").write_text(json.dumps(values))
    shutil.rmtree(written / "test")
    faults = verify(written).faults
    assert any(fault.message == "the split test has no shard" for fault in faults)
    assert {fault.check for fault in faults} == {"counts"}


def test_other_counts_than_the_recipe_wants_are_told(written_as_drawn: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of each group 10, 3 and 3 samples lie there and in the manifest."""
    wanted = {"train": 10, "dev": 3, "test": 4}
    rung = SimpleNamespace(space_groups=(2, 62, 225), samples=lambda group: wanted, crystals=None)
    monkeypatch.setattr(relabel, "shipped_rung", lambda manifest: rung)
    faults = [fault for fault in verify(written_as_drawn).faults if fault.check == "counts"]
    assert [(fault.message, fault.expected, fault.found) for fault in faults] == [
        (f"samples of space group {group}, by the recipe", "4", "3") for group in (2, 62, 225)
    ]


def test_a_changed_recipe_is_found(written: Path) -> None:
    values = json.loads((written / "manifest.json").read_text())
    values["recipe"]["optics"]["dose_electrons"] = 2e6
    (written / "manifest.json").write_text(json.dumps(values))
    (fault,) = verify(written, quick=True).faults
    assert fault.check == "recipe" and "names the data" in fault.message
    (written / "recipe.json").write_text('{"recipe_sha256": "0"}')
    assert [fault.message for fault in verify(written, quick=True).faults][1:] == ["of other data than the manifest"]


def test_a_duplicate_in_another_split_is_found(written: Path, seal: Seal) -> None:
    """The same compound by another name, its lattice 1 % larger, seen in other patterns."""
    with h5py.File(written / "dev" / "batch_dev_0.h5", "r+") as shard:
        sample = shard["sample_30_0"]  # of group 2, as sample 0 of train is
        sample.attrs["formula"] = "Na2 Cl2"
        sample.attrs["abc_angstrom"] = np.full(3, 4.04)
    seal(written)
    (fault,) = verify(written).faults
    assert fault.check == "duplicates" and "mp-0 and mp-30 are one material" in fault.message
    assert fault.found == "train and dev"
    with h5py.File(written / "dev" / "batch_dev_0.h5", "r+") as shard:
        shard["sample_30_0"].attrs["abc_angstrom"] = np.full(3, 4.4)
    seal(written)
    assert verify(written).faults == []


def test_a_pattern_counted_again_is_a_copy(written: Path, seal: Seal) -> None:
    with h5py.File(written / "train" / "batch_train_1.h5") as shard:
        patterns = shard["sample_20_0"][STACK][()]
    with h5py.File(written / "test" / "batch_test_0.h5", "r+") as shard:
        replace(shard, "sample_41_0", recounted(patterns, 1e6, 1))
    seal(written)
    (fault,) = verify(written).faults
    assert fault.check == "copies" and "batch_train_1.h5: sample_20_0" in fault.message
    assert "sample_41_0" in fault.file


def test_many_faults_of_one_kind_are_counted(written: Path, seal: Seal) -> None:
    for path in written.rglob("*.h5"):
        with h5py.File(path, "r+") as shard:
            for sample in shard.values():
                del sample.attrs["energy_keV"]
    seal(written)
    faults = verify(written).faults
    assert len(faults) == MOST_FAULTS + 1 and faults[-1].message == "and 28 more of this check"


def test_no_manifest_is_wrong_use(tmp_path: Path) -> None:
    with pytest.raises(StemdlError, match="there are no data here"):
        verify(tmp_path)
