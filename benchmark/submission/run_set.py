"""N runs of one configuration, one after another. A run that crashes stays where it is and stops no other; the same
command again makes the runs that are missing, under new numbers."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmark.data.manifest import read_manifest
from benchmark.definition.request import RunRequest
from benchmark.foundation.errors import Interrupted, StemdlError
from benchmark.foundation.files import exclusive, write_json
from benchmark.launch.system import git_commit
from benchmark.submission.ledger import LedgerRun, read_ledger
from benchmark.submission.ledger_entry import ROOT, folder_in, sources
from benchmark.submission.run_driver import Outcome, RunDriver
from benchmark.submission.run_record import record_of_log, summarise_set

RUNSET, FORMAT = "runset.json", 1
LOCK = ".lock"
_RUN = re.compile(r"run_(0|[1-9][0-9]*)")


def run_of_set(request: RunRequest, index: int) -> RunRequest:
    """Run number `index` of the set that is asked for."""
    return replace(request, output=request.output / f"run_{index}", index=index)


def run_number(folder: Path, run: Path) -> int | None:
    """The number of a run in the set that a folder holds; None of a run that is not of that set."""
    match = _RUN.fullmatch(run.name) if run.parent == folder else None
    return int(match[1]) if match else None


def runs_there(request: RunRequest) -> list[Outcome]:
    """The runs that the set's folder holds, by number. Raises StemdlError where it holds something else."""
    folder = request.output
    names = sorted(path.name for path in folder.iterdir() if path.name != LOCK) if folder.exists() else []
    indices = sorted(int(match[1]) for match in map(_RUN.fullmatch, names) if match)
    if names and not indices:
        raise StemdlError(
            "the folder is not empty, and holds no run set", where=folder, remedy="choose another with --output"
        )
    there = [run_of_set(request, index) for index in indices]
    outcomes = [Outcome(each, record_of_log(each.output)) for each in there]
    for each in outcomes:
        _refuse_another_number(each)
    return outcomes


def _refuse_another_number(run: Outcome) -> None:
    """Raises StemdlError for a run that was made as another one of a set, and renamed or copied since."""
    if run.record is not None and not run.request.log.is_file():
        raise StemdlError(
            "this is another run of a set, renamed or copied",
            where=run.request.output,
            expected=run.request.log.name,
            found=", ".join(sorted(path.name for path in run.request.output.glob("result_*.txt"))),
            remedy="move it back, or elsewhere",
        )


def missing_runs(
    request: RunRequest, runs: int, there: Sequence[Outcome], numbers: Sequence[int] = ()
) -> list[RunRequest]:
    """What has to be made for the set to have so many finished runs. Those that did not stay, and no number is given
    twice; `numbers` are of runs that are there no more."""
    first = max((*numbers, *(each.request.index for each in there)), default=-1) + 1
    count = max(0, runs - sum(each.finished for each in there))
    return [run_of_set(request, index) for index in range(first, first + count)]


def refuse_other_configuration(driver: RunDriver, request: RunRequest, there: Sequence[Outcome]) -> None:
    """Raises StemdlError where the ledger says that runs of the set were made with another configuration, data or code
    than is asked for now, or does not have them: they could never be submitted together."""
    for each in there:
        if each.record is None:
            continue
        if not driver.ledger.is_file():
            raise StemdlError(
                "the ledger of these runs is not there",
                where=driver.ledger,
                remedy="put it back, name it with --ledger FILE, or choose another --output",
            )
        told = read_ledger(driver.ledger).run_of(each.record["log"]["sha256"])
        if told is None:
            raise StemdlError(
                "the ledger does not have this run",
                where=each.request.output,
                expected=f"an entry in {driver.ledger}",
                remedy="--ledger FILE, or another --output",
            )
        asked, made = _asked(driver, request), _made(told)
        for name in asked:
            if asked[name] != made.get(name):
                raise StemdlError(
                    f"the runs of this set were made with another {name}",
                    where=each.request.output,
                    expected=made.get(name),
                    found=asked[name],
                    remedy="go on with the command that made them, or choose another --output",
                )


def make_runs(request: RunRequest, runs: int, driver: RunDriver, say: Callable[[str], None]) -> list[Outcome]:
    """The set of `runs` runs in `request.output`: those that are there and, made now, those that are missing.

    `say` is called with what is begun. Raises StemdlError where the folder or the runs in it are of something else,
    where another process makes runs of the set, where a run cannot be made at all, and where this process is asked to
    end; a run that crashes raises nothing.
    """
    with exclusive(request.output / LOCK, passing=True):
        return _make_runs(request, runs, driver, say)


def _make_runs(request: RunRequest, runs: int, driver: RunDriver, say: Callable[[str], None]) -> list[Outcome]:
    outcomes = runs_there(request)
    refuse_other_configuration(driver, request, outcomes)
    missing = missing_runs(request, runs, outcomes, _numbers_given(driver, request, say))
    if outcomes:
        say(f"{request.output} has {runs - len(missing)} of {runs} runs already")
    for number, each in enumerate(missing, runs - len(missing) + 1):
        say(
            f"run {number} of {runs}: {request.rung.name} on {driver.ranks} "
            f"rank{'s' if driver.ranks > 1 else ''} into {each.output}"
        )
        made = driver.make(each)
        outcomes.append(made)
        fault = made.fault()
        if fault is not None and fault.exit_code in (StemdlError.exit_code, Interrupted.exit_code):
            raise fault  # of what is asked for, and so of all runs; or no more is to be begun
        if fault is not None:
            say(f"{fault}")
        write_summary(request.output, outcomes)
        if made.warned and each is not missing[-1]:
            raise Interrupted("the set was asked to end", where=request.output)
    return outcomes


def _numbers_given(driver: RunDriver, request: RunRequest, say: Callable[[str], None]) -> list[int]:
    """The numbers that the ledger has of runs of the set; what is wrong with the ledger is said before more is made."""
    if not driver.ledger.is_file():
        return []
    ledger = read_ledger(driver.ledger)
    for line, wrong in ledger.faults[:1]:
        say(
            f"warning: {driver.ledger}:{line}: {wrong}; what this ledger has cannot be submitted in the closed division"
        )
    folder = Path(folder_in(driver.ledger, request.output))
    return [run.index for run in ledger.runs if run.index is not None and Path(run.folder).parent == folder]


def write_summary(folder: Path, outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Write what the set's runs come to next to them, and return it."""
    summary = summarise_runs(outcomes)
    write_json(folder / RUNSET, {"format": FORMAT, **summary})
    return summary


def summarise_runs(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """`summarise_set` of the runs that finished on their own, and how many others there are."""
    finished = [outcome.record for outcome in outcomes if outcome.finished]
    return {**summarise_set(finished), "unfinished": len(outcomes) - len(finished)}


def _asked(driver: RunDriver, request: RunRequest) -> dict[str, Any]:
    return {
        "rung": request.rung.name,
        "ranks": driver.ranks,
        "instances": driver.instances,
        **driver.settings,
        "partition": request.partition,
        "manifest of the data": read_manifest(request.data).sha256,
        "commit": git_commit(ROOT),
        "source": sources(request),
    }


def _made(told: LedgerRun) -> Mapping[str, Any]:
    return {
        "rung": told.rung,
        "ranks": told.ranks,
        "instances": told.instances,
        **told.settings,
        "partition": told.partition,
        "manifest of the data": told.manifest_sha256,
        "commit": told.commit,
        "source": dict(told.source),
    }
