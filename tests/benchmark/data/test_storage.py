"""What a shard's patterns become on the disk and back: nothing lost that is not stated, and a shard tells its own."""

from __future__ import annotations

import builtins
import hashlib
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.crystals import cbed_stack
from benchmark.data.storage import LOG_FLOOR, LOG_STEP, Coding, binned, coding_of, encode
from benchmark.definition.rung import ENCODINGS, FILTERS, Storage
from benchmark.foundation.errors import StemdlError

ATTRIBUTES = {"space_group": np.bytes_("62"), "material": np.bytes_("mp-1")}


def patterns_of(pixels: int, seed: int = 0) -> np.ndarray:
    """Three unit-sum patterns over the real set's range of intensities, e^-23 to about e^-6, with zeros."""
    generator = np.random.default_rng(seed)
    patterns = np.exp(generator.uniform(-17.0, 0.0, (3, pixels, pixels)))
    patterns[:, :2] = 0.0
    return (patterns / patterns.sum(axis=(1, 2), keepdims=True)).astype(np.float32)


def written(path: Path, patterns: np.ndarray, storage: Storage) -> Path:
    with h5py.File(path, "w") as shard:
        cbed_stack.write_patterns(shard, 0, 0, patterns, ATTRIBUTES, storage)
    return path


def read(path: Path) -> np.ndarray:
    with h5py.File(path, "r") as shard:
        return cbed_stack.read_patterns(shard["sample_0_0"])


def test_the_default_is_the_real_layout_to_the_byte(tmp_path: Path) -> None:
    patterns = patterns_of(16)
    with h5py.File(tmp_path / "plain.h5", "w") as shard:
        group = shard.create_group("sample_0_0")
        group.create_dataset("cbed_stack", data=patterns)
        for name, value in ATTRIBUTES.items():
            group.attrs[name] = value
    digests = {
        hashlib.sha256(path.read_bytes()).hexdigest()
        for path in (tmp_path / "plain.h5", written(tmp_path / "ours.h5", patterns, Storage()))
    }
    assert len(digests) == 1
    np.testing.assert_array_equal(read(tmp_path / "ours.h5"), patterns)


@pytest.mark.parametrize("filter", FILTERS)
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_every_storage_is_read_back_within_its_stated_loss(tmp_path: Path, encoding: str, filter: str) -> None:
    if filter not in ("none", "gzip"):
        pytest.importorskip("hdf5plugin")
    patterns = patterns_of(32)
    path = written(tmp_path / "a.h5", patterns, Storage(encoding=encoding, filter=filter))
    back = read(path)
    assert back.dtype == np.float32 and back.shape == patterns.shape
    if encoding == "float32":
        np.testing.assert_array_equal(back, patterns)
    elif encoding == "float16":
        np.testing.assert_allclose(back, patterns, rtol=2.0**-11, atol=9.1e-13)
    else:
        seen = patterns > np.exp(LOG_FLOOR + LOG_STEP / 2)
        np.testing.assert_allclose(back[seen], patterns[seen], rtol=np.expm1(LOG_STEP / 2) + 1e-5)
        assert not back[~seen].any() and 0 < seen.mean() < 1
    with h5py.File(path, "r") as shard:
        dataset = shard["sample_0_0/cbed_stack"]
        np.testing.assert_array_equal(coding_of(shard).decode(dataset[()]), back)
        assert dataset.chunks == (None if filter == "none" else dataset.shape)
        if filter == "none":
            raw = np.fromfile(path, dataset.dtype, dataset.size, offset=dataset.id.get_offset())
            np.testing.assert_array_equal(raw.reshape(dataset.shape), dataset[()])


def test_many_stacks_are_decoded_at_once_as_one_by_one() -> None:
    stacks = [patterns_of(8, seed) for seed in range(4)]
    for encoding in ENCODINGS:
        stored = np.stack([encode(stack, Storage(encoding=encoding)) for stack in stacks])
        together = Coding(encoding).decode(stored)
        np.testing.assert_array_equal(together, [Coding(encoding).decode(each) for each in stored])


@given(st.floats(min_value=0.0, max_value=1.0, allow_subnormal=True, width=32))
def test_log_codes_are_the_published_scale_and_their_own_codes(intensity: float) -> None:
    """The public clip((max(-17, log I) + 17) * 10, 0, 255), to half a step; coding again changes nothing."""
    coded = encode(np.full((3, 1, 1), intensity, dtype=np.float32), Storage(encoding="log_uint8"))
    with np.errstate(divide="ignore"):
        published = np.clip((max(-17.0, float(np.log(np.float64(intensity)))) + 17.0) * 10.0, 0.0, 255.0)
    assert abs(float(coded[0, 0, 0]) - published) <= 0.5 + 1e-4
    np.testing.assert_array_equal(encode(Coding("log_uint8").decode(coded), Storage(encoding="log_uint8")), coded)


@pytest.mark.parametrize("pixels", [32, 16, 8, 1])
def test_fewer_pixels_keep_the_intensity_of_every_block(pixels: int) -> None:
    patterns = patterns_of(32)
    reduced = binned(patterns, pixels)
    block = 32 // pixels
    assert reduced.shape == (3, pixels, pixels)
    for row in range(min(pixels, 3)):
        whole = patterns[:, row * block : (row + 1) * block, -block:].astype(np.float64).sum(axis=(1, 2))
        np.testing.assert_allclose(reduced[:, row, -1], whole, rtol=1e-6)
    np.testing.assert_allclose(reduced.sum(axis=(1, 2)), 1.0, rtol=1e-5)


def test_blocks_that_are_not_whole_are_refused() -> None:
    for pixels in (3, 64):
        with pytest.raises(StemdlError, match="cannot be reduced"):
            binned(patterns_of(32), pixels)


@pytest.mark.parametrize(
    ("encoding", "value"),
    [("float16", 2.0), ("float16", np.inf), ("float16", np.nan), ("log_uint8", np.inf), ("log_uint8", np.nan)],
)
def test_what_an_encoding_cannot_hold_is_refused(encoding: str, value: float) -> None:
    patterns = patterns_of(8)
    patterns[1, 3, 3] = value
    with pytest.raises(StemdlError, match=f"{encoding} cannot hold"):
        encode(patterns, Storage(encoding=encoding))


@pytest.mark.parametrize("wrong", [{"encoding": "float8"}, {"filter": "zip"}, {"pixels": -1}, {"pixels": 1.5}])
def test_a_storage_that_is_not_known_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(StemdlError):
        Storage(**wrong)


def test_a_shard_that_does_not_tell_its_coding_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "a.h5", patterns_of(8), Storage(encoding="log_uint8"))
    with h5py.File(path, "a") as shard:
        del shard.attrs["log_step"]
    with pytest.raises(StemdlError, match="does not say how its patterns are encoded.*\n.*log_step"):
        read(path)
    with h5py.File(path, "a") as shard:
        shard.attrs["encoding"] = "float8"
    with pytest.raises(StemdlError, match="encoding of a shard is not known"):
        read(path)


def test_a_filter_that_is_not_installed_is_one_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("hdf5plugin")
    path = written(tmp_path / "a.h5", patterns_of(8), Storage(filter="lz4"))
    known = builtins.__import__

    def without(name: str, *arguments: Any, **more: Any) -> Any:
        if name == "hdf5plugin":
            raise ImportError(name)
        return known(name, *arguments, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(StemdlError, match="not installed") as caught:
        read(path)
    assert "stemdl-benchmark[storage]" in caught.value.remedy
    with pytest.raises(StemdlError, match="not installed"):
        written(tmp_path / "b.h5", patterns_of(8), Storage(filter="zstd"))
