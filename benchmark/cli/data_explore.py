"""`stemdl data explore`: a page of figures that shows what a data set holds."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from benchmark.cli.arguments import place
from benchmark.cli.output import next_step, print_json


def configure(parser: argparse.ArgumentParser) -> None:
    """The options of `stemdl data explore`."""
    parser.add_argument("folder", type=place)
    parser.add_argument(
        "-o",
        "--output",
        type=place,
        default=Path("explore"),
        help="folder of the page (default: explore); a name in .png gets the example stacks alone",
    )
    parser.add_argument(
        "--histogram",
        type=place,
        metavar="PATH",
        help="stacks of each group (CSV: space_group, total) to compare with (default: the real set's)",
    )
    parser.add_argument(
        "--groups", type=int, nargs="+", help="space groups of the example stacks (default: four of different systems)"
    )


def execute(arguments: argparse.Namespace) -> int:
    """Write the page, or the picture of example stacks."""
    from benchmark.data.manifest import read_manifest
    from benchmark.definition.finder import EXPLORE, find_task, require_options

    os.environ.setdefault("MPLBACKEND", "Agg")
    manifest = read_manifest(arguments.folder)
    place = find_task(manifest.task)
    explore = place.code(EXPLORE).explore
    options = {name: value for name in ("histogram", "groups") if (value := getattr(arguments, name)) is not None}
    require_options(place, "pages", explore, options)
    explored = explore(manifest, arguments.output, **options)
    if arguments.format == "json":
        print_json(explored.numbers)
        return 0
    for line in explored.lines:
        print(line)
    if explored.page is not None:
        next_step(f"open {explored.page} in a browser")
    return 0
