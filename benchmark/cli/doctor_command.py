"""Check that this machine can run the benchmark: one line for each check, with a remedy where one fails."""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmark.cli.output import add_format, next_step, print_json

EXAMPLE = "Example: stemdl doctor"


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of `stemdl doctor`."""
    parser.add_argument("--folder", type=Path, default=Path("."), help="where data and runs will be (default: here)")
    add_format(parser)


def execute(arguments: argparse.Namespace) -> int:
    """0 when all is well, 1 when a check failed."""
    from benchmark.launch.doctor import run_checks

    checks = run_checks(arguments.folder)
    good = all(check.ok for check in checks)
    if arguments.format == "json":
        print_json({"ok": good, "checks": [check.to_dict() for check in checks]})
        return 0 if good else 1
    width = max(len(check.name) for check in checks)
    for check in checks:
        print(f"{'ok    ' if check.ok else 'FAILED'}  {check.name.ljust(width)}  {check.detail}")
        if check.remedy:
            print(f"{'':8}{'':{width}}  what to do: {check.remedy}")
    if good:
        next_step("stemdl run --rung stemdl_smoke")
    return 0 if good else 1
