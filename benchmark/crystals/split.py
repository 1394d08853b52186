"""Which material goes where: train, dev (stops the clock) or test (measured after it). Always whole materials.

Two ways. A drawn rung's materials are dealt by count. Given or imported materials are split by what they are: of each
space group, all materials of one reduced formula (so all duplicates, `duplicates.duplicates`, whatever tolerance they
are judged by) go where a hash of group and formula falls. That asks nothing about the other materials, so a set may
grow, shrink or be reordered, and no material ever changes sides.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from benchmark.crystals.duplicates import Compound, Formula
from benchmark.definition.rung import SPLITS
from benchmark.foundation.errors import StemdlError
from benchmark.foundation.files import sha256_of_text

STANDARD_VERSION = 1
STANDARD_SHARES = {"test": 0.1, "dev": 0.1, "train": 0.8}
"""The shares of each group's compounds, in expectation: a group of n gets n * 0.1 +- sqrt(n
* 0.09) for test and for dev."""


def split_counts(available: int, wanted: Mapping[str, int], where: str) -> dict[str, int]:
    """How many of a group's `available` materials each split gets.

    As many as wanted where there are enough, otherwise in the same proportions, dev and test rounded down, but at least
    one in each split that wants any. Raises StemdlError where there are fewer materials than such splits.
    """
    total = sum(wanted.values())
    if available >= total:
        return {split: wanted[split] for split in SPLITS}
    filled = [split for split in SPLITS if wanted[split]]
    if available < len(filled):
        raise StemdlError(
            "too few materials to split",
            where=where,
            expected=f"at least {len(filled)}",
            found=available,
            remedy="give more structures, a rung without this group, or --no-splits: "
            "all in test, to judge a trained network on",
        )
    left, counts = available, dict.fromkeys(SPLITS, 0)
    for others, split in zip(range(len(filled) - 1, 0, -1), filled[1:], strict=True):
        counts[split] = min(max(1, available * wanted[split] // total), left - others)
        left -= counts[split]
    return counts | {filled[0]: left}


def _position(compound: Compound, purpose: str) -> float:
    """Where in [0, 1) a compound falls: a hash of its group and reduced formula alone."""
    atoms = " ".join(f"{z}:{count}" for z, count in compound.formula)
    return int(sha256_of_text(f"stemdl {purpose}: {compound.space_group} {atoms}")[:16], 16) / 2**64


def standard_split(compound: Compound) -> str:
    """The split of a material in version 1 of the standard split. It depends on its group and reduced formula alone."""
    position, reached = _position(compound, f"split {STANDARD_VERSION}"), 0.0
    for split, share in STANDARD_SHARES.items():
        reached += share
        if position < reached:
            return split
    return "train"


def folds(compounds: Mapping[str, Compound], count: int) -> dict[str, str]:
    """Materials dealt to `fold_0` ... for studies, `test` materials of the standard split left out as `test`.

    All materials of one group and reduced formula share a fold; of each group, the folds differ by one compound at
    most. Other than the standard split, folds change when materials are added. Raises StemdlError below two folds.
    """
    if count < 2:
        raise StemdlError("at least two folds are needed", where="--folds", found=count)
    groups: dict[int, dict[tuple[float, Formula], list[str]]] = defaultdict(lambda: defaultdict(list))
    dealt = {}
    for material, compound in compounds.items():
        if standard_split(compound) == "test":
            dealt[material] = "test"
        else:
            groups[compound.space_group][_position(compound, "folds"), compound.formula].append(material)
    turn = 0  # goes on from group to group, so that small groups do not all begin with fold 0
    for group in sorted(groups):
        for key in sorted(groups[group]):
            dealt |= dict.fromkeys(groups[group][key], f"fold_{turn % count}")
            turn += 1
    return dealt


def of_unseen_types(split_of: Mapping[str, str], type_of: Mapping[str, str]) -> list[str]:
    """Test materials whose structure type no other split holds, sorted: what a network cannot know from a relative."""
    seen = {type_of[material] for material, split in split_of.items() if split != "test"}
    return sorted(material for material, split in split_of.items() if split == "test" and type_of[material] not in seen)
