"""A static site of results: the table, charts of each benchmark, a page for each result and each run, files of all.

It opens from disk, needs no network, and reads without JavaScript. With `--table FILE` the table alone is written, in
the form that the file's name asks for: .csv, .json, .md, .tex or .xlsx.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from benchmark.cli.arguments import count, place, run_path
from benchmark.cli.output import next_step, print_lines
from benchmark.definition.scored import RULESETS
from benchmark.foundation.text import typed

EXAMPLE = """Examples:
  stemdl report results -o site
  stemdl report runs hpc_results_v3.0 -o site --title "Our machines" --logs
  stemdl report results --table leaderboard.md"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of `stemdl report`."""
    parser.add_argument("paths", type=run_path, nargs="+", metavar="PATH", help="submissions, trees of them, or runs")
    parser.add_argument(
        "-o", "--output", type=place, default=Path("site"), metavar="FOLDER", help="of the site (default: %(default)s)"
    )
    parser.add_argument("--table", type=place, metavar="FILE", help="write the table alone, and no site")
    parser.add_argument("--title", default="Results", help="of the site (default: %(default)s)")
    parser.add_argument("--logs", action="store_true", help="copy the logs into the site, to be moved with it")
    parser.add_argument(
        "--data",
        type=place,
        nargs="+",
        action="extend",
        default=[],
        metavar="FOLDER",
        help="data sets that runs answered about: their pages show samples of what was confused",
    )
    parser.add_argument(
        "--ruleset", choices=RULESETS, default=RULESETS[-1], help="of MLPerf HPC (default: %(default)s)"
    )
    parser.add_argument("--processes", type=count, metavar="N", help="(default: one for each core)")


def execute(arguments: argparse.Namespace) -> int:
    """0 when it was written, whatever it shows."""
    from benchmark.foundation.errors import StemdlError
    from benchmark.report.site.build import build_site

    processes = arguments.processes or len(os.sched_getaffinity(0))
    if arguments.table is not None:
        return _table(arguments)
    try:
        entries = build_site(
            arguments.paths,
            arguments.output,
            title=arguments.title,
            ruleset=arguments.ruleset,
            with_logs=arguments.logs,
            data=arguments.data,
            processes=processes,
        )
    except OSError as error:
        raise StemdlError(
            "the site cannot be written",
            where=error.filename or arguments.output,
            found=error.strerror or error,
            remedy="choose another folder with -o",
        ) from error
    page = arguments.output / "index.html"
    scored = sum(bool(each.figures["scored"]) for each in entries)
    print_lines(
        [
            f"{page}: results {len(entries)} ({scored} with a score), "
            f"benchmarks {len({each.figures['benchmark'] for each in entries})}, "
            f"runs {sum(len(each.runs) for each in entries)}"
        ]
    )
    next_step(f"open {page} in a browser")
    return 0


def _table(arguments: argparse.Namespace) -> int:
    from benchmark.comparison.result import read_results
    from benchmark.report.site.entry import entry_of
    from benchmark.report.site.ranks_of_results import ranked
    from benchmark.report.tabular import WORKBOOK, write_table

    entries = ranked(entry_of(result) for result in read_results(arguments.paths, arguments.ruleset))
    write_table(entries, arguments.table)
    table = typed(arguments.table)
    next_step(f"open {table} in a spreadsheet" if arguments.table.suffix == WORKBOOK else f"less {table}")
    return 0
