"""How what was found in a source becomes what is written: which stacks are kept, in which shard, in which order.

The real files hold one material's energies together and materials as the simulation came to them. Here materials are
put in the order of a hash of their identifiers, so that any run of shards is a fair sample of its split, and numbered
through all splits without gaps. A data set of ours keeps its order and numbers.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from benchmark.definition.rung import SPLITS, Storage
from benchmark.foundation.files import sha256_of_text
from benchmark.simulation.cbed_fields import PROJECTIONS
from benchmark.tasks.space_group.importing.source import Source
from benchmark.tasks.space_group.importing.surveyed import SourceSample
from benchmark.tasks.space_group.importing.tally import Tally

SHARD_BYTES = 128 * 2**20
"""The bytes of unfiltered patterns at most, and so about a worker's memory: 42 stacks of the real set as it is."""
SOURCE_BYTES = 2**30
"""The bytes of a source's patterns that go into one shard, at most: small storage, too, leaves hundreds of shards to
work on."""
BYTES_PER_PIXEL = {"float32": 4, "float16": 2, "log_uint8": 1}


@dataclass(frozen=True)
class PlannedMaterial:
    """The stacks of one material, all energies, and the number that it gets."""

    number: int
    samples: tuple[SourceSample, ...]


@dataclass(frozen=True)
class PlannedShard:
    """One file to be written."""

    split: str
    number: int
    materials: tuple[PlannedMaterial, ...]


def sift(samples: Iterable[SourceSample], tally: Tally) -> list[list[SourceSample]]:
    """The stacks that can be kept, by material, in the source's order; the others are counted as dropped.

    A material whose stacks disagree on its space group goes whole. One that is in several splits stays in the first of
    them. Stacks of one set have the same pixels, and those of dev and test a space group that train has.
    """
    materials: dict[str, list[SourceSample]] = defaultdict(list)
    for sample in samples:
        materials[sample.material].append(sample)
    kept = []
    for material in materials.values():
        labels = {sample.space_group for sample in material}
        if len(labels) > 1:
            tally.drop("the stacks of its material disagree on the space group", len(material))
            continue
        first = min((sample.file.split for sample in material), key=SPLITS.index)
        here = [sample for sample in material if sample.file.split == first]
        if elsewhere := len(material) - len(here):
            tally.drop(f"its material is in {first} already", elsewhere)
        kept.append(_without_twins(here, tally))
    kept = _of_one_size(kept, tally)
    train = {material[0].space_group for material in kept if material[0].file.split == "train"}
    if not train:
        return kept
    for material in kept:
        if material[0].space_group not in train:
            tally.drop("train has no stack of its space group", len(material))
    return [material for material in kept if material[0].space_group in train]


def _without_twins(material: list[SourceSample], tally: Tally) -> list[SourceSample]:
    """The first stack of each energy."""
    first: dict[int, SourceSample] = {}
    for sample in material:
        if first.setdefault(sample.energy_number, sample) is not sample:
            tally.drop("its material has another stack of this energy")
    return list(first.values())


def _of_one_size(materials: list[list[SourceSample]], tally: Tally) -> list[list[SourceSample]]:
    sizes = Counter(sample.pixels for material in materials for sample in material)
    if len(sizes) <= 1:
        return materials
    usual, _ = sizes.most_common(1)[0]
    tally.drop(f"its patterns are not of {usual} pixels as most are", sizes.total() - sizes[usual])
    kept = [[sample for sample in material if sample.pixels == usual] for material in materials]
    return [material for material in kept if material]


def plan_shards(source: Source, materials: Sequence[Sequence[SourceSample]], storage: Storage) -> list[PlannedShard]:
    """Every shard of every split, in the order of the splits."""
    plans: list[PlannedShard] = []
    number = 0
    for split in SPLITS:
        here = [material for material in materials if material[0].file.split == split]
        if source.form != "own":
            here.sort(key=lambda material: sha256_of_text(material[0].material))
        numbered = []
        for material in here:
            own = material[0].material_number if source.form == "own" else number
            numbered.append(PlannedMaterial(own, tuple(sorted(material, key=lambda sample: sample.energy_number))))
            number += 1
        plans += [PlannedShard(split, shard, part) for shard, part in enumerate(_parts(numbered, storage))]
    return plans


def _parts(materials: Sequence[PlannedMaterial], storage: Storage) -> list[tuple[PlannedMaterial, ...]]:
    """The materials in runs of at most SHARD_BYTES and SOURCE_BYTES, or one material where it is larger."""
    parts: list[list[PlannedMaterial]] = []
    filled = 1.0  # of a shard; the first material opens one
    for material in materials:
        pixels = material.samples[0].pixels
        stored = (storage.pixels or pixels) ** 2 * BYTES_PER_PIXEL[storage.encoding]
        share = len(material.samples) * PROJECTIONS * max(stored / SHARD_BYTES, 4 * pixels**2 / SOURCE_BYTES)
        if filled + share > 1.0:
            parts.append([])
            filled = 0.0
        parts[-1].append(material)
        filled += share
    return [tuple(part) for part in parts]
