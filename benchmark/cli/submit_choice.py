"""What a submission is made of: the runs that count, the system's description, and the code that ran."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.foundation.errors import StemdlError

if TYPE_CHECKING:
    from benchmark.submission.ledger import LedgerRun
    from benchmark.submission.package import SubmissionDraft
    from benchmark.submission.run_record import StoredRun


def draft_of(arguments: argparse.Namespace) -> SubmissionDraft:
    """What is submitted, by the options of `stemdl submit`. Raises StemdlError where the runs make no submission."""
    from benchmark.definition.finder import benchmark_of
    from benchmark.foundation.files import sha256_of_file
    from benchmark.scoring.log_folders import STRONG, WEAK
    from benchmark.submission.ledger import find_ledger, read_ledger
    from benchmark.submission.package import SubmissionDraft, order_runs
    from benchmark.submission.run_record import SYSTEM, stored_runs

    found = [run for path in arguments.runs for run in stored_runs(path)]
    runs = [run for run in found if run.record is not None and run.log is not None]
    for run in found:
        if run not in runs:
            print(f"left out: {run.folder} ended before its record was written", file=sys.stderr)
    if not runs:
        raise StemdlError(
            "there are no finished runs here", where=", ".join(map(str, arguments.runs)), remedy="stemdl run --runs 5"
        )
    rung = _the_only("rung", {run.record["rung"] for run in runs})
    _require_submittable(rung, runs)
    division = _the_only("division", {run.record["division"] for run in runs})
    if arguments.division not in (None, division):
        raise StemdlError(
            "the runs are of the other division",
            expected=arguments.division,
            found=division,
            remedy=f"stemdl run --set division={arguments.division}",
        )
    path = find_ledger([run.folder for run in runs])
    if path is None:
        raise StemdlError(
            "the runs have no ledger",
            where=runs[0].folder,
            expected="ledger.jsonl next to the runs",
            remedy="submit runs where they were made, in the folder of all runs",
        )
    ledger = read_ledger(path)
    told = [(run, ledger.run_of(sha256_of_file(run.log))) for run in runs]
    for run, entry in told:
        if entry is None:
            raise StemdlError(
                "the ledger does not have this run, or its log has changed since",
                where=run.folder,
                expected=f"an entry in {path}",
            )
    benchmark = benchmark_of(rung)
    ordered, pruned = order_runs(told), ()
    scaling = _the_only("scaling", {STRONG if entry.instances == 1 else WEAK for _, entry in ordered})
    if scaling == WEAK:
        ordered, pruned = _pruned(ordered, arguments.models)
    elif arguments.models is not None:
        raise StemdlError("the runs were made one after another, and are not instances", where="--models")
    elif len(ordered) > benchmark.runs:
        ordered = _median_window(ordered, benchmark.runs)
    described = json.loads((ordered[0][0].folder / SYSTEM).read_text(encoding="utf-8"))
    organisation = arguments.org or described["submitter"]
    if organisation != described["submitter"]:
        raise StemdlError(
            "the logs name another submitter, and logs are never edited",
            expected=organisation,
            found=described["submitter"],
            remedy=f"stemdl run --set org={organisation}",
        )
    return SubmissionDraft(
        organisation,
        arguments.system,
        scaling,
        rung,
        ordered,
        path,
        {**described, "system_name": arguments.system, **_fields(arguments, set(described))},
        _source(arguments.code, benchmark.trainer, ordered[0][1]),
        pruned,
    )


def _source(code: Path | None, reference: str, told: LedgerRun) -> Path:
    """The trainer's package or file in a folder of code. Raises StemdlError where it is not there."""
    from benchmark.definition.trainer import ROOT, Trainer

    trainer = Trainer.named(told.trainer or reference)
    own = trainer.file.parent if code is None and trainer.file is not None else code or ROOT
    source = own / (trainer.package if trainer.file is None else trainer.file.name)
    if told.trainer is not None and not source.exists():
        raise StemdlError(
            f"there is no source of the trainer {trainer}",
            where=source,
            remedy="--code FOLDER, the folder that it lies in",
        )
    return source


def _require_submittable(rung: str, runs: list[StoredRun]) -> None:
    """Raises StemdlError where no set of these runs can be valid, whatever else is asked for."""
    from benchmark.submission.run_record import why_not_scored
    from benchmark.validation.standard import rungs_with_submissions

    if rung not in rungs_with_submissions():
        raise StemdlError(
            f"{rung} takes no submissions: no recorded runs of the reference reach its target (R1.6)",
            where=runs[0].folder,
            remedy=f"stemdl run --rung {rungs_with_submissions()[0]} --runs 5",
        )
    for run in runs:
        if reason := why_not_scored(run.record):
            raise StemdlError(reason, where=run.folder, remedy="leave this run out")


def _the_only(what: str, values: set[str]) -> str:
    if len(values) > 1:
        raise StemdlError(
            f"the runs are of more than one {what}",
            found=", ".join(sorted(map(str, values))),
            remedy="submit each by itself",
        )
    return values.pop()


def _median_window(runs: tuple, needed: int) -> tuple:
    """The runs that the rules choose (R4.5) where there are more than a score is made of."""
    from benchmark.events import keys
    from benchmark.scoring.averages import median_window

    window = median_window(
        [run.record["time_to_train_seconds"] if run.record["status"] == keys.SUCCESS else None for run, _ in runs],
        needed,
    )
    chosen = tuple(runs[place] for place in window)
    print(
        f"of {len(runs)} runs the window with the median time is taken (R4.5): "
        f"{', '.join(str(run.folder) for run, _ in chosen)}",
        file=sys.stderr,
    )
    return chosen


def _pruned(runs: tuple, models: int | None) -> tuple[tuple, tuple]:
    """The instances trained at once that count, and those that are left out (R5.5): whichever missed the target,
    has the seed of another or, where fewer are wanted, reached it later than so many others."""
    from benchmark.events import keys
    from benchmark.events.reader import read_events
    from benchmark.events.timeline import Timeline
    from benchmark.submission.weak_set import read_instances

    first: dict[int, tuple] = {}
    for each in sorted(
        (each for each in runs if each[0].record["status"] == keys.SUCCESS),
        key=lambda each: Timeline.of(read_events(each[0].log)).run_stop_ms,
    ):
        first.setdefault(each[0].record["seed"], each)
    if models is not None and not 0 < models <= len(first):
        raise StemdlError("there are not so many models", where="--models", expected=f"1 to {len(first)}", found=models)
    kept = list(first.values())[:models]
    if any((read_instances(folder) or {}).get("shared") for folder in {run.folder.parent for run, _ in runs}):
        print("the instances shared cores or accelerators: they are not parts of a system (R5.5)", file=sys.stderr)
    if not kept:
        raise StemdlError("no instance reached the target", where=runs[0][0].folder.parent)
    return tuple(each for each in runs if each in kept), tuple(each for each in runs if each not in kept)


def _fields(arguments: argparse.Namespace, known: set[str]) -> dict[str, str]:
    """What the submitter says of the system."""
    from benchmark.foundation.errors import nearest

    fields: dict[str, str] = {}
    if arguments.description is not None:
        try:
            fields = json.loads(arguments.description.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise StemdlError("the description cannot be read", where=arguments.description, found=error) from error
        if not isinstance(fields, dict) or not all(isinstance(value, str) for value in fields.values()):
            raise StemdlError(
                "the description is not an object of texts",
                where=arguments.description,
                expected='{"cooling": "air", ...}',
            )
    for each in arguments.describe:
        name, equals, text = each.partition("=")
        if not equals:
            raise StemdlError("a field is not FIELD=TEXT", where="--describe", found=each)
        fields[name] = text
    for name in fields.keys() - known:
        raise StemdlError(f"the description has no field {name!r}", remedy=nearest(name, known))
    return fields
