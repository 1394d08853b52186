"""Which materials a rung's data have, and how they are spread over splits and shards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from benchmark.crystals.split import split_counts
from benchmark.data.recipe import Unit
from benchmark.definition.rung import SPLITS, WHOLE
from benchmark.simulation.cbed import CbedRung
from benchmark.simulation.crystal import Crystal


def drawn(rung: CbedRung) -> dict[int, list[tuple[str, None]]]:
    """The materials of a rung whose crystals are drawn, by group: their names, without the crystals."""
    return {
        group: [(f"drawn-{group}-{index:05d}", None) for index in range(sum(rung.materials(group).values()))]
        for group in rung.space_groups
    }


def spread(
    rung: CbedRung, crystals: Mapping[int, Sequence[tuple[str, Crystal | None]]], split: bool = True
) -> list[Unit]:
    """Every material in its split, from each group's crystals with their identifiers; all in `test` where not `split`.

    The groups are spread evenly over a split, each at its own density, so that shards are alike in what they hold and
    in what they cost. Raises StemdlError where a group has too few crystals to split.
    """
    energies = len(rung.energies_kev)
    queues: dict[str, list[tuple[float, int, Unit]]] = {part: [] for part in SPLITS}
    for place, group in enumerate(rung.space_groups):
        if split:
            samples = rung.samples(group)
            counts = split_counts(len(crystals[group]), rung.materials(group), f"space group {group}")
        else:
            counts = {**dict.fromkeys(SPLITS, 0), WHOLE: len(crystals[group])}
            samples = {part: count * energies for part, count in counts.items()}
        start = 0
        for part in SPLITS:
            for turn, (identifier, crystal) in enumerate(crystals[group][start : start + counts[part]]):
                left = min(energies, samples[part] - turn * energies)
                unit = Unit(identifier, part, left, str(group), crystal)
                queues[part].append(((turn + 0.5) / counts[part], place, unit))
            start += counts[part]
    return [unit for part in SPLITS for _, _, unit in sorted(queues[part], key=lambda one: one[:2])]
