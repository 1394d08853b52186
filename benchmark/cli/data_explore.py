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
    from benchmark.tasks.space_group.explore import explore
    from benchmark.tasks.space_group.exploring.stacks import picture_of_stacks

    os.environ.setdefault("MPLBACKEND", "Agg")
    manifest = read_manifest(arguments.folder)
    if arguments.output.suffix == ".png":
        shown = picture_of_stacks(manifest, arguments.output, arguments.groups)
        if arguments.format == "json":
            print_json({"picture": str(arguments.output), "materials": shown})
        else:
            print(f"{arguments.output}: {', '.join(shown)}")
        return 0
    report = explore(manifest, arguments.output, histogram=arguments.histogram, groups=arguments.groups)
    if arguments.format == "json":
        print_json(report)
        return 0
    print(
        f"{report['page']}: {report['stacks']:,} stacks of {report['materials']:,} materials in "
        f"{report['groups']} space groups, {len(report['figures'])} figures"
    )
    for shown, f1 in report["macro_f1_without_network"].items():
        print(f"  macro-F1 of a forest on {shown}: {'unknown' if f1 is None else f'{f1:.3f}'}")
    for pair in report["pairs_told_apart"][:1]:
        print(
            f"  groups told apart best by formula and volume: {' and '.join(map(str, pair['groups']))}, accuracy "
            f"{pair['accuracy']:.3f} (chance 0.5)"
        )
    next_step(f"open {report['page']} in a browser")
    return 0
