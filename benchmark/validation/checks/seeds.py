"""The seeds of a set: each drawn by the operating system, and none made from another."""

from __future__ import annotations

import functools
import hashlib
import itertools
import math
import operator
import random
import string
import zlib
from collections.abc import Iterator, Sequence
from typing import Any

from benchmark.events import keys
from benchmark.validation.finding import Fault, Severity, shown
from benchmark.validation.registry import check
from benchmark.validation.subjects import Log, ResultSet, as_count

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
"""Linear congruential generators: (factor x + step) mod modulus. One of 20 pairs of seeds is such a pair by a chance of
5 in 100,000,000."""
MOST_FOLLOWED = 20
USUAL_SEEDS = (*range(128), 1234, 12345, 123456, 1337, 2023, 2024, 2025, 2026)
"""Seeds that generators are given by hand."""
HASHED = (
    *(str(number) for number in range(100)),
    *(f"{name}{number}" for name in ("run", "run_", "seed") for number in range(10)),
)
"""Texts of which the hashes are known: one of 1,820 is a seed of 5 by a chance of 5 in 1,000,000."""
OF_THE_RUN = (keys.SUBMISSION_GITHUB_COMMIT_VERSION, keys.DATA_MANIFEST_SHA256, keys.DATA_RECIPE_SHA256)
"""Hashes that a log has: their 294 pieces of a seed's bits hold one of 5 seeds by a chance of 7 in 10,000,000."""
FEWEST_POWERS, FEWEST_PRIMES = 2, 5
"""Two of 5 seeds are squares by a chance of 5 in 1,000,000,000; all 5 are primes by 2 in 10,000,000."""
DECIMALS = (
    "314159265358979323846264338327950288419716939937510 271828182845904523536028747135266249775724709369995"
    " 141421356237309504880168872420969807856967187537694"
)
"""Of their 129 pieces of nine digits one is a seed of 5 by a chance of 6 in 10,000,000."""
FIRST_DRAWS, FEWEST_DRAWN = 16, 2
"""Of the numbers that five generators draw first from 136 seeds, some 13,000, one is a seed of 20 by a chance of 1 in
10,000, and two are by 1 in 100,000,000."""


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
    """The seeds do not form a progression, share a factor or most bits or lie close together, as chance has it in 1 of
    100,000 sets."""
    seeds = sorted({seed for log in results.read if (seed := as_count(log.value(keys.SEED))) is not None and seed >= 0})
    pattern = related(seeds) or follows(seeds) or drawn_by_hand(seeds) or hashed(seeds, results.read) or written(seeds)
    if pattern:
        yield Fault(
            "the seeds were not drawn: they are related to each other",
            found=pattern,
            expected=f"{SEED_BITS} bits of the operating system each",
            severity=Severity.WARNING,
        )


def follows(seeds: Sequence[int]) -> str:
    """How one seed follows another by a generator that is often used; empty where none does."""
    for one, other in itertools.permutations(seeds[:MOST_FOLLOWED], 2):
        for name, factor, step, modulus in GENERATORS:
            states = (one,) if modulus < 2**32 else (one, 2 * one, 2 * one + 1)  # of 32 bits the higher 31 may be taken
            for shift, state in enumerate(states):
                if ((factor * state + step) % modulus >> bool(shift)) % 2**SEED_BITS == other:
                    return f"{other} follows {one} in {name}"
    return ""


def drawn_by_hand(seeds: Sequence[int]) -> str:
    """Which generator two of the seeds are the first numbers of, from a seed that is often given; empty for none."""
    known = _usual_draws()
    told = [known[seed] for seed in seeds if seed in known]
    for generator in {*told}:
        if told.count(generator) >= FEWEST_DRAWN:
            return f"{told.count(generator)} are of the first numbers of {generator}"
    return ""


def hashed(seeds: Sequence[int], logs: Sequence[Log]) -> str:
    """Which seed is of the bits of a hash, of a small number or in the logs themselves; empty for none."""
    told = {key: str(log.value(key)) for key in OF_THE_RUN for log in logs[:1]}
    known = _hashes() | {bits: key for key, text in told.items() for bits in _pieces(text)}
    return next((f"{seed} is of {known[seed]}" for seed in seeds if seed in known), "")


def _pieces(digits: str) -> Iterator[int]:
    """The seeds that eight hexadecimal digits in a row are."""
    for at in range(len(digits) - 7):
        piece = digits[at : at + 8]
        if all(each in string.hexdigits for each in piece):
            yield from _bits_of(int(piece, 16))


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


def written(seeds: Sequence[int]) -> str:
    """What numbers somebody wrote have in common, and drawn ones do not; empty for none."""
    digits = "".join(map(str, seeds))
    few = len({*digits})
    if few < 10 and math.comb(10, few) * (few / 10) ** len(digits) < DOUBTFUL:
        return f"all are of the digits {''.join(sorted({*digits}))}"
    for power, name in ((2, "squares"), (3, "cubes")):
        made = sum(round(seed ** (1 / power)) ** power == seed for seed in seeds)
        if made >= FEWEST_POWERS:
            return f"{made} are {name}"
    if any(str(seed) in DECIMALS for seed in seeds if seed >= 10**8):
        return "one is of the digits of pi, e or the root of 2"
    if len(seeds) >= FEWEST_PRIMES and all(map(_is_prime, seeds)):
        return "all are primes"
    return ""


def _is_prime(number: int) -> bool:
    """By Miller and Rabin, with the bases that decide below 3,215,031,751."""
    if number < 11 or any(number % small == 0 for small in (2, 3, 5, 7)):
        return number in (2, 3, 5, 7)
    twos = (number - 1 & 1 - number).bit_length() - 1
    powers = ([pow(base, (number - 1 >> twos) << k, number) for k in range(twos)] for base in (2, 3, 5, 7))
    return all(each[0] == 1 or number - 1 in each for each in powers)


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
            ("numpy.random.default_rng", np.random.default_rng(seed).integers(0, top, FIRST_DRAWS).tolist()),
        ):
            draws |= dict.fromkeys(drawn, f"{name} from {seed}")
    return draws


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
