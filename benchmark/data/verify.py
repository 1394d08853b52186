"""Proves that data are what their manifest and recipe say, and that nothing leaks from one split into another.

Each check is a function of `Data` in `CHECKS`; none stops another. Everything they share, one pass over the samples,
is made when the first one asks for it.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import combinations
from pathlib import Path
from typing import Any

from benchmark.data import relabel
from benchmark.data.duplicates import LATTICE_TOLERANCE, duplicates, same_arrangement
from benchmark.data.faults import Fault
from benchmark.data.index_file import INDEX, read_index
from benchmark.data.manifest import MANIFEST, Manifest, read_manifest
from benchmark.data.materials import Entry
from benchmark.data.near_copies import near_copies
from benchmark.data.partition import FOLDER, STANDARD, load_partition, make_partition
from benchmark.data.shard_index import index_shard
from benchmark.data.survey import READING_ERRORS, Survey, survey
from benchmark.definition.benchmark import SPLITS
from benchmark.foundation.errors import StemdlError
from benchmark.foundation.files import canonical_json, sha256_of_file, sha256_of_text
from benchmark.foundation.progress import progress

MOST_FAULTS = 20
"""Of one check; how many more there are is said."""


@dataclass(frozen=True)
class Data:
    """A data set that is being verified; `table` is where given crystals came from, `notes` what is worth saying though
    it is no fault."""

    manifest: Manifest
    table: Path | None = None
    notes: list[str] = field(default_factory=list)

    @cached_property
    def survey(self) -> Survey:
        return survey(self.manifest)

    @cached_property
    def materials(self) -> dict[str, Entry]:
        """The first sample of each material."""
        found: dict[str, Entry] = {}
        for entry in self.survey.samples:
            found.setdefault(entry.compound.identifier, entry)
        return found

    @cached_property
    def alike(self) -> list[list[str]]:
        """Materials that are one compound of one lattice, by two and more."""
        materials = list(self.materials.values())
        sets: dict[int, list[str]] = defaultdict(list)
        for entry, first in zip(materials, duplicates([one.compound for one in materials]), strict=True):
            sets[first].append(entry.compound.identifier)
        return [names for names in sets.values() if len(names) > 1]


class Skipped(Exception):
    """A check that these data give nothing to do for; says why."""


@dataclass
class Report:
    """What the checks found.

    Attributes
    ----------
    faults : of all checks, at most `MOST_FAULTS` of each and one that counts the others.
    notes : what is worth saying though it is no fault.
    checked : the names of the checks. skipped : why a check could not be made, by its name.
    """

    faults: list[Fault] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    checked: list[str] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)


def verify(folder: Path, *, quick: bool = False, table: Path | None = None) -> Report:
    """Every check of a data set; with `quick` those of files alone, which read no sample.

    Parameters
    ----------
    table : the table or folder of crystals that the data were made from, to ask spglib for their groups again.

    Raises StemdlError where there are no data, or their manifest cannot be read.
    """
    report = Report()
    data = Data(read_manifest(folder), table, report.notes)
    for name, check in CHECKS.items():
        if quick and check not in QUICK:
            continue
        try:
            found = list(check(data))
        except Skipped as why:
            report.skipped[name] = str(why)
            continue
        except READING_ERRORS as error:
            found = [Fault(name, str(folder), "the check could not be made", "", str(error).splitlines()[0])]
        report.checked.append(name)
        report.faults += found[:MOST_FAULTS]
        if len(found) > MOST_FAULTS:
            report.faults.append(Fault(name, str(folder), f"and {len(found) - MOST_FAULTS} more of this check"))
    return report


def files(data: Data) -> Iterator[Fault]:
    """Each shard is there, of its size and hash; nothing else lies among them."""
    manifest = data.manifest
    with progress("Hashing", len(manifest.shards), "shards") as advance:
        for done, shard in enumerate(manifest.shards, start=1):
            path = manifest.folder / shard["path"]
            if not path.is_file():
                yield Fault("files", str(path), "missing", hint="make or import the data again: what is there is kept")
            elif path.stat().st_size != shard["bytes"]:
                yield Fault("files", str(path), "changed since the manifest", f"{shard['bytes']} bytes",
                            f"{path.stat().st_size} bytes")
            elif (found := sha256_of_file(path)) != shard["sha256"]:
                yield Fault("files", str(path), "changed since the manifest", f"sha256 {shard['sha256']}",
                            f"sha256 {found}")
            advance(done)
    listed = {manifest.folder / shard["path"] for shard in manifest.shards}
    for path in sorted(manifest.folder.rglob("*")):
        inside = path.relative_to(manifest.folder).parts
        if path.is_file() and path not in listed and (path.suffix == ".h5" or inside[0] in SPLITS):
            yield Fault("files", str(path), "not in the manifest", hint="a reader would not see it; move it away")


def index(data: Data) -> Iterator[Fault]:
    """What readers are told by the index, where there is one that holds, is what the shards say."""
    manifest = data.manifest
    written_ns, known = read_index(manifest.folder, manifest.sha256, manifest.shards)
    classes = {group: number for number, group in enumerate(manifest.space_groups)}
    for shard in manifest.shards:
        path = manifest.folder / shard["path"]
        if path in known and path.is_file() and path.stat().st_mtime_ns <= written_ns:
            if known[path] != index_shard(path, shard["samples"], classes):
                yield Fault("index", str(manifest.folder / INDEX), f"says something else than {shard['path']}",
                            hint="delete it: it saves time and nothing else")


def recipe(data: Data) -> Iterator[Fault]:
    """The manifest's recipe has the hash that names the data, and `recipe.json` agrees."""
    values, where = data.manifest.values, str(data.manifest.folder / MANIFEST)
    if data.manifest.standard and "recipe" in values:
        said = {key: value for key, value in values["recipe"].items() if key != "summary"}
        if (found := sha256_of_text(canonical_json(said))) != data.manifest.recipe_sha256:
            yield Fault("recipe", where, "the recipe is not the one that names the data", data.manifest.recipe_sha256,
                        found)
    beside = data.manifest.folder / "recipe.json"
    if beside.is_file():
        found = json.loads(beside.read_text(encoding="utf-8")).get("recipe_sha256")
        if found != data.manifest.recipe_sha256:
            yield Fault("recipe", str(beside), "of other data than the manifest", data.manifest.recipe_sha256,
                        str(found))


def counts(data: Data) -> Iterator[Fault]:
    """Samples of each shard, split and group are as many as the manifest says, and as the recipe wants."""
    manifest, where = data.manifest, str(data.manifest.folder / MANIFEST)
    for split in SPLITS:
        if not any(shard["path"].startswith(f"{split}/") for shard in manifest.shards):
            yield Fault("counts", where, f"the split {split} has no shard", hint="make or import the data again")
    for shard in manifest.shards:
        found = data.survey.counts.get(shard["path"])
        if found is not None and found != shard["samples"]:
            yield Fault("counts", str(manifest.folder / shard["path"]), "another number of samples",
                        str(shard["samples"]), str(found))
    groups = {split: Counter(entry.compound.space_group for entry in data.survey.samples if entry.split == split)
              for split in SPLITS}
    for split, said in manifest.values["splits"].items():
        in_shards = sum(shard["samples"] for shard in manifest.shards if shard["path"].startswith(f"{split}/"))
        if said["samples"] != in_shards:
            yield Fault("counts", where, f"the shards of {split} hold another number of samples", str(said["samples"]),
                        str(in_shards))
        for group, number in said.get("groups", {}).items():
            if groups[split][int(group)] != number:
                yield Fault("counts", str(manifest.folder / split), f"samples of space group {group}", str(number),
                            str(groups[split][int(group)]))
    wanted = (manifest.values.get("recipe") or {}).get("materials_per_group")
    if manifest.values["source"]["kind"] == "drawn" and isinstance(wanted, Mapping):
        yield from _unlike_the_recipe(data, wanted)


def _unlike_the_recipe(data: Data, wanted: Mapping[str, Any]) -> Iterator[Fault]:
    for split, number in wanted.items():
        materials = Counter(entry.compound.space_group for entry in data.materials.values() if entry.split == split)
        for group in data.manifest.space_groups:
            if isinstance(number, int) and materials[group] != number:
                yield Fault("counts", str(data.manifest.folder / split),
                            f"materials of space group {group}, by the recipe", str(number), str(materials[group]))


def samples(data: Data) -> Iterator[Fault]:
    """Layout, label and intensities of every sample, as `sample_checks` has them."""
    yield from data.survey.faults


def materials(data: Data) -> Iterator[Fault]:
    """All samples of a material lie in one split and have one label and formula; a drawn one has its name's label."""
    for entry in data.survey.samples:
        first = data.materials[entry.compound.identifier]
        name, where = entry.compound.identifier, f"{data.manifest.folder / entry.shard}: {entry.name}"
        if entry.split != first.split:
            yield Fault("materials", where, f"the material {name} lies in two splits", first.split, entry.split)
        if (entry.compound.space_group, entry.compound.formula) != (first.compound.space_group, first.compound.formula):
            yield Fault("materials", where, f"samples of {name} have different labels or formulas",
                        str(first.compound.space_group), str(entry.compound.space_group))
        drawn_as = relabel.group_of_name(name)
        if drawn_as is not None and drawn_as != entry.compound.space_group:
            yield Fault("materials", where, f"the label is not that of the material {name}", str(drawn_as),
                        str(entry.compound.space_group))


def duplicate_materials(data: Data) -> Iterator[Fault]:
    """No compound of one lattice lies in two splits. Drawn crystals may by chance be alike: they are drawn again, and
    noted where their atoms lie alike too. Independent draws that coincide tell of the distribution, not of a leak."""
    split_of = {name: entry.split for name, entry in data.materials.items()}
    rung = relabel.shipped_rung(data.manifest)
    for one, other in _apart(data, split_of):
        crystals = [relabel.drawn_again(rung, name) if rung is not None else None for name in (one, other)]
        if None in crystals:
            yield _two_in_one(one, other, split_of, "duplicates", str(data.manifest.folder))
        elif same_arrangement(*crystals):
            data.notes.append(f"{one} ({split_of[one]}) and {other} ({split_of[other]}) were drawn alike by chance: "
                              "formula, lattice and places of the atoms")


def _apart(data: Data, split_of: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Materials of one formula, group and lattice that lie in two splits."""
    for names in data.alike:
        yield from (pair for pair in combinations(names, 2) if len({split_of.get(name) for name in pair}) > 1)


def _two_in_one(one: str, other: str, split_of: Mapping[str, str], check: str, where: str) -> Fault:
    return Fault(check, where, f"{one} and {other} are one material: formula, group, and lattice within "
                 f"{LATTICE_TOLERANCE:.0%}", "one split", f"{split_of.get(one)} and {split_of.get(other)}")


def copied_patterns(data: Data) -> Iterator[Fault]:
    """No pattern of one split is that of another but for its noise."""
    yield from _copies_between(data, [entry.split for entry in data.survey.samples], "copies")


def _copies_between(data: Data, splits: list[str], check: str) -> Iterator[Fault]:
    for one, other, distance in near_copies(data.survey.descriptors, splits):
        first, second = data.survey.samples[one], data.survey.samples[other]
        if first.compound.identifier != second.compound.identifier:  # which is a fault of its own
            yield Fault(check, f"{data.manifest.folder / first.shard}: {first.name}",
                        f"the patterns are those of {second.shard}: {second.name} but for noise",
                        f"another pattern than any of {splits[other]}", f"distance {distance:.1f}")


def symmetry(data: Data) -> Iterator[Fault]:
    """Labels, formulas and cells of some materials are those of their crystals, whose groups spglib finds again."""
    if data.table is None and relabel.shipped_rung(data.manifest) is None:
        raise Skipped("the crystals are not to be had: give the table that they came from with --structures"
                      if data.manifest.values["source"]["kind"] != "drawn" else
                      "the recipe is of another version of this program")
    chosen = relabel.some_of(data.materials.values())
    with progress("Asking spglib", len(chosen), "materials") as advance:
        for done, (entry, crystal) in enumerate(relabel.crystals_again(data.manifest, chosen, data.table), start=1):
            yield from relabel.label_faults(data.manifest, entry, crystal)
            advance(done)


def partitions(data: Data) -> Iterator[Fault]:
    """Each partition beside the shards was made for them, names each material once, and separates duplicates."""
    paths = sorted((data.manifest.folder / FOLDER).glob("*.json"))
    if not paths:
        raise Skipped("there are none")
    for path in paths:
        try:
            partition = load_partition(path)
        except StemdlError as error:
            yield Fault("partitions", str(path), error.what, str(error.expected or ""), str(error.found or ""))
            continue
        hint = f"delete it and run stemdl data split {data.manifest.folder} --partition {path.stem}"
        if partition.manifest_sha256 != data.manifest.sha256:
            yield Fault("partitions", str(path), "made for other data", data.manifest.sha256,
                        partition.manifest_sha256, hint)
        split_of = partition.split_of
        yield from _names(path, "lacks", data.materials.keys() - split_of.keys(), hint)
        yield from _names(path, "names what the data do not hold:", split_of.keys() - data.materials.keys(), hint)
        if partition.name == STANDARD and partition.splits != make_partition(
                data.manifest, data.materials, STANDARD).splits:
            yield Fault("partitions", str(path), "not the standard split of these materials", hint=hint)
        yield from (_two_in_one(one, other, split_of, "partitions", str(path)) for one, other in _apart(data, split_of))
        sides = [split_of.get(entry.compound.identifier, "") for entry in data.survey.samples]
        yield from _copies_between(data, sides, "partitions")


def _names(path: Path, what: str, names: Iterable[str], hint: str) -> Iterator[Fault]:
    if listed := sorted(names):
        yield Fault("partitions", str(path), f"{what} {len(listed)} materials", "", ", ".join(listed[:3]), hint)


CHECKS: Mapping[str, Callable[[Data], Iterator[Fault]]] = {
    "files": files, "recipe": recipe, "index": index, "samples": samples, "counts": counts,
    "materials": materials, "duplicates": duplicate_materials, "copies": copied_patterns, "symmetry": symmetry,
    "partitions": partitions,
}
"""In the order in which they are made and reported."""
QUICK = (files, recipe)
