"""One rank of test_ranks.py: scores a trained network on whole splits and makes some steps of training.

Arguments: folder of the data, checkpoint, folder for the results, settings. Each rank leaves <rank>.npz.
"""

from __future__ import annotations

import dataclasses
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from space_groups import SCHEMA, counts_of, smoke_task
from torch import nn
from torch.optim import SGD, Optimizer

from benchmark.crystals.cbed_stack import space_groups_of
from benchmark.data.manifest import Manifest, read_manifest
from benchmark.data.reader import Part
from benchmark.definition.finder import load_benchmark
from benchmark.definition.settings import Settings, read_settings
from benchmark.launch.rank import detect_rank
from benchmark.metrics.confusion import Confusion
from reference.comm import Comm, make_comm
from reference.input import TrainingSamples, local_batch
from reference.optimizer import eager, make_optimizer
from reference.samples import SamplesInMemory
from reference.step import step
from reference.tasks.space_group.model import SymmetryNet

CPU, DESCENT = torch.device("cpu"), eager(SGD)
PATIENCE_SECONDS = 600
GLOBAL_BATCH, STEPS, RATE = 32, 3, 0.5
TRAINED_STEPS, RATE_OF_ADAMW, RATE_OF_DESCENT = 8, 0.002, 0.02


def main(data: str, checkpoint: str, output: str, *settings: str) -> None:
    torch.set_num_threads(1)
    rank = detect_rank()
    config = read_settings(load_benchmark("space_group"), "stemdl_smoke", None, settings)
    adamw = dataclasses.replace(config, learning_rate=RATE_OF_ADAMW, weight_decay=0.05)
    comm = make_comm(config, rank, CPU, Path(output), PATIENCE_SECONDS)
    manifest = read_manifest(Path(data))
    results: dict[str, object] = {"comm": comm.name, "rank": comm.rank, "size": comm.size}

    # The metric: whole splits, of which each rank sees its own part.
    model = SymmetryNet(len(space_groups_of(manifest)))
    model.load_state_dict(torch.load(checkpoint, weights_only=True)["model"])
    for split in ("train", "dev"):  # 200 samples do not divide among 3 ranks
        part = Part(manifest, split, comm.rank, comm.size)
        counts = Confusion(counts_of(model, SamplesInMemory(part, CPU), comm))
        patterns, labels = part.read_whole().values()
        with torch.inference_mode():
            predictions = model(torch.from_numpy(patterns)).argmax(dim=1).numpy()
        results |= {
            f"{split}_counts": counts.counts,
            f"{split}_f1": counts.macro_f1().hex(),
            f"{split}_labels": labels,
            f"{split}_predictions": predictions,
        }

    # Some steps: in evaluation mode the norms do not depend on who is in a batch, so that the sums must agree.
    torch.manual_seed(1000 + rank.rank)  # other weights on each rank: those of rank 0 must win
    task = smoke_task("width=4")
    model, optimizer = comm.distribute(task.model, DESCENT(task.model.parameters(), lr=RATE))
    model.eval()
    whole = {name: torch.from_numpy(values) for name, values in Part(manifest, "train").read_whole().items()}
    shares = [local_batch(GLOBAL_BATCH, each, comm.size) for each in range(comm.size)]
    losses = []
    for number in range(STEPS):
        first = number * GLOBAL_BATCH + sum(shares[: comm.rank])
        own = slice(first, first + shares[comm.rank])
        batch = {name: values[own] for name, values in whole.items()}
        loss = step(task, model, optimizer, batch, shares[comm.rank] * comm.size / GLOBAL_BATCH)
        losses.append(float(comm.sum(loss[None])[0]) / comm.size)
    results["losses"] = losses
    results |= {f"grad_{name}": each.grad.numpy() for name, each in task.model.named_parameters()}
    results |= {f"weight_{name}": each.detach().numpy() for name, each in task.model.named_parameters()}

    # The reference's own training, norms included; then by plain descent, exchanged in groups and compressed as well.
    results |= _trained(config, comm, manifest, "trained", lambda model: make_optimizer(model, adamw))
    variants: dict[str, dict[str, object]] = {"descended": {}, "compressed": {"gradient_compression": "fp16"}}
    variants |= {"grouped": {"gradient_groups": 3}} if comm.name == "horovod" else {}
    for variant, changes in variants.items():
        other = dataclasses.replace(config, **changes)
        comm = make_comm(other, rank, CPU, Path(output), PATIENCE_SECONDS)
        results |= _trained(other, comm, manifest, variant, lambda model: DESCENT(model.parameters(), RATE_OF_DESCENT))

    results["sum"] = comm.sum(torch.tensor([2**53 + 1 + comm.rank])).numpy()  # more than a double can count
    if comm.rank == 0:
        time.sleep(0.5)
    results["before_barrier"] = time.monotonic()
    comm.barrier()
    results["after_barrier"] = time.monotonic()
    np.savez(Path(output) / f"{comm.rank}.npz", **results)
    comm.close()


def _trained(
    config: Settings, comm: Comm, manifest: Manifest, variant: str, make: Callable[[nn.Module], Optimizer]
) -> dict[str, object]:
    """Losses, weights and counts on the dev split after some steps of the smoke rung's training."""
    torch.manual_seed(7)
    task = smoke_task()
    model, optimizer = comm.distribute(task.model, make(task.model))
    part = SamplesInMemory(Part(manifest, "train", comm.rank, comm.size), CPU)
    samples = TrainingSamples(part, SCHEMA, task.augment, 7, comm.rank)
    batch = local_batch(config.global_batch_size, comm.rank, comm.size)
    losses = []
    for each in samples.batches(1, batch, TRAINED_STEPS):
        loss = step(task, model, optimizer, each, batch * comm.size / config.global_batch_size)
        losses.append(float(comm.sum(loss[None])[0]) / comm.size)
    counts = counts_of(task.model, SamplesInMemory(Part(manifest, "dev", comm.rank, comm.size), CPU), comm)
    weights = torch.cat([each.detach().flatten() for each in task.model.parameters()]).numpy()
    return {f"{variant}_losses": losses, f"{variant}_weights": weights, f"{variant}_counts": counts}


if __name__ == "__main__":
    main(*sys.argv[1:])
