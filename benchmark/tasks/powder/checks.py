"""What `stemdl data verify` checks of powder patterns, besides what it checks of any data."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from benchmark.crystals.duplicates import Compound, duplicates, parsed_formula, reduced
from benchmark.data.examined import Data
from benchmark.data.faults import READING_ERRORS, DataFault
from benchmark.data.general_checks import units
from benchmark.data.layout import read_unit
from benchmark.data.manifest import Manifest
from benchmark.data.sealed import opened_image, read_sealed
from benchmark.simulation.crystal import crystal_system
from benchmark.tasks.powder.measurement import whole_counts
from benchmark.tasks.powder.rung import UNSEEN
from benchmark.tasks.powder.units import label_of


@dataclass
class Seen:
    """What one pass over all samples saw: what is wrong with their labels and counts; compounds with their splits; and
    the structure types of each part of each split."""

    faults: list[DataFault] = field(default_factory=list)
    compounds: list[tuple[str, Compound]] = field(default_factory=list)
    types: dict[tuple[str, str], set[str]] = field(default_factory=lambda: defaultdict(set))


def labels(data: Data) -> Iterator[DataFault]:
    """A sample's extinction group and system are those of its space group, and its profile is of whole counts."""
    yield from data.once(look).faults


def duplicate_crystals(data: Data) -> Iterator[DataFault]:
    """No crystal lies in two splits: none has the formula and group of another, and a lattice alike."""
    seen = data.once(look)
    first = duplicates([compound for _, compound in seen.compounds])
    splits: dict[int, set[str]] = defaultdict(set)
    for place, (split, _) in zip(first, seen.compounds, strict=True):
        splits[place].add(split)
    for place, found in splits.items():
        if len(found) > 1:
            name = seen.compounds[place][1].identifier
            where = str(data.manifest.folder)
            yield DataFault(
                "duplicates", where, f"crystals like {name} are in several splits", "", ", ".join(sorted(found))
            )


def types(data: Data) -> Iterator[DataFault]:
    """The structure types of the part `unseen` are in no other."""
    seen = data.once(look)
    known = set().union(*(kinds for (_, part), kinds in seen.types.items() if part != UNSEEN))
    new = set().union(*(kinds for (_, part), kinds in seen.types.items() if part == UNSEEN))
    if shared := sorted(known & new):
        where = str(data.manifest.folder)
        yield DataFault(
            "types", where, f"{len(shared)} structure types of the part {UNSEEN} are in others", "", shared[0]
        )


def look(manifest: Manifest) -> Seen:
    """Every sample of the data set."""
    seen = Seen()
    for entry in manifest.shards:
        path = manifest.folder / entry["path"]
        split = entry["path"].partition("/")[0]
        try:
            with opened_image(read_sealed(path, entry["sha256"]), path) as shard:
                for name in shard:
                    _look_at(seen, f"{path}: {name}", split, shard[name], manifest.schema.unit)
        except READING_ERRORS as error:
            said = " ".join(str(error).split())
            seen.faults.append(DataFault("labels", str(path), "the shard cannot be read", "", said))
    return seen


def _look_at(seen: Seen, where: str, split: str, sample: object, unit: str) -> None:
    attributes = sample.attrs  # type: ignore[attr-defined]
    said = {name: _text(attributes[name]) for name in ("extinction_group", "crystal_system", "part", "formula")}
    group = int(_text(attributes["space_group"]))
    for name, expected in (("extinction_group", label_of(group)), ("crystal_system", crystal_system(group))):
        if said[name] != expected:
            seen.faults.append(
                DataFault("labels", where, f"another {name} than space group {group} has", expected, said[name])
            )
    if whole_counts(np.asarray(sample["profile"])[0]) is None:  # type: ignore[index]
        seen.faults.append(DataFault("labels", where, "the profile is not one of whole counts"))
    seen.types[split, said["part"]].add(_text(attributes["structure_type"]))
    if said["formula"]:
        a, b, c, *angles = map(float, attributes["cell"])
        formula = reduced(parsed_formula(said["formula"]))
        identifier = read_unit(sample, unit)
        seen.compounds.append((split, Compound(identifier, formula, group, (a, b, c), tuple(angles))))  # type: ignore[arg-type]


def _text(stored: object) -> str:
    return stored.decode("ascii") if isinstance(stored, bytes) else str(stored)


CHECKS: Mapping[str, Callable[[Data], Iterator[DataFault]]] = {
    "units": units,
    "labels": labels,
    "duplicates": duplicate_crystals,
    "types": types,
}
"""In the order in which they are made and reported; those of a general check's name take its place."""
