"""Trains until the dev split's macro-F1 reaches the target, on the clock, and logs every step of the way.

Reads from top to bottom: settings, ranks, model, warm-up on synthetic tensors; then the clock starts, and only then is
the data touched. All ranks run the same lines. Rank 0 writes the log and the checkpoint.
"""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim import Optimizer
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from benchmark.data.manifest import read_manifest, require_trainable
from benchmark.data.partition import partitioned
from benchmark.data.reader import samples_of
from benchmark.definition.request import RunRequest
from benchmark.definition.settings import Settings, read_settings
from benchmark.events import keys
from benchmark.events.log import EventLog
from benchmark.foundation.errors import Interrupted, StemdlError, TrainingDiverged
from benchmark.foundation.files import remove_parts
from benchmark.foundation.progress import Advance
from benchmark.launch.rank import Rank, detect_rank
from benchmark.launch.start_gate import wait_at_gate
from benchmark.launch.system import drop_caches
from benchmark.launch.watchdog import Watch
from reference.checkpoint import DIVERGED, State, load_checkpoint, save_checkpoint
from reference.comm import Comm, lost_ranks_told, make_comm, pick_device
from reference.evaluate import evaluate
from reference.input import TrainingSamples, local_batch, steps_per_epoch
from reference.interrupt import Agreement, Notice
from reference.optimizer import learning_rate_at, make_optimizer, set_learning_rate
from reference.placement import settle, tell
from reference.possible import require_possible  # noqa: F401 - what the harness asks a trainer's module for
from reference.preflight import require_fit_ranks
from reference.run_log import Speaker, log_opening, log_settings, progress_line
from reference.samples import opened_splits
from reference.tasks.space_group.model import SymmetryNet

SECOND_NET_SECONDS = 15
WARM_UP_STEPS = 3


def reference_model(classes: int, settings: Settings) -> nn.Module:
    """The network of the closed division."""
    return SymmetryNet(classes, settings.task["width"], settings.task["symmetry"])


def train(request: RunRequest, make_model: Callable[[int, Settings], nn.Module] = reference_model) -> bool:
    """One run, called by every rank; whether the target was reached, the same on all of them.

    `make_model(classes, settings)` makes the network, the same on all ranks: patterns (n, 3, pixels, pixels) float32,
    of which each sums to at most 1, to logits (n, classes). Another than the reference's is for the open division.

    Leaves the log, the resolved configuration and, where the configuration asks for it, a checkpoint in
    `request.output`. Raises StemdlError for wrong settings or data, a loss that is no number, and disks that are full.
    """
    settings = read_settings(request.benchmark, request.rung.name, request.config_file, request.overrides)
    manifest = partitioned(read_manifest(request.data), request.partition)
    if manifest.rung != request.rung.name:
        raise StemdlError(
            "the data are of another rung", where=request.data, expected=request.rung.name, found=manifest.rung
        )
    require_trainable(manifest)
    rank = detect_rank()
    batch = local_batch(settings.global_batch_size, rank.rank, rank.size)
    steps = steps_per_epoch(samples_of(manifest, "train"), settings.global_batch_size, rank.size)
    device = pick_device(settings.device, rank)
    say = Speaker(rank.rank == 0)

    with ExitStack() as held:
        notice = held.enter_context(Notice(settings.warning_signals))
        watch = held.enter_context(Watch(rank, settings.collective_timeout_seconds))
        # The backend's own limit is a second net: it cannot tell who is missing.
        comm = make_comm(
            settings, rank, device, request.output, settings.collective_timeout_seconds + SECOND_NET_SECONDS
        )
        held.enter_context(lost_ranks_told(comm))
        watch.meet(partial(_from_rank_0, comm=comm), comm.barrier)
        placements = settle(rank, device, comm, wants_gpu=settings.device != "cpu")
        threads = settings.threads_per_rank or _own_cores(rank)
        torch.set_num_threads(threads)
        # What the log calls fp32 is: torch lets GPUs take 10 of a mantissa's 23 bits in convolutions.
        torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
        log = held.enter_context(EventLog(request.log, rank.rank, comm.barrier, resume=request.resume))
        log_opening(log, request, settings, rank, comm, device, threads)
        tell(placements, log, say)
        log.point(keys.CACHE_CLEAR, settings.clear_caches and drop_caches())
        log.start("init", sync=True)
        watch.at("the preflight")
        require_fit_ranks(request, settings, manifest, rank, comm, device, log, say)
        seed = _agreed_number(request.seed, comm)
        token = _agreed_number(None, comm)
        torch.manual_seed(seed)  # the same on all ranks: one set of initial weights
        bare_model = make_model(request.rung.classes, settings).to(device)
        averaged = _average_of(bare_model, settings)
        model, optimizer = comm.distribute(bare_model, make_optimizer(bare_model, settings))
        _warm_up(model, bare_model, optimizer, batch, request, device, settings)
        state = State(bare_model, averaged, optimizer, seed, loss_sum=_zero(device))
        if request.resume:
            _resume(state, request, settings, comm, log, say)
        log_settings(log, request, settings, manifest, rank, device, state.seed, steps)
        log.stop("init")

        wait_at_gate(request.start_gate, request.index, comm.rank, comm.barrier)
        log.start("run", sync=True)
        started = time.monotonic()
        watch.at("the reading of the data")
        log.start("staging")
        splits = held.enter_context(opened_splits(manifest, settings, rank, device, token, comm.barrier))
        samples = TrainingSamples(splits.train, state.seed, comm.rank)
        log.stop("staging", **{keys.IN_MEMORY: splits.in_memory, keys.STAGED_BYTES: splits.staged_bytes})
        agreement = Agreement(comm, notice, request.output)
        reached = False
        try:
            for epoch in range(state.epoch + 1, settings.max_epochs + 1):
                epoch_started, first_step = time.monotonic(), state.step
                with log.interval("epoch", epoch_num=epoch), say.progress(f"epoch {epoch}", steps, "steps") as advance:
                    loss = _train_epoch(
                        model, state, samples, batch, steps, request, settings, comm, agreement, watch, advance
                    )
                seconds = time.monotonic() - epoch_started
                throughput = (steps - first_step) * settings.global_batch_size / seconds
                log.point(
                    keys.TRACKED_STATS,
                    {keys.THROUGHPUT: throughput, "loss": loss},
                    epoch_num=epoch,
                    step_num=epoch * steps,
                )
                watch.at(f"the evaluation of epoch {epoch}")
                with log.interval("eval", epoch_num=epoch):
                    _average_buffers(averaged, comm)
                    counts = evaluate(
                        averaged,
                        splits.dev,
                        comm=comm,
                        classes=request.rung.classes,
                        samples=manifest.samples["dev"],
                        batch=settings.eval_batch_size,
                        bf16=settings.precision == "bf16",
                        say=say,
                    )
                f1 = counts.macro_f1()
                for key in (request.benchmark.goal.log_key, keys.F1_MACRO):
                    log.point(key, f1, epoch_num=epoch, samples_count=epoch * steps * settings.global_batch_size)
                state.epoch, state.step, state.loss_sum = epoch, 0, _zero(device)
                if settings.checkpoint:
                    save_checkpoint(request.checkpoint, state, comm)
                reached = request.benchmark.goal.reached_by(f1)  # every rank holds the same counts
                say(progress_line(epoch, settings.max_epochs, f1, request.benchmark.goal, started))
                if reached:
                    break
        except (Interrupted, TrainingDiverged) as error:  # on all ranks, at the same step
            interrupted = isinstance(error, Interrupted)
            save_checkpoint(request.checkpoint if interrupted else request.output / DIVERGED, state, comm)
            log.stop("run", status=keys.ABORTED, **({keys.INTERRUPTED: True} if interrupted else {}))
            raise
        log.stop("run", sync=True, status=keys.SUCCESS if reached else keys.ABORTED)

        # The clock has stopped: the test split is read for the first time.
        watch.at("the evaluation of the test split")
        counts = evaluate(
            averaged,
            splits.test,
            comm=comm,
            classes=request.rung.classes,
            samples=manifest.samples["test"],
            batch=settings.eval_batch_size,
            bf16=settings.precision == "bf16",
            say=say,
        )
        log.point(keys.TEST_F1_MACRO, counts.macro_f1(), samples_count=counts.samples)
        comm.close()
    return reached


def _resume(state: State, request: RunRequest, settings: Settings, comm: Comm, log: EventLog, say: Speaker) -> None:
    """Go on where the checkpoint is. Raises StemdlError where it cannot be restored, or the run is at its end."""
    if comm.rank == 0:
        remove_parts(request.output)  # of a rank that was killed while it wrote
    ranks_before = load_checkpoint(request.checkpoint, state, comm, elastic=request.elastic)
    if state.epoch >= settings.max_epochs:
        raise StemdlError(
            "the run has had all its epochs",
            where=request.checkpoint,
            expected=f"fewer than {settings.max_epochs}",
            found=state.epoch,
            remedy="--set max_epochs=N for more",
        )
    log.point(keys.RESUMED, state.epoch, **{keys.STEP_NUM: state.step, keys.RANKS_BEFORE: ranks_before})
    say(
        f"Resuming after epoch {state.epoch}"
        + (f" and {state.step} steps" if state.step else "")
        + (f", on {comm.size} ranks in place of {ranks_before}" if comm.size != ranks_before else "")
        + ": this run cannot be scored"
    )


def _own_cores(rank: Rank) -> int:
    """Cores for this rank alone: those that its launcher bound it to, else its share of the node's."""
    usable = len(os.sched_getaffinity(0))
    return usable if usable < (os.cpu_count() or 1) else max(1, usable // rank.local_size)


def _average_of(model: nn.Module, settings: Settings) -> AveragedModel:
    """The running average of a model's weights, which is what is evaluated: it is as good in the middle of training as
    the weights themselves only become when the learning rate has fallen (Izmailov et al. 2018; Morales-Brotons et al.
    2024), so that the clock need not wait for that."""
    return AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(settings.weight_averaging), use_buffers=True)


def _train_epoch(
    model: nn.Module,
    state: State,
    samples: TrainingSamples,
    batch: int,
    steps: int,
    request: RunRequest,
    settings: Settings,
    comm: Comm,
    agreement: Agreement,
    watch: Watch,
    advance: Advance,
) -> float:
    """One pass over this rank's part, or what is left of it; the mean loss over all ranks and all steps. `model` may be
    a wrapper around `state.model`. Raises what `Agreement` raises, on all ranks at the same step."""
    model.train()
    epoch = state.epoch + 1
    for patterns, labels in samples.batches(epoch, batch, steps, first=state.step):
        watch.at(f"epoch {epoch}, step {state.step + 1}")
        rate = learning_rate_at(
            state.epoch * steps + state.step,
            settings.max_epochs * steps,
            settings.learning_rate,
            settings.warmup_fraction,
        )
        set_learning_rate(state.optimizer, rate)
        loss = _step(model, state.optimizer, patterns, labels, batch * comm.size / settings.global_batch_size, settings)
        state.averaged.update_parameters(state.model)
        state.loss_sum += loss.double()
        state.step += 1
        advance(state.step)
        agreement.after_step(state, loss)
        if settings.checkpoint_every_steps and state.step % settings.checkpoint_every_steps == 0:
            save_checkpoint(request.checkpoint, state, comm)
    return agreement.after_epoch(state) / (steps * comm.size)


def _step(
    model: nn.Module, optimizer: Optimizer, patterns: Tensor, labels: Tensor, weight: float, settings: Settings
) -> Tensor:
    """One update. `weight` is this rank's share of the global batch times the number of ranks: gradients are averaged
    over the ranks, and so weighted they are the gradient of the mean over the global batch."""
    optimizer.zero_grad()
    with torch.autocast(patterns.device.type, torch.bfloat16, enabled=settings.precision == "bf16"):
        logits = model(patterns)
    loss = F.cross_entropy(logits.float(), labels, label_smoothing=settings.task["label_smoothing"]) * weight
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
    settings: Settings,
) -> None:
    """A few steps on synthetic tensors, so that libraries build their kernels off the clock; then all is as before."""
    weights = {name: tensor.clone() for name, tensor in bare_model.state_dict().items()}
    pixels = request.rung.pixels
    model.train()
    for size in (batch,) * WARM_UP_STEPS:
        patterns = torch.rand(size, 3, pixels, pixels, device=device) / pixels**2
        _step(model, optimizer, patterns, torch.arange(size, device=device) % request.rung.classes, 1.0, settings)
    model.eval()
    with torch.inference_mode(), torch.autocast(device.type, torch.bfloat16, enabled=settings.precision == "bf16"):
        bare_model(torch.rand(settings.eval_batch_size, 3, pixels, pixels, device=device))
    bare_model.load_state_dict(weights)
    optimizer.state.clear()
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


def _from_rank_0(text: str, comm: Comm) -> str:
    """Rank 0's text, of at most 512 bytes, on every rank."""
    codes = torch.zeros(512, dtype=torch.int64)
    if comm.rank == 0:
        codes[: len(text.encode())] = torch.tensor(list(text.encode()))
    return bytes(comm.sum(codes).tolist()).rstrip(b"\0").decode()


def _zero(device: torch.device) -> Tensor:
    return torch.zeros((), dtype=torch.float64, device=device)
