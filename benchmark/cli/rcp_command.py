"""Reference convergence points: record them from reference runs, show what they allow.

A point is how many epochs the reference takes to the target at a batch size. A closed submission that takes
significantly fewer fails the convergence test; one that takes somewhat fewer is scored as if it had taken as many.
"""

from __future__ import annotations

import argparse
import os
import sys

from benchmark.cli.arguments import place, run_path
from benchmark.cli.output import LONGEST_LINE, add_format, next_step, print_json, print_table
from benchmark.definition.scored import RULESETS
from benchmark.foundation.text import printable, typed

EXAMPLE = """Examples:
  stemdl rcp record runs/reference_16 runs/reference_32 -o stemdl_mini.json
  stemdl rcp show stemdl_mini
  stemdl rcp show cosmoflow --ruleset 2.0.0"""


def configure(parser: argparse.ArgumentParser) -> None:
    """The commands below `stemdl rcp`."""
    commands = parser.add_subparsers(dest="rcp_command", metavar="COMMAND", required=True)

    record = commands.add_parser(
        "record",
        help="make points from the logs of reference runs",
        description="Makes points from the logs of reference runs: twice as many at each batch"
        " size as a score needs, all converged, with a seed each. The file is one that"
        " mlperf-logging's rcp_checker reads with --custom_rcps.",
    )
    record.add_argument("runs", type=run_path, nargs="+", metavar="RUNS", help="folders of runs")
    record.add_argument("-o", "--output", type=place, required=True, metavar="FILE", help="a new file")
    record.set_defaults(rcp_execute=_record)

    show = commands.add_parser("show", help="the points of a benchmark, and the fewest epochs that they allow")
    show.add_argument("benchmark")
    show.add_argument("--points", type=place, metavar="FILE", help="(default: those of the benchmark's definition)")
    show.add_argument("--ruleset", choices=RULESETS, default=RULESETS[-1], help="(default: %(default)s)")
    show.set_defaults(rcp_execute=_show)

    for name, command in commands.choices.items():
        add_format(command)
        command.epilog = "\n".join(["Example:"] + [line for line in EXAMPLE.splitlines() if f"rcp {name}" in line])


def execute(arguments: argparse.Namespace) -> int:
    """Runs the command below `stemdl rcp`."""
    return arguments.rcp_execute(arguments)


def _record(arguments: argparse.Namespace) -> int:
    from benchmark.foundation.errors import StemdlError
    from benchmark.foundation.files import write_json
    from benchmark.scoring.recording import record_points
    from benchmark.validation.judged_scores import UNRECORDED, require_kept

    if os.path.lexists(arguments.output):  # a link too, wherever it leads: the file would take its place
        raise StemdlError("this file exists already", where=arguments.output, remedy="name a new one with --output")
    records = record_points(arguments.runs)
    for folder in require_kept(arguments.runs):
        print(printable(f"{folder}: {UNRECORDED}", LONGEST_LINE), file=sys.stderr)
    write_json(arguments.output, records)
    if arguments.format == "json":
        print_json(records)
    else:
        print_table(
            ("batch size", "runs", "epochs to the target"),
            [
                (
                    str(record["BS"]),
                    str(len(record["Seeds"])),
                    " ".join(f"{epochs:g}" for epochs in sorted(record["Epochs to converge"])),
                )
                for record in records.values()
            ],
        )
    name = next(iter(records.values()))["Benchmark"]
    next_step(f"stemdl rcp show {name} --points {typed(arguments.output)}")
    return 0


def _show(arguments: argparse.Namespace) -> int:
    from benchmark.definition.scored import scored_benchmark
    from benchmark.foundation.errors import StemdlError
    from benchmark.scoring.reference_points import CODE, RULES, read_points

    benchmark = scored_benchmark(arguments.benchmark, arguments.ruleset)
    path = arguments.points or (benchmark.reference_points if benchmark else None)
    if benchmark is None or path is None:
        raise StemdlError(f"there are no reference points of {arguments.benchmark} in ruleset {arguments.ruleset}")
    points, of_rules = (
        read_points(path, benchmark.runs, envelope=each, benchmark=benchmark.name) for each in (CODE, RULES)
    )
    convex = {point.batch_size for point in of_rules.pruned}
    rows = [
        {
            "batch_size": point.batch_size,
            "mean": point.mean,
            "deviation": point.deviation,
            "fewest": point.fewest,
            "pruned": point not in points.pruned,
            "convex": point.batch_size in convex,
        }
        for point in points.all
    ]
    if arguments.format == "json":
        print_json({"benchmark": benchmark.name, "unit": benchmark.epoch_num, "runs": benchmark.runs, "points": rows})
        return 0
    print_table(
        ("batch size", f"{benchmark.epoch_num} to the target", "deviation", "fewest allowed", "largest speed-up", ""),
        [
            (
                str(row["batch_size"]),
                f"{row['mean']:.6g}",
                f"{row['deviation']:.4g}",
                f"{row['fewest']:.6g}",
                f"{row['mean'] / row['fewest']:.4f}",
                "pruned: slower than its neighbours"
                if row["pruned"]
                else ("" if row["convex"] else "kept by the official code, not by a convex envelope"),
            )
            for row in rows
        ],
    )
    return 0
