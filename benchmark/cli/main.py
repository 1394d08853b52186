"""`stemdl`: picks the command, and turns every foreseen error into one message and an exit code."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence

from benchmark import __version__
from benchmark.foundation.errors import StemdlError

COMMANDS = {
    "doctor": "check that this machine can run the benchmark",
    "data": "make, verify, describe and picture data",
    "run": "make the data where needed, train on all cores, check the log, print the score",
    "launch": "start the ranks with a launcher or a batch system, on a machine of a profile",
    "list": "the runs under a folder",
    "show": "one run, with its curve",
    "ledger": "every run that was begun, failed ones too",
    "submit": "make a submission of runs, checked before it is written",
    "score": "time to train of submissions and runs, normalised to the reference's convergence",
    "review": "a page about a submission for who reviews it",
    "rcp": "reference convergence points: record them from runs, show them",
    "validate": "check logs, runs and submissions against the rules",
    "rules": "the rules, all or one",
}
"""Each is the module of its name in this package, with `configure(parser)` and `execute(arguments) -> exit code`."""


class _Parser(argparse.ArgumentParser):
    """Abbreviated options are refused: `--run` for `--runs` should be told apart from `--rung`."""

    def __init__(self, *args: object, **options: object) -> None:
        options.setdefault("allow_abbrev", False)
        options.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        super().__init__(*args, **options)  # type: ignore[arg-type]


def build_parser() -> argparse.ArgumentParser:
    """All commands with their options; `execute` of what it parses is the command's function."""
    parser = _Parser(prog="stemdl", description="The STEMDL benchmark: time to train to macro-F1 0.9 on CBED patterns.",
                     epilog="Begin with: stemdl run --rung stemdl_smoke")
    parser.add_argument("--version", action="version", version=f"stemdl {__version__}")
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True, parser_class=_Parser)
    for name, help_text in COMMANDS.items():
        module = importlib.import_module(f"benchmark.cli.{name}_command")
        subparser = subparsers.add_parser(name, help=help_text, description=module.__doc__, epilog=module.EXAMPLE)
        module.configure(subparser)
        subparser.set_defaults(execute=module.execute)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns 0 (good), 1 (a check failed or a target was missed), 2 (wrong use or bad input)."""
    arguments = build_parser().parse_args(argv)
    try:
        return arguments.execute(arguments)
    except StemdlError as error:
        print(f"stemdl: {error}", file=sys.stderr)
        return error.exit_code
    except BrokenPipeError:  # the reader of our output has gone, as `| head` does
        sys.stderr.close()
        return 1
    except KeyboardInterrupt:
        print("stemdl: interrupted; what was finished is kept", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
