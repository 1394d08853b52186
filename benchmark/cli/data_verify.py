"""`stemdl data verify`: whether data are what their manifest and recipe say, and whether anything leaks."""

from __future__ import annotations

import argparse

from benchmark.cli.arguments import place
from benchmark.cli.output import print_json


def configure(parser: argparse.ArgumentParser) -> None:
    """The options of `stemdl data verify`."""
    parser.add_argument("folder", type=place)
    parser.add_argument("--quick", action="store_true", help="whether the files are the manifest's, and the rung's own")
    parser.add_argument(
        "--structures",
        type=place,
        metavar="PATH",
        help="what the data were made from with this option, to find their labels again",
    )


def execute(arguments: argparse.Namespace) -> int:
    """Make the checks and say what they found; 1 where there is a fault."""
    from benchmark.data.verify import verify

    report = verify(arguments.folder, quick=arguments.quick, table=arguments.structures)
    if arguments.format == "json":
        print_json(
            {
                "ok": not report.faults,
                "findings": [fault.as_json() for fault in report.faults],
                "notes": report.notes,
                "checked": report.checked,
                "skipped": report.skipped,
            }
        )
        return 1 if report.faults else 0
    for fault in report.faults:
        print(fault.line)
    for note in report.notes:
        print(f"note: {note}")
    for check, why in report.skipped.items():
        print(f"not checked: {check} ({why})")
    if not report.faults:
        print(f"{arguments.folder}: sound ({', '.join(report.checked)})")
    return 1 if report.faults else 0
