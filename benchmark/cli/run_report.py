"""What `stemdl run` prints of the runs that it made, and the exit code that follows from them."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.cli.output import next_step, print_json, print_table
from benchmark.foundation.text import typed

if TYPE_CHECKING:
    from benchmark.submission.run_driver import Outcome


def report_runs(outcomes: Sequence[Outcome], folder: Path, arguments: argparse.Namespace) -> int:
    """Report one run, or runs one after another: check each log with the official checker, print what was reached. 0
    where as many as were asked for finished, and each reached the target with a seed of its own and a log that the
    checker accepts or has no rules for; otherwise 1."""
    from benchmark.submission.run_record import summarise_set
    from benchmark.submission.run_set import write_summary

    if arguments.runs > 1:
        summary = write_summary(folder, outcomes)
    else:
        summary = summarise_set([outcome.record for outcome in outcomes])
    compliant = _print_each(outcomes, arguments)
    good = (
        all(passed is not False for passed, outcome in zip(compliant, outcomes, strict=True) if outcome.record)
        and summary["reached"] == summary["runs"] >= arguments.runs
        and summary["seeds_differ"]
    )
    if arguments.format == "json":
        print_json({**summary, "ok": good, "records": _as_json(outcomes, compliant)})
        return 0 if good else 1
    if arguments.runs > 1:
        mean = summary["olympic_mean_seconds"]
        if not summary["seeds_differ"]:
            print("\ntwo runs have the same seed: the set cannot be scored (R4.2)")
        print(
            f"\n{summary['reached']} of {summary['runs']} runs reached the target"
            + (f"; olympic mean {mean:.2f} s" if mean is not None else "")
        )
        if summary["unfinished"]:
            print(
                f"{summary['unfinished']} more did not come to an end, and stay in the ledger"
                + ("; the same command makes what is missing" if summary["runs"] < arguments.runs else "")
            )
    print_verdict(folder, {outcome.request.output: outcome.record for outcome in outcomes})
    next_step(f"stemdl show {typed(folder)}")
    return 0 if good else 1


def report_instances(outcomes: Sequence[Outcome], folder: Path, arguments: argparse.Namespace) -> int:
    """Report instances trained at once: the same of each, and how many models in which time. 0 as above."""
    from benchmark.report.run_summary import instance_lines
    from benchmark.submission.weak_set import read_instances

    summary = read_instances(folder)
    compliant = _print_each(outcomes, arguments)
    good = False not in compliant and summary["reached"] == summary["instances"] and summary["seeds_differ"]
    if arguments.format == "json":
        print_json({**summary, "ok": good, "records": _as_json(outcomes, compliant)})
        return 0 if good else 1
    print("\n".join(["", *instance_lines(summary)]))
    print_verdict(folder, {outcome.request.output: outcome.record for outcome in outcomes})
    next_step(f"stemdl score {typed(folder)}")
    return 0 if good else 1


def report_schedule(outcomes: Sequence[Outcome], folder: Path, arguments: argparse.Namespace) -> int:
    """Report a scaling study: the table and the pictures. 0 as above."""
    from benchmark.report.scaling import draw_scaling
    from benchmark.submission.schedule import read_schedule
    from benchmark.validation.official import check_log

    summary = read_schedule(folder)
    pictures = draw_scaling(summary, folder)
    good = all(outcome.reached and check_log(outcome.request.log).passed is not False for outcome in outcomes)
    if arguments.format == "json":
        print_json({**summary, "ok": good})
        return 0 if good else 1
    print_schedule(summary)
    print("drawn in " + " and ".join(map(str, pictures)))
    print_verdict(folder, {outcome.request.output: outcome.record for outcome in outcomes})
    next_step(f"stemdl show {typed(folder)}")
    return 0 if good else 1


def print_verdict(folder: Path, records: Mapping[Path, Mapping[str, Any] | None]) -> None:
    """What our own rules say of the runs in a folder, in a line: of those alone that finished on their own,
    where others did not; and where some of these are never scored, why, and not what else they lack for a score. Before
    it, a warning of each run set whose times lie too far apart.
    `records` are those of all of its runs, by the folders of the runs."""
    from benchmark.events import keys
    from benchmark.report.run_summary import spread_lines
    from benchmark.submission.run_record import why_not_scored
    from benchmark.validation.finding import Severity
    from benchmark.validation.validate import validate

    ended = [run for run, record in records.items() if record and record["status"] in (keys.SUCCESS, keys.ABORTED)]
    if not ended:
        return
    for warning in spread_lines(records):
        print(warning)
    reasons = [reason for run in ended if (reason := why_not_scored(records[run]))]
    if reasons:
        some = f"{len(reasons)} of {len(ended)} runs: " if len(reasons) < len(ended) else ""
        print(f"our own rules: {some}{reasons[0]}   (stemdl validate {typed(folder)})")
        return
    report = validate([folder] if len(ended) == len(records) else ended, official=False)
    errors = [finding for finding in report.findings if finding.severity is Severity.ERROR]
    why = f": {errors[0].rule} {errors[0].message}" if errors else ""
    more = f", and {len(errors) - 1} more errors" if len(errors) > 1 else ""
    told = report.word if errors else f"{report.word} in the {report.verdict.value.lower()} division"
    print(f"our own rules: {told}{why}{more}   (stemdl validate {typed(folder)})")


def print_schedule(summary: Mapping[str, Any]) -> None:
    """A scaling study's table, with what has to be known next to it."""
    from benchmark.report.scaling import COLUMNS, scaling_notes, scaling_rows

    print_table(COLUMNS, scaling_rows(summary))
    print("\n".join(scaling_notes(summary)))


def official_line(passed: bool | None) -> str:
    """What the official checker said of a log."""
    said = {True: "SUCCESS", False: "FAILED", None: "not asked, since it has no rules for this benchmark"}
    return f"  official compliance checker: {said[passed]}"


def _print_each(outcomes: Sequence[Outcome], arguments: argparse.Namespace) -> list[bool | None]:
    """Whether each log is compliant, None where nobody can say; and as text what its run reached."""
    from benchmark.report.run_summary import curve_lines, summary_lines
    from benchmark.validation.official import check_log

    compliant: list[bool | None] = []
    for outcome in outcomes:
        compliant.append(outcome.record is not None and check_log(outcome.request.log).passed)
        if arguments.format == "json":
            continue
        if outcome.record is None:
            print(f"\n{outcome.request.output}: {outcome.status}")
            continue
        print("\n".join(["", *curve_lines(outcome.record), *summary_lines(outcome.record)]))
        print(f"{official_line(compliant[-1])}   log {outcome.request.log}")
    return compliant


def _as_json(outcomes: Sequence[Outcome], compliant: Sequence[bool | None]) -> list[dict[str, object]]:
    return [
        {"folder": str(outcome.request.output), "compliant": passed, **(outcome.record or {"status": outcome.status})}
        for outcome, passed in zip(outcomes, compliant, strict=True)
    ]
