"""A rung: a size of a benchmark's data, and the recipe that its data follow from, as frozen values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from benchmark.foundation.errors import StemdlError, nearest
from benchmark.foundation.files import canonical_json, sha256_of_text

SPLITS = ("train", "dev", "test")
"""The three splits, in the real data set's own words: `dev` decides when the clock stops, `test` is never timed."""
WHOLE = "test"
"""The only split of data that are not split: they judge what was trained on others."""

ENCODINGS = ("float32", "float16", "log_uint8")
FILTERS = ("none", "gzip", "lz4", "zstd", "bitshuffle")


@dataclass(frozen=True)
class Storage:
    """How patterns lie in a shard: the real set's float32, or smaller. Raises StemdlError for what is not known.

    Attributes
    ----------
    pixels : 0 for those that were simulated or imported, otherwise what they are reduced to, in whole blocks.
    encoding : float32, float16 or log_uint8 (the real set's usual log scale in 256 steps).
    filter : of HDF5, lossless. lz4, zstd and bitshuffle need the extra `storage`.
    """

    pixels: int = 0
    encoding: str = "float32"
    filter: str = "none"

    def __post_init__(self) -> None:
        if type(self.pixels) is not int or self.pixels < 0:
            raise StemdlError("the pixels of a storage are not a whole number from 0", found=self.pixels)
        for word, value, known in (("encoding", self.encoding, ENCODINGS), ("filter", self.filter, FILTERS)):
            if value not in known:
                raise StemdlError(f"there is no {word} {value!r}", remedy=nearest(str(value), known))


class MadeRung(Protocol):
    """What making data asks of a rung: `Rung` has it, and what a task's recipe makes of one."""

    @property
    def task(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def version(self) -> int: ...
    @property
    def seed(self) -> int: ...
    @property
    def storage(self) -> Storage: ...
    @property
    def named_by(self) -> Mapping[str, Any]: ...
    @property
    def recipe_sha256(self) -> str: ...


@dataclass(frozen=True, kw_only=True)
class Rung:
    """A size of a benchmark's data: what a submission enters and compares in.

    Attributes
    ----------
    task : the task that it is of, whose recipe makes its data.
    samples : how many samples each split has.
    classes : how many classes the target has; 0 where it is not a class.
    storage : how inputs lie in shards.
    recipe : what the rung says beyond that, which the task's recipe alone understands.
    named_by : everything that the data follow from, as plain values.
    """

    task: str
    name: str
    summary: str
    version: int
    seed: int
    samples: Mapping[str, int]
    classes: int = 0
    storage: Storage = Storage()
    recipe: Mapping[str, Any] = field(default_factory=dict)
    named_by: Mapping[str, Any] = field(default_factory=dict)

    def total(self, split: str) -> int:
        """How many samples a split has."""
        return self.samples[split]

    @property
    def recipe_sha256(self) -> str:
        """The name of the data: two sets made by one recipe carry the same."""
        return sha256_of_text(canonical_json(self.named_by))
