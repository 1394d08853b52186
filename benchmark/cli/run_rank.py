"""`stemdl run` as one of the ranks that a launcher started: train, record, and leave so that no other rank waits."""

from __future__ import annotations

import argparse
import errno
import os
import socket
import time
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

from benchmark.cli.guard import INTERRUPTED, as_told, say
from benchmark.cli.run_folder import same_folder
from benchmark.definition.request import RunRequest
from benchmark.foundation.errors import Interrupted, StemdlError, TrainingDiverged

if TYPE_CHECKING:
    from benchmark.launch.rank import Rank
    from benchmark.submission.run_driver import Outcome, RunDriver

RECORDED_SECONDS = 60.0
"""How long rank 0 is given to record a run that all ranks have ended, and to say why it ended."""
_DISK_FAULTS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS)


def be_a_rank(request: RunRequest, arguments: argparse.Namespace) -> int:
    """The run or runs of `stemdl run` in this rank; its exit code. Ends the process on any error, never raises it."""
    from benchmark.cli.run_report import report_runs
    from benchmark.launch.rank import detect_rank
    from benchmark.launch.share import take_piece
    from benchmark.launch.watchdog import end_with_parent
    from benchmark.submission.run_driver import LAUNCHED_BY_US

    rank = detect_rank()
    try:
        _refuse_to_drive(arguments, rank)
    except StemdlError:
        _let_rank_0_speak(rank.rank)
        raise
    end_with_parent()
    take_piece(rank)
    ours = os.environ.get(LAUNCHED_BY_US) == "1"
    tells = rank.rank == 0 and not ours
    try:
        with same_folder(request, arguments.output is None, rank) as request:
            outcomes = _make_runs(request, arguments, rank, tells)
    except BaseException as error:  # noqa: BLE001 - every rank ends with a message, whatever happened
        if rank.rank != 0 and isinstance(error, StemdlError) and error.on_all_ranks:
            time.sleep(RECORDED_SECONDS)  # rank 0 records and says it, and its end is ours
            os._exit(error.exit_code)
        if ours and isinstance(error, Interrupted):
            os._exit(error.exit_code)  # whoever started us says it, with the whole command that goes on
        _leave(error, rank.rank)
    if tells:
        return report_runs(outcomes, request.output, arguments)
    return 0  # another status makes the launcher end rank 0, which may not have printed its report yet


def _make_runs(request: RunRequest, arguments: argparse.Namespace, rank: Rank, tells: bool) -> list[Outcome]:
    """Train and, on rank 0, record: how the runs ended. The rank that reports enters them into the ledger."""
    from benchmark.cli.run_checks import refuse_used_folder
    from benchmark.submission.measured_power import power_measured
    from benchmark.submission.run_driver import Outcome
    from benchmark.submission.run_set import missing_runs, refuse_other_configuration, runs_there

    outcomes = []
    trainer = request.load_trainer()
    driver = driver_of(request, arguments, rank.size) if tells else None
    missing = [request]
    if arguments.runs > 1:
        # Every rank sees the same: the first folder is made by rank 0 when all have joined it in its first run.
        outcomes = runs_there(request)
        missing = missing_runs(request, arguments.runs, outcomes)
    if driver is not None:
        refuse_other_configuration(driver, request, outcomes)
    for each in missing:
        if rank.rank == 0:
            refuse_used_folder(each.output, each.resume)
        with _entered(each, driver) if driver is not None else nullcontext():
            try:
                with power_measured(each, rank):
                    trainer(each)
            except (TrainingDiverged, Interrupted):  # its log is whole, and is recorded as any other
                if rank.rank == 0:
                    _record(each, rank)
                raise
            if rank.rank == 0:
                outcomes.append(Outcome(each, _record(each, rank)))
    return outcomes


def _refuse_to_drive(arguments: argparse.Namespace, rank: Rank) -> None:
    """Raises StemdlError for what a launcher's rank cannot do."""
    from benchmark.launch.rank import require_asked

    if arguments.instances > 1 or arguments.scale:
        raise StemdlError(
            "several jobs are started by one process, not by a launcher's ranks",
            where="--scale" if arguments.scale else "--instances",
            remedy="start it without a launcher",
        )
    require_asked(rank, arguments.ranks)


def _let_rank_0_speak(rank: int) -> None:
    """Most faults are found by every rank: where rank 0 has it too, its end is that of the others before they speak."""
    if rank != 0:
        time.sleep(2.0)


def _entered(request: RunRequest, driver: RunDriver) -> AbstractContextManager[None]:
    from benchmark.submission.ledger_entry import entered

    return entered(driver.ledger, request, driver.settings, driver.ranks)


def _record(request: RunRequest, rank: Any) -> dict[str, Any]:
    from benchmark.data.manifest import read_manifest
    from benchmark.submission.run_record import write_run_record

    return write_run_record(request, read_manifest(request.data), rank)


def _leave(error: BaseException, rank: int) -> None:
    """End this rank at once after an error. Returning would wait in MPI's finalisation for ranks that wait for us;
    a status that is not 0 makes the launcher end those."""
    if isinstance(error, OSError) and error.errno in _DISK_FAULTS:
        error = StemdlError(
            "a file cannot be written",
            where=error.filename,
            found=error.strerror,
            remedy="make room, then start the run again, or go on with --resume",
        )
    _let_rank_0_speak(rank)
    if isinstance(error, KeyboardInterrupt):
        os._exit(INTERRUPTED)
    told = as_told(error, f"rank {rank} on {socket.gethostname()}")
    say(f"{told}")
    os._exit(told.exit_code)


def driver_of(request: RunRequest, arguments: argparse.Namespace, ranks: int) -> RunDriver:
    """What the runs of a set have in common. The ledger lies in the results folder, next to that of the run or set."""
    from benchmark.submission.ledger import LEDGER
    from benchmark.submission.run_driver import RunDriver, trainer_settings

    ledger = arguments.ledger or request.output.absolute().parent / LEDGER
    settings = trainer_settings(request)
    if request.own_trainer and settings.get("division") == "closed":
        raise StemdlError(
            "a trainer of one's own is for the open division", where="--trainer", remedy="--set division=open"
        )
    return RunDriver(ledger, settings, ranks, arguments.instances)
