"""The chances that honest times are alike are those that drawn times show."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Callable

import pytest

from benchmark.validation.chance import (
    DOUBTFUL,
    all_one_way,
    all_together,
    in_turn,
    of_one_length,
    one_remainder,
    share_a_stretch,
)


def drawn(count: int, deviation_ms: float, chance: random.Random) -> list[int]:
    """Intervals as a log has them: the whole milliseconds of their ends, the first at any time of its millisecond."""
    starts = [chance.random() for _ in range(count)]
    return [math.floor(start + chance.gauss(100, deviation_ms)) - math.floor(start) for start in starts]


@pytest.mark.parametrize("deviation_ms", [0.05, 0.4, 1.2, 6.0])
@pytest.mark.parametrize("span_ms", [0, 1])
def test_drawn_intervals_are_no_more_alike_than_that(deviation_ms: float, span_ms: int) -> None:
    chance, tries = random.Random(f"{deviation_ms} {span_ms}"), 20_000
    found = [drawn(3, deviation_ms, chance) for _ in range(tries)]
    alike = sum(max(each) - min(each) <= span_ms for each in found) / tries
    most = of_one_length(3, deviation_ms, span_ms)
    assert alike <= most + 4 * math.sqrt(max(alike, 1 / tries) / tries)
    assert most <= 1 + span_ms and (deviation_ms < 1 or most < 2.5 * (1 + span_ms) * alike + 0.02)


def test_one_remainder_is_found_where_times_were_written_and_nowhere_else() -> None:
    chance = random.Random("digits")
    found = [one_remainder([round(chance.gauss(3900, 120)) for _ in range(15)]) for _ in range(5_000)]
    assert found == [None] * len(found)
    assert one_remainder([1000 * chance.randrange(10**9) for _ in range(4)]) == (1000, 0, 4)
    assert one_remainder([10 * chance.randrange(1000) + 7 for _ in range(12)]) == (10, 7, 12)
    assert one_remainder([485, 486, 485, 486, 487] * 3) is None  # they vary by less than a digit
    assert one_remainder([110, 110, 110, 109, 144, 110, 110]) is None and one_remainder([]) is None


def wandering(chance: random.Random, count: int) -> list[float]:
    return [95.0 + each for each in itertools.accumulate(chance.choice((-1, 0, 0, 1)) for _ in range(count))]


def steady(chance: random.Random, count: int) -> list[float]:
    return [float(round(chance.gauss(95, 0.8))) for _ in range(count)]


@pytest.mark.parametrize("drawn_by", [wandering, steady])
@pytest.mark.parametrize("count", [13, 40, 300])
def test_whole_watts_of_two_runs_share_no_stretch_and_are_in_no_turn(
    drawn_by: Callable[[random.Random, int], list[float]], count: int
) -> None:
    for number in range(40):
        one, other = (drawn_by(random.Random(f"{number} {run}"), count) for run in range(2))
        assert not share_a_stretch(one, other) and in_turn(one)[0] > DOUBTFUL and all_one_way(one) > DOUBTFUL


def test_readings_that_were_made_are_told_from_those_of_a_meter() -> None:
    chance = random.Random("readings")
    fine = [round(chance.gauss(72, 3), 2) for _ in range(13)]
    assert share_a_stretch(fine, [70.0, *fine[:-1]]) and share_a_stretch(fine, fine[::-1])
    assert not share_a_stretch(fine, [round(1.01 * each, 2) for each in fine])
    assert all_one_way(sorted(fine)) < DOUBTFUL < all_one_way(fine) and all_one_way([95.0] * 20) == 1
    assert in_turn([60.0, 61.0] * 6 + [60.0])[1] == 2 and in_turn([95.0] * 9) == (1.0, 0) == in_turn([])
    assert all_together([1.0, 1.0]) == 1.0 and all_together([1e-3] * 5) < DOUBTFUL < all_together([0.5] * 5)
