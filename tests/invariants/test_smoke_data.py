"""The smoke rung's data: the same crystals everywhere, the same bytes on one kind of machine."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import h5py
import numpy as np
import pytest
from processor import kind_of_processor

from benchmark.data.layout import iter_samples
from benchmark.data.manifest import read_manifest

SHARDS, MADE_ON = "81c6ba2ab10c0db692f426894b196a3d1d082cbc2774de8bdb18e7d7924312a3", "AMD EPYC cc6175ad1873c94d"
"""The hash of all shards' hashes, and where they were made. Other kernels round some patterns otherwise."""
DRAWN = {
    "train": ("da7eb5ffd0c6a148a52d72ac701fd8657e5d6a153a99c40920b6f905142c6cd1", 6.389054995276, 1.90026e-06),
    "dev": ("6abe178e4ac5cc10d1db1e85e2d7fb7a33c8b61473b950e18eb7d11a6616f68a", 6.405384374436, 1.84247e-06),
    "test": ("92c9ebbca07b233ba5bd283cca20e7ff0f9aa57df79695371c7cca5bce1a2041", 6.300830327331, 2.11573e-06),
}
"""Of each split: the hash of names, labels and what is drawn; the mean of the cells' edges in Angstrom; the mean square
of the intensities."""


def drawn(folder: Path, split: str) -> tuple[str, float, float]:
    """What `DRAWN` has of a split."""
    exact, edges, squares = hashlib.sha256(), [], []
    for path, name in iter_samples(folder, split):
        with h5py.File(path, "r") as shard:
            attributes = shard[name].attrs
            said = [attributes["material"].decode(), attributes["space_group"].decode(), attributes["formula"]]
            said += [float(attributes["thickness_angstrom"]), attributes["z_dirs"].tolist()]
            said += [attributes[each].tolist() for each in ("mistilt_mrad", "rotation_degrees")]
            exact.update(json.dumps([f"{split}/{path.name}/{name}", *said]).encode())
            edges.append(attributes["abc_angstrom"].mean())
            squares.append(np.square(shard[name]["cbed_stack"][()], dtype=np.float64).mean())
    return exact.hexdigest(), float(np.mean(edges)), float(np.mean(squares))


@pytest.mark.parametrize("split", DRAWN)
def test_what_is_drawn_is_the_same_on_every_machine(smoke_data: Path, split: str) -> None:
    exact, edge, square = drawn(smoke_data, split)
    assert exact == DRAWN[split][0]
    assert (edge, square) == (pytest.approx(DRAWN[split][1], rel=1e-9), pytest.approx(DRAWN[split][2], rel=1e-4))


def test_shards_keep_their_bytes(smoke_data: Path) -> None:
    """To the last on the kind of machine that they were recorded on."""
    shards = [(entry["path"], entry["sha256"]) for entry in read_manifest(smoke_data).shards]
    assert len(shards) == 8
    found = hashlib.sha256(json.dumps(shards).encode()).hexdigest()
    assert found == SHARDS or kind_of_processor() != MADE_ON
