"""Which material goes where: train, dev (stops the clock) or test (measured after it). Always whole materials."""

from __future__ import annotations

from collections.abc import Mapping

from benchmark.definition.benchmark import SPLITS
from benchmark.foundation.errors import StemdlError


def split_counts(available: int, wanted: Mapping[str, int], where: str) -> dict[str, int]:
    """How many of a group's `available` materials each split gets.

    As many as wanted where there are enough, otherwise in the same proportions, dev and test rounded down, but at least
    one in each split. Raises StemdlError below three materials.
    """
    total = sum(wanted.values())
    if available >= total:
        return {split: wanted[split] for split in SPLITS}
    if available < len(SPLITS):
        raise StemdlError("too few materials to split three ways", where=where, expected=f"at least {len(SPLITS)}",
                          found=available, remedy="give more structures, or a rung without this group")
    left, counts = available, {}
    for split, others in (("dev", 2), ("test", 1)):
        counts[split] = min(max(1, available * wanted[split] // total), left - others)
        left -= counts[split]
    return {"train": left, **counts}
