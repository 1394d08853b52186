"""One rank of test_ranks.py: scores a trained network on whole splits and makes some steps of training.

Arguments: backend, folder of the data, checkpoint, folder for the results. Each rank leaves <rank>.npz.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch

from benchmark.data.manifest import read_manifest
from benchmark.data.reader import Part
from benchmark.launch.rank import detect_rank
from reference.comm import make_comm
from reference.evaluate import evaluate
from reference.input import local_batch
from reference.model import SymmetryNet
from reference.samples import SamplesInMemory
from reference.train import _step

CPU = torch.device("cpu")
GLOBAL_BATCH, STEPS, RATE = 32, 3, 0.5
STEP_CONFIG = SimpleNamespace(precision="fp32", label_smoothing=0.05)


def main(backend: str, data: str, checkpoint: str, output: str) -> None:
    torch.set_num_threads(1)
    rank = detect_rank()
    comm = make_comm(backend, rank, CPU, timeout_seconds=60)
    manifest = read_manifest(Path(data))
    results: dict[str, object] = {"comm": comm.name, "rank": comm.rank, "size": comm.size}

    # The metric: whole splits, of which each rank sees its own part.
    model = SymmetryNet(len(manifest.space_groups))
    model.load_state_dict(torch.load(checkpoint, weights_only=True)["model"])
    for split in ("train", "dev"):  # 200 samples do not divide among 3 ranks
        part = Part(manifest, split, comm.rank, comm.size)
        counts = evaluate(model, SamplesInMemory(part, CPU), comm=comm, classes=len(manifest.space_groups),
                          samples=manifest.samples[split], batch=100)
        patterns, labels = part.read_whole()
        with torch.inference_mode():
            predictions = model(torch.from_numpy(patterns)).argmax(dim=1).numpy()
        results |= {f"{split}_counts": counts.counts, f"{split}_f1": counts.macro_f1().hex(),
                    f"{split}_labels": labels, f"{split}_predictions": predictions}

    # Some steps: in evaluation mode the norms do not depend on who is in a batch, so that the sums must agree.
    torch.manual_seed(1000 + rank.rank)  # other weights on each rank: those of rank 0 must win
    model = SymmetryNet(len(manifest.space_groups), width=4)
    bare_model = model
    model, optimizer = comm.distribute(model, torch.optim.SGD(model.parameters(), lr=RATE))
    model.eval()
    patterns, labels = map(torch.from_numpy, Part(manifest, "train").read_whole())
    shares = [local_batch(GLOBAL_BATCH, each, comm.size) for each in range(comm.size)]
    losses = []
    for step in range(STEPS):
        first = step * GLOBAL_BATCH + sum(shares[:comm.rank])
        own = slice(first, first + shares[comm.rank])
        loss = _step(model, optimizer, patterns[own], labels[own],
                     shares[comm.rank] * comm.size / GLOBAL_BATCH, STEP_CONFIG)
        losses.append(float(comm.sum(loss[None])[0]) / comm.size)
    results["losses"] = losses
    results |= {f"grad_{name}": each.grad.numpy() for name, each in bare_model.named_parameters()}
    results |= {f"weight_{name}": each.detach().numpy() for name, each in bare_model.named_parameters()}

    results["sum"] = comm.sum(torch.tensor([2**53 + 1 + comm.rank])).numpy()  # more than a double can count
    if comm.rank == 0:
        time.sleep(0.5)
    results["before_barrier"] = time.monotonic()
    comm.barrier()
    results["after_barrier"] = time.monotonic()
    np.savez(Path(output) / f"{comm.rank}.npz", **results)
    comm.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
