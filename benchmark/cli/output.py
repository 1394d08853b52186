"""Options and output that several commands share."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from typing import Any


def add_format(parser: argparse.ArgumentParser) -> None:
    """The option `--format`."""
    parser.add_argument("--format", choices=("text", "json"), default="text", help="json for machines")


def print_json(value: Any) -> None:
    """A value on stdout, for a machine."""
    json.dump(value, sys.stdout, indent=2)
    print()


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table on stdout, as wide as its contents."""
    widths = [max(map(len, column)) for column in zip(columns, *rows, strict=True)]
    for row in (columns, *rows):
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def next_step(command: str) -> None:
    """The next command to type, on stderr."""
    print(f"Next: {command}", file=sys.stderr)
