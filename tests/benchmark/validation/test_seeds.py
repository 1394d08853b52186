"""The checks tell seeds that somebody wrote from drawn ones, by chances that hold."""

from __future__ import annotations

import random

import pytest

from benchmark.validation.checks.seeds import drawn_by_hand, follows, hashed, related
from benchmark.validation.checks.written import KINDS, WHOLE, by_chance, written

DRAWN = 100_000
SETS, OF_A_SET, FALSE_ALARMS = 10_000, 5, 3
"""More false alarms than three have a chance of 2 in 100 at one in 10,000 sets, and the generator's seed is fixed."""
BEGAN_MS, LASTED_MS = 1_795_876_073_723, 170_000


def lcg(count: int) -> int:
    """The state of a generator that nobody else uses, after so many steps."""
    state = 1186845534
    for _ in range(count):
        state = (1_812_433_253 * state + 77_777) % WHOLE
    return state


@pytest.mark.parametrize("kind", KINDS)
def test_no_more_numbers_are_of_a_kind_than_is_said(kind: str) -> None:
    share, is_one = KINDS[kind]
    drawn = random.Random(f"numbers of {kind}")
    found = sum(is_one(drawn.randrange(WHOLE)) for _ in range(DRAWN))
    assert found <= DRAWN * share + 4 * (DRAWN * share) ** 0.5 + 1


@pytest.mark.slow
def test_drawn_seeds_are_found_once_in_ten_thousand_sets_at_most() -> None:
    drawn = random.Random("honest sets")
    hashes = "".join(f" {drawn.getrandbits(256):064x}" for _ in range(60))
    spans = [(BEGAN_MS + 2 * LASTED_MS * run, BEGAN_MS + 2 * LASTED_MS * run + LASTED_MS) for run in range(OF_A_SET)]
    found = []
    for _ in range(SETS):
        seeds = [drawn.getrandbits(31) for _ in range(OF_A_SET)]
        in_order = sorted(seeds)
        said = related(in_order) or follows(in_order) or drawn_by_hand(in_order) or hashed(in_order)
        if said or written(seeds, spans, hashes):
            found.append(seeds)
    assert len(found) <= FALSE_ALARMS, found


def test_chances_are_those_of_rare_seeds() -> None:
    """Of two seeds with a chance of a half each, both are by a quarter: the bound is above it, and 1 for none."""
    assert by_chance(0.3, 0) == 1.0
    assert by_chance(1.0, 2) == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("seeds", "said"),
    [
        ((1186845534, 568731966, 669137865, 1523606521, 1256063251), "turned around"),
        ((1234432199, 1768731966, 953286699), ""),
        ((BEGAN_MS // 1000, BEGAN_MS // 1000 + 340, 1523606521, 77), "seconds since 1970"),
        (tuple((BEGAN_MS + 31 * k) % WHOLE for k in (1, 7, 99, 1234)), "milliseconds"),
        (tuple(int.from_bytes(word, "little") for word in (b"STEM", b"Cbed", b"fast", b"runA")), "letters"),
        ((0x1EADBEEF, 0x5EED1234, 0x12CAFE00, 0x00C0DE11), "words"),
        ((1203948576, 1357986420, 1648203957, 1925730846), "another order"),
        ((121212121, 1231231231, 45674567), "repetitions"),
        (tuple(1186845535 * 3**k % WHOLE for k in range(3)), "a factor"),
        (tuple(lcg(k) for k in range(4)), "a factor and a step"),
        (tuple(1186845534 ^ 0x1111111 * k for k in (0, 1, 2, 3)), "differ"),
        ((1100110011, 1010101101, 1110001011, 1001110001), "digits"),
        ((1186845534, 1768731966), ""),
    ],
)
def test_what_was_written_is_named(seeds: tuple[int, ...], said: str) -> None:
    found = written(seeds, [(BEGAN_MS, BEGAN_MS + 10 * LASTED_MS)])
    assert (said in found) if said else found == ""


def test_seeds_of_more_bits_are_not_judged() -> None:
    assert written((2**31, 121212121, 1231231231, 45674567)) == ""
