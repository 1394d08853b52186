"""Whether anything lies on two sides of a split: a material, a compound, a pattern; in folders and in partitions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import combinations
from pathlib import Path

from benchmark.crystals import relabel
from benchmark.crystals.duplicates import LATTICE_TOLERANCE, same_arrangement
from benchmark.crystals.near_copies import near_copies
from benchmark.crystals.partitions import STANDARD, make_partition
from benchmark.crystals.survey import Survey
from benchmark.data.examined import Data, Skipped, sees
from benchmark.data.faults import DataFault
from benchmark.data.partition import FOLDER, load_partition
from benchmark.foundation.errors import StemdlError
from benchmark.foundation.text import typed


@sees(Survey)
def materials(data: Data) -> Iterator[DataFault]:
    """All samples of a material lie in one split and have one label and formula; a drawn one has its name's label."""
    seen = data.once(Survey)
    for entry in seen.samples:
        first = seen.materials[entry.compound.identifier]
        name, where = entry.compound.identifier, f"{data.manifest.folder / entry.shard}: {entry.name}"
        if entry.split != first.split:
            yield DataFault("materials", where, f"the material {name} lies in two splits", first.split, entry.split)
        if (entry.compound.space_group, entry.compound.formula) != (first.compound.space_group, first.compound.formula):
            yield DataFault(
                "materials",
                where,
                f"samples of {name} have different labels or formulas",
                str(first.compound.space_group),
                str(entry.compound.space_group),
            )
        drawn_as = relabel.group_of_name(name)
        if drawn_as is not None and drawn_as != entry.compound.space_group:
            yield DataFault(
                "materials",
                where,
                f"the label is not that of the material {name}",
                str(drawn_as),
                str(entry.compound.space_group),
            )


@sees(Survey)
def duplicate_materials(data: Data) -> Iterator[DataFault]:
    """No compound of one lattice lies in two splits. Drawn crystals may by chance be alike: they are drawn again, and
    noted where their atoms lie alike too. Independent draws that coincide tell of the distribution, not of a leak."""
    split_of = {name: entry.split for name, entry in data.once(Survey).materials.items()}
    rung = relabel.shipped_rung(data.manifest)
    for one, other in _apart(data, split_of):
        first, second = (relabel.drawn_again(rung, name) if rung is not None else None for name in (one, other))
        if first is None or second is None:
            yield _two_in_one(one, other, split_of, "duplicates", str(data.manifest.folder))
        elif same_arrangement(first, second):
            data.notes.append(
                f"{one} ({split_of[one]}) and {other} ({split_of[other]}) were drawn alike by chance: "
                "formula, lattice and places of the atoms"
            )


def _apart(data: Data, split_of: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Materials of one formula, group and lattice that lie in two splits."""
    for names in data.once(Survey).alike:
        yield from (pair for pair in combinations(names, 2) if len({split_of.get(name) for name in pair}) > 1)


def _two_in_one(one: str, other: str, split_of: Mapping[str, str], check: str, where: str) -> DataFault:
    return DataFault(
        check,
        where,
        f"{one} and {other} are one material: formula, group, and lattice within {LATTICE_TOLERANCE:.0%}",
        "one split",
        f"{split_of.get(one)} and {split_of.get(other)}",
    )


@sees(Survey)
def copied_patterns(data: Data) -> Iterator[DataFault]:
    """No pattern of one split is that of another but for its noise."""
    yield from _copies_between(data, [entry.split for entry in data.once(Survey).samples], "copies")


def _copies_between(data: Data, splits: list[str], check: str) -> Iterator[DataFault]:
    seen = data.once(Survey)
    for one, other, distance in near_copies(seen.descriptors, splits):
        first, second = seen.samples[one], seen.samples[other]
        if first.compound.identifier != second.compound.identifier:  # which is a fault of its own
            yield DataFault(
                check,
                f"{data.manifest.folder / first.shard}: {first.name}",
                f"the patterns are those of {second.shard}: {second.name} but for noise",
                f"another pattern than any of {splits[other]}",
                f"distance {distance:.1f}",
            )


@sees(Survey)
def partitions(data: Data) -> Iterator[DataFault]:
    """Each partition next to the shards was made for them, names each material once, and separates duplicates."""
    paths = sorted((data.manifest.folder / FOLDER).glob("*.json"))
    if not paths:
        raise Skipped("there are none")
    seen = data.once(Survey)
    for path in paths:
        try:
            partition = load_partition(path)
        except StemdlError as error:
            yield DataFault("partitions", str(path), error.what, str(error.expected or ""), str(error.found or ""))
            continue
        hint = f"delete it and run stemdl data split {typed(data.manifest.folder)} --partition {path.stem}"
        if partition.manifest_sha256 != data.manifest.sha256:
            yield DataFault(
                "partitions", str(path), "made for other data", data.manifest.sha256, partition.manifest_sha256, hint
            )
        split_of = partition.split_of
        yield from _names(path, "lacks", seen.materials.keys() - split_of.keys(), hint)
        yield from _names(path, "names what the data do not hold:", split_of.keys() - seen.materials.keys(), hint)
        if (
            partition.name == STANDARD
            and partition.splits != make_partition(data.manifest, seen.materials, STANDARD).splits
        ):
            yield DataFault("partitions", str(path), "not the standard split of these materials", hint=hint)
        yield from (_two_in_one(one, other, split_of, "partitions", str(path)) for one, other in _apart(data, split_of))
        sides = [split_of.get(entry.compound.identifier, "") for entry in seen.samples]
        yield from _copies_between(data, sides, "partitions")


def _names(path: Path, what: str, names: Iterable[str], hint: str) -> Iterator[DataFault]:
    if listed := sorted(names):
        yield DataFault("partitions", str(path), f"{what} {len(listed)} materials", "", ", ".join(listed[:3]), hint)
