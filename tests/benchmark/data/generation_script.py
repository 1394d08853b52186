"""Makes the data of a tiny rung in a process of its own: generation_script.py FOLDER [options]. Not a test.

The error that a user would see goes to stdout, and the exit code is the command line's.
"""

from __future__ import annotations

import argparse
import dataclasses
import resource
import sys
from pathlib import Path

from benchmark.cli.ranks import ranks_together
from benchmark.data import plan
from benchmark.data.generate import generate
from benchmark.definition.finder import load_benchmark
from benchmark.foundation.errors import StemdlError
from benchmark.launch.rank import detect_rank
from benchmark.simulation.cbed import CbedRung

PER_SHARD = 3


def tiny(train: int = 3, **changes: object) -> CbedRung:
    """The smoke rung with two groups, 32 x 32 pixels and few beams; `changes` are further fields of it."""
    rung = CbedRung.of(load_benchmark("space_group").rung("stemdl_smoke"))
    accuracy = dataclasses.replace(rung.optics.accuracy, most_strong_beams=60, directions_across=4)
    optics = dataclasses.replace(rung.optics, pixels=32, accuracy=accuracy)
    values = {"space_groups": (2, 62), "materials_per_group": {"train": train, "dev": 2, "test": 2}, "optics": optics}
    return dataclasses.replace(rung, **values | changes)


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--train", type=int, default=3)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--mpi", action="store_true")
    parser.add_argument("--limit-bytes", type=int, help="no file may grow larger, as on a full disk")
    arguments = parser.parse_args()
    plan.SAMPLES_PER_SHARD = PER_SHARD
    rung = tiny(arguments.train)

    def fill_disk() -> None:
        if arguments.limit_bytes:
            resource.setrlimit(resource.RLIMIT_FSIZE, (arguments.limit_bytes, arguments.limit_bytes))

    if arguments.mpi:
        with ranks_together(detect_rank()) as ranks:
            fill_disk()  # not before MPI has its shared memory
            manifest = generate(rung, arguments.folder, ranks=ranks)
            print(f"rank {ranks.Get_rank()} of {ranks.Get_size()}: {manifest.sha256}", flush=True)
            assert generate(rung, arguments.folder, ranks=ranks) == manifest
        return 0
    fill_disk()
    try:
        generate(rung, arguments.folder, processes=arguments.processes)
    except StemdlError as error:
        print(error)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
