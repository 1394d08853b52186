"""The seeds of a set: each drawn by the operating system, and none made from another."""

from __future__ import annotations

import functools
import hashlib
import itertools
import math
import operator
import random
import re
import zlib
from collections.abc import Iterator, Sequence
from typing import Any

from benchmark.events import keys
from benchmark.foundation.reading import Unreadable, read_bytes
from benchmark.submission.ledger import LEDGER
from benchmark.validation.checks.written import written
from benchmark.validation.finding import Fault, Severity, shown
from benchmark.validation.registry import check
from benchmark.validation.subjects import Log, ResultSet, as_count
from benchmark.validation.told import MOST_BYTES

SEED_BITS = 31
"""The bits of a seed that a run draws. Generators that take fewer bits than they are given make one run of two
seeds."""
CHOSEN = 1000
"""A seed below, or two that lie nearer to each other, are of one in 100,000 sets whose seeds have 31 bits."""
DOUBTFUL = 1e-5
"""The chance below which a reader asks: that of one false alarm in 100,000 honest sets, for each of the patterns."""

GENERATORS = (
    ("rand() of the C standard", 1103515245, 12345, 2**31),
    ("the minimal standard generator", 16807, 0, 2**31 - 1),
    ("minstd_rand of C++", 48271, 0, 2**31 - 1),
    ("the generator of Numerical Recipes", 1664525, 1013904223, 2**32),
    ("rand() of Visual C", 214013, 2531011, 2**32),
)
"""Linear congruential generators: (factor x + step) mod modulus. One of 20 pairs of seeds is such a pair, or one of
xorshift, by a chance of 4 in 10,000,000."""
MOST_FOLLOWED = 20
USUAL_SEEDS = (*range(128), 1234, 12345, 123456, 1337, 2023, 2024, 2025, 2026)
"""Seeds that generators are given by hand."""
HASHED = (
    *(str(number) for number in range(100)),
    *(f"{name}{number}" for name in ("run", "run_", "seed") for number in range(10)),
)
"""Texts of which the hashes are known: one of 1,820 is a seed of 5 by a chance of 5 in 1,000,000."""
_HASH = re.compile("(?<![0-9a-f])[0-9a-f]{32,}(?![0-9a-f])")
FIRST_DRAWS, FEWEST_DRAWN = 16, 2
"""Of the numbers that eight generators draw first from 136 seeds, some 20,000, one is a seed of 20 by a chance of 1 in
5,000, and two are by 1 in 60,000,000."""


@check("R4.2", of=ResultSet)
def seeds_differ(results: ResultSet) -> Iterator[Fault]:
    """No two runs of a set took one seed; in other suites, at one place of the source."""
    seen: dict[Any, Log] = {}
    taken = sorted(seed for log in results.read if (seed := as_count(log.value(keys.SEED))) is not None)
    apart = min(CHOSEN, DOUBTFUL * 2**SEED_BITS / max(1, math.comb(len(taken), 2)) / 2)
    near = [pair for pair in itertools.pairwise(taken) if 0 < pair[1] - pair[0] < max(apart, 2)]
    if results.ours and (near or (taken and taken[0] < CHOSEN)):
        yield Fault(
            "the seeds look chosen",
            found=", ".join(map(str, near[0] if near else taken[:1])),
            expected=f"numbers of the operating system: few in a million are below {CHOSEN}, or so near",
            severity=Severity.WARNING,
        )
    for log in results.read:
        for event in log.of(keys.SEED):
            drawn = as_count(event.value)
            if log.ours and log.closed and drawn is not None and drawn >= 2**SEED_BITS:
                yield Fault(
                    "the seed is not one that the trainer draws",
                    file=log.file,
                    line=event.line,
                    found=str(drawn),
                    expected=f"{SEED_BITS} bits of the operating system",
                )
            place = () if results.ours else (shown(event.metadata.get("file")), shown(event.metadata.get("lineno")))
            identity = (shown(event.value), *place)
            other = seen.setdefault(identity, log)
            if other is not log and (log.closed or results.ours):
                yield Fault(
                    "two runs have the same seed",
                    file=log.file,
                    line=event.line,
                    found=shown(event.value),
                    expected=f"another seed than that of {other.path.name}",
                    hint="leave out --seed: each run takes a fresh one from the operating system",
                )


@check("R4.2", of=ResultSet, ours_alone=True)
def seeds_are_unrelated(results: ResultSet) -> Iterator[Fault]:
    """The seeds do not form a progression, share a factor or most bits or lie close together, and were not written or
    made of something else, as chance has it in 1 of 10,000 sets."""
    drawn = {seed: log for log in results.read if (seed := as_count(log.value(keys.SEED))) is not None and seed >= 0}
    seeds = sorted(drawn)
    pattern = related(seeds) or follows(seeds) or drawn_by_hand(seeds) or hashed(seeds)
    pattern = pattern or written([*drawn], _spans(results), _own_hashes(results))
    if pattern:
        yield Fault(
            "the seeds were not drawn: they are related to each other",
            found=pattern,
            expected=f"{SEED_BITS} bits of the operating system each",
            severity=Severity.WARNING,
        )


def _spans(results: ResultSet) -> list[tuple[int, int]]:
    """The first and the last millisecond of each log."""
    return [(log.events[0].time_ms, log.events[-1].time_ms) for log in results.read if log.events]


def _own_hashes(results: ResultSet) -> str:
    """Each hash in the ledger and in what the logs say of data and code, after a space."""
    try:
        texts = [read_bytes(results.folder / LEDGER, MOST_BYTES).decode("utf-8", "replace")]
    except Unreadable:
        texts = []
    texts += [str(event.value) for log in results.read for event in log.events if isinstance(event.value, str | dict)]
    return "".join(f" {each}" for each in sorted({each for text in texts for each in _HASH.findall(text)}))


def follows(seeds: Sequence[int]) -> str:
    """How one seed follows another by a generator that is often used; empty where none does."""
    for one, other in itertools.permutations(seeds[:MOST_FOLLOWED], 2):
        for name, factor, step, modulus in GENERATORS:
            made = {(factor * state + step) % modulus for state in (_words_of(one) if modulus >= 2**32 else (one,))}
            if any(other in _bits_of(word) for word in made):
                return f"{other} follows {one} in {name}"
        if any(other in _bits_of(_xorshift(state)) for state in _words_of(one)):
            return f"{other} follows {one} in xorshift"
    return ""


def _words_of(seed: int) -> tuple[int, ...]:
    """The states of 32 bits of which a seed is the lower 31, or the higher."""
    return seed, seed + 2**SEED_BITS, 2 * seed, 2 * seed + 1


def _xorshift(state: int) -> int:
    """The next of 32 bits (Marsaglia 2003)."""
    state ^= state << 13 & 0xFFFFFFFF
    state ^= state >> 17
    return state ^ state << 5 & 0xFFFFFFFF


def drawn_by_hand(seeds: Sequence[int]) -> str:
    """Which generator two of the seeds are the first numbers of, from a seed that is often given; empty for none."""
    known = _usual_draws()
    told = [known[seed] for seed in seeds if seed in known]
    for generator in {*told}:
        if told.count(generator) >= FEWEST_DRAWN:
            return f"{told.count(generator)} are of the first numbers of {generator}"
    return ""


def hashed(seeds: Sequence[int]) -> str:
    """Which seed is of the bits of a small number's hash; empty for none."""
    known = _hashes()
    return next((f"{seed} is of {known[seed]}" for seed in seeds if seed in known), "")


def _bits_of(word: int) -> tuple[int, int]:
    """The seeds that the lower and the higher bits of a word of 32 bits are."""
    return word % 2**SEED_BITS, word >> (32 - SEED_BITS)


@functools.cache
def _hashes() -> dict[int, str]:
    """The seeds that the first bytes of hashes of short texts, in either order, are, and of what."""
    made: dict[int, str] = {}
    for text in HASHED:
        words = {"crc32": [zlib.crc32(text.encode())]}
        for name in ("md5", "sha1", "sha256"):
            first = hashlib.new(name, text.encode(), usedforsecurity=False).digest()[:4]
            words[name] = [int.from_bytes(first, "big"), int.from_bytes(first, "little")]
        made |= {bits: f"{name} of {text}" for name, each in words.items() for word in each for bits in _bits_of(word)}
    return made


@functools.cache
def _usual_draws() -> dict[int, str]:
    """The numbers of a seed's bits that generators draw first, and whose they are."""
    import numpy as np

    draws: dict[int, str] = {}
    top = 2**SEED_BITS
    for seed in USUAL_SEEDS:
        bits, ranges = random.Random(seed), random.Random(seed)
        words = np.random.RandomState(seed).randint(0, 2**32, 2 * FIRST_DRAWS, dtype=np.uint64).tolist()
        for name, drawn in (
            ("random.getrandbits", [bits.getrandbits(SEED_BITS) for _ in range(FIRST_DRAWS)]),
            ("random.randrange", [ranges.randrange(top) for _ in range(FIRST_DRAWS)]),
            ("numpy.random.randint", [word % top for word in words]),  # and torch.randint, of 31 bits
            ("torch.randint", [(a << 32 | b) % (top - 1) for a, b in zip(words[::2], words[1::2], strict=True)]),
            ("mt19937 of C++", [word >> 1 for word in words[:FIRST_DRAWS]]),
            ("rand() of glibc", _glibc(seed)),
            ("Random of Java", _java(seed)),
            ("numpy.random.default_rng", np.random.default_rng(seed).integers(0, top, FIRST_DRAWS).tolist()),
        ):
            draws |= dict.fromkeys(drawn, f"{name} from {seed}")
    return draws


def _glibc(seed: int) -> list[int]:
    """The first numbers of rand() after srand(seed): a feedback of 31 words, of which the first 310 are left out."""
    words = [seed or 1]
    for _ in range(30):
        words.append(16807 * words[-1] % (2**31 - 1))
    words += words[:3]
    for _ in range(310 + FIRST_DRAWS):
        words.append((words[-31] + words[-3]) % 2**32)
    return [word >> 1 for word in words[-FIRST_DRAWS:]]


def _java(seed: int) -> list[int]:
    """The first numbers of next(31)."""
    state, drawn = seed ^ 0x5DEECE66D, []
    for _ in range(FIRST_DRAWS):
        state = (0x5DEECE66D * state + 0xB) % 2**48
        drawn.append(state >> 17)
    return drawn


def related(seeds: Sequence[int]) -> str:
    """How different seeds, in their order, are related; empty where chance explains them.

    The n - 1 differences of n drawn numbers have a common divisor of at least g by a chance of about the sum of
    k^-(n-1) over all k from g on, (g - 1)^-(n-2) / (n - 2) at most: so progressions, multiples and equal low bits are
    seen by one figure. All lie within a span of w by at most n (w / 2^31)^(n-1). A bit is the same in all by 2^(1-n).
    """
    count, whole = len(seeds), 2**SEED_BITS
    if count < 2:
        return ""
    if math.comb(count, 2) * SEED_BITS / whole < DOUBTFUL:
        for one, other in itertools.combinations(seeds, 2):
            if one ^ other == whole - 1:
                return f"{one} and {other} have opposite bits"
            if one and other % one == 0 and (other // one).bit_count() == 1:
                return f"{other} is {other // one} times {one}"
    if count < 3:
        return ""
    divisor = math.gcd(*(seed - seeds[0] for seed in seeds[1:]))
    if divisor > 1 and (divisor - 1.0) ** (2 - count) / (count - 2) < DOUBTFUL:
        return f"all differences are multiples of {divisor}"
    for first, second, third in itertools.combinations(seeds, 3):
        for what, rest in (("a sum", first + second - third), ("a mean", first + third - 2 * second)):
            # of the n over 3 triples, each with one such sum and mean, about 2 |rest| + 1 in 2^31 come so near
            if 2 * math.comb(count, 3) * (2 * abs(rest) + 1) / whole < DOUBTFUL:
                return f"of {first}, {second} and {third} one is {what} of the others, to {abs(rest)}"
    span = seeds[-1] - seeds[0]
    if count * (span / whole) ** (count - 1) < DOUBTFUL:
        return f"all lie between {seeds[0]} and {seeds[-1]}"
    differ = functools.reduce(operator.or_, (seed ^ seeds[0] for seed in seeds)) & (whole - 1)
    alike, one = SEED_BITS - differ.bit_count(), 2.0 ** (1 - count)  # the chance that one bit is the same in all
    if (
        sum(math.comb(SEED_BITS, k) * one**k * (1 - one) ** (SEED_BITS - k) for k in range(alike, SEED_BITS + 1))
        < DOUBTFUL
    ):
        return f"{alike} of {SEED_BITS} bits are the same in all"
    return ""
