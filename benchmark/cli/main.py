"""`stemdl`: picks the command."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence
from functools import partial

from benchmark import __version__
from benchmark.cli.arguments import place
from benchmark.cli.completion import answer, is_asked
from benchmark.cli.guard import guarded
from benchmark.cli.parser import Parser
from benchmark.foundation.errors import StemdlError

COMMANDS = {
    "doctor": "check that this machine can run the benchmark",
    "data": "make, verify, describe and picture data",
    "run": "make the data where needed, train on all cores, check the log, print the score",
    "launch": "start the ranks with a launcher or a batch system, on a machine of a profile",
    "list": "the runs under a folder",
    "show": "one run, with its curve",
    "evaluate": "what a trained model says of measured inputs, with pictures",
    "explain": "what a trained model looks at, drawn over each input",
    "watch": "follow runs from their logs: metric, goal, throughput, time left",
    "ledger": "every run that was begun, failed ones too",
    "submit": "make a submission of runs, checked before it is written",
    "score": "time to train of submissions and runs, normalised to the reference's convergence",
    "compare": "results against a baseline: better, worse, the same, or too few runs to tell",
    "report": "a static site of results: table, charts, a page for each result and run",
    "review": "a page about a submission for its reviewer",
    "rcp": "reference convergence points: record them from runs, show them",
    "validate": "check logs, runs and submissions against the rules",
    "rules": "the rules, all or one",
    "completion": "completion by the Tab key, for a shell",
}
"""Each is the module of its name in this package, with `configure(parser)` and `execute(arguments) -> exit code`."""


def build_parser() -> Parser:
    """All commands with their options; `execute` of what it parses is the command's function."""
    parser = Parser(
        prog="stemdl",
        description="Benchmarks of the time to train a model to a goal: data, runs, submissions, scores.",
        epilog="Begin with: stemdl run --rung stemdl_smoke",
    )
    parser.add_argument("--version", action="version", version=f"stemdl {__version__}")
    parser.add_argument(
        "--tasks",
        action="append",
        type=place,
        metavar="DIR",
        help="a folder of other benchmarks, or of one; as STEMDL_TASKS=DIR in the environment",
    )
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True, parser_class=Parser)
    for name, help_text in COMMANDS.items():
        module = importlib.import_module(f"benchmark.cli.{name}_command")
        subparser = subparsers.add_parser(name, help=help_text, description=module.__doc__, epilog=module.EXAMPLE)
        module.configure(subparser)
        subparser.set_defaults(execute=module.execute)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns 0 (good), 1 (a check failed or a target was missed), 2 (wrong use or bad input), 70 (a
    fault of the program), 75 (asked to end, state kept), 130 (interrupted) or 141 (the output's reader has gone)."""
    return guarded(partial(_command, argv))


def _command(argv: Sequence[str] | None) -> int:
    parser = build_parser()
    if is_asked():
        answer(parser)
    arguments = parser.parse_args(argv)
    _require_working_directory()
    if arguments.tasks:
        from benchmark.definition.finder import add_folders

        add_folders(arguments.tasks)
    return arguments.execute(arguments)


def _require_working_directory() -> None:
    """Raises StemdlError where the folder that the command was typed in has been removed: libraries end in worse."""
    try:
        os.getcwd()
    except OSError as error:
        raise StemdlError(
            "the working directory cannot be used", found=error.strerror, remedy="cd to a folder that is there"
        ) from error


if __name__ == "__main__":
    sys.exit(main())
