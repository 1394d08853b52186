"""Make a submission of runs: choose those that count, lay them out, check them by all rules, and only then write."""

from __future__ import annotations

import argparse
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.cli.arguments import place, run_path
from benchmark.cli.output import add_format, next_step, print_json
from benchmark.cli.submit_choice import draft_of
from benchmark.foundation.errors import StemdlError
from benchmark.foundation.text import typed

if TYPE_CHECKING:
    from benchmark.submission.package import SubmissionDraft
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
    from benchmark.definition.finder import benchmark_of
    from benchmark.submission.package import check_code, copy_of, pack_hpc, publish
    from benchmark.submission.science import pack_science, science_folder
    from benchmark.validation.finding import Verdict
    from benchmark.validation.validate import validate

    draft = draft_of(arguments)
    check_code(draft)
    science = arguments.layout == "science"
    begins = Path(draft.organisation)
    with _beside(arguments.output) as temporary:
        if not science:
            copy_of(arguments.output / begins, temporary / begins)
        pack_hpc(draft, temporary / begins)
        report = _named_for(validate([temporary / begins]), temporary, arguments.output)
        invalid = report.verdict is Verdict.INVALID
        if not invalid:
            target = arguments.output / begins
            if science:
                benchmark = benchmark_of(draft.rung)
                begins = science_folder(draft, benchmark, arguments.descriptor or draft.rung)
                target = arguments.output / begins
                if target.exists():
                    raise StemdlError(
                        "this experiment is there already, and is never overwritten",
                        where=target,
                        remedy="another --descriptor, --system or tree",
                    )
                begins = Path("science") / begins
                pack_science(draft, benchmark, temporary / begins, arguments.contribution)
            publish(temporary / begins, target)
    _print(report, draft, arguments, None if invalid else target)
    return 1 if invalid else 0


def _print(report: Report, draft: SubmissionDraft, arguments: argparse.Namespace, written: Path | None) -> None:
    from benchmark.cli.validate_command import print_findings

    if arguments.format == "json":
        print_json(
            {
                "written": str(written) if written else None,
                **report.to_dict(),
                "runs": [str(run.folder) for run, _ in draft.runs],
            }
        )
        return
    print_findings(report, everything=False)
    if written is None:
        print("nothing was written: the submission would be INVALID")
        return
    print(f"{written}: {len(draft.runs)} runs of {draft.rung} on {draft.system}, {draft.scaling} scaling")
    if draft.pruned:
        print(f"{len(draft.pruned)} instances are in pruned_results")
    if arguments.layout == "science" and arguments.contribution is None:
        print("the Science group asks for a paper too: --contribution PDF")
    next_step(
        f"stemdl review {typed(arguments.output)} -o review"
        if arguments.layout == "hpc"
        else f"stemdl score {typed(arguments.output)}"
    )


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
