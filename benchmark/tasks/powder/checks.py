"""What `stemdl data verify` checks of powder patterns, besides what it checks of any data."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np

from benchmark.crystals.duplicates import Compound, duplicates, parsed_formula, reduced
from benchmark.data.examined import Data, EachSample, sees
from benchmark.data.faults import DataFault
from benchmark.data.general_checks import units
from benchmark.data.layout import read_unit
from benchmark.data.manifest import Manifest
from benchmark.simulation.crystal import crystal_system
from benchmark.tasks.powder.measurement import whole_counts
from benchmark.tasks.powder.rung import UNSEEN
from benchmark.tasks.powder.units import label_of

if TYPE_CHECKING:
    import h5py


class Profiles(EachSample):
    """What one pass over all samples saw: what is wrong with their labels and counts; compounds with their splits; and
    the structure types of each part of each split."""

    check = "labels"

    def __init__(self, manifest: Manifest) -> None:
        super().__init__(manifest)
        self.compounds: list[tuple[str, Compound]] = []
        self.types: dict[tuple[str, str], set[str]] = defaultdict(set)

    def sample(self, where: str, split: str, sample: h5py.Group) -> None:
        """See `EachSample.sample`: its labels and counts, its compound and structure type."""
        attributes = sample.attrs
        said = {name: _text(attributes[name]) for name in ("extinction_group", "crystal_system", "part", "formula")}
        group = int(_text(attributes["space_group"]))
        for name, expected in (("extinction_group", label_of(group)), ("crystal_system", crystal_system(group))):
            if said[name] != expected:
                self.faults.append(
                    DataFault("labels", where, f"another {name} than space group {group} has", expected, said[name])
                )
        if whole_counts(np.asarray(sample["profile"])[0]) is None:
            self.faults.append(DataFault("labels", where, "the profile is not one of whole counts"))
        self.types[split, said["part"]].add(_text(attributes["structure_type"]))
        if said["formula"]:
            a, b, c, *angles = map(float, attributes["cell"])
            formula = reduced(parsed_formula(said["formula"]))
            identifier = read_unit(sample, self.manifest.schema.unit)
            self.compounds.append((split, Compound(identifier, formula, group, (a, b, c), tuple(angles))))  # type: ignore[arg-type]


@sees(Profiles)
def labels(data: Data) -> Iterator[DataFault]:
    """A sample's extinction group and system are those of its space group, and its profile is of whole counts."""
    yield from data.once(Profiles).faults


@sees(Profiles)
def duplicate_crystals(data: Data) -> Iterator[DataFault]:
    """No crystal lies in two splits: none has the formula and group of another, and a lattice alike."""
    seen = data.once(Profiles)
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


@sees(Profiles)
def types(data: Data) -> Iterator[DataFault]:
    """The structure types of the part `unseen` are in no other."""
    seen = data.once(Profiles)
    known = set().union(*(kinds for (_, part), kinds in seen.types.items() if part != UNSEEN))
    new = set().union(*(kinds for (_, part), kinds in seen.types.items() if part == UNSEEN))
    if shared := sorted(known & new):
        where = str(data.manifest.folder)
        yield DataFault(
            "types", where, f"{len(shared)} structure types of the part {UNSEEN} are in others", "", shared[0]
        )


def _text(stored: object) -> str:
    return stored.decode("ascii") if isinstance(stored, bytes) else str(stored)


CHECKS: Mapping[str, Callable[[Data], Iterator[DataFault]]] = {
    "units": units,
    "labels": labels,
    "duplicates": duplicate_crystals,
    "types": types,
}
"""The checks in the order in which they are made and reported; those of a general check's name take its place."""
