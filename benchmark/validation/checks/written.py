"""Seeds that somebody wrote, or made of something else: what numbers of the operating system have by chance alone."""

from __future__ import annotations

import functools
import itertools
import math
import operator
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence

BITS, WHOLE = 31, 2**31
DOUBTFUL = 1e-6
"""The chance below which a reader asks, for each of the some 35 patterns here: all together are seen in less than one
of 10,000 sets of drawn seeds."""
DECIMALS = (
    "314159265358979323846264338327950288419716939937510 271828182845904523536028747135266249775724709369995"
    " 141421356237309504880168872420969807856967187537694"
)
WORDS = "dead beef cafe babe feed face f00d 5eed c0de fade decade facade deface c0ffee".split()
_DATE = re.compile(r"(199\d|20[0-4]\d)(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])([01]\d|2[0-3])")
_DAY = re.compile(r"(0?[1-9]|[12]\d|3[01])(0[1-9]|1[0-2])(19|20)\d\d")
_ROW = 5
MOST_JOINED = 30
"""Seeds that are tried four by four."""


def _written_from_both_ends(digits: str) -> bool:
    return digits == digits[::-1]


def _repeats(digits: str) -> bool:
    return any(digits == (digits[:k] * len(digits))[: len(digits)] for k in range(1, len(digits) // 2 + 1))


def _has_a_row(digits: str) -> bool:
    """Five digits, each as far from the one before: 12345, 99999, 86420."""
    steps = [ord(b) - ord(a) for a, b in itertools.pairwise(digits)]
    return any(len({*steps[at : at + _ROW - 1]}) == 1 for at in range(len(steps) - _ROW + 2))


def _letters(seed: int) -> bool:
    return all(bytes([each]).isalpha() for each in seed.to_bytes(4, "big"))


def _has_a_word(seed: int) -> bool:
    return any(word in f"{seed:08x}" for word in WORDS)


def _is_prime(number: int) -> bool:
    """By Miller and Rabin, with the bases that decide below 3,215,031,751."""
    if number < 11 or any(number % small == 0 for small in (2, 3, 5, 7)):
        return number in (2, 3, 5, 7)
    twos = (number - 1 & 1 - number).bit_length() - 1
    powers = ([pow(base, (number - 1 >> twos) << k, number) for k in range(twos)] for base in (2, 3, 5, 7))
    return all(each[0] == 1 or number - 1 in each for each in powers)


def _is_power(seed: int, power: int, near: int = 0) -> bool:
    return abs(round(seed ** (1 / power)) ** power - seed) <= near


KINDS: Mapping[str, tuple[float, Callable[[int], bool]]] = {
    "squares": (2.2e-5, lambda seed: _is_power(seed, 2)),
    "cubes": (6.1e-7, lambda seed: _is_power(seed, 3)),
    "squares, to 8": (3.8e-4, lambda seed: _is_power(seed, 2, 8)),
    "primes": (0.05, _is_prime),
    "of the digits of pi, e or the root of 2": (6e-8, lambda seed: seed >= 10**8 and str(seed) in DECIMALS),
    "palindromes": (6e-5, lambda seed: _written_from_both_ends(str(seed))),
    "palindromes in hexadecimal digits": (2.5e-5, lambda seed: _written_from_both_ends(f"{seed:x}")),
    "palindromes in bits": (5e-5, lambda seed: _written_from_both_ends(f"{seed:b}")),
    "repetitions": (2e-5, lambda seed: _repeats(str(seed))),
    "repetitions in hexadecimal digits": (3e-5, lambda seed: _repeats(f"{seed:x}")),
    "round numbers": (1.2e-4, lambda seed: seed % 10_000 == 0),
    "rows of digits": (1.5e-3, lambda seed: _has_a_row(str(seed))),
    "letters": (3.5e-3, _letters),
    "words of hexadecimal digits": (8e-4, _has_a_word),
    "dates": (2.5e-4, lambda seed: _DATE.fullmatch(str(seed)) is not None),
    "days": (5e-5, lambda seed: _DAY.fullmatch(str(seed)) is not None),
}
"""What a number may be, and the share of the numbers of 31 bits that are, at most."""


def written(seeds: Sequence[int], spans: Sequence[tuple[int, int]] = (), hashes: str = "") -> str:
    """What seeds have in common, in the order of their runs, that drawn ones do not; empty where chance explains it.

    Parameters
    ----------
    seeds : of 31 bits, each once. spans : when each run was made, first and last millisecond since 1970.
    hashes : what the submission has of hexadecimal digits, each beginning after a space.
    """
    told = [seed for seed in seeds if 0 <= seed < WHOLE]
    if not told or len(told) < len(seeds):
        return ""
    for what, (share, is_one) in (*KINDS.items(), *_times(spans)):
        found = sum(map(is_one, told))
        if found and by_chance(len(told) * share, found) < DOUBTFUL:
            return f"{found} are {what}"
    return (
        _of_hashes(told, hashes)
        or _of_each_other(told)
        or _of_the_same_digits(told)
        or _of_a_count(told)
        or _of_a_rule(told)
        or _of_few_bits(told)
    )


def by_chance(expected: float, found: int) -> float:
    """At most the chance of so many where each seed is one by a chance of its own, whatever the others are; `expected`
    is the sum of these chances."""
    return expected**found / math.factorial(found)


def _times(spans: Sequence[tuple[int, int]]) -> Iterator[tuple[str, tuple[float, Callable[[int], bool]]]]:
    if not spans:
        return
    day_ms = 86_400_000
    first, last = min(spans)[0] - day_ms, max(end for _, end in spans) + day_ms
    length = last - first
    yield (
        "seconds since 1970 when the runs were made",
        (
            min(1.0, length / 1000 / WHOLE),
            lambda seed: first <= 1000 * seed <= last,
        ),
    )
    within = sum(end - begin + 2 for begin, end in spans)
    yield (
        "the last bits of milliseconds at which the runs were made",
        (
            min(1.0, within / WHOLE),
            lambda seed: any((seed - begin) % WHOLE <= end - begin for begin, end in spans),
        ),
    )


def _of_hashes(seeds: Sequence[int], hashes: str) -> str:
    """Whether seeds are 31 bits of words of 32, in either order of their bytes, of the submission's own hashes."""
    words = {seed: [word for each in _words_of(seed) for word in (each, _backwards(each, 8))] for seed in seeds}
    shares = len(seeds) * 8 / 2**32
    for what, before, places in (("begin a", " ", hashes.count(" ")), ("are in a", "", len(hashes))):
        found = [seed for seed in seeds if any(f"{before}{word:08x}" in hashes for word in words[seed])]
        if found and by_chance(shares * places, len(found)) < DOUBTFUL:
            return f"the bits of {', '.join(map(str, found[:3]))} {what} hash of the ledger or the logs"
    return ""


def _words_of(seed: int) -> tuple[int, ...]:
    """The words of 32 bits of which a seed is the lower 31, or the higher."""
    return seed, seed + WHOLE, 2 * seed, 2 * seed + 1


def _of_each_other(seeds: Sequence[int]) -> str:
    """Whether a seed is an earlier one turned around: rotated, read backwards, or its bytes put in another order."""
    known: dict[int, int] = {}
    chance, found = 0.0, []
    for seed in seeds:
        chance += len(known) / WHOLE
        if seed in known:
            found.append((seed, known[seed]))
        known |= dict.fromkeys(_turned(seed) - known.keys(), seed)
    if found and by_chance(chance, len(found)) < DOUBTFUL:
        return f"{found[0][0]} has the bits or digits of {found[0][1]}, turned around"
    return ""


def _turned(seed: int) -> set[int]:
    bits, word, digits = f"{seed:031b}", seed.to_bytes(4, "big"), str(seed)
    made = {int(each[at:] + each[:at], 2) for each in (bits, "0" + bits) for at in range(len(each))}
    made |= {int(each[::-1], 2) for each in (bits, "0" + bits)} | {_backwards(seed, 4), seed ^ seed >> 1}
    made |= {int.from_bytes(bytes(each), "big") for each in itertools.permutations(word)}
    made |= {int(each[at:] + each[:at]) for each in (digits, digits[::-1]) for at in range(len(digits))}
    return {each for each in made if each < WHOLE}


def _backwards(word: int, bits: int) -> int:
    """A word of 32 bits, so many of them at a time."""
    return sum((word >> at & (1 << bits) - 1) << 32 - bits - at for at in range(0, 32, bits))


def _of_the_same_digits(seeds: Sequence[int]) -> str:
    for name, form in (("digits", "d"), ("hexadecimal digits", "08x")):
        known: dict[str, float] = {}
        chance, found = 0.0, 0
        for seed in seeds:
            chance += sum(known.values())
            digits = "".join(sorted(format(seed, form)))
            found += digits in known
            orders = math.factorial(len(digits)) / math.prod(map(math.factorial, Counter(digits).values()))
            known[digits] = min(1.0, orders / WHOLE)
        if found and by_chance(chance, found) < DOUBTFUL:
            return f"{found} have the {name} of others, in another order"
    return ""


def _of_a_count(seeds: Sequence[int]) -> str:
    """Whether two or more digits, at one place from the left or the right, count up or down by one from run to run."""
    for name, base, form in (("digits", 10, "d"), ("hexadecimal digits", 16, "x")):
        rows = [format(seed, form) for seed in seeds]
        for width in range(2, 6):
            places = 2 * 2 * (max(map(len, rows)) - width + 1)  # from either end, up or down
            if 2 * places * base ** (-float(width) * (len(seeds) - 1)) >= DOUBTFUL:
                continue
            for turn, at in itertools.product((1, -1), range(min(map(len, rows)) - width + 1)):
                parts = [
                    row[at : at + width] if turn > 0 else row[len(row) - at - width : len(row) - at] for row in rows
                ]
                steps = {int(b, base) - int(a, base) for a, b in itertools.pairwise(parts)}
                if steps in ({1}, {-1}):
                    return f"the {name} {', '.join(parts[:4])} in them count the runs"
    return ""


def _of_a_rule(seeds: Sequence[int]) -> str:
    """Whether one step leads from seed to seed: a factor, or a factor and a term, modulo 2^31; or bits exchanged."""
    steps = [after - before for before, after in itertools.pairwise(seeds)]
    for what, told in (("a factor", seeds), ("a factor and a step", steps)):
        odd = [(a * c - b * b) % WHOLE == 0 for a, b, c in zip(told, told[1:], told[2:], strict=False)]
        # products of drawn numbers agree in 31 bits by 32 in 2^31 at most, since both may be even
        if any(odd) and by_chance(len(odd) * 32 / WHOLE, sum(odd)) < DOUBTFUL:
            return f"one follows the other by {what}"
    powers = [(8 + 8 * b / a) / WHOLE for a, b in itertools.pairwise(seeds[:-1]) if a]
    near = [abs(c - b * b / a) <= 2 + 2 * b / a for a, b, c in zip(seeds, seeds[1:], seeds[2:], strict=False) if a]
    if any(near) and by_chance(sum(powers), sum(near)) < DOUBTFUL:
        return "each is the one before times one number, rounded"
    for count in sorted({3, 4, len(seeds)} - {0, 1, 2}):
        some = seeds if count == len(seeds) else seeds[:MOST_JOINED]
        apart = [functools.reduce(operator.xor, each) == 0 for each in itertools.combinations(some, count)]
        if any(apart) and by_chance(len(apart) / WHOLE, sum(apart)) < DOUBTFUL:
            return f"of {count} each has the bits in which the others differ"
    if len(seeds) > 2 and any(2 * seed % WHOLE == sum(seeds) % WHOLE for seed in seeds):
        return "one is the sum of all the others"
    return ""


def _of_few_bits(seeds: Sequence[int]) -> str:
    """Whether a code describes the seeds in so many bits fewer than they have that drawn ones are described as briefly
    once in a million sets: no code describes more than the 2^-k-th part of all sets in k bits fewer."""
    for name, base, form in (("bits", 2, "031b"), ("digits", 10, "010d"), ("hexadecimal digits", 16, "08x")):
        rows = [[int(each, 16) for each in format(seed, form)] for seed in seeds]
        for what, coded in (
            ("are unevenly frequent", [(0, each) for row in rows for each in row]),
            ("are alike at their places", [pair for row in rows for pair in enumerate(row)]),
            ("follow each other", [pair for row in rows for pair in zip([base, *row], row, strict=False)]),
            ("are in steps", [(at > 0, (b - a) % base) for row in rows for at, (a, b) in _steps(row)]),
        ):
            if BITS * len(seeds) - _length(coded, base) > -math.log2(DOUBTFUL):
                return f"their {name} {what}"
    return ""


def _steps(row: Sequence[int]) -> Iterator[tuple[int, tuple[int, int]]]:
    return enumerate(itertools.pairwise([0, *row]))


def _length(coded: Sequence[tuple[int, int]], base: int) -> float:
    """The bits of a code that learns how frequent each symbol is in each context (Krichevsky and Trofimov)."""
    told: dict[int, Counter[int]] = defaultdict(Counter)
    bits = 0.0
    for context, symbol in coded:
        seen = told[context]
        bits -= math.log2((seen[symbol] + 0.5) / (seen.total() + base / 2))
        seen[symbol] += 1
    return bits
