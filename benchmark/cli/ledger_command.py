"""Every run that was begun in a results folder, failed and killed ones too, and whether the list is whole."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path

from benchmark.cli.arguments import place
from benchmark.cli.output import add_format, print_json, print_table

EXAMPLE = """Examples:
  stemdl ledger runs
  stemdl ledger <submission>/results/<system>/strong/stemdl_mini/ledger.jsonl

Exit code: 1 where a line was changed, taken out or put in."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of `stemdl ledger`."""
    parser.add_argument(
        "path",
        type=place,
        nargs="?",
        default=Path("runs"),
        help="the file, or the folder that holds runs (default: runs)",
    )
    add_format(parser)


def execute(arguments: argparse.Namespace) -> int:
    """0 when the chain is whole, else 1."""
    from benchmark.submission.ledger import read_ledger

    ledger = read_ledger(arguments.path)
    if arguments.format == "json":
        print_json(
            {
                "whole": not ledger.faults,
                "head": ledger.head,
                "runs": [asdict(run) for run in ledger.runs],
                "faults": [{"line": line, "message": text} for line, text in ledger.faults],
            }
        )
        return 1 if ledger.faults else 0
    print_table(
        ("line", "run", "rung", "ranks", "status", "seconds", "epochs", "seed", "configuration"),
        [
            (
                str(run.line),
                run.folder,
                run.rung or "-",
                _shown(run.ranks),
                run.status,
                "-" if run.seconds is None else f"{run.seconds:.2f}",
                _shown(run.epochs),
                _shown(run.seed) + " (given)" * run.seed_given,
                run.configuration[:8],
            )
            for run in ledger.runs
        ],
    )
    print(f"\n{len(ledger.runs)} runs, the last line's hash is {ledger.head}")
    for line, text in ledger.faults:
        print(f"BROKEN at line {line}: {text}")
    return 1 if ledger.faults else 0


def _shown(value: int | None) -> str:
    return "-" if value is None else str(value)
