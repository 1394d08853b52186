"""Which patterns a rung has: of which space group and part, and in which order they are dealt to shards."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from benchmark.data.recipe import Unit
from benchmark.definition.rung import SPLITS
from benchmark.simulation.crystal import Crystal
from benchmark.tasks.powder.extinction import extinction_group, label
from benchmark.tasks.powder.rung import BALANCED, BIASED, UNSEEN, PowderRung

TRAIN, DEV, TEST = SPLITS


@dataclass(frozen=True, eq=False)
class Asked:
    """What a unit's pattern is of, and for which split. `crystal` is one that was given; None where it is drawn."""

    space_group: int
    split: str
    part: str = BALANCED
    crystal: Crystal | None = None


@functools.cache
def label_of(space_group: int) -> str:
    """The class of a space group."""
    return label(extinction_group(space_group))


def units_of(rung: PowderRung) -> list[Unit]:
    """All units of a rung whose crystals are drawn, split by split; the classes of a part lie evenly in it."""
    found: list[Unit] = []
    for split in SPLITS:
        if split == TRAIN and rung.biased_training:
            total = rung.patterns_per_group[split] * len(rung.groups)
            found += _units(split, BALANCED, _in_proportion(rung, total))
        else:
            found += _units(split, BALANCED, _balanced(rung, rung.patterns_per_group[split]))
    found += _units(TEST, BIASED, _in_proportion(rung, rung.biased_patterns))
    found += _units(TEST, UNSEEN, _balanced(rung, rung.patterns_per_group[UNSEEN]))
    return found


def evenly(groups: Mapping[int, int]) -> Iterator[tuple[int, int]]:
    """So many of each space group, as (space group, turn), each group at its own density."""
    places = [((turn + 0.5) / count, group, turn) for group, count in groups.items() for turn in range(count)]
    yield from ((group, turn) for _, group, turn in sorted(places))


def shares(weights: Mapping[int, int], total: int) -> dict[int, int]:
    """`total` dealt in proportion to whole weights, by largest remainders, and of equal ones to the first."""
    weight = sum(weights.values())
    counts = {key: total * each // weight for key, each in weights.items()}
    rests = sorted(weights, key=lambda key: (-(total * weights[key] % weight), key))
    for key in rests[: total - sum(counts.values())]:
        counts[key] += 1
    return counts


def _units(split: str, part: str, groups: Mapping[int, int]) -> Iterable[Unit]:
    for group, turn in evenly(groups):
        yield Unit(f"{split}-{part}-{group}-{turn:06d}", split, 1, label_of(group), Asked(group, split, part))


def _balanced(rung: PowderRung, count: int) -> dict[int, int]:
    """So many of each extinction group, its space groups as nearly alike as can be."""
    return {group: each for members in rung.groups for group, each in _alike(members, count).items()}


def _alike(members: Sequence[int], count: int) -> dict[int, int]:
    return shares(dict.fromkeys(members, 1), count)


def _in_proportion(rung: PowderRung, count: int) -> dict[int, int]:
    """So many of all groups together, as frequent as in the database."""
    return shares({group: rung.database[group - 1] for group in rung.space_groups}, count) if count else {}
