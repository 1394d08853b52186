"""Whether the ranks of a run are fit to train, found before the clock starts. No pattern is read for it."""

from __future__ import annotations

import os
from pathlib import Path

import psutil

import benchmark
from benchmark.data.manifest import Manifest
from benchmark.data.reader import THREADS
from benchmark.definition.request import RunRequest
from benchmark.definition.settings import Settings
from benchmark.events import keys
from benchmark.launch.exchange import join
from benchmark.launch.network import TensorReducer
from benchmark.launch.node import describe_node
from benchmark.launch.nodes import collect_nodes, write_nodes
from benchmark.launch.preflight import PreflightLimits, preflight
from benchmark.launch.rank import Rank
from benchmark.launch.rank_report import DiskNeed, RankReport, Subject
from benchmark.launch.room import GIB
from reference.run import Run

ROOT = Path(benchmark.__file__).resolve().parents[1]
OUTPUT_BYTES = GIB // 4
"""The log, the records and two checkpoints of the network fill less."""
WORKING_BYTES = GIB // 4
"""The bytes of memory for all but the data: batches on their way, activations of the largest batch, buffers of the
exchange."""


def require_fit_ranks(run: Run) -> None:
    """Compare what all ranks see, sum over them, log what was found and say warnings; leave a description of the nodes.

    Called by all ranks between init's start and stop. Raises StemdlError on all of them where one is not fit.
    """
    request, settings, rank, comm = run.request, run.settings, run.rank, run.comm
    report = RankReport(subject_of(request, settings, run.manifest, rank), rank.local_rank)
    exchange = join(rank)
    result = preflight(
        report,
        exchange,
        lambda: TensorReducer(comm.name, run.device, comm.sum),
        PreflightLimits(seconds=settings.collective_timeout_seconds),
    )
    run.log.point(keys.PREFLIGHT, result.to_log())
    result.raise_on_failure(rank.rank)
    for warning in result.warnings:
        run.say(f"WARNING: {warning}")
    folders = {"data": request.data, "output": request.output}
    folders |= {"stage": Path(os.path.expandvars(settings.stage))} if settings.stage else {}
    kinds = collect_nodes(
        exchange, report.host, describe_node(folders) if report.leads else None, settings.collective_timeout_seconds
    )
    if rank.rank == 0:
        write_nodes(request.output, kinds)


def subject_of(request: RunRequest, settings: Settings, manifest: Manifest, rank: Rank) -> Subject:
    """What the ranks of a run must agree about, and what this run needs of each node."""
    held = sum(manifest.samples[split] for split in ("train", "dev")) / rank.size * manifest.schema.bytes
    most = settings.memory_share * psutil.virtual_memory().total / rank.local_size  # data that take more are streamed
    largest = max(shard["bytes"] for shard in manifest.shards)  # a shard is held while it is hashed
    needs = [DiskNeed("the run", request.output, OUTPUT_BYTES)]
    if settings.stage:
        stored = sum(shard["bytes"] for shard in manifest.shards) * rank.local_size / rank.size
        needs.append(DiskNeed("the node's copy of the data", Path(os.path.expandvars(settings.stage)), int(stored)))
    return Subject(
        root=ROOT,
        packages=("benchmark", "reference", *([str(request.trainer.source())] if request.own_trainer else [])),
        shared=request.output,
        settings=settings.to_dict(),
        manifest_sha256=manifest.sha256,
        data=request.data,
        disk_needs=tuple(needs),
        memory_bytes=int(held if held <= most else 0) + WORKING_BYTES + THREADS * largest,
        device=settings.device,
    )
