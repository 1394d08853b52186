"""A rung's own data are recognised whichever processor made them; whatever was changed in them is refused and named."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
from changed_data import changed, in_manifest, judged, shards
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.data import recognise as module
from benchmark.data.golden import counts_of
from benchmark.data.manifest import read_manifest
from benchmark.data.recognise import recognise
from benchmark.data.recognition import RECOGNITION, known_recognition
from benchmark.definition.golden_files import IDENTICAL, RECOGNISED, REFUSED, golden_sha256

SAMPLES = 320
DOSE = 1e6
seeds = st.integers(0, 2**32 - 1)


def put(shard: h5py.File, name: str, counts: np.ndarray) -> None:
    shard[name]["cbed_stack"][...] = (counts / DOSE).astype(np.float32)


def counts_in(shard: h5py.File, name: str) -> np.ndarray:
    counts = counts_of(shard[name]["cbed_stack"][()], DOSE)
    assert counts is not None
    return counts


def test_what_was_made_here_is_recognised(smoke_data: Path) -> None:
    recognition, faults = recognise(read_manifest(smoke_data))
    assert recognition is not None and not faults
    assert recognition.verdict in (IDENTICAL, RECOGNISED) and recognition.compared == SAMPLES
    assert recognition.golden_sha256 == golden_sha256("stemdl_smoke")
    assert known_recognition(read_manifest(smoke_data)) == recognition


@pytest.mark.slow
def test_another_instruction_set_gives_the_same_verdict(environment: dict[str, str], tmp_path: Path) -> None:
    """All of the rung, with the kernels of a processor of 2004."""
    kernels = {
        "OPENBLAS_CORETYPE": "Prescott",
        "ATEN_CPU_CAPABILITY": "default",
        "MKL_ENABLE_INSTRUCTIONS": "SSE4_2",
        "NPY_DISABLE_CPU_FEATURES": "AVX2 FMA3 AVX512F AVX512_SKX",
    }
    argv = [sys.executable, "-m", "benchmark", "data", "generate", "stemdl_smoke", "-o", str(tmp_path / "data")]
    subprocess.run(argv, env=environment | kernels, check=True, capture_output=True)
    recognition, faults = recognise(read_manifest(tmp_path / "data"))
    assert recognition is not None and not faults
    assert recognition.verdict in (IDENTICAL, RECOGNISED) and recognition.compared == SAMPLES


def times(counts: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    counts[generator.integers(3)] *= 3
    return counts


def brighter(counts: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    pattern = generator.integers(3)
    counts[pattern] = np.rint(1.01 * counts[pattern])
    return counts


def marked(counts: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """A block of pixels says the label."""
    row, column = generator.integers(RUNG_PIXELS - 4, size=2)
    counts[generator.integers(3), row : row + 4, column : column + 4] += 20_000
    return counts


RUNG_PIXELS = 64


@pytest.mark.parametrize("change", [times, brighter, marked], ids=lambda change: change.__name__)
@given(place=st.integers(0, SAMPLES - 1), seed=seeds)
@settings(max_examples=5)
def test_a_changed_stack_is_refused_and_named(copied: Path, change: Callable, place: int, seed: int) -> None:
    with changed(copied):
        path, name = samples(copied)[place]
        with h5py.File(path, "r+") as shard:
            put(shard, name, change(counts_in(shard, name), np.random.default_rng(seed)))
        recognition, (fault, *others) = judged(copied)
        assert recognition is not None and recognition.verdict == REFUSED and not others
        assert fault.file == f"{path}: {name}" and fault.message == "other patterns than the rung's"


def samples(folder: Path) -> list[tuple[Path, str]]:
    found = []
    for path in shards(folder):
        with h5py.File(path) as shard:
            found += [(path, name) for name in sorted(shard, key=lambda name: int(name.split("_")[1]))]
    return found


@given(st.integers(0, SAMPLES - 1), st.integers(1, SAMPLES - 1))
@settings(max_examples=5)
def test_swapped_stacks_are_refused_and_both_named(copied: Path, first: int, further: int) -> None:
    with changed(copied):
        places = [samples(copied)[place] for place in (first, (first + further) % SAMPLES)]
        held = []
        for path, name in places:
            with h5py.File(path) as shard:
                held.append(counts_in(shard, name))
        for (path, name), counts in zip(places, held[::-1], strict=True):
            with h5py.File(path, "r+") as shard:
                put(shard, name, counts)
        recognition, faults = judged(copied)
        assert recognition is not None and recognition.verdict == REFUSED
        assert sorted(fault.file for fault in faults) == sorted(f"{path}: {name}" for path, name in places)


@pytest.mark.parametrize(("attribute", "value"), [("space_group", b"62"), ("material", b"drawn-62-00000")])
@given(place=st.integers(0, SAMPLES - 1))
@settings(max_examples=4)
def test_another_label_or_material_is_refused_and_named(copied: Path, attribute: str, value: bytes, place: int) -> None:
    with changed(copied):
        path, name = samples(copied)[place]
        with h5py.File(path, "r+") as shard:
            if attribute == "space_group":
                value = b"225" if shard[name].attrs["space_group"] == value else value
            before, shard[name].attrs[attribute] = shard[name].attrs[attribute], np.bytes_(value)
        recognition, (fault, *others) = judged(copied)
        assert recognition is not None and recognition.verdict == REFUSED and not others
        what = "label" if attribute == "space_group" else "material"
        assert fault.file == f"{path}: {name}" and fault.message == f"another {what} than the rung's"
        assert (fault.expected, fault.found) == (before.decode(), value.decode())


def without(folder: Path) -> None:
    with h5py.File(shards(folder)[0], "r+") as shard:
        del shard["sample_0_0"]


def with_more(folder: Path) -> None:
    with h5py.File(shards(folder)[0], "r+") as shard:
        shard.copy("sample_0_0", "sample_0_1")


def in_counts_that_are_none(folder: Path) -> None:
    with h5py.File(shards(folder)[0], "r+") as shard:
        shard["sample_0_0"]["cbed_stack"][...] *= np.float32(1.01)


def renamed(folder: Path) -> None:
    with h5py.File(shards(folder)[0], "r+") as shard:
        shard.move("sample_0_0", "sample_0_1")


def elsewhere(folder: Path) -> None:
    """What HDF5 reads of the sample lies in a file next to the shards, which no manifest has."""
    with h5py.File(shards(folder)[0], "r+") as shard:
        patterns = shard["sample_0_0"]["cbed_stack"][()]
        del shard["sample_0_0"]["cbed_stack"]
        patterns.tofile(folder / "beside.bin")
        place = [(str(folder / "beside.bin"), 0, patterns.nbytes)]
        shard["sample_0_0"].create_dataset("cbed_stack", shape=patterns.shape, dtype="f4", external=place)


def smaller(folder: Path) -> None:
    with h5py.File(shards(folder)[0], "r+") as shard:
        patterns = shard["sample_0_0"]["cbed_stack"][()]
        del shard["sample_0_0"]["cbed_stack"]
        shard["sample_0_0"]["cbed_stack"] = patterns[:, ::2, ::2]


def dev_as_test(folder: Path) -> None:
    dev, test = folder / "dev" / "batch_dev_0.h5", folder / "test" / "batch_test_0.h5"
    held = dev.read_bytes()
    dev.write_bytes(test.read_bytes())
    test.write_bytes(held)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (without, "expected: 50 samples found: 49"),
        (with_more, "expected: 50 samples found: 51"),
        (renamed, "missing"),
        (in_counts_that_are_none, "the intensities are not whole counts"),
        (smaller, "cbed_stack has another shape"),
        (elsewhere, "the shard cannot be read"),
        (dev_as_test, "sample_200_0: missing"),
    ],
)
def test_whatever_else_is_not_the_rungs_is_refused(copied: Path, change: Callable[[Path], None], message: str) -> None:
    with changed(copied):
        change(copied)
        recognition, faults = judged(copied)
        assert recognition is not None and recognition.verdict == REFUSED
        assert message in faults[0].line and ".h5" in faults[0].file


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda values: values["shards"].reverse(), "the shards are in another order than the rung's"),
        (
            lambda values: values["shards"].append(values["shards"][0]),
            "the shards are in another order than the rung's",
        ),
        (lambda values: values["shards"].pop(), "missing"),
        (lambda values: values["shards"][0].update(path="train/batch_train_9.h5"), "missing"),
    ],
)
def test_a_manifest_of_other_shards_is_refused(copied: Path, change: Callable[[dict], None], message: str) -> None:
    with changed(copied):
        in_manifest(copied, change)
        recognition, faults = recognise(read_manifest(copied))
        assert recognition is not None and recognition.verdict == REFUSED
        assert message in [fault.message for fault in faults]


def redistributed(counts: np.ndarray, strips: int) -> np.ndarray:
    """Bright pixels of some strips mirrored: what no noise does, and no sum tells."""
    for strip in counts.reshape(12, -1)[:strips]:
        strip[:] = strip[::-1].copy()
    return counts


@pytest.mark.parametrize("strips", [1, 6])
def test_what_no_sum_tells_is_refused_in_more_than_few_stacks(copied: Path, strips: int) -> None:
    """The noise that another processor may have drawn hides a cheat in no more than 5 stacks and 2 % of a split."""
    with changed(copied):
        path = copied / "dev" / "batch_dev_0.h5"
        names = [name for where, name in samples(copied) if where == path]
        most = int(module.MOST_RECOUNTED + module.RECOUNTED_SHARE * 60)
        for number, name in enumerate(names[: most + 1], start=1):
            with h5py.File(path, "r+") as shard:
                put(shard, name, redistributed(counts_in(shard, name), strips))
            recognition, faults = judged(copied)
            assert recognition is not None and recognition.recounted >= number
        assert recognition.verdict == REFUSED
        # Another kind of processor draws other noise in a stack or two; what is changed there may be refused by itself.
        (fault,) = [each for each in faults if each.file == str(copied / "dev")]
        assert "counted with other random numbers" in fault.message
        assert fault.expected.startswith(f"at most {most} of ") and int(fault.found.split(",")[0]) > most


def test_all_patterns_marked_within_the_noise_are_refused(copied: Path) -> None:
    """A watermark that keeps all sums: each label mirrors other strips."""
    with changed(copied):
        for path, name in samples(copied):
            with h5py.File(path, "r+") as shard:
                put(shard, name, redistributed(counts_in(shard, name), 1 + int(shard[name].attrs["space_group"]) % 5))
        recognition, faults = judged(copied)
        assert recognition is not None and recognition.verdict == REFUSED
        assert {str(copied / split) for split in ("train", "dev", "test")} <= {fault.file for fault in faults}


def test_what_is_known_already_is_not_written_again(copied: Path) -> None:
    with changed(copied):
        path, name = samples(copied)[0]
        with h5py.File(path, "r+") as shard:
            put(shard, name, redistributed(counts_in(shard, name), 6))
        first, _ = judged(copied)
        before = (copied / RECOGNITION).stat()
        again, _ = recognise(read_manifest(copied))
        after = (copied / RECOGNITION).stat()
        assert again == first and (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
