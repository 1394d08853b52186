"""What a sample of a rung's own data is recognised by, though another processor made it.

The first input of a sample holds counted particles: whole numbers. Processors round the intensities before the counting
otherwise, by some 1e-7, and the same random numbers then give the same counts but here and there: one count of a bright
pixel is one more or less (in 10 % of stemdl_mini's samples), or one random number more is drawn and a run of pixels is
counted with other ones until both streams meet again (in 1 %). So the golden figures of a sample are

- a fingerprint of all its counts, which most samples from any processor have;
- of each strip (a quarter of a pattern's rows) the sum of its counts and a sum with weights, by which single counts
  that went astray are found and moved back, so that the fingerprint proves all of the sample.

A sample that was counted with other numbers is not proven: at least half of its strips must have both sums, and the
others as many counts as counting noise allows. `recognise` bounds how many samples may be so, and has a random part of
more made again.
"""

from __future__ import annotations

import enum
import functools
import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmark.definition.golden_files import golden_path
from benchmark.definition.rung import MadeRung

STRIPS = 4
"""Parts of each pattern, of as many rows each."""
BRIGHT = 8
"""Counts of a pixel that rounding may move by one. How often it does is in proportion to the intensity; and a count
where there is hardly one could tell a network something."""
LEAST_EQUAL_STRIPS = 6
"""Strips, of a sample's 12, that are the same even where it was counted with other random numbers: in 65 samples of
stemdl_mini 1 to 4 differed."""
MOST_NOISE = 8.0
"""Sum over the strips of squared differences between square roots of counts. In a strip that is counted again that is
0.5 on average, less where a part of it is: up to 1.7 in 65 samples of stemdl_mini. A pattern 1 % brighter gives 25."""
MODULUS = 2**32


class Likeness(enum.Enum):
    """How a sample compares with its golden figures."""

    SAME = "the same"
    ROUNDED = "the same but for single counts that rounding moved"
    RECOUNTED = "counted with other random numbers in parts"
    OTHER = "other patterns"


@dataclass(frozen=True)
class Figures:
    """One sample's figures: `fingerprint` of its counts; `sums`, `mixed` (3, STRIPS) of its strips, the latter with
    weights and modulo `MODULUS`."""

    fingerprint: int
    sums: NDArray[np.int64]
    mixed: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Golden:
    """Golden figures of a rung.

    Attributes
    ----------
    shards_sha256 : of the hashes of the shards that they are of (`recognition.hash_of_shards`).
    fingerprints : (n,) of all samples, in the order of the shards. sums, mixed : (n, 3, STRIPS).
    """

    shards_sha256: str
    fingerprints: NDArray[np.uint64]
    sums: NDArray[np.uint32]
    mixed: NDArray[np.uint32]

    def figures(self, sample: int) -> Figures:
        """Those of a sample by its place in the data set."""
        sums, mixed = self.sums[sample].astype(np.int64), self.mixed[sample].astype(np.int64)
        return Figures(int(self.fingerprints[sample]), sums, mixed)


def load_golden(rung: MadeRung) -> Golden | None:
    """The golden figures that ship with a rung; None where there are none of this recipe."""
    path = golden_path(rung.name)
    if path is None or not path.is_file():
        return None
    with np.load(path, allow_pickle=False) as file:
        if str(file["recipe_sha256"]) != rung.recipe_sha256:
            return None
        return Golden(str(file["shards_sha256"]), file["fingerprints"], file["sums"], file["mixed"])


def counts_of(patterns: NDArray[np.float32], dose_electrons: float) -> NDArray[np.int64] | None:
    """The counts that intensities (3, pixels, pixels) were made from; None where they are not made from whole ones,
    as `detector.counted` and float32 make them."""
    if not np.isfinite(patterns).all() or patterns.min() < 0.0 or patterns.max() > 2.0:
        return None
    counts = np.rint(patterns.astype(np.float64) * dose_electrons).astype(np.int64)
    return counts if np.array_equal((counts / dose_electrons).astype(np.float32), patterns) else None


def fingerprint(counts: NDArray[np.int64]) -> int:
    """64 bits of a hash of all counts."""
    return int.from_bytes(hashlib.sha256(counts.astype("<u4").tobytes()).digest()[:8], "little")


def figures_of(counts: NDArray[np.int64]) -> Figures:
    """The golden figures of counts (3, pixels, pixels)."""
    strips = _strips(counts)
    return Figures(fingerprint(counts), strips.sum(axis=2), strips @ _weights(strips.shape[-1]) % MODULUS)


def likeness(counts: NDArray[np.int64], golden: Figures) -> Likeness:
    """What counts (3, pixels, pixels) are, against the golden figures of their sample."""
    if fingerprint(counts) == golden.fingerprint:
        return Likeness.SAME
    own = figures_of(counts)
    differs = (own.sums != golden.sums) | (own.mixed != golden.mixed)
    moved_back = counts.copy()
    strips = _strips(moved_back)
    if all(_move_back(strips[place], own, golden, place) for place in zip(*np.nonzero(differs), strict=True)):
        if fingerprint(moved_back) == golden.fingerprint:
            return Likeness.ROUNDED
    noise = ((np.sqrt(own.sums) - np.sqrt(golden.sums)) ** 2).sum()
    if differs.sum() <= differs.size - LEAST_EQUAL_STRIPS and noise <= MOST_NOISE:
        return Likeness.RECOUNTED
    return Likeness.OTHER


def differences(counts: NDArray[np.int64], golden: Figures) -> str:
    """How counts differ from the golden figures, in words."""
    own = figures_of(counts)
    strips = int(((own.sums != golden.sums) | (own.mixed != golden.mixed)).sum())
    totals = own.sums.sum(axis=1) / np.maximum(1, golden.sums.sum(axis=1)) - 1.0
    return f"{strips} of {own.sums.size} strips; the patterns' intensities by " + ", ".join(
        f"{total:+.2%}" for total in totals
    )


def _move_back(strip: NDArray[np.int64], own: Figures, golden: Figures, place: tuple[int, ...]) -> bool:
    """Undo in a strip (pixels,) what gave it other sums, where that is one or two counts of bright pixels."""
    wanted, mixed = golden.sums[place] - own.sums[place], (golden.mixed[place] - own.mixed[place]) % MODULUS
    bright = np.flatnonzero(strip >= BRIGHT)
    pixels, steps = np.tile(bright, 2), np.repeat((1, -1), len(bright))
    effects = steps * _weights(len(strip))[pixels] % MODULUS
    moves = np.flatnonzero((effects == mixed) & (steps == wanted))[:1]
    if not len(moves) and len(bright):
        order = np.argsort(effects)
        missing = (mixed - effects) % MODULUS
        partner = order[np.minimum(np.searchsorted(effects, missing, sorter=order), len(order) - 1)]
        pair = np.flatnonzero(
            (effects[partner] == missing) & (steps + steps[partner] == wanted) & (pixels != pixels[partner])
        )[:1]
        moves = np.concatenate([pair, partner[pair]])
    strip[pixels[moves]] += steps[moves]
    return len(moves) > 0 and bool((strip[pixels[moves]] >= BRIGHT).all())


def _strips(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """(3, STRIPS, pixels of a strip) of counts (3, pixels, pixels), not copied."""
    return counts.reshape(len(counts), STRIPS, -1)


@functools.cache
def _weights(pixels: int) -> NDArray[np.int64]:
    """The weights of a strip's pixels: numbers below `MODULUS`, without order, the same everywhere."""
    stream = hashlib.shake_128(b"golden figures").digest(4 * pixels)
    return np.frombuffer(stream, dtype="<u4").astype(np.int64)
