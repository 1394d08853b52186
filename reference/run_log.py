"""What a run says of itself: in its log before the clock starts, and on the terminal."""

from __future__ import annotations

import sys
import time
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import torch
import yaml

import reference
from benchmark.data.manifest import Manifest
from benchmark.definition.goal import AT_LEAST, Goal
from benchmark.definition.request import CONFIG, RunRequest
from benchmark.definition.settings import Settings
from benchmark.events import keys
from benchmark.events.log import EventLog
from benchmark.foundation.files import write_text
from benchmark.foundation.progress import Advance, progress, silent
from benchmark.launch.rank import Rank
from benchmark.launch.system import collect_versions, device_names, git_commit, processor_name
from reference.comm import Comm


def log_opening(
    log: EventLog,
    request: RunRequest,
    settings: Settings,
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
    log.point(keys.SUBMISSION_ORG, settings.org)
    log.point(keys.SUBMISSION_PLATFORM, settings.platform or devices[0])
    log.point(keys.SUBMISSION_DIVISION, settings.division)
    log.point(keys.SUBMISSION_STATUS, settings.status)
    log.point(keys.SUBMISSION_GITHUB_COMMIT_VERSION, git_commit(Path(reference.__file__).parents[1]))
    resolved = settings.to_dict() | {
        "ranks": rank.size,
        "launcher": rank.launcher,
        "comm": comm.name,
        "device": str(device),
        "threads_per_rank": threads,
        **comm.resolved,
        **({"trainer": str(request.trainer)} if request.own_trainer else {}),
    }
    log.point(keys.CONFIG, resolved)
    log.point(keys.VERSIONS, collect_versions())
    log.point(keys.DEVICES, devices)
    write_text(request.output / CONFIG, yaml.safe_dump(resolved, sort_keys=False))


def log_settings(
    log: EventLog,
    request: RunRequest,
    settings: Settings,
    manifest: Manifest,
    rank: Rank,
    device: torch.device,
    seed: int,
    steps: int,
) -> None:
    """What the rules ask for: once each, before the clock starts."""
    log.point(keys.SEED, seed)
    log.point(keys.GLOBAL_BATCH_SIZE, settings.global_batch_size)
    log.point(keys.GRADIENT_ACCUMULATION_STEPS, 1)
    log.point(keys.NUMBER_OF_NODES, max(1, rank.size // rank.local_size))
    log.point(keys.ACCELERATORS_PER_NODE, rank.local_size if device.type == "cuda" else 0)
    log.point(keys.OPT_NAME, settings.optimizer)
    log.point(keys.OPT_BASE_LR, settings.learning_rate)
    log.point(keys.OPT_WEIGHT_DECAY, settings.weight_decay)
    log.point(keys.OPT_LR_WARMUP_STEPS, round(settings.warmup_fraction * settings.max_epochs * steps))
    log.point(keys.DATA_MANIFEST_SHA256, manifest.sha256)
    log.point(keys.DATA_RECIPE_SHA256, manifest.recipe_sha256)
    log.point(
        keys.DATA_STANDARD,
        not request.own_rung and manifest.standard and manifest.recipe_sha256 == request.rung.recipe_sha256,
    )
    if request.partition:
        log.point(keys.DATA_PARTITION, request.partition)
    log.point(keys.TRAIN_SAMPLES, manifest.samples["train"])
    log.point(keys.EVAL_SAMPLES, manifest.samples["dev"])


def progress_line(epoch: int, epochs: int, value: float, goal: Goal, started: float) -> str:
    side = "below" if goal.reaches == AT_LEAST else "above"
    distance = (
        f"target of {goal.target:g} reached"
        if goal.reached_by(value)
        else f"{goal.distance(value):.3f} {side} the target of {goal.target:g}"
    )
    return f"epoch {epoch:2d} of {epochs}   F1 {value:.4f}   {distance}   {time.monotonic() - started:.1f} s"


class Speaker:
    """Rank 0's voice on the terminal."""

    def __init__(self, speaks: bool) -> None:
        self._speaks = speaks
        if speaks and sys.stderr.isatty():
            import rich.progress  # noqa: F401 - now, and not on the clock

    def __call__(self, text: str) -> None:
        if self._speaks:
            print(text, file=sys.stderr, flush=True)

    def progress(self, title: str, total: int, unit: str) -> AbstractContextManager[Advance]:
        """Progress within what takes long, from rank 0 alone; nothing of it where it does not."""
        return progress(title, total, unit, last=False) if self._speaks else nullcontext(silent)
