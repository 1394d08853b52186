"""One rank of performance/scaling.py: steps with and without exchange in turns, and all-reduces alone.

Arguments: folder of the data, samples of each rank's batch, steps, folder for the results, settings. Each rank leaves
<rank>.json, with times in seconds.
"""

from __future__ import annotations

import itertools
import statistics
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from benchmark.data.manifest import read_manifest
from benchmark.data.reader import Part
from benchmark.definition.finder import load_benchmark
from benchmark.definition.settings import read_settings
from benchmark.foundation.files import write_json
from benchmark.launch.rank import detect_rank
from reference.comm import Comm, make_comm, pick_device
from reference.input import TrainingSamples
from reference.optimizer import make_optimizer
from reference.samples import SamplesStreamed
from reference.task import Batch, Task, reference_task

STEPS_IN_A_BLOCK = 10
REPEATS = 15
SIZES_KIB = (4, 64, 512, 4096)
Batches = Iterator[Batch]


def main(data: str, batch: str, steps: str, output: str, *settings: str) -> None:
    torch.set_num_threads(1)
    rank, manifest = detect_rank(), read_manifest(Path(data))
    benchmark = load_benchmark(manifest.task)
    config = read_settings(benchmark, manifest.rung, None, settings)
    device = pick_device(config.device, rank)
    comm = make_comm(config, rank, device, Path(output), timeout_seconds=60)
    streamed = SamplesStreamed(Part(manifest, "train", comm.rank, comm.size), device)
    make_task = reference_task(benchmark)
    task = make_task(manifest.schema, config.to_dict())
    training = TrainingSamples(streamed, manifest.schema, task.augment, 1, comm.rank)
    batches = endless(training, int(batch), len(streamed) // int(batch))
    torch.manual_seed(1)
    networks = []
    for exchanged in (False, True):
        model = make_task(manifest.schema, config.to_dict()).model.to(device)
        optimizer = make_optimizer(model, config)
        networks.append(comm.distribute(model, optimizer) if exchanged else (model, optimizer))
    for network in networks:
        block(task, *network, batches, comm)  # to warm up
    alone, together = [], []
    for _ in range(-(-int(steps) // STEPS_IN_A_BLOCK)):
        alone += block(task, *networks[0], batches, comm)
        together += block(task, *networks[1], batches, comm)
    gradient_bytes = sum(4 * each.numel() for each in model.parameters())
    write_json(
        Path(output) / f"{comm.rank}.json",
        {
            "comm": comm.name,
            "resolved": dict(comm.resolved),
            "gradient_bytes": gradient_bytes,
            "alone": alone,
            "together": together,
            "allreduce": {
                size: reduced(size, device, comm) for size in (gradient_bytes, *(1024 * kib for kib in SIZES_KIB))
            },
        },
    )
    comm.close()


def endless(training: TrainingSamples, batch: int, steps: int) -> Batches:
    """Epoch after epoch, streamed from the shards."""
    return itertools.chain.from_iterable(training.batches(epoch, batch, steps) for epoch in itertools.count(1))


def block(task: Task, model: nn.Module, optimizer: Optimizer, batches: Batches, comm: Comm) -> list[dict[str, float]]:
    """The parts of some steps, which all ranks begin together."""
    found = []
    comm.barrier()
    for _ in range(STEPS_IN_A_BLOCK):
        begun = time.perf_counter()
        each = next(batches)
        times = [time.perf_counter()]
        optimizer.zero_grad()
        loss = task.loss(model, each)
        times.append(seconds_now(loss))
        loss.backward()
        times.append(seconds_now(loss))
        optimizer.step()
        times.append(seconds_now(loss))
        parts = [after - before for before, after in itertools.pairwise([begun, *times])]
        found.append(dict(zip(("input", "forward", "backward", "update"), parts, strict=True)))
    return found


def seconds_now(tensor: Tensor) -> float:
    """The time when the device has done its work."""
    if tensor.is_cuda:
        torch.cuda.synchronize(tensor.device)
    return time.perf_counter()


def reduced(size_bytes: int, device: torch.device, comm: Comm) -> float:
    """The median time of an all-reduce, from when the last rank is ready."""
    values, found = torch.ones(size_bytes // 4, device=device), []
    for _ in range(REPEATS):
        comm.barrier()
        begun = time.perf_counter()
        comm.sum(values)
        seconds_now(values)
        found.append(time.perf_counter() - begun)
    return statistics.median(found[2:])


if __name__ == "__main__":
    main(*sys.argv[1:])
