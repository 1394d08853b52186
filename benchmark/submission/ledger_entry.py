"""How a run is entered into the ledger: a line before it begins, and one when it has ended, however it ended."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import benchmark
from benchmark.data.manifest import read_manifest
from benchmark.definition.benchmark import Benchmark
from benchmark.definition.finder import load_benchmark
from benchmark.definition.request import RunRequest
from benchmark.definition.trainer import ROOT, Trainer
from benchmark.foundation.errors import StemdlError
from benchmark.foundation.files import sha256_of_file
from benchmark.foundation.source import source_sha256
from benchmark.launch.system import git_commit
from benchmark.submission import chain
from benchmark.submission.ledger_form import END, START
from benchmark.submission.run_record import CRASHED, StoredRun, record_of_log


@contextmanager
def entered(
    ledger: Path, request: RunRequest, settings: Mapping[str, Any], ranks: int, instances: int = 1
) -> Iterator[None]:
    """The run that the block makes stands in the ledger: from before it begins, so that one that is killed is listed
    too, and its end when the block is left, with an error or without.

    `settings` are the trainer's, as resolved; `instances` how many such runs share the system at the time. Raises
    StemdlError where the ledger cannot be written, before the run: a run that cannot be recorded is not made.
    """
    start = chain.append(
        ledger,
        {
            "event": START,
            "time_ms": _now_ms(),
            "folder": folder_in(ledger, request.output),
            "index": request.index,
            "rung": request.rung.name,
            "settings": dict(settings),
            "ranks": ranks,
            "instances": instances,
            "seed_given": request.seed is not None,
            "resumed": request.resume,
            "partition": request.partition,
            "manifest_sha256": read_manifest(request.data).sha256,
            "commit": git_commit(ROOT),
            "source": sources(request),
            **({"trainer": str(request.trainer)} if request.own_trainer else {}),
        },
    )
    try:
        yield
    finally:
        chain.append(ledger, {"event": END, "start": start, "time_ms": _now_ms(), **_outcome(request.output)})


def packages(benchmark_: Benchmark) -> dict[str, Path]:
    """Where the code of a run lies, by name: the harness, the reference, the task where it lies in neither, and the
    trainer where it is another."""
    trainer, reference = (Trainer.named(each) for each in (benchmark_.trainer, load_benchmark(benchmark_.task).trainer))
    task = {} if benchmark_.shipped else {benchmark_.task: benchmark_.task_folder}
    return {
        benchmark.__name__: ROOT / benchmark.__name__,
        reference.package: ROOT / reference.package,
        **task,
        trainer.package: trainer.source(),
    }


def sources(request: RunRequest) -> dict[str, str]:
    """The hash of each package of `packages`."""
    return {name: source_sha256(path) for name, path in packages(request.benchmark).items()}


def _outcome(folder: Path) -> dict[str, Any]:
    """What a run left in its folder."""
    log, record = StoredRun(folder, None).log, {"status": CRASHED}
    with suppress(StemdlError):  # a record that cannot be read is none
        record = record_of_log(folder) or record
    return {
        "log_sha256": sha256_of_file(log) if log is not None else None,
        **{name: record.get(name) for name in ("status", "time_to_train_seconds", "epochs", "seed")},
    }


def folder_in(ledger: Path, folder: Path) -> str:
    """A run's folder as the ledger names it: relative to its own, or by its name where it lies elsewhere."""
    folder, root = folder.absolute(), ledger.parent.absolute()
    return str(folder.relative_to(root)) if folder.is_relative_to(root) else folder.name


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
