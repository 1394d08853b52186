"""The runs under a folder, the oldest first; or the rungs, with how much data each has."""

from __future__ import annotations

import argparse

from benchmark.cli.arguments import RUNS, place
from benchmark.cli.output import add_format, next_step, print_json, print_table
from benchmark.foundation.text import typed

EXAMPLE = "Examples:\n  stemdl list\n  stemdl list --rungs"


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of `stemdl list`."""
    parser.add_argument("folder", type=place, nargs="?", help="(default: runs)")
    parser.add_argument("--rungs", action="store_true", help="what can be trained on, instead of runs")
    add_format(parser)


def execute(arguments: argparse.Namespace) -> int:
    """0: no runs is an answer, but a folder that is named has to be there."""
    if arguments.rungs:
        return _list_rungs(arguments.format)
    from benchmark.foundation.errors import StemdlError
    from benchmark.report.run_summary import in_digits
    from benchmark.submission.run_record import stored_runs

    folder = arguments.folder or RUNS
    if arguments.folder is not None and not folder.is_dir():
        raise StemdlError(
            "this is not a folder" if folder.exists() else "there is no such folder",
            where=folder,
            remedy=f"stemdl list, for the runs in {RUNS}",
        )
    runs = stored_runs(folder)
    if arguments.format == "json":
        print_json([{"folder": str(run.folder), **(run.record or {}), "status": run.status} for run in runs])
        return 0
    rows = []
    for run in runs:
        record = run.record
        if record is None:
            rows.append((str(run.folder), "", run.status, "", "", "", ""))
            continue
        last = list(record["evaluations"].values())[-1:]
        seconds = record["time_to_train_seconds"]
        rows.append(
            (
                str(run.folder),
                record["rung"],
                run.status,
                "" if seconds is None else f"{seconds:.2f}",
                str(record["epochs"] or ""),
                in_digits(last[0]) if last else "",
                str(record["ranks"]),
            )
        )
    print_table(("run", "rung", "status", "seconds", "epochs", "dev", "ranks"), rows)
    next_step(f"stemdl show {typed(runs[-1].folder)}" if runs else "stemdl run --rung stemdl_smoke")
    return 0


def _list_rungs(output_format: str) -> int:
    from benchmark.data.plan import wanted_bytes
    from benchmark.definition.finder import readable
    from benchmark.definition.rung import SPLITS

    listed = []
    for task, benchmark in readable().items():
        for rung in benchmark.rungs.values():
            # The code of others' tasks is not run to list them.
            size_bytes = wanted_bytes(rung) if benchmark.shipped else None
            listed.append(
                {
                    "rung": rung.name,
                    "task": task,
                    "summary": rung.summary,
                    "samples": {split: rung.total(split) for split in SPLITS},
                    "bytes": size_bytes,
                    "recipe_sha256": rung.recipe_sha256,
                }
            )
    if output_format == "json":
        print_json(listed)
        return 0
    print_table(
        ("rung", *SPLITS, "GB"),
        [
            (
                each["rung"],
                *(f"{each['samples'][split]:,}" for split in SPLITS),
                "" if each["bytes"] is None else f"{each['bytes'] / 1e9:.2f}",
            )
            for each in listed
        ],
        below=[each["summary"] for each in listed],
    )
    next_step("stemdl data generate stemdl_small --dry-run")
    return 0
