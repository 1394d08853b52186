"""Follow runs from their logs alone, until all have ended: metric, goal, throughput, time so far, and at most left.

Works wherever the logs can be read, as on a login node; nothing is asked of the ranks. `--once` looks one time.
"""

from __future__ import annotations

import argparse
import time

from benchmark.cli.arguments import count, run_path
from benchmark.cli.output import add_format, next_step, print_json, print_table
from benchmark.foundation.text import typed

EXAMPLE = """Examples:
  stemdl watch latest
  stemdl watch runs/set --every 60
  stemdl watch runs --once --format json"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of `stemdl watch`."""
    parser.add_argument("runs", type=run_path, nargs="+", metavar="RUN", help="runs, run sets, logs; or latest")
    parser.add_argument("--every", type=count, default=5, metavar="SECONDS", help="(default: %(default)s)")
    parser.add_argument("--once", action="store_true", help="look one time, and do not wait")
    add_format(parser)


def execute(arguments: argparse.Namespace) -> int:
    """0 when every run has reached its goal, or is still on the way with --once; 1 when one has ended without."""
    from benchmark.events import keys
    from benchmark.report.watching import COLUMNS, logs_of, look

    while True:
        seen = [look(log) for path in arguments.runs for log in logs_of(path)]
        if arguments.format == "json":
            print_json([vars(each) for each in seen])
        else:
            print_table(COLUMNS, [each.row() for each in seen])
        if arguments.once or all(each.ended for each in seen):
            break
        print(flush=True)
        time.sleep(arguments.every)
    if arguments.format == "text" and all(each.ended for each in seen):
        next_step(f"stemdl show {typed(arguments.runs[0])}")
    return 1 if any(each.ended and each.status != keys.SUCCESS for each in seen) else 0
