"""Every sample goes to one rank, shares differ by one at most, and an epoch has the steps that all ranks can make."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from benchmark.definition.dealing import part, steps_of_epoch


@given(st.integers(0, 5000), st.integers(1, 300))
def test_the_parts_make_up_the_whole_in_order(count: int, size: int) -> None:
    parts = [part(count, rank, size) for rank in range(size)]
    assert [number for each in parts for number in each] == list(range(count))
    lengths = [len(each) for each in parts]
    assert lengths == sorted(lengths, reverse=True) and lengths[0] - lengths[-1] <= 1


@given(st.integers(0, 5000), st.integers(1, 256), st.integers(1, 64))
def test_the_steps_are_those_of_the_rank_that_can_make_fewest(samples: int, batch: int, size: int) -> None:
    every = [len(part(samples, rank, size)) // (len(part(batch, rank, size)) or samples + 1) for rank in range(size)]
    assert steps_of_epoch(samples, batch, size) == min(every)


def test_a_number_of_ranks_that_no_machine_has_takes_no_longer() -> None:
    assert steps_of_epoch(10**15, 10**12, 10**11) == 10**3
