"""Check logs, runs and submissions against the rules: a verdict, and what is wrong, where, and what would be right."""

from __future__ import annotations

import argparse
import sys
from pathlib import PurePath
from typing import TYPE_CHECKING

from benchmark.cli.arguments import run_path
from benchmark.cli.output import next_step, print_json
from benchmark.definition.scored import RULESETS

if TYPE_CHECKING:
    from benchmark.validation.finding import Finding
    from benchmark.validation.validate import Judged, Report

MOST_NAMED = 3
"""Files that are named of findings of one kind."""
EXAMPLE = """Examples:
  stemdl validate runs/<run id>
  stemdl validate results/reference
  stemdl validate --format sarif Clemson Dell NVIDIA > findings.sarif

Exit code: 0 for CLOSED and OPEN, 1 for INVALID, 2 for wrong use. A rule's text: stemdl rules R3.5"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of `stemdl validate`."""
    parser.add_argument(
        "paths",
        type=run_path,
        nargs="+",
        metavar="PATH",
        help="a log, the folder of a run or of a run set, a submission, or a folder of submissions",
    )
    parser.add_argument(
        "--format",
        choices=("text", "json", "sarif"),
        default="text",
        help="json for machines, sarif for code-review tools",
    )
    parser.add_argument(
        "--no-official",
        dest="official",
        action="store_false",
        help="do not ask MLCommons' own checkers for a second opinion",
    )
    parser.add_argument(
        "--ruleset",
        choices=RULESETS,
        default=RULESETS[-1],
        help="the round of MLPerf HPC by whose rules logs of its benchmarks are judged (default: %(default)s)",
    )
    parser.add_argument("--all", action="store_true", help="show notes too, and every finding of a kind")


def execute(arguments: argparse.Namespace) -> int:
    """0 when all is valid, 1 when anything is not."""
    from benchmark.validation.finding import Verdict
    from benchmark.validation.validate import validate

    speaks = sys.stderr.isatty()
    report = validate(
        arguments.paths,
        official=arguments.official,
        ruleset=arguments.ruleset,
        say=lambda text: print(text, file=sys.stderr, flush=True) if speaks else None,
    )
    if arguments.format == "json":
        print_json(report.to_dict())
    elif arguments.format == "sarif":
        from benchmark.validation.sarif import to_sarif

        print_json(to_sarif(report))
    else:
        print_findings(report, arguments.all)
    return 1 if report.verdict is Verdict.INVALID else 0


def print_findings(report: Report, everything: bool) -> None:
    """A report for people: each kind of finding once, the verdicts, and how many findings there are."""
    from benchmark.validation.finding import Severity, alike

    shown = [finding for finding in report.findings if everything or finding.severity > Severity.NOTE]
    for group in [[finding] for finding in shown] if everything else alike(shown):
        _print_finding(group)
    counts = [sum(finding.severity is severity for finding in report.findings) for severity in reversed(Severity)]
    for each in report.judged:
        print(f"{each.word:8} {each.path}  ({_of(each)})")
    if len(report.judged) > 1:
        print(f"{report.word:8} in all")
    print(
        ", ".join(
            f"{count} {severity.name.lower()}{'' if count == 1 else 's'}"
            for severity, count in zip(reversed(Severity), counts, strict=True)
        )
    )
    if shown:
        next_step(f"stemdl rules {shown[0].rule}")


def _of(judged: Judged) -> str:
    """How many logs were judged, and as what."""
    logs = f"{judged.logs} log{'s' if judged.logs != 1 else ''}"
    if judged.kind == "sets":
        logs += ", without the submission around them"
    elif not judged.whole:
        logs += " alone"
    return logs + (f", by the rules of MLPerf HPC {judged.ruleset}" if judged.ruleset else "")


def _print_finding(group: list[Finding]) -> None:
    first = group[0]
    place = f"{first.file}:{first.line}" if first.line else first.file
    print(f"{first.severity.name} {first.rule}  {place}\n  {first.message}")
    for name, text in (("expected", first.expected), ("found", first.found), ("hint", first.hint)):
        if text:
            print(f"    {name + ':':10}{text}")
    if others := group[1:]:
        files = list(dict.fromkeys(PurePath(each.file).name for each in others))
        named = ", ".join(files[:MOST_NAMED]) + (", ..." if len(files) > MOST_NAMED else "")
        print(f"  and {len(others)} more of this kind, in {named}   (--all shows them)")
    print()
