"""A small data set written through the schema, sound in every respect, for tests to doctor."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import h5py
import numpy as np
import pytest
import sealing

from benchmark.crystals import cbed_stack
from benchmark.data import layout
from benchmark.data.manifest import WrittenShard, write_manifest
from benchmark.definition.rung import Storage
from benchmark.foundation.files import canonical_json, sha256_of_text
from benchmark.simulation import cbed_fields

GROUPS = (2, 62, 225)
SHARDS = {"train": (15, 15), "dev": (9,), "test": (9,)}
UNEVEN_SHARDS = {"train": (4, 3, 4), "dev": (2, 3), "test": (3,)}
"""Lengths that no number of ranks divides."""
RECIPE = {"name": "written", "optics": {"pixels": 16, "dose_electrons": 1e6}}


def written_stack(number: int) -> cbed_stack.Stack:
    """Stack `number`: a compound of its own, patterns that no noise turns into those of another."""
    generator = np.random.default_rng(number)
    patterns = generator.exponential(size=(3, 16, 16)) ** 2
    patterns /= patterns.sum(axis=(1, 2), keepdims=True)
    three, edge = np.full(3, 0.5), 4.0 + 0.01 * number
    return cbed_stack.Stack(
        patterns.astype(np.float32),
        GROUPS[number % 3],
        f"mp-{number}",
        100.0,
        f"Cl1 Na{number + 1}",
        np.array([[0, 0, 1], [1, 0, 0], [1, -1, 0]]),
        generator.random((3, 3)),
        three,
        three,
        np.array([edge, edge, edge]),
        np.full(3, 90.0),
        {"thickness_angstrom": np.array(150.0)},
    )


def write_set(
    folder: Path,
    kind: str = "structures",
    shards: Mapping[str, tuple[int, ...]] = SHARDS,
    storage: Storage = Storage(),
) -> Path:
    """The data set, in an empty folder; `shards` says how many stacks each has."""
    number, written = 0, []
    recipe_sha256 = sha256_of_text(canonical_json(RECIPE))
    for split, sizes in shards.items():
        for k, size in enumerate(sizes):
            path = layout.shard_path(folder, split, k)
            path.parent.mkdir(exist_ok=True, parents=True)
            with h5py.File(path, "w") as shard:
                shard.attrs["recipe_sha256"] = recipe_sha256
                for _ in range(size):
                    cbed_stack.write_stack(shard, number, 0, written_stack(number), storage)
                    number += 1
            written.append(WrittenShard(split, k, [GROUPS[(number - size + i) % 3] for i in range(size)]))
    write_manifest(
        folder,
        rung="written",
        standard=True,
        recipe_sha256=recipe_sha256,
        source={"kind": kind},
        schema=cbed_fields.sample_schema(storage.pixels or 16, GROUPS),
        shards=written,
        about={"recipe": RECIPE, "selection": None},
    )
    return folder


@pytest.fixture
def written(tmp_path: Path) -> Path:
    """The data set, 48 stacks of 48 materials, to be changed as a test likes."""
    return write_set(tmp_path / "data")


@pytest.fixture(scope="session")
def stack_of() -> Callable[[int], cbed_stack.Stack]:
    """`stack_of(number)`: what was written under that number."""
    return written_stack


@pytest.fixture(scope="session")
def write_uneven() -> Callable[[Path, Storage], Path]:
    """`write_uneven(folder, storage)`: 19 stacks in six shards of uneven lengths."""
    return lambda folder, storage=Storage(): write_set(folder, shards=UNEVEN_SHARDS, storage=storage)


@pytest.fixture
def uneven(write_uneven: Callable, tmp_path: Path) -> Path:
    """The same for this test alone, to be changed as it likes."""
    return write_uneven(tmp_path / "data")


@pytest.fixture
def written_as_drawn(tmp_path: Path) -> Path:
    """The same, said to be drawn."""
    return write_set(tmp_path / "data", kind="drawn")


@pytest.fixture
def seal() -> Callable[[Path], None]:
    """`seal(folder)`: the manifest's hashes made those of the shards as they are: only their content is wrong."""
    return sealing.seal
