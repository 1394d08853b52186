"""What it costs to hash what is read, and to recognise a data set by its golden figures, against reading and making it.

    python performance/hashing.py [--data data/stemdl_mini] [--rounds 7]

CPU time of one thread for all shards, in turns: their bytes from the page cache, the SHA-256, the index by HDF5, the
patterns and labels from the bytes; and the comparison of every stack with its golden figures, which is made once and
before any run. Last, some samples are simulated. Figures are medians over the rounds.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import statistics
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"

from benchmark.cli.output import print_table
from benchmark.data.examined import Data
from benchmark.data.manifest import Manifest, read_manifest
from benchmark.data.recipe import recipe_of, samples_of_unit
from benchmark.data.recognise import GoldenComparison
from benchmark.data.recognition import rung_claimed
from benchmark.data.shard_index import index_shard, indices_of, stored_arrays
from benchmark.definition.rung import Rung

READ, HASHED, INDEXED, TAKEN, COMPARED, MADE = (
    "reading the bytes",
    "SHA-256",
    "index by HDF5",
    "patterns and labels",
    "golden figures",
    "simulating them",
)
SIMULATED = 24


@contextmanager
def timed(seconds: dict[str, float], what: str) -> Iterator[None]:
    """Adds the CPU time of the block."""
    started = time.process_time()
    yield
    seconds[what] += time.process_time() - started


def one_round(manifest: Manifest, rung: Rung) -> dict[str, float]:
    """CPU seconds of each step, for all samples of the data set."""
    seconds: dict[str, float] = defaultdict(float)
    classes = indices_of(manifest.schema)
    for shard in manifest.shards:
        path = manifest.folder / shard["path"]
        with timed(seconds, READ):
            content = path.read_bytes()
        with timed(seconds, HASHED):
            assert hashlib.sha256(content).hexdigest() == shard["sha256"]
        with timed(seconds, INDEXED):
            index = index_shard(content, path, shard["samples"], manifest.schema, classes)
        with timed(seconds, TAKEN):
            for field in index.fields.values():
                for stored in stored_arrays(content, path, index, field, range(shard["samples"])):
                    field.decode(stored).copy()
    with timed(seconds, COMPARED):
        _, faults = Data(manifest).once(partial(GoldenComparison, rung=rung)).result()
    assert not faults, faults[0].line
    return dict(seconds)


def simulated(rung: Rung, samples: int) -> float:
    """CPU seconds of making so many samples, from those of some of the rung's units."""
    recipe = recipe_of(rung)
    units = recipe.units()
    started = time.process_time()
    for unit in units[:: max(1, len(units) // SIMULATED)][:SIMULATED]:
        next(samples_of_unit(recipe, rung, unit))
    return (time.process_time() - started) / SIMULATED * samples


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("data/stemdl_mini"), metavar="DIR")
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args()
    manifest = read_manifest(arguments.data)
    rung = rung_claimed(manifest)
    if rung is None:
        parser.error(f"{arguments.data} does not hold a rung's own data")
    samples = sum(manifest.samples.values())
    rounds = [one_round(manifest, rung) for _ in range(arguments.rounds)]
    seconds = {what: statistics.median(each[what] for each in rounds) for what in rounds[0]}
    seconds[MADE] = simulated(rung, samples)
    reading = sum(seconds[what] for what in (READ, HASHED, INDEXED, TAKEN))
    print(f"{rung.name}: {samples} samples, {sum(shard['bytes'] for shard in manifest.shards) / 1e6:.0f} MB")
    print_table(
        ("step", "ms per sample", "of reading, hashed"),
        [(what, f"{1e3 * each / samples:.3f}", f"{each / reading:.2f}") for what, each in seconds.items()],
    )


if __name__ == "__main__":
    main()
