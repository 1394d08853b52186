"""Compare results: time to train with the test behind the verdict, what it is made up of, and what else differs.

Each PATH is a run, a run set, a submission, a system of one, or a tree of them. All results of one benchmark are held
against a baseline: the first, or the one that --baseline names. What may not be compared is refused with the reason
(R6.2): another benchmark, division, data, split, goal, or release of the rules.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.cli.arguments import place, run_path
from benchmark.cli.output import next_step, print_lines, print_table
from benchmark.definition.scored import RULESETS
from benchmark.foundation.text import typed

if TYPE_CHECKING:
    from benchmark.comparison.compare import Comparison
    from benchmark.comparison.result import Result

EXAMPLE = """Examples:
  stemdl compare runs/before runs/after
  stemdl compare results/reference latest --format markdown -o comparison.md
  stemdl compare hpc_results_v3.0 --baseline NVIDIA/eos_n64 --format json"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of `stemdl compare`."""
    parser.add_argument("paths", type=run_path, nargs="+", metavar="PATH", help="runs, run sets, submissions, systems")
    parser.add_argument(
        "--baseline", metavar="NAME", help="submitter/system or folder of the baseline, or a part of it"
    )
    parser.add_argument(
        "--ruleset", choices=RULESETS, default=RULESETS[-1], help="of MLPerf HPC (default: %(default)s)"
    )
    parser.add_argument("--format", choices=("text", "json", "markdown"), default="text", help="json for machines")
    parser.add_argument("-o", "--output", type=place, metavar="FILE", help="write there instead of to the terminal")


def execute(arguments: argparse.Namespace) -> int:
    """0 when all was compared, 1 where some of it may not be, 2 for wrong use or where nothing may be."""
    from benchmark.comparison.compare import REFUSED, compare
    from benchmark.comparison.groups import against, grouped, read_each
    from benchmark.foundation.errors import StemdlError
    from benchmark.report.comparison_text import notes

    groups = grouped(read_each(arguments.paths, arguments.ruleset), arguments.baseline)
    made = [(baseline, compare(baseline, others)) for baseline, others in groups]
    compared = [each for _, several in made for each in several]
    if compared and all(each.verdict == REFUSED for each in compared):
        baseline, several = made[0]
        raise StemdlError(
            "these results cannot be compared",
            where=against(baseline, several[0].other),
            found="; ".join(str(each) for each in several[0].refused),
            remedy="compare runs of one benchmark, division, data and release",
        )
    if arguments.format == "text" and arguments.output is None:
        for baseline, several in made:
            _print(baseline, several)
            print_lines(["", *notes(baseline, several), ""])
        next_step("stemdl report PATH... -o site")
    else:
        _write(arguments.output, _text(made, arguments.format))
    return 1 if any(each.verdict == REFUSED for each in compared) else 0


def _print(baseline: Result, several: list[Comparison]) -> None:
    from benchmark.report.comparison_text import heading, tables

    print_lines([heading(baseline), ""])
    for number, (columns, rows) in enumerate(tables(baseline, several)):
        if number:
            print()
        print_table(columns, rows)


def _text(made: list[tuple[Result, list[Comparison]]], form: str) -> str:
    import json

    from benchmark.comparison.compare import FORMAT, summary
    from benchmark.report.comparison_text import markdown

    if form != "json":
        return markdown(made)
    groups = [
        {
            "results": [summary(result) for result in (baseline, *(each.other for each in several))],
            "comparisons": [each.to_dict() for each in several],
        }
        for baseline, several in made
    ]
    return json.dumps({"format": FORMAT, "groups": groups}, indent=2, allow_nan=False) + "\n"


def _write(path: Path | None, text: str) -> None:
    from benchmark.foundation.errors import StemdlError
    from benchmark.foundation.files import require_place, write_text

    if path is None:
        print(text, end="")
        return
    if path.exists():
        raise StemdlError("there is a file of this name", where=path, remedy="choose another with -o, or remove it")
    require_place(path.parent)
    write_text(path, text)
    next_step(f"less {typed(path)}")
