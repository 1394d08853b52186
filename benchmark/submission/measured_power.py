"""A run with its power measured: one rank of each node samples, and leaves the log that the power rules ask for."""

from __future__ import annotations

import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmark.definition.request import RunRequest
from benchmark.events.power_log import COVERS, NODES, node_log, power_logs, write_power_log
from benchmark.events.reader import read_events
from benchmark.events.timeline import Timeline
from benchmark.foundation.errors import StemdlError
from benchmark.launch.power import PowerReading, Sampler, read_readings
from benchmark.launch.power_meters import is_meter, make_meter
from benchmark.launch.rank import Rank

PATIENCE_SECONDS = 15.0
"""The time that a network file system takes to show on one node what another has written."""


def require_power(power: str | None) -> None:
    """Raises StemdlError where what is to measure the power is neither a meter's name nor a file, or the file holds
    something else than readings. It may be empty: the meter is writing it."""
    if power is None or is_meter(power):
        return
    if not Path(power).is_file():
        raise StemdlError(
            "there is no such meter, and no such file",
            where="--power",
            found=power,
            expected="rapl, nvml, rapl+nvml, or a file of time,watts",
        )
    if Path(power).stat().st_size:
        read_readings(Path(power), fewest=0)


@contextmanager
def power_measured(request: RunRequest, rank: Rank) -> Iterator[None]:
    """Measures while the block runs, where the request asks for it and this rank is the first of its node; of a meter's
    file, rank 0 takes what is of the run. What is left in the run's folder lasts from run_start to run_stop.

    Raises StemdlError before the block where nothing can be measured. What goes wrong later is shown on stderr and
    leaves no power log: the run counts without it. Nothing is left of a run that raises.
    """
    if request.power is None or rank.local_rank != 0:
        yield
        return
    if not is_meter(request.power):
        if rank.rank == 0:
            require_power(request.power)
        yield
        if rank.rank == 0:
            _told(lambda: _write_file(request))
        return
    try:
        meter = make_meter(request.power)
    except StemdlError as error:
        raise StemdlError(
            error.what,
            where=f"rank {rank.rank} on {socket.gethostname()}: {error.where or 'power'}",
            expected=error.expected,
            found=error.found,
            remedy=error.remedy,
        ) from error
    with Sampler(meter) as sampler:
        yield
    _told(lambda: _write_sampled(request, rank, sampler, meter.covers))
    if rank.rank == 0:
        _wait_for_nodes(request)


def _write_sampled(request: RunRequest, rank: Rank, sampler: Sampler, covers: str) -> None:
    if sampler.fault is not None:
        raise sampler.fault
    _write(
        request,
        rank.rank,
        sampler.started_ms,
        sampler.readings,
        {COVERS: covers, "sampler_cpu_seconds": round(sampler.cpu_seconds, 6)},
    )


def _write_file(request: RunRequest) -> None:
    readings = read_readings(Path(str(request.power)))
    _write(request, 0, readings[0].time_ms, readings[1:], {COVERS: "what a meter's file says"})


def _write(
    request: RunRequest, node: int, begins_ms: int, readings: list[PowerReading], about: dict[str, object]
) -> None:
    timeline = _finished(request)
    write_power_log(
        node_log(request.log, node),
        begins_ms,
        [(each.time_ms, each.watts) for each in readings],
        timeline.run_start_ms,
        timeline.run_stop_ms,
        about,
    )


def _finished(request: RunRequest) -> Timeline:
    """The run's log, once it is seen to hold the run's stop."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        late = time.monotonic() > deadline
        try:
            timeline = Timeline.of(read_events(request.log))
        except StemdlError:  # another node may see a part of it
            if late:
                raise
        else:
            if timeline.run_start_ms is not None and timeline.run_stop_ms is not None:
                return timeline
            if late:
                raise StemdlError("the run's log does not tell when it began and stopped", where=request.log)
        time.sleep(0.1)


def _wait_for_nodes(request: RunRequest) -> None:
    """Until the power logs of all nodes are there: the energy is their sum. Without all of them there is none.

    They have the numbers of their ranks, and get those of the nodes, from 0, as MLPerf's package checker wants.
    """
    wanted = _finished(request).nodes or 1
    deadline = time.monotonic() + PATIENCE_SECONDS
    while len(found := power_logs(request.log, NODES)) < wanted:
        if time.monotonic() > deadline:
            print(
                f"stemdl: power logs of {len(found)} of {wanted} nodes came: they are removed, since their energy is "
                "not the run's",
                file=sys.stderr,
            )
            for path in found:
                path.unlink()
            return
        time.sleep(0.1)
    for node, path in enumerate(sorted(found, key=lambda path: int(path.stem.partition("_")[2]))):
        path.rename(node_log(request.log, node))  # a node's number is not greater than its first rank's


def _told(write: Callable[[], None]) -> None:
    """Does it, and tells on stderr what went wrong."""
    try:
        write()
    except StemdlError as error:
        print(f"stemdl: the power of this run is not recorded: {error}", file=sys.stderr)
