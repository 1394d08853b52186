"""Score submissions and runs: time to train, normalised to the reference's convergence, and weak scaling.

Reads MLPerf HPC's submission trees (ours, cosmoflow, deepcam, oc20, openfold) and the folders of `stemdl run`. Writes
nothing. How each figure is made, and where MLPerf's own tool gives another: docs/scoring.md.
"""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any

from benchmark.cli.arguments import run_path
from benchmark.cli.output import LONGEST_LINE, add_format, print_json, print_table
from benchmark.definition.scored import RULESETS
from benchmark.foundation.text import printable

if TYPE_CHECKING:
    from benchmark.scoring.score import Score

EXAMPLE = """Examples:
  stemdl score results
  stemdl score runs/20261121T035119-stemdl_mini --details --format json
  stemdl score hpc_results_v2.0 --ruleset 2.0.0"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of `stemdl score`."""
    parser.add_argument("paths", type=run_path, nargs="+", metavar="PATH", help="submissions, trees of them, or runs")
    parser.add_argument(
        "--ruleset",
        choices=RULESETS,
        default=RULESETS[-1],
        help="the round of MLPerf HPC that a tree is of (default: %(default)s)",
    )
    parser.add_argument(
        "--deviation",
        choices=("code", "rules"),
        default="code",
        help="of the reference's runs in the convergence test: as the official code computes it, or as"
        " the rule text's example does (default: %(default)s)",
    )
    parser.add_argument(
        "--envelope",
        choices=("code", "rules"),
        default="code",
        help="of the reference's points over batch sizes: as the official code prunes them, or convex, as the rule"
        " text has it (default: %(default)s)",
    )
    parser.add_argument("--details", action="store_true", help="what stands behind each score")
    add_format(parser)


def execute(arguments: argparse.Namespace) -> int:
    """0 when every row has its score, 1 when one has not, 2 for wrong use."""
    from benchmark.scoring.details import details
    from benchmark.scoring.score import ROW
    from benchmark.validation.judged_scores import judged_scores

    scores = []
    for score in judged_scores(arguments.paths, arguments.ruleset, arguments.deviation, arguments.envelope):
        behind = details(score) if arguments.details or arguments.format == "text" else None
        scores.append((score, behind))
        for warning in behind["warnings"] if behind else score.warnings:
            place = "/".join(filter(None, (score.submitter, score.system, score.scaling, score.benchmark)))
            print(printable(f"stemdl score: {place}: {warning}", LONGEST_LINE), file=sys.stderr)
    if arguments.format == "json":
        print_json(
            [
                {name: getattr(score, name) for name in ROW} | ({"details": behind} if arguments.details else {})
                for score, behind in scores
            ]
        )
    else:
        _print(scores, arguments.details)
    return 0 if all(score.complete for score, _ in scores) else 1


def _print(scores: list[tuple[Score, dict[str, Any]]], with_details: bool) -> None:
    from benchmark.scoring.log_folders import WEAK

    strong = [(score, behind) for score, behind in scores if score.scaling != WEAK]
    weak = [(score, behind) for score, behind in scores if score.scaling == WEAK]
    if strong:
        columns = (
            "submitter",
            "system",
            "benchmark",
            "division",
            "runs",
            "raw min",
            "score min",
            "95 % interval",
            "CV",
            "epochs",
            "samples/s",
        )
        more = ("compute", "eval", "staging", "kJ", "convergence")
        print_table(columns + (more if with_details else ()), [_strong(*each, with_details) for each in strong])
    if strong and weak:
        print()
    if weak:
        columns = (
            "submitter",
            "system",
            "benchmark",
            "division",
            "runs",
            "models",
            "accelerators/model",
            "total min",
            "models/h",
        )
        print_table(
            columns,
            [
                (
                    *_who(score),
                    str(score.models),
                    _text(score.accelerators_per_model),
                    _text(score.total_minutes, ".4f"),
                    _text(score.models_per_hour, ".3f"),
                )
                for score, _ in weak
            ],
        )


def _who(score: Score) -> tuple[str, ...]:
    marked = f"{score.runs} !" if score.warnings else str(score.runs)
    return (score.submitter or "-", score.system, score.benchmark or "-", score.division or "-", marked)


def _strong(score: Score, behind: dict[str, Any], with_details: bool) -> tuple[str, ...]:
    interval = behind["interval_minutes"]
    row = (
        *_who(score),
        _text(score.raw_minutes, ".4f"),
        _text(score.score_minutes, ".4f"),
        f"{interval[0]:.4f} - {interval[1]:.4f}" if interval else "-",
        _text(behind["coefficient_of_variation"], ".1%"),
        _text(behind["epochs_to_target"], ".6g"),
        _text(behind["samples_per_second"], ".0f"),
    )
    if not with_details:
        return row
    energy, test = behind["energy_joules"], behind["convergence"]
    return (
        *row,
        _text(behind["compute_minutes"], ".4f"),
        _text(behind["evaluation_minutes"], ".4f"),
        _text(behind["staging_minutes"], ".4f"),
        _text(None if energy is None else energy / 1000, ".1f"),
        "-"
        if test is None
        else f"{'passed' if test['passed'] else 'FAILED'} (point {test['point']}), x {score.factor:.4f}",
    )


def _text(value: float | None, shape: str = "") -> str:
    return "-" if value is None else format(value, shape)
