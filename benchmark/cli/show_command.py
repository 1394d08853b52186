"""A run or a set of them: what was reached and in which time, the curve, what the official checker says of the log."""

from __future__ import annotations

import argparse

from benchmark.cli.arguments import run_path
from benchmark.cli.output import add_format, print_json, print_lines

EXAMPLE = """Examples:
  stemdl show latest
  stemdl show runs/20261121T104900-stemdl_mini"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of `stemdl show`."""
    parser.add_argument("run", type=run_path, help="the folder of a run or of a run set, or latest: the newest in runs")
    add_format(parser)


def execute(arguments: argparse.Namespace) -> int:
    """0 when every run shown reached the target and has a log that the official checker accepts or has no rules for,
    else 1."""
    from benchmark.cli.run_report import official_line, print_schedule, print_verdict
    from benchmark.events import keys
    from benchmark.report.run_summary import (
        curve_lines,
        instance_lines,
        set_figures,
        set_lines,
        summary_lines,
        unrecorded_lines,
    )
    from benchmark.submission.run_record import read_run, stored_runs
    from benchmark.submission.run_set import run_number
    from benchmark.submission.schedule import read_schedule
    from benchmark.submission.weak_set import read_instances
    from benchmark.validation.official import check_log

    runs = stored_runs(arguments.run) if arguments.run.is_dir() else []
    if not runs:
        runs = [read_run(arguments.run)]
    shown = []
    for run in runs:
        verdict = check_log(run.log) if run.log else None
        compliant = verdict.passed if verdict else False
        shown.append({"folder": str(run.folder), "compliant": compliant, **(run.record or {}), "status": run.status})
        if arguments.format == "json":
            continue
        if run.record is None:
            print_lines(unrecorded_lines(run))
            continue
        print_lines([f"{run.folder}", *summary_lines(run.record), *curve_lines(run.record)])
        print(official_line(compliant))
        if verdict and compliant is False:
            print_lines(f"    {line}" for line in verdict.output.splitlines() if "Failed" in line or "ERROR" in line)
    good = all(each["compliant"] is not False and each["status"] == keys.SUCCESS for each in shown)
    instances, schedule = read_instances(arguments.run), read_schedule(arguments.run)
    records = {run.folder: run.record for run in runs}
    of_one_set = len(runs) > 1 and all(run_number(arguments.run, folder) is not None for folder in records)
    if arguments.format == "json":
        figures = instances or schedule or (set_figures(list(records.values())) if of_one_set else None)
        print_json(shown if figures is None else {**figures, "records": shown})
        return 0 if good else 1
    if instances is not None:
        print_lines(instance_lines(instances))
    if schedule is not None:
        print_schedule(schedule)
    if of_one_set:
        print_lines(set_lines({folder.name: record for folder, record in records.items()}))
    print_verdict(arguments.run, records)
    return 0 if good else 1
