"""Weak scaling: M instances of a model trained at the same time, each on an equal part of the system, each with a seed,
a folder and a log of its own. Their clocks start together, when all have finished their initialisation."""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from subprocess import Popen
from typing import Any

from benchmark.definition.request import RunRequest
from benchmark.events.reader import iter_events
from benchmark.events.timeline import Timeline
from benchmark.foundation.errors import StemdlError
from benchmark.foundation.files import write_json
from benchmark.foundation.reading import MOST_BYTES, NESTING, Unreadable, read_object
from benchmark.launch.share import Share
from benchmark.launch.start_gate import POLL_SECONDS, StartGate
from benchmark.submission.run_driver import Outcome, RunDriver, end
from benchmark.submission.run_set import FORMAT, RUNSET

WEAK = "weak"
INSTANCE = "instance_{index}"
"""The folder of an instance; what its ranks print is next to it, in a file of that name."""
PRINTED = ".txt"
GATE = "start_gate"


def make_instances(
    request: RunRequest, driver: RunDriver, shares: Sequence[Share], say: Callable[[str], None]
) -> list[Outcome]:
    """Train `driver.instances` models at once, into instance_0, instance_1, ... of `request.output`, and write what
    became of them. One that dies stops no other.

    `shares` are their parts of the system. `say` is called with starts and ends. An interruption ends all ranks of all
    instances before it is raised again.
    """
    gate = StartGate((request.output / GATE).absolute(), driver.instances).build()
    processes: list[Popen[bytes]] = []
    stopping = threading.Event()

    def started(process: Popen[bytes]) -> None:
        processes.append(process)
        if stopping.is_set():
            end(process)

    def make(index: int, share: Share) -> Outcome:
        if share.cores:
            os.sched_setaffinity(0, share.cpus)  # of this thread, so that the launcher counts the share's cores alone
        folder = request.output / INSTANCE.format(index=index)
        return driver.make(
            replace(request, output=folder, index=index, start_gate=gate.folder),
            share,
            output=_printed(folder),
            started=started,
        )

    with ThreadPoolExecutor(driver.instances) as pool:
        futures = [pool.submit(make, index, share) for index, share in enumerate(shares)]
        try:
            _watch(gate, futures, say)
        except BaseException:
            stopping.set()
            for process in list(processes):
                end(process)
            raise
    shutil.rmtree(gate.folder)
    outcomes = [future.result() for future in futures]
    write_json(
        request.output / RUNSET, summarise_instances(outcomes, driver, shared=any(each.shared for each in shares))
    )
    return outcomes


def read_instances(folder: Path) -> dict[str, Any] | None:
    """The figures that `make_instances` left in a folder; None where it is not a weak-scaling set's."""
    path = folder / RUNSET
    if not path.is_file():
        return None
    try:
        summary = read_object(path, MOST_BYTES, NESTING, links=True)
    except Unreadable as error:
        raise StemdlError("the set's figures cannot be read", where=path, found=error) from error
    return summary if summary.get("scaling") == WEAK else None


def summarise_instances(outcomes: Sequence[Outcome], driver: RunDriver, shared: bool) -> dict[str, Any]:
    """The weak-scaling figures (MLPerf HPC training rules, section 7.2) of the instances that reached the target: from
    the first run_start to the last run_stop; and start and stop of each instance, milliseconds since 1970.

    `shared` says that instances had to share cores or accelerators, so that they were not parts of a system.
    """
    told = [_told(outcome) for outcome in outcomes]
    counted = [each for each, outcome in zip(told, outcomes, strict=True) if outcome.reached]
    total = None
    if counted:
        total = (max(each["run_stop_ms"] for each in counted) - min(each["run_start_ms"] for each in counted)) / 60_000
    return {
        "format": FORMAT,
        "scaling": WEAK,
        "instances": driver.instances,
        "ranks": driver.ranks,
        "shared": shared,
        "reached": len(counted),
        "seeds_differ": len({each["seed"] for each in counted}) == len(counted),
        "total_minutes": total,
        "models_per_hour": len(counted) * 60 / total if total else None,
        "runs": told,
    }


def _told(outcome: Outcome) -> dict[str, Any]:
    request = outcome.request
    events = []
    if request.log.is_file():
        with suppress(StemdlError):  # the log of a run that was killed may break off within a line
            for event in iter_events(request.log):
                events.append(event)
    timeline = Timeline.of(events)
    return {
        "folder": request.output.name,
        "status": outcome.status,
        "seed": timeline.seed,
        "run_start_ms": timeline.run_start_ms,
        "run_stop_ms": timeline.run_stop_ms,
    }


def _watch(gate: StartGate, futures: Sequence[Future[Outcome]], say: Callable[[str], None]) -> None:
    """Open the gate when all instances that are still there are ready; return when all have ended."""
    opened, ended = False, set()
    while len(ended) < len(futures):
        for index, future in enumerate(futures):
            if future.done() and index not in ended:
                ended.add(index)
                outcome = future.result()
                say(
                    f"instance {index}: {outcome.status}"
                    + (f"; see {_printed(outcome.request.output)}" if outcome.record is None else "")
                )
        alive = set(range(len(futures))) - ended
        if alive and not opened and alive <= gate.ready():
            gate.open()
            opened = True
            say(f"{len(alive)} instances are ready, and start together")
        time.sleep(POLL_SECONDS)


def _printed(folder: Path) -> Path:
    return folder.with_name(folder.name + PRINTED)
