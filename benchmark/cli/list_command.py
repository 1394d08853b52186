"""The runs under a folder, the oldest first."""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmark.cli.output import add_format, next_step, print_json, print_table

EXAMPLE = "Example: stemdl list"


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of `stemdl list`."""
    parser.add_argument("folder", type=Path, nargs="?", default=Path("runs"), help="(default: runs)")
    add_format(parser)


def execute(arguments: argparse.Namespace) -> int:
    """Always 0: no runs is an answer."""
    from benchmark.submission.run_record import CRASHED, stored_runs

    runs = stored_runs(arguments.folder) if arguments.folder.is_dir() else []
    if arguments.format == "json":
        print_json([{"folder": str(run.folder), **(run.record or {"status": CRASHED})} for run in runs])
        return 0
    rows = []
    for run in runs:
        record = run.record
        if record is None:
            rows.append((str(run.folder), "", CRASHED, "", "", "", ""))
            continue
        last = list(record["eval_f1"].values())[-1:]
        seconds = record["time_to_train_seconds"]
        rows.append((str(run.folder), record["rung"], record["status"], "" if seconds is None else f"{seconds:.2f}",
                     str(record["epochs"] or ""), f"{last[0]:.4f}" if last else "", str(record["ranks"])))
    print_table(("run", "rung", "status", "seconds", "epochs", "dev F1", "ranks"), rows)
    next_step(f"stemdl show {runs[-1].folder}" if runs else "stemdl run --rung stemdl_smoke")
    return 0
