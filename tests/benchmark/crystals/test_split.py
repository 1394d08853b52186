"""Splits: disjoint, whole materials, and of the sizes that were asked for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.crystals.split import split_counts
from benchmark.foundation.errors import StemdlError

WANTED = st.fixed_dictionaries({split: st.integers(1, 500) for split in ("train", "dev", "test")})


@given(st.integers(3, 2000), WANTED)
def test_each_split_gets_what_it_wants_or_its_share(available: int, wanted: dict[str, int]) -> None:
    counts = split_counts(available, wanted, "a group")
    total = sum(wanted.values())
    assert set(counts) == set(wanted)
    assert min(counts.values()) >= 1
    if available >= total:
        assert counts == wanted
    else:
        assert sum(counts.values()) == available
        for split in ("dev", "test"):
            assert counts[split] <= max(1, available * wanted[split] / total)
            # Only what train must have may take more than the fraction of a material.
            assert counts[split] > available * wanted[split] / total - 1 or counts["train"] == 1


def test_shares_of_the_mini_rung_are_the_proportions() -> None:
    assert split_counts(110, {"train": 140, "dev": 40, "test": 40}, "") == {"train": 70, "dev": 20, "test": 20}
    assert split_counts(3, {"train": 1, "dev": 1, "test": 400}, "") == {"train": 1, "dev": 1, "test": 1}


@given(st.integers(-5, 2), WANTED)
def test_fewer_than_three_materials_are_refused(available: int, wanted: dict[str, int]) -> None:
    with pytest.raises(StemdlError, match="a group: too few materials"):
        split_counts(available, wanted, "a group")
