"""A bundle for the reviewer of a submission: findings, curves, what differs from the reference, the ledger, a
checklist."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmark.cli.arguments import place, run_path
from benchmark.cli.output import add_format, next_step, print_json
from benchmark.foundation.errors import StemdlError

EXAMPLE = """Examples:
  stemdl review results/reference -o review
  stemdl review runs/set -o review

Open review/index.html in a browser; review.json has the same for machines, objections.md is to be filled in."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of `stemdl review`."""
    parser.add_argument("path", type=run_path, help="a submission, a tree of them, or runs")
    parser.add_argument(
        "-o", "--output", type=place, default=Path("review"), metavar="FOLDER", help="of the bundle (default: review)"
    )
    parser.add_argument(
        "--no-official",
        dest="official",
        action="store_false",
        help="do not ask MLCommons' own checkers for a second opinion",
    )
    add_format(parser)


def execute(arguments: argparse.Namespace) -> int:
    """0 when the bundle was written, whatever it says."""
    from benchmark.launch.system import git_commit
    from benchmark.report.review import review
    from benchmark.report.review_page import AGAIN, OBJECTIONS, write_review
    from benchmark.submission.ledger_entry import ROOT

    os.environ.setdefault("MPLBACKEND", "Agg")
    made = review(arguments.path, git_commit(ROOT), _defaults, official=arguments.official)
    try:
        files = write_review(made, arguments.output)
    except OSError as error:
        raise StemdlError(
            "the review cannot be written",
            where=error.filename or arguments.output,
            found=error.strerror or error,
            remedy="choose another folder with -o",
        ) from error
    if arguments.format == "json":
        print_json({"files": list(map(str, files)), **made.to_dict()})
        return 0
    states = [item.state for item in made.checklist]
    print(
        f"{files[0]}: {made.report.word}, {len(made.sets)} sets of runs; of {len(states)} rules "
        f"{states.count('broken')} are broken, {states.count('warned')} warned of, {states.count('to review')} left "
        "to the reviewer"
    )
    if files[2].name == AGAIN:
        print(f"{OBJECTIONS} is left as it is; the new text is {files[2]}")
    next_step(f"open {files[0]} in a browser")
    return 0


def _defaults(rung: str) -> Mapping[str, Any]:
    """The reference's settings at a rung."""
    from benchmark.definition.finder import benchmark_of
    from benchmark.definition.settings import read_settings

    return read_settings(benchmark_of(rung), rung).to_dict()
