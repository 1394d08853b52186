"""One rank of test_many_ranks.py: a whole run, as a launcher starts it, then the counts of the network that it left.

Arguments: folder of the data, folder for the run, settings. Rank 0 leaves counts.npz in the run's folder.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import torch
from space_groups import counts_of

from benchmark.cli.main import main as stemdl
from benchmark.crystals.cbed_stack import space_groups_of
from benchmark.data.manifest import read_manifest
from benchmark.data.reader import Part
from benchmark.definition.finder import load_benchmark
from benchmark.definition.settings import read_settings
from benchmark.launch.rank import detect_rank
from reference.comm import make_comm
from reference.samples import SamplesInMemory
from reference.tasks.space_group.model import SymmetryNet

RUNG, SEED, CPU = "stemdl_smoke", 7, torch.device("cpu")


def main(data: str, output: str, *settings: str) -> None:
    run = ["run", "--rung", RUNG, "--data", data, "--output", output, "--seed", str(SEED), "--format", "json"]
    code = stemdl([*run, *(part for setting in settings for part in ("--set", setting))])
    rank, manifest = detect_rank(), read_manifest(Path(data))
    comm = make_comm(
        read_settings(load_benchmark("space_group"), RUNG, None, ("comm=horovod",)), rank, CPU, Path(output), 600
    )
    comm.barrier()
    state = torch.load(Path(output) / "checkpoint.pt", weights_only=True)["averaged"]
    model = SymmetryNet(len(space_groups_of(manifest)))
    model.load_state_dict({name.removeprefix("module."): each for name, each in state.items() if "module." in name})
    counts = {
        split: counts_of(model, SamplesInMemory(Part(manifest, split, comm.rank, comm.size), CPU), comm)
        for split in ("train", "dev", "test")
    }
    if comm.rank == 0:
        np.savez(Path(output) / "counts.npz", code=code, ranks=comm.size, **counts)
    comm.barrier()


if __name__ == "__main__":
    main(*sys.argv[1:])
