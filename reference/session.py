"""What surrounds a trainer's loop: settings, ranks, log and preflight before it, the clock about it.

    with opened(request, require_possible) as run:      # init_start
        ...                                             # the model, off the clock
        with clock(run) as data:                        # init_stop, run_start, staging
            ...                                         # the loop, which records a value of the metric after each epoch
        ...                                             # run_stop is logged; the test split

All ranks run the same lines. Rank 0 writes the log. The data are not touched before the clock runs.
"""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from typing import Any

import torch

from benchmark.data.manifest import Manifest, read_manifest, require_trainable
from benchmark.data.partition import partitioned
from benchmark.data.reader import samples_of
from benchmark.definition.request import RunRequest
from benchmark.definition.settings import read_settings
from benchmark.events import keys
from benchmark.events.log import EventLog
from benchmark.foundation.errors import Interrupted, StemdlError, TrainingDiverged
from benchmark.launch.rank import Rank, detect_rank
from benchmark.launch.start_gate import wait_at_gate
from benchmark.launch.system import drop_caches
from benchmark.launch.watchdog import Watch
from benchmark.metrics.metric import make_metric
from benchmark.metrics.tallies import Tallies, write_tallies
from reference.comm import Comm, lost_ranks_told, make_comm, pick_device
from reference.evaluate import Evaluation
from reference.fitness import require_fit_ranks
from reference.notice import Notice
from reference.placement import settle, tell
from reference.run import Run
from reference.run_log import log_opening, log_settings
from reference.samples import Splits, opened_splits
from reference.speaker import Speaker

SECOND_NET_SECONDS = 15
Possible = Callable[[Mapping[str, Any], int, int], None]
"""`require_possible(settings, train_samples, ranks)`: raises StemdlError for what a trainer cannot train by."""


@contextmanager
def opened(request: RunRequest, require_possible: Possible) -> Iterator[Run]:
    """The run that a request asks for, from the ranks' joining to their leaving. Called by every rank.

    Without gradients a run has one global batch, the whole split, and one epoch, which no signal ends early. Leaves the
    log and the resolved configuration in `request.output`. Raises StemdlError for wrong settings or data, ranks that do
    not fit together, and disks that are full.
    """
    settings = read_settings(request.benchmark, request.rung.name, request.config_file, request.overrides)
    manifest = _data_of(request)
    samples = samples_of(manifest, "train")
    rank = detect_rank()
    require_possible(settings.to_dict(), samples, rank.size)
    if not settings.by_gradients:
        settings = replace(settings, global_batch_size=samples, max_epochs=1, warning_signals="")
    measured = request.benchmark.measured
    metric = make_metric(measured.metric, manifest.schema, measured.of)
    device = pick_device(settings.device, rank)
    say = Speaker(rank.rank == 0)
    with ExitStack() as held:
        notice = held.enter_context(Notice(settings.warning_signals))
        watch = held.enter_context(Watch(rank, settings.collective_timeout_seconds))
        # The backend's own limit is a second net: it cannot tell who is missing.
        patience_seconds = settings.collective_timeout_seconds + SECOND_NET_SECONDS
        comm = make_comm(settings, rank, device, request.output, patience_seconds)
        held.enter_context(lost_ranks_told(comm))
        watch.meet(partial(_from_rank_0, comm=comm), comm.barrier)
        placements = settle(rank, device, comm, wants_gpu=settings.device != "cpu")
        torch.set_num_threads(settings.threads_per_rank or _own_cores(rank))
        # What the log calls fp32 is: torch lets GPUs take 10 of a mantissa's 23 bits in convolutions.
        torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
        log = held.enter_context(EventLog(request.log, rank.rank, comm.barrier, resume=request.resume))
        run = Run(request, settings, manifest, metric, rank, device, comm, watch, notice, log, say)
        log_opening(run)
        tell(placements, log, say)
        log.point(keys.CACHE_CLEAR, settings.clear_caches and drop_caches())
        log.start("init", sync=True)
        watch.at("the preflight")
        require_fit_ranks(run)
        run.seed, run.token = (_agreed_number(given, comm) for given in (request.seed, None))
        yield run
        comm.close()


@contextmanager
def clock(run: Run, more: Mapping[str, Any] | None = None) -> Iterator[Splits]:
    """The block is on the clock, which a signal or a loss that is not finite stops too. It is given this rank's
    samples; of the test split nothing is to be read before the clock has stopped. `more` is logged before it starts,
    besides what every run logs."""
    log_settings(run, more or {})
    run.log.stop("init")
    wait_at_gate(run.request.start_gate, run.request.index, run.comm.rank, run.comm.barrier)
    run.log.start("run", sync=True)
    run.started = time.monotonic()
    run.watch.at("the reading of the data")
    run.log.start("staging")
    with opened_splits(run.manifest, run.settings, run.rank, run.device, run.token, run.comm.barrier) as splits:
        read: dict[str, Any] = {keys.IN_MEMORY: splits.in_memory, keys.STAGED_BYTES: splits.staged_bytes}
        run.log.stop("staging", **read)
        try:
            yield splits
        except (Interrupted, TrainingDiverged) as error:  # on all ranks, at the same step
            why: dict[str, Any] = {keys.INTERRUPTED: True} if isinstance(error, Interrupted) else {}
            run.log.stop("run", status=keys.ABORTED, **why)
            raise
        run.log.stop("run", sync=True, status=keys.SUCCESS if run.reached else keys.ABORTED)


def record(run: Run, epoch: int, value: float, samples: int) -> None:
    """Log the value of the metric after an epoch and so many samples of training; note whether it reaches the goal.
    Every rank has the same value."""
    run.log.point(run.goal.log_key, value, epoch_num=epoch, samples_count=samples)
    run.reached = run.goal.reached_by(value)


def record_test(run: Run, found: Evaluation) -> None:
    """Log what the metric gave over the test split, once the clock has stopped, and keep what was counted."""
    run.log.point(run.goal.test_key, found.value, samples_count=run.manifest.samples["test"])
    if found.by_part:
        run.log.point(keys.TEST_BY_PART, found.by_part)
    if run.rank.rank == 0:
        write_tallies(run.request.output, Tallies(run.manifest.schema, run.tallies))


def _data_of(request: RunRequest) -> Manifest:
    manifest = partitioned(read_manifest(request.data), request.partition)
    if manifest.rung != request.rung.name:
        raise StemdlError(
            "the data are of another rung", where=request.data, expected=request.rung.name, found=manifest.rung
        )
    require_trainable(manifest)
    return manifest


def _own_cores(rank: Rank) -> int:
    """Cores for this rank alone: those that its launcher bound it to, else its share of the node's."""
    usable = len(os.sched_getaffinity(0))
    return usable if usable < (os.cpu_count() or 1) else max(1, usable // rank.local_size)


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
