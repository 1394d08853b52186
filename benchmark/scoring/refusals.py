"""Why the rules of our own rungs leave a set of runs without a score, as far as a score's own figures say it; the
referee has the rest."""

from __future__ import annotations

from collections.abc import Sequence

from benchmark.scoring.scored_run import ScoredRun


def refusals(runs: Sequence[ScoredRun]) -> list[str]:
    """What is wrong with runs that are to be scored together, as sentences; empty for a good set."""
    found = []
    if not all(run.converged for run in runs):
        found.append("of a rung all runs must count: the set has no score (R4.5)")
    if len({run.global_batch_size for run in runs if run.converged}) > 1:
        found.append("the runs have several batch sizes: the set has no score (R4.10)")
    return found
