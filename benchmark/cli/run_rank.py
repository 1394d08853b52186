"""`stemdl run` as one of the ranks that a launcher started: train, record, and leave so that no other rank waits."""

from __future__ import annotations

import argparse
import errno
import os
import sys
import time
from contextlib import AbstractContextManager, nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.definition.request import LAUNCH_FILES, RunRequest
from benchmark.foundation.errors import Interrupted, StemdlError, TrainingDiverged

if TYPE_CHECKING:
    from benchmark.submission.lead import Lead

_DISK_FAULTS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS)


def be_a_rank(request: RunRequest, arguments: argparse.Namespace) -> int:
    """The run or runs of `stemdl run` in this rank; its exit code. Ends the process on any error, never raises it."""
    from benchmark.cli.run_report import report_runs
    from benchmark.launch.rank import detect_rank
    from benchmark.launch.share import take_piece
    from benchmark.launch.watchdog import end_with_parent
    from benchmark.submission.lead import LAUNCHED_BY_US, Outcome
    from benchmark.submission.measured_power import power_measured
    from benchmark.submission.run_set import missing_runs, refuse_other_configuration, runs_there

    if arguments.instances > 1 or arguments.scale:
        raise StemdlError("several jobs are started by one process, not by a launcher's ranks",
                          where="--scale" if arguments.scale else "--instances", remedy="start it without a launcher")
    end_with_parent()
    rank = detect_rank()
    take_piece(rank)
    ours = os.environ.get(LAUNCHED_BY_US) == "1"
    tells = rank.rank == 0 and not ours
    outcomes, reached = [], []
    try:
        lead = lead_of(request, arguments, rank.size) if tells else None
        missing = [request]
        if arguments.runs > 1:
            # Every rank sees the same: the first folder is made by rank 0 when all have joined it in its first run.
            outcomes = runs_there(request)
            missing = missing_runs(request, arguments.runs, outcomes)
        if lead is not None:
            refuse_other_configuration(lead, request, outcomes)
        for each in missing:
            if rank.rank == 0:
                refuse_used_folder(each.output, each.resume)
            with _entered(each, lead) if lead is not None else nullcontext():
                try:
                    with power_measured(each, rank):
                        reached.append(each.trainer.load()(each))
                except (TrainingDiverged, Interrupted):  # its log is whole, and is recorded as any other
                    if rank.rank == 0:
                        _record(each, rank)
                    raise
                if rank.rank == 0:
                    outcomes.append(Outcome(each, _record(each, rank)))
    except BaseException as error:
        _leave(error, rank.rank)
    if tells:
        return report_runs(outcomes, request.output, arguments)
    return 0 if ours or all(reached) else 1


def refuse_used_folder(output: Path, resume: bool) -> None:
    """Raises StemdlError where a new run's folder holds anything but how it is started."""
    if not resume and output.exists() and any(path.name not in LAUNCH_FILES for path in output.iterdir()):
        raise StemdlError("the folder is not empty", where=output,
                          remedy="choose another with --output, or go on with --resume")


def _entered(request: RunRequest, lead: Lead) -> AbstractContextManager[None]:
    from benchmark.submission.ledger_entry import entered

    return entered(lead.ledger, request, lead.settings, lead.ranks)


def _record(request: RunRequest, rank: Any) -> dict[str, Any]:
    from benchmark.data.manifest import read_manifest
    from benchmark.submission.run_record import write_run_record

    return write_run_record(request, read_manifest(request.data), rank)


def _leave(error: BaseException, rank: int) -> None:
    """End this rank at once after an error. Returning would wait in MPI's finalisation for ranks that wait for us;
    a status that is not 0 makes the launcher end those."""
    if isinstance(error, OSError) and error.errno in _DISK_FAULTS:
        error = StemdlError("a file cannot be written", where=error.filename, found=error.strerror,
                            remedy="make room, then start the run again, or go on with --resume")
    if rank != 0:
        time.sleep(2.0)  # most faults are found by every rank: where rank 0 has it too, its end is ours before we speak
    code = error.exit_code if isinstance(error, StemdlError) else 1
    with suppress(OSError):  # the launcher may have died, and with it the pipe that this goes into
        if isinstance(error, StemdlError):
            print(f"stemdl: {error}", file=sys.stderr, flush=True)
        else:
            import traceback

            print(f"stemdl: rank {rank} failed:", file=sys.stderr)
            traceback.print_exception(error, file=sys.stderr)
            sys.stderr.flush()
    os._exit(code)


def lead_of(request: RunRequest, arguments: argparse.Namespace, ranks: int) -> Lead:
    """What the runs of a set have in common. The ledger lies in the results folder, beside that of the run or set."""
    from benchmark.submission.lead import Lead, trainer_settings
    from benchmark.submission.ledger import LEDGER

    ledger = arguments.ledger or request.output.absolute().parent / LEDGER
    settings = trainer_settings(request)
    if request.own_trainer and settings.get("division") == "closed":
        raise StemdlError("a trainer of one's own is for the open division", where="--trainer",
                          remedy="--set division=open")
    return Lead(ledger, settings, ranks, arguments.instances)
