"""`stemdl data explore`: a page of figures that shows what a data set holds."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from benchmark.cli.output import print_json


def configure(parser: argparse.ArgumentParser) -> None:
    """The options of `stemdl data explore`."""
    parser.add_argument("folder", type=Path)
    parser.add_argument("-o", "--output", type=Path, default=Path("stacks.png"))
    parser.add_argument("--groups", type=int, nargs="+", help="space groups (default: four of different systems)")


def execute(arguments: argparse.Namespace) -> int:
    """Draw the picture."""
    from benchmark.data.manifest import read_manifest
    from benchmark.report.stacks import picture_of_stacks

    os.environ.setdefault("MPLBACKEND", "Agg")
    shown = picture_of_stacks(read_manifest(arguments.folder), arguments.output, arguments.groups)
    if arguments.format == "json":
        print_json({"picture": str(arguments.output), "materials": shown})
    else:
        print(f"{arguments.output}: {', '.join(shown)}")
    return 0
