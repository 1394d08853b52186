"""`stemdl data explore`: a page of figures that shows what a data set holds."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from benchmark.cli.arguments import place
from benchmark.cli.chosen import add_chosen, chosen
from benchmark.cli.output import next_step, print_json


def configure(parser: argparse.ArgumentParser) -> None:
    """The options of `stemdl data explore`."""
    parser.add_argument("folder", type=place)
    parser.add_argument(
        "-o",
        "--output",
        type=place,
        default=Path("explore"),
        help="folder of the page (default: explore), or a picture where the task draws one",
    )
    add_chosen(parser, "an option of the task's page (docs/data.md)")


def execute(arguments: argparse.Namespace) -> int:
    """Write the page, or the picture, that the data's task makes."""
    from benchmark.data.manifest import read_manifest
    from benchmark.definition.finder import EXPLORE, find_task, options_of

    os.environ.setdefault("MPLBACKEND", "Agg")
    manifest = read_manifest(arguments.folder)
    explore = find_task(manifest.task).function(EXPLORE, "explore")
    options = chosen(arguments.set, options_of(explore), f"the pages of the task {manifest.task}")
    explored = explore(manifest, arguments.output, **options)
    if arguments.format == "json":
        print_json(explored.numbers)
        return 0
    for line in explored.lines:
        print(line)
    if explored.page is not None:
        next_step(f"open {explored.page} in a browser")
    return 0
