"""How patterns lie in a shard: as the real set's float32, or smaller, by a `Storage` recipe. A shard tells its own.

A shard of the default storage is exactly the real layout. Any other carries root attributes: `encoding`, `filter`, and
the numbers of the encoding. What each encoding loses, for unit-sum patterns of intensities I:

    float32     nothing.
    float16     I times 32768 (`scale`): relative error at most 2^-11 (0.05 %) from 1.9e-9 up, absolute 9e-13 below.
    log_uint8   the scale that published work on the real set feeds to its networks, clip((max(-17, ln I) + 17) * 10,
                0, 255), rounded (`log_floor`, `log_step`): at most 5.2 % of I above e^-16.95 = 4.4e-8; below, zero.

Fewer pixels are sums over square blocks: the total intensity stays, as on a detector with larger pixels. Filters lose
nothing; a filtered sample is one chunk, an unfiltered one lies in one piece (`dataset.id.get_offset()`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from benchmark.definition.rung import Storage
from benchmark.foundation.errors import StemdlError

if TYPE_CHECKING:
    import h5py

FLOAT16_SCALE = 32768.0
"""Moves intensities of at most 1 into float16's range, 6e-8 to 65504; a power of two, so that it rounds nothing."""
FLOAT16_MOST = 65504.0
LOG_FLOOR, LOG_STEP = -17.0, 0.1
PLUGIN_FILTERS = ("lz4", "zstd", "bitshuffle")


@dataclass(frozen=True)
class Coding:
    """How the numbers of one shard stand for intensities. Read it once a shard with `coding_of`, then decode samples.

    Attributes
    ----------
    encoding : one of ENCODINGS. scale : what float16 was multiplied by.
    log_floor, log_step : a code c of log_uint8 above 0 stands for exp(log_floor + log_step * c), and 0 for zero.
    """

    encoding: str = "float32"
    scale: float = FLOAT16_SCALE
    log_floor: float = LOG_FLOOR
    log_step: float = LOG_STEP

    def decode(self, stored: NDArray[Any]) -> NDArray[np.float32]:
        """Intensities of any number of stored samples at once, (..., pixels, pixels) float32."""
        if self.encoding == "float16":
            scaled: NDArray[np.float32] = stored.astype(np.float32) * np.float32(1.0 / self.scale)
            return scaled
        if self.encoding == "log_uint8":
            return np.take(self.intensities, stored)
        return np.asarray(stored, dtype=np.float32)

    @property
    def intensities(self) -> NDArray[np.float32]:
        """What each code of log_uint8 stands for, (256,): a table, for a device that decodes by itself."""
        table: NDArray[np.float64] = np.exp(self.log_floor + self.log_step * np.arange(256))
        table[0] = 0.0
        return table.astype(np.float32)


def coding_of(shard: h5py.File) -> Coding:
    """The coding of an open shard, which its filter can now be read with.

    Raises StemdlError for an encoding that is not known and for a filter whose library is not installed.
    """
    encoding = shard.attrs.get("encoding", "float32")
    if shard.attrs.get("filter", "none") in PLUGIN_FILTERS:
        _hdf5plugin(f"{shard.filename}, the filter {shard.attrs['filter']}")
    try:
        if encoding == "float32":
            return Coding()
        if encoding == "float16":
            return Coding(encoding, scale=float(shard.attrs["scale"]))
        if encoding == "log_uint8":
            return Coding(encoding, log_floor=float(shard.attrs["log_floor"]), log_step=float(shard.attrs["log_step"]))
    except KeyError as error:
        raise StemdlError(
            "a shard does not say how its patterns are encoded", where=shard.filename, expected=f"its attribute {error}"
        ) from error
    raise StemdlError("the encoding of a shard is not known", where=shard.filename, found=encoding)


def read_stored(dataset: h5py.Dataset) -> NDArray[np.float32]:
    """The intensities of one stored sample, (3, pixels, pixels) float32, whatever the storage.

    Asks the shard for its coding each time, about 0.1 ms; whoever reads many samples of a shard asks once, with
    `coding_of(shard).decode(dataset[()])`. Raises StemdlError as `coding_of` does.
    """
    if dataset.dtype == np.float32 and dataset.chunks is None:
        stored: NDArray[np.float32] = dataset[()]
        return stored
    coding = coding_of(dataset.file)  # before the read: it loads the filter
    return coding.decode(dataset[()])


def require_filter(storage: Storage) -> None:
    """Raises StemdlError where nothing can be stored so, for want of the filter's library."""
    if storage.filter in PLUGIN_FILTERS:
        _hdf5plugin(f"the filter {storage.filter}")


def encode(patterns: NDArray[Any], storage: Storage) -> NDArray[Any]:
    """Intensities, (3, pixels, pixels), as a storage's numbers: float32, float16 or uint8.

    Raises StemdlError where the encoding cannot hold them: not finite, or above 1.99 for float16.
    """
    patterns = binned(patterns, storage.pixels)
    if storage.encoding == "float32":
        return np.asarray(patterns, dtype=np.float32)
    most = float(np.max(patterns))
    if not np.isfinite(most) or (storage.encoding == "float16" and most * FLOAT16_SCALE > FLOAT16_MOST):
        raise StemdlError(
            f"{storage.encoding} cannot hold the patterns",
            found=f"an intensity of {most:g}",
            expected="intensities of unit-sum patterns",
            remedy="store them as float32",
        )
    if storage.encoding == "float16":
        scaled = np.asarray(patterns, dtype=np.float32) * np.float32(FLOAT16_SCALE)
        halves: NDArray[np.float16] = scaled.astype(np.float16)
        return halves
    logarithms = np.log(np.maximum(patterns, np.exp(LOG_FLOOR)))
    codes: NDArray[np.uint8] = np.clip(np.rint((logarithms - LOG_FLOOR) / LOG_STEP), 0, 255).astype(np.uint8)
    return codes


def binned(patterns: NDArray[Any], pixels: int) -> NDArray[Any]:
    """Patterns (..., n, n) on `pixels` x `pixels` larger pixels, each the sum of the block it covers; 0 leaves them.

    Raises StemdlError where the blocks would not be whole.
    """
    size = patterns.shape[-1]
    if pixels in (0, size):
        return patterns
    if size % pixels:
        raise StemdlError("patterns cannot be reduced to these pixels", expected=f"a divisor of {size}", found=pixels)
    block = size // pixels
    blocks = patterns.reshape(*patterns.shape[:-2], pixels, block, pixels, block)
    sums: NDArray[np.float32] = blocks.sum(axis=(-3, -1), dtype=np.float64).astype(np.float32)
    return sums


def write_stored(group: h5py.Group, name: str, patterns: NDArray[Any], storage: Storage) -> None:
    """Adds a sample's patterns to a group, (3, pixels, pixels), and says in the shard how it is stored where that is
    not the default. All samples of a shard have one storage.

    Raises StemdlError as `encode` does, and where the filter's library is not installed.
    """
    stored = encode(patterns, storage)
    if storage.encoding != "float32" or storage.filter != "none":
        _describe(group.file, storage)
    group.create_dataset(name, data=stored, **_filter_options(storage.filter, stored))


def _describe(shard: h5py.File, storage: Storage) -> None:
    numbers = {
        "float32": {},
        "float16": {"scale": FLOAT16_SCALE},
        "log_uint8": {"log_floor": LOG_FLOOR, "log_step": LOG_STEP},
    }[storage.encoding]
    if "encoding" not in shard.attrs:
        for key, value in {"encoding": storage.encoding, "filter": storage.filter, **numbers}.items():
            shard.attrs[key] = value


def _filter_options(name: str, stored: NDArray[Any]) -> dict[str, Any]:
    """What h5py's create_dataset needs for a filter. Bytes of equal weight are put side by side first: the exponents
    of neighbouring pixels are alike, their last digits are not."""
    if name == "none":
        return {}
    options: dict[str, Any] = {"chunks": stored.shape, "shuffle": stored.dtype.itemsize > 1 and name != "bitshuffle"}
    if name == "gzip":
        return {**options, "compression": "gzip", "compression_opts": 4}
    plugin = _hdf5plugin(f"the filter {name}")
    filters = {"lz4": plugin.LZ4, "zstd": plugin.Zstd, "bitshuffle": plugin.Bitshuffle}
    return {**options, **filters[name]()}


def _hdf5plugin(where: object) -> Any:
    """The library of filters, whose import registers them with HDF5."""
    try:
        import hdf5plugin
    except ImportError as error:
        raise StemdlError(
            "the patterns need an HDF5 filter that is not installed",
            where=where,
            remedy="pip install 'stemdl-benchmark[storage]', or store them with gzip or none",
        ) from error
    return hdf5plugin
