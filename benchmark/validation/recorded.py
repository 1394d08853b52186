"""Runs of the reference that were recorded and ship with it: whoever submits one has not made it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from benchmark.definition.curves import Curve, at_batch_size
from benchmark.foundation.files import sha256_of_file
from benchmark.metrics.agreement import decimals_of
from benchmark.validation.checks.measured import has_all_digits
from benchmark.validation.copies import Copy, copies
from benchmark.validation.standard import standards
from benchmark.validation.trace import LOSSES, METRIC, RATES, TIMES, Trace, changes


def recorded_runs(benchmark: str) -> list[Trace]:
    """The recorded runs of a rung, in the form in which runs are compared."""
    standard = standards().get(benchmark)
    known = standard.curves if standard is not None else ()
    return [_trace(benchmark, number, each, known) for number, each in enumerate(known)]


def _trace(benchmark: str, number: int, curve: Curve, known: tuple[Curve, ...]) -> Trace:
    name = f"recorded run {number} of the reference"
    values, losses = list(curve.values), list(curve.losses)
    return Trace(
        path=Path(name),
        file=name,
        line=None,
        benchmark=benchmark,
        ours=True,
        told=(name,),
        evaluations=len(values),
        exact=frozenset(
            (kind, each) for kind, some in ((METRIC, values), (LOSSES, losses)) for each in some if has_all_digits(each)
        ),
        values={METRIC: changes(values), LOSSES: changes(losses), RATES: [], TIMES: []},
        steps={METRIC: decimals_of(values), LOSSES: decimals_of(losses), RATES: 0.0, TIMES: 1.0},
        recorded=at_batch_size(known, curve.global_batch_size),
        seed=curve.seed,
        start_ms=0,
        stop_ms=0,
    )


def copies_of_recorded(traces: list[Trace]) -> Iterator[Copy]:
    """The runs of a set that are recorded ones, under whatever name and however fast. A log that is a published one
    byte for byte says itself whose it is."""
    known = recorded_runs(traces[0].benchmark) if traces else []
    published = {each.log_sha256 for each in _curves(traces) if each.log_sha256}
    if not known:
        return
    for copy in copies([known, traces]):
        if sha256_of_file(copy.trace.path) not in published:
            yield copy


def seeds_of_recorded(traces: list[Trace]) -> Iterator[tuple[Trace, int]]:
    """The runs of a set that took the seed of a recorded one."""
    seeds = {each.seed: each.log_sha256 for each in _curves(traces) if each.seed is not None}
    for trace in traces:
        if trace.seed in seeds and sha256_of_file(trace.path) != seeds[trace.seed]:
            yield trace, trace.seed


def _curves(traces: list[Trace]) -> tuple[Curve, ...]:
    standard = standards().get(traces[0].benchmark) if traces else None
    return standard.curves if standard is not None else ()
