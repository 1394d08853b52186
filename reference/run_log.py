"""What a run says of itself: in its log before the clock starts, and on the terminal."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
import yaml

import reference
from benchmark.data.recognition import known_recognition
from benchmark.definition.goal import AT_LEAST
from benchmark.definition.golden_files import IN_WORDS, REFUSED, UNKNOWN
from benchmark.definition.request import CONFIG
from benchmark.definition.settings import Settings
from benchmark.events import keys
from benchmark.foundation.files import write_text
from benchmark.launch.system import collect_versions, device_names, git_commit, processor_name
from reference.run import Run


def log_opening(run: Run) -> None:
    """Who submits, from which source, on what, with which settings."""
    request, settings, log = run.request, run.settings, run.log
    if run.rank.rank != 0:
        return
    devices = device_names() or [processor_name()]
    log.point(keys.SUBMISSION_BENCHMARK, request.rung.name)
    log.point(keys.SUBMISSION_ORG, settings.org)
    log.point(keys.SUBMISSION_PLATFORM, settings.platform or devices[0])
    log.point(keys.SUBMISSION_DIVISION, settings.division)
    log.point(keys.SUBMISSION_STATUS, settings.status)
    log.point(keys.SUBMISSION_GITHUB_COMMIT_VERSION, git_commit(Path(reference.__file__).parents[1]))
    resolved = settings.to_dict() | {
        "ranks": run.rank.size,
        "launcher": run.rank.launcher,
        "comm": run.comm.name,
        "device": str(run.device),
        "threads_per_rank": torch.get_num_threads(),
        **run.comm.resolved,
        **({"trainer": str(request.trainer)} if request.own_trainer else {}),
    }
    log.point(keys.CONFIG, resolved)
    log.point(keys.VERSIONS, collect_versions())
    log.point(keys.DEVICES, devices)
    write_text(request.output / CONFIG, yaml.safe_dump(resolved, sort_keys=False))


def log_settings(run: Run, more: Mapping[str, Any]) -> None:
    """What the rules ask for: once each, before the clock starts. `more` is what they ask this trainer for."""
    manifest, log = run.manifest, run.log
    log.point(keys.SEED, run.seed)
    log.point(keys.GLOBAL_BATCH_SIZE, run.settings.global_batch_size)
    log.point(keys.GRADIENT_ACCUMULATION_STEPS, 1)
    log.point(keys.NUMBER_OF_NODES, max(1, run.rank.size // run.rank.local_size))
    log.point(keys.ACCELERATORS_PER_NODE, run.rank.local_size if run.device.type == "cuda" else 0)
    for key, value in more.items():
        log.point(key, value)
    _log_data(run)
    log.point(keys.TRAIN_SAMPLES, manifest.samples["train"])
    log.point(keys.EVAL_SAMPLES, manifest.samples["dev"])


def _log_data(run: Run) -> None:
    """What the data are: their hashes, and whether they are the rung's own; no shard is read for it."""
    request, manifest, log = run.request, run.manifest, run.log
    if run.rank.rank != 0:
        return
    log.point(keys.DATA_MANIFEST_SHA256, manifest.sha256)
    log.point(keys.DATA_RECIPE_SHA256, manifest.recipe_sha256)
    recognition = None if request.own_rung else known_recognition(manifest)
    refused = recognition is not None and recognition.verdict == REFUSED
    own = not request.own_rung and manifest.standard and manifest.recipe_sha256 == request.rung.recipe_sha256
    log.point(keys.DATA_STANDARD, own and not refused)
    if recognition is not None:
        log.point(keys.DATA_RECOGNISED, recognition.to_log())
        if recognition.golden_sha256 and recognition.verdict in (REFUSED, UNKNOWN):
            run.say(f"WARNING: the data are {IN_WORDS[recognition.verdict]}: stemdl data verify {manifest.folder}")
    if request.partition:
        log.point(keys.DATA_PARTITION, request.partition)


def of_gradients(settings: Settings, steps: int) -> dict[str, Any]:
    """What the rules ask a trainer that learns by gradients for, in so many steps of an epoch."""
    return {
        keys.OPT_NAME: settings.optimizer,
        keys.OPT_BASE_LR: settings.learning_rate,
        keys.OPT_WEIGHT_DECAY: settings.weight_decay,
        keys.OPT_LR_WARMUP_STEPS: round(settings.warmup_fraction * settings.max_epochs * steps),
    }


def progress_line(run: Run, epoch: int, value: float) -> str:
    """Where a run stands after an epoch."""
    goal, metric = run.goal, run.request.benchmark.measured.shown
    side = "below" if goal.reaches == AT_LEAST else "above"
    distance = (
        f"target of {goal.target:g} reached"
        if goal.reached_by(value)
        else f"{goal.distance(value):.3f} {side} the target of {goal.target:g}"
    )
    seconds = time.monotonic() - run.started
    return f"epoch {epoch:2d} of {run.settings.max_epochs}   {metric} {value:.4f}   {distance}   {seconds:.1f} s"
