"""Make a submission of runs: choose those that count, lay them out, check them by all rules, and only then write."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.cli.arguments import place, run_path
from benchmark.cli.output import add_format, next_step, print_json
from benchmark.foundation.errors import StemdlError

if TYPE_CHECKING:
    from benchmark.submission.ledger import LedgerRun
    from benchmark.submission.package import Parcel
    from benchmark.submission.run_record import StoredRun
    from benchmark.validation.validate import Report

EXAMPLE = """Examples:
  stemdl run --runs 5 --set org=Somewhere --set division=closed --output runs/five
  stemdl submit runs/five -o submission --system two-cores --describe cooling=air
  stemdl submit runs/five -o science --system two-cores --layout science --description two-cores.json

Exit code: 1 where the submission would be INVALID; nothing is written then."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of `stemdl submit`."""
    parser.add_argument("runs", type=run_path, nargs="+", metavar="RUNS", help="folders of runs and of run sets")
    parser.add_argument(
        "-o",
        "--output",
        type=place,
        required=True,
        metavar="TREE",
        help="the tree; organisations, systems and rungs that are there already stay as they are",
    )
    parser.add_argument("--system", required=True, metavar="NAME", help="of the system, and of its folders")
    parser.add_argument("--org", metavar="NAME", help="the submitter's folder (default: as the logs say)")
    parser.add_argument("--division", choices=("closed", "open"), help="refuse runs of the other one")
    parser.add_argument(
        "--models",
        type=int,
        metavar="N",
        help="weak scaling: the N instances that reached the target first; the others are pruned "
        "(default: all that reached it)",
    )
    parser.add_argument(
        "--layout",
        choices=("hpc", "science"),
        default="hpc",
        help="MLPerf HPC's, or the Science working group's (default: %(default)s)",
    )
    parser.add_argument("--descriptor", metavar="NAME", help="science: of the experiment (default: the rung)")
    parser.add_argument("--contribution", type=place, metavar="PDF", help="science: the paper that it asks for")
    parser.add_argument(
        "--description",
        type=place,
        metavar="FILE",
        help="JSON: fields of the system's description, in place of those that the runs found out",
    )
    parser.add_argument("--describe", action="append", default=[], metavar="FIELD=TEXT", help="one such field")
    parser.add_argument(
        "--code", type=place, metavar="FOLDER", help="a checkout with the code that ran (default: this version's)"
    )
    add_format(parser)


def execute(arguments: argparse.Namespace) -> int:
    """0 when it was written, 1 when it would be INVALID and was not."""
    from benchmark.definition.benchmark import load_benchmark
    from benchmark.submission.package import check_code, copy_of, pack_hpc, publish
    from benchmark.submission.science import pack_science, science_folder
    from benchmark.validation.finding import Verdict
    from benchmark.validation.validate import validate

    parcel = _parcel(arguments)
    check_code(parcel)
    science = arguments.layout == "science"
    begins = Path(parcel.organisation)
    with _beside(arguments.output) as temporary:
        if not science:
            copy_of(arguments.output / begins, temporary / begins)
        pack_hpc(parcel, temporary / begins)
        report = _named_for(validate([temporary / begins]), temporary, arguments.output)
        invalid = report.verdict is Verdict.INVALID
        if not invalid:
            target = arguments.output / begins
            if science:
                benchmark = load_benchmark()
                begins = science_folder(parcel, benchmark, arguments.descriptor or parcel.rung)
                target = arguments.output / begins
                if target.exists():
                    raise StemdlError(
                        "this experiment is there already, and is never overwritten",
                        where=target,
                        remedy="another --descriptor, --system or tree",
                    )
                begins = Path("science") / begins
                pack_science(parcel, benchmark, temporary / begins, arguments.contribution)
            publish(temporary / begins, target)
    _print(report, parcel, arguments, None if invalid else target)
    return 1 if invalid else 0


def _print(report: Report, parcel: Parcel, arguments: argparse.Namespace, written: Path | None) -> None:
    from benchmark.cli.validate_command import print_findings

    if arguments.format == "json":
        print_json(
            {
                "written": str(written) if written else None,
                **report.to_dict(),
                "runs": [str(run.folder) for run, _ in parcel.runs],
            }
        )
        return
    print_findings(report, everything=False)
    if written is None:
        print("nothing was written: the submission would be INVALID")
        return
    print(f"{written}: {len(parcel.runs)} runs of {parcel.rung} on {parcel.system}, {parcel.scaling} scaling")
    if parcel.pruned:
        print(f"{len(parcel.pruned)} instances are in pruned_results")
    if arguments.layout == "science" and arguments.contribution is None:
        print("the Science group asks for a paper too: --contribution PDF")
    next_step(
        f"stemdl review {arguments.output} -o review"
        if arguments.layout == "hpc"
        else f"stemdl score {arguments.output}"
    )


# ---- which runs


def _parcel(arguments: argparse.Namespace) -> Parcel:
    from benchmark.definition.benchmark import load_benchmark
    from benchmark.foundation.files import sha256_of_file
    from benchmark.scoring.tree import STRONG, WEAK
    from benchmark.submission.ledger import find_ledger, read_ledger
    from benchmark.submission.package import Parcel, order_runs
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
            expected="ledger.jsonl beside the runs",
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
    benchmark = load_benchmark()
    ordered, pruned = order_runs(told), ()
    scaling = _the_only("scaling", {STRONG if entry.instances == 1 else WEAK for _, entry in ordered})
    if scaling == WEAK:
        ordered, pruned = _pruned(ordered, arguments.models)
    elif arguments.models is not None:
        raise StemdlError("the runs were made one after another, and are no instances", where="--models")
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
    return Parcel(
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
    """Of more runs than a score is made of, those that the rules choose (R4.5)."""
    from benchmark.events import keys
    from benchmark.scoring.statistics import median_window

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
    """Of instances trained at once, those that count and those that are left out (R5.5): whichever missed the target,
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
        print("the instances shared cores or accelerators: they are no parts of a system (R5.5)", file=sys.stderr)
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
                "the description is no object of texts", where=arguments.description, expected='{"cooling": "air", ...}'
            )
    for each in arguments.describe:
        name, equals, text = each.partition("=")
        if not equals:
            raise StemdlError("a field is no FIELD=TEXT", where="--describe", found=each)
        fields[name] = text
    for name in fields.keys() - known:
        raise StemdlError(f"the description has no field {name!r}", remedy=nearest(name, known))
    return fields


# ---- how it is written


@contextmanager
def _beside(tree: Path) -> Iterator[Path]:
    """A folder on the tree's file system, gone when the block is left."""
    above = tree.absolute().parent
    try:
        above.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(dir=above, prefix=f".{tree.name}."))
        try:
            yield temporary
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    except OSError as error:  # a full disk, or somebody else at work on the same tree
        raise StemdlError(
            "the tree cannot be written",
            where=error.filename or above,
            found=error.strerror,
            remedy="nothing of it is half there: free the space or the place, and submit again",
        ) from error


def _named_for(report: Report, temporary: Path, tree: Path) -> Report:
    """The report, its files named where they will be."""

    def named(text: str) -> str:
        return text.replace(str(temporary), str(tree))

    for judged in report.judged:
        judged.path = named(judged.path)
        judged.findings = [
            replace(
                finding,
                **{field: named(getattr(finding, field)) for field in ("file", "message", "expected", "found", "hint")},
            )
            for finding in judged.findings
        ]
    return report
