"""How materials are dealt to shards: whole, within the limits, all of them once."""

from __future__ import annotations

import itertools
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from benchmark.definition.rung import SPLITS, Storage
from benchmark.tasks.space_group.importing.planned import SHARD_BYTES, SOURCE_BYTES, plan_shards
from benchmark.tasks.space_group.importing.source import Source, SourceFile
from benchmark.tasks.space_group.importing.surveyed import SourceSample

STORAGES = (Storage(), Storage(encoding="float16"), Storage(pixels=128, encoding="log_uint8"))


def materials_of(sizes: dict[str, list[int]], pixels: int) -> list[list[SourceSample]]:
    """Materials of so many energies in each split."""
    found = []
    for split, energies in sizes.items():
        file = SourceFile(Path(f"{split}.h5"), f"{split}/batch_{split}_0.h5", split, 0)
        found += [
            [SourceSample(file, f"sample_{m}_{e}", 1, f"{split}-{m}", m, e, pixels) for e in range(count)]
            for m, count in enumerate(energies)
        ]
    return found


@given(
    st.fixed_dictionaries({split: st.lists(st.integers(1, 10), max_size=60) for split in SPLITS}),
    st.sampled_from(STORAGES),
    st.sampled_from([128, 512]),
)
def test_shards_hold_every_material_once_and_keep_their_limits(
    sizes: dict[str, list[int]], storage: Storage, pixels: int
) -> None:
    materials = materials_of(sizes, pixels)
    plans = plan_shards(Source("olcf", "x", (), ()), materials, storage)
    dealt = [(shard.split, material) for shard in plans for material in shard.materials]
    assert {material.samples for _, material in dealt} == set(map(tuple, materials)) and len(dealt) == len(materials)
    assert [material.number for _, material in dealt] == list(range(len(materials)))
    assert all(sample.file.split == split for split, material in dealt for sample in material.samples)
    bytes_stored = {"float32": 4, "float16": 2, "log_uint8": 1}[storage.encoding] * (storage.pixels or pixels) ** 2 * 3
    for split in SPLITS:
        shards = [shard for shard in plans if shard.split == split]
        assert [shard.number for shard in shards] == list(range(len(shards)))
        stacks = [sum(len(material.samples) for material in shard.materials) for shard in shards]
        assert all(count * bytes_stored <= SHARD_BYTES and count * 12 * pixels**2 <= SOURCE_BYTES for count in stacks)
        # and no two neighbours would have fitted into one, but for a material's size
        assert all(
            (one + other + 10) * bytes_stored > SHARD_BYTES or (one + other + 10) * 12 * pixels**2 > SOURCE_BYTES
            for one, other in itertools.pairwise(stacks)
        )


@given(st.lists(st.integers(1, 10), min_size=2, max_size=30), st.randoms(use_true_random=False))
def test_the_order_of_the_source_does_not_matter(energies: list[int], random: object) -> None:
    materials = materials_of({"train": energies}, 128)
    mixed = list(materials)
    random.shuffle(mixed)
    source = Source("olcf", "x", (), ())
    assert plan_shards(source, mixed, Storage()) == plan_shards(source, materials, Storage())
