"""Trains until the dev split's macro-F1 reaches the target, on the clock, and logs every step of the way.

Reads from top to bottom: settings, ranks, model, warm-up on synthetic tensors; then the clock starts, and only then is
the data touched. All ranks run the same lines. Rank 0 writes the log and the checkpoint.
"""

from __future__ import annotations

import dataclasses
import math
import os
import secrets
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import torch
import yaml
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim import Optimizer
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

import reference
from benchmark.data.manifest import Manifest, read_manifest
from benchmark.data.partition import partitioned
from benchmark.data.reader import samples_of
from benchmark.definition.request import CONFIG, RunRequest
from benchmark.events import keys
from benchmark.events.log import EventLog
from benchmark.foundation.errors import StemdlError, TrainingDiverged
from benchmark.foundation.files import write_text
from benchmark.launch.rank import Rank, detect_rank
from benchmark.launch.start_gate import wait_at_gate
from benchmark.launch.system import collect_versions, device_names, drop_caches, git_commit, processor_name
from reference.checkpoint import load_checkpoint, save_checkpoint
from reference.comm import Comm, make_comm, pick_device
from reference.config import Config, read_config
from reference.evaluate import evaluate
from reference.input import TrainingSamples, local_batch, steps_per_epoch
from reference.model import SymmetryNet
from reference.optimizer import learning_rate_at, make_optimizer, set_learning_rate
from reference.preflight import require_fit_ranks
from reference.samples import opened_splits

WARM_UP_STEPS = 3


def train(request: RunRequest) -> bool:
    """One run, called by every rank; whether the target was reached, the same on all of them.

    Leaves the log, the resolved configuration and, where the configuration asks for it, a checkpoint in
    `request.output`. Raises StemdlError for wrong settings or data, a loss that is no number, and disks that are full.
    """
    config = read_config(request.rung.name, request.config_file, request.overrides)
    manifest = partitioned(read_manifest(request.data), request.partition)
    if manifest.rung != request.rung.name:
        raise StemdlError("the data are of another rung", where=request.data, expected=request.rung.name,
                          found=manifest.rung)
    rank = detect_rank()
    batch = local_batch(config.global_batch_size, rank.rank, rank.size)
    steps = steps_per_epoch(samples_of(manifest, "train"), config.global_batch_size, rank.size)
    device = pick_device(config.device, rank)
    threads = config.threads_per_rank or _own_cores(rank)
    torch.set_num_threads(threads)
    comm = make_comm(config.comm, rank, device, config.collective_timeout_seconds)
    say = _Speaker(rank.rank == 0)

    with EventLog(request.log, rank.rank, comm.barrier, resume=request.resume) as log, ExitStack() as held:
        _log_opening(log, request, config, rank, comm, device, threads)
        log.point(keys.CACHE_CLEAR, config.clear_caches and drop_caches())
        log.start("init", sync=True)
        require_fit_ranks(request, config, manifest, rank, comm, device, log)
        seed = _agreed_number(request.seed, comm)
        token = _agreed_number(None, comm)
        torch.manual_seed(seed)  # the same on all ranks: one set of initial weights
        model = SymmetryNet(request.rung.classes, config.width, config.symmetry).to(device)
        optimizer = make_optimizer(model, config.learning_rate, config.weight_decay)
        first_epoch = 1
        averaged = _average_of(model, config)
        if request.resume:
            state = load_checkpoint(request.checkpoint, model, averaged, optimizer)
            first_epoch, seed = state["epoch"] + 1, state["seed"]
            if first_epoch > config.max_epochs:
                raise StemdlError("the run has had all its epochs", where=request.checkpoint,
                                  expected=f"fewer than {config.max_epochs}", found=state["epoch"],
                                  remedy="--set max_epochs=N for more")
            log.point(keys.RESUMED, state["epoch"])
            say(f"Resuming after epoch {state['epoch']}: this run cannot be scored")
        bare_model = model
        model, optimizer = comm.distribute(model, optimizer)
        _warm_up(model, bare_model, optimizer, batch, request, device, config)
        _log_settings(log, request, config, manifest, rank, device, seed, steps)
        log.stop("init")

        wait_at_gate(request.start_gate, request.index, comm.rank, comm.barrier)
        log.start("run", sync=True)
        started = time.monotonic()
        log.start("staging")
        splits = held.enter_context(opened_splits(manifest, config, rank, device, token, comm.barrier))
        samples = TrainingSamples(splits.train, seed, comm.rank)
        log.stop("staging", **{keys.IN_MEMORY: splits.in_memory, keys.STAGED_BYTES: splits.staged_bytes})
        reached = False
        for epoch in range(first_epoch, config.max_epochs + 1):
            epoch_started = time.monotonic()
            with log.interval("epoch", epoch_num=epoch):
                loss = _train_epoch(model, bare_model, averaged, optimizer, samples, epoch, batch, steps, config, comm)
            seconds = time.monotonic() - epoch_started
            if not math.isfinite(loss):  # the same sum on all ranks; and no log can hold it
                log.stop("run", status=keys.ABORTED)
                raise TrainingDiverged(f"the loss is {loss}", where=f"epoch {epoch}", remedy="lower learning_rate")
            log.point(keys.TRACKED_STATS, {keys.THROUGHPUT: steps * config.global_batch_size / seconds, "loss": loss},
                      epoch_num=epoch, step_num=epoch * steps)
            with log.interval("eval", epoch_num=epoch):
                _average_buffers(averaged, comm)
                counts = evaluate(averaged, splits.dev, comm=comm, classes=request.rung.classes,
                                  samples=manifest.samples["dev"], batch=config.eval_batch_size,
                                  bf16=config.precision == "bf16")
            f1 = counts.macro_f1()
            for key in (request.benchmark.metric.log_key, keys.F1_MACRO):
                log.point(key, f1, epoch_num=epoch, samples_count=epoch * steps * config.global_batch_size)
            if config.checkpoint and comm.rank == 0:
                save_checkpoint(request.checkpoint, bare_model, averaged, optimizer, epoch=epoch, seed=seed)
            reached = f1 >= request.benchmark.metric.target  # every rank holds the same counts
            say(_progress_line(epoch, config.max_epochs, f1, request.benchmark.metric.target, started))
            if reached:
                break
        log.stop("run", sync=True, status=keys.SUCCESS if reached else keys.ABORTED)

        # The clock has stopped: the test split is read for the first time.
        counts = evaluate(averaged, splits.test, comm=comm, classes=request.rung.classes,
                          samples=manifest.samples["test"], batch=config.eval_batch_size,
                          bf16=config.precision == "bf16")
        log.point(keys.TEST_F1_MACRO, counts.macro_f1(), samples_count=counts.samples)
    comm.close()
    return reached


def _own_cores(rank: Rank) -> int:
    """Cores for this rank alone: those that its launcher bound it to, else its share of the node's."""
    usable = len(os.sched_getaffinity(0))
    return usable if usable < (os.cpu_count() or 1) else max(1, usable // rank.local_size)


def _average_of(model: nn.Module, config: Config) -> AveragedModel:
    """The running average of a model's weights, which is what is evaluated: it is as good in the middle of training as
    the weights themselves only become when the learning rate has fallen (Izmailov et al. 2018; Morales-Brotons et al.
    2024), so that the clock need not wait for that."""
    return AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(config.weight_averaging), use_buffers=True)


def _train_epoch(
    model: nn.Module,
    bare_model: nn.Module,
    averaged: AveragedModel,
    optimizer: Optimizer,
    samples: TrainingSamples,
    epoch: int,
    batch: int,
    steps: int,
    config: Config,
    comm: Comm,
) -> float:
    """One pass over this rank's part; the mean loss over all ranks. `model` may be a wrapper around `bare_model`."""
    model.train()
    total = torch.zeros((), dtype=torch.float64, device=next(bare_model.parameters()).device)
    for step, (patterns, labels) in enumerate(samples.batches(epoch, batch, steps), start=(epoch - 1) * steps):
        rate = learning_rate_at(step, config.max_epochs * steps, config.learning_rate, config.warmup_fraction)
        set_learning_rate(optimizer, rate)
        loss = _step(model, optimizer, patterns, labels, batch * comm.size / config.global_batch_size, config)
        averaged.update_parameters(bare_model)
        total += loss.double()
    return float(comm.sum(total.cpu()[None])[0]) / (steps * comm.size)


def _step(
    model: nn.Module, optimizer: Optimizer, patterns: Tensor, labels: Tensor, weight: float, config: Config
) -> Tensor:
    """One update. `weight` is this rank's share of the global batch times the number of ranks: gradients are averaged
    over the ranks, and so weighted they are the gradient of the mean over the global batch."""
    optimizer.zero_grad()
    with torch.autocast(patterns.device.type, torch.bfloat16, enabled=config.precision == "bf16"):
        logits = model(patterns)
    loss = F.cross_entropy(logits.float(), labels, label_smoothing=config.label_smoothing) * weight
    loss.backward()
    optimizer.step()
    return loss.detach()


def _warm_up(
    model: nn.Module,
    bare_model: nn.Module,
    optimizer: Optimizer,
    batch: int,
    request: RunRequest,
    device: torch.device,
    config: Config,
) -> None:
    """A few steps on synthetic tensors, so that libraries build their kernels off the clock; then all is as before."""
    weights = {name: tensor.clone() for name, tensor in bare_model.state_dict().items()}
    state = {key: value for key, value in optimizer.state_dict().items()}
    state["state"] = {index: {name: value.clone() if isinstance(value, Tensor) else value
                              for name, value in entry.items()} for index, entry in state["state"].items()}
    pixels = request.rung.pixels
    model.train()
    for size in (batch,) * WARM_UP_STEPS:
        patterns = torch.rand(size, 3, pixels, pixels, device=device) / pixels**2
        _step(model, optimizer, patterns, torch.arange(size, device=device) % request.rung.classes, 1.0, config)
    model.eval()
    with torch.inference_mode(), torch.autocast(device.type, torch.bfloat16, enabled=config.precision == "bf16"):
        bare_model(torch.rand(config.eval_batch_size, 3, pixels, pixels, device=device))
    bare_model.load_state_dict(weights)
    optimizer.state.clear()
    if state["state"]:
        optimizer.load_state_dict(state)
    optimizer.zero_grad()


def _average_buffers(model: nn.Module, comm: Comm) -> None:
    """Give all ranks the mean of their batch norms' running statistics, so that they evaluate one model."""
    if comm.size == 1:
        return
    buffers = [buffer for buffer in model.buffers() if buffer.is_floating_point()]
    mean = comm.sum(torch.cat([buffer.flatten() for buffer in buffers])) / comm.size
    for buffer, values in zip(buffers, mean.split([buffer.numel() for buffer in buffers]), strict=True):
        buffer.copy_(values.view_as(buffer))


def _agreed_number(given: int | None, comm: Comm) -> int:
    """The same on every rank: the given one, or 31 fresh bits from rank 0's operating system."""
    own = (secrets.randbits(31) if given is None else given) if comm.rank == 0 else 0
    return int(comm.sum(torch.tensor([own], dtype=torch.int64))[0])


def _log_opening(
    log: EventLog,
    request: RunRequest,
    config: Config,
    rank: Rank,
    comm: Comm,
    device: torch.device,
    threads: int,
) -> None:
    """Who submits, from which source, on what, with which settings."""
    if rank.rank != 0:
        return
    devices = device_names() or [processor_name()]
    log.point(keys.SUBMISSION_BENCHMARK, request.rung.name)
    log.point(keys.SUBMISSION_ORG, config.org)
    log.point(keys.SUBMISSION_PLATFORM, config.platform or devices[0])
    log.point(keys.SUBMISSION_DIVISION, config.division)
    log.point(keys.SUBMISSION_STATUS, config.status)
    log.point(keys.SUBMISSION_GITHUB_COMMIT_VERSION, git_commit(Path(reference.__file__).parents[1]))
    resolved = dataclasses.asdict(config) | {
        "ranks": rank.size, "launcher": rank.launcher, "comm": comm.name, "device": str(device),
        "threads_per_rank": threads,
    }
    log.point(keys.CONFIG, resolved)
    log.point(keys.VERSIONS, collect_versions())
    log.point(keys.DEVICES, devices)
    write_text(request.output / CONFIG, yaml.safe_dump(resolved, sort_keys=False))


def _log_settings(
    log: EventLog,
    request: RunRequest,
    config: Config,
    manifest: Manifest,
    rank: Rank,
    device: torch.device,
    seed: int,
    steps: int,
) -> None:
    """What the rules ask for: once each, before the clock starts."""
    log.point(keys.SEED, seed)
    log.point(keys.GLOBAL_BATCH_SIZE, config.global_batch_size)
    log.point(keys.GRADIENT_ACCUMULATION_STEPS, 1)
    log.point(keys.NUMBER_OF_NODES, max(1, rank.size // rank.local_size))
    log.point(keys.ACCELERATORS_PER_NODE, rank.local_size if device.type == "cuda" else 0)
    log.point(keys.OPT_NAME, "adamw")
    log.point(keys.OPT_BASE_LR, config.learning_rate)
    log.point(keys.OPT_WEIGHT_DECAY, config.weight_decay)
    log.point(keys.OPT_LR_WARMUP_STEPS, round(config.warmup_fraction * config.max_epochs * steps))
    log.point(keys.DATA_MANIFEST_SHA256, manifest.sha256)
    log.point(keys.DATA_RECIPE_SHA256, manifest.recipe_sha256)
    log.point(keys.DATA_STANDARD, manifest.standard and manifest.recipe_sha256 == request.rung.recipe_sha256)
    if request.partition:
        log.point(keys.DATA_PARTITION, request.partition)
    log.point(keys.TRAIN_SAMPLES, manifest.samples["train"])
    log.point(keys.EVAL_SAMPLES, manifest.samples["dev"])


def _progress_line(epoch: int, epochs: int, f1: float, target: float, started: float) -> str:
    distance = f"{target - f1:.3f} below the target of {target:g}" if f1 < target else f"target of {target:g} reached"
    return f"epoch {epoch:2d} of {epochs}   F1 {f1:.4f}   {distance}   {time.monotonic() - started:.1f} s"


class _Speaker:
    """Rank 0's voice on the terminal."""

    def __init__(self, speaks: bool) -> None:
        self._speaks = speaks

    def __call__(self, text: str) -> None:
        if self._speaks:
            print(text, file=sys.stderr, flush=True)
