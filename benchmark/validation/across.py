"""What is compared between the sets of all that is judged: no run, seed or time is in two of them."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from statistics import median

from benchmark.foundation.files import sha256_of_file
from benchmark.submission.ledger import LEDGER
from benchmark.validation.across_sets import Found, sets_do_not_follow_from_others
from benchmark.validation.checks.seeds import CHOSEN, DOUBTFUL, SEED_BITS
from benchmark.validation.copies import as_fault, copies
from benchmark.validation.finding import Fault, Severity
from benchmark.validation.judgement import Judged, JudgedSet
from benchmark.validation.recorded import copies_of_recorded, seeds_of_recorded
from benchmark.validation.registry import as_finding
from benchmark.validation.subjects import STRONG, WEAK
from benchmark.validation.trace import RATES, Trace

MOST_LEDGERS = 200
"""Sets whose ledgers are compared with each other."""
TIMES_ALONE, FREER = 1.5, 0.1
"""How many times as fast as the fastest epoch of any run alone an instance may be by the median, and the share by which
its cores may be freer."""


def found_across(judged: Sequence[Judged]) -> Iterator[Found]:
    """What all of these checks find, with the set that it is said of."""
    yield from runs_are_nowhere_else(judged)
    yield from seeds_are_nowhere_else(judged)
    yield from seeds_are_in_no_other_ledger(judged)
    yield from scalings_take_turns(judged)
    yield from instances_are_no_faster(judged)
    yield from runs_were_not_recorded_before(judged)
    yield from sets_do_not_follow_from_others(judged)


def runs_are_nowhere_else(judged: Sequence[Judged]) -> Iterator[Found]:
    """No run of a set is in another set of what is judged, be it another system's, scaling's or submitter's (R4.6)."""
    sets = [(each, runs) for each, runs in _sets(judged) if runs.traces]
    owners = {trace.file: owner for owner in sets for trace in owner[1].traces}
    for benchmark in sorted({runs.traces[0].benchmark for _, runs in sets}):
        alike = [runs.traces for _, runs in sets if runs.traces[0].benchmark == benchmark]
        for copy in copies(alike) if len(alike) > 1 else ():
            yield *owners[copy.trace.file], [as_finding(as_fault(copy), "R4.6", copy.trace.file)]


def seeds_are_nowhere_else(judged: Sequence[Judged]) -> Iterator[Found]:
    """No run of ours took the seed of a run in another set, or one next to it (R4.2)."""
    drawn = [
        (trace.seed, place, trace, each, runs)
        for place, (each, runs) in enumerate(_sets(judged))
        for trace in runs.traces
        if trace.ours and trace.seed is not None
    ]
    drawn.sort(key=lambda told: told[:2])
    near = max(2.0, min(CHOSEN, DOUBTFUL * 2**SEED_BITS / max(1, math.comb(len(drawn), 2)) / 2))
    for (seed, place, trace, _, _), (next_seed, next_place, other, each, runs) in itertools.pairwise(drawn):
        if place == next_place or next_seed - seed >= near or trace.same_file == other.same_file:
            continue
        same = seed == next_seed
        fault = Fault(
            "two runs have the same seed" if same else "the seeds of two runs look chosen",
            found=f"{seed}" if same else f"{seed} and {next_seed}",
            expected=f"no relation to that of {trace.file}",
            severity=Severity.ERROR if same else Severity.WARNING,
        )
        yield each, runs, [as_finding(fault, "R4.2", other.file)]


def seeds_are_in_no_other_ledger(judged: Sequence[Judged]) -> Iterator[Found]:
    """No run of ours took the seed of a run that another set's ledger alone has (R4.2); a ledger that several sets
    share has the run itself."""
    for (_, runs), (each, others) in itertools.permutations(_sets(judged)[:MOST_LEDGERS], 2):
        for trace in others.traces if runs.ledger_seeds else ():
            logs = runs.ledger_seeds.get(trace.seed) if trace.ours and trace.seed is not None else None
            if logs and sha256_of_file(trace.path) not in logs and all(trace.seed != one.seed for one in runs.traces):
                fault = Fault(
                    "the run has the seed of one in another set's ledger",
                    found=f"{trace.seed}, in {LEDGER} of {runs.folder.name}",
                    expected="one that the operating system drew for this run",
                    severity=Severity.WARNING,
                )
                yield each, others, [as_finding(fault, "R4.2", trace.file)]


def _sets(judged: Sequence[Judged]) -> list[tuple[Judged, JudgedSet]]:
    return [(each, runs) for each in judged for runs in each.sets]


def scalings_take_turns(judged: Sequence[Judged]) -> Iterator[Found]:
    """Strong scaling is of the whole system, which trains nothing else at the time: no instances of weak
    scaling (R5.5), and no run of another rung on the same cores (R5.4)."""
    for each in judged:
        for runs, others in itertools.combinations((one for one in each.sets if one.system_id), 2):
            met = next(((a, b) for a in runs.traces for b in others.traces if a.meets(b) and a.cores & b.cores), None)
            if met is not None and runs.scaling == others.scaling == STRONG and met[0].ours and met[1].ours:
                fault = Fault(
                    "two runs of strong scaling were made at one time, on the same cores",
                    found=f"at the time of {met[1].file}",
                    expected="a system that trains nothing else",
                    severity=Severity.WARNING,
                )
                yield each, runs, [as_finding(fault, "R5.4", met[0].file)]
        for runs, others in itertools.permutations((one for one in each.sets if one.system_id), 2):
            if runs.system_id != others.system_id or (runs.scaling, others.scaling) != (STRONG, WEAK):
                continue
            for trace in runs.traces:
                other = next((one for one in others.traces if trace.ours and one.ours and trace.meets(one)), None)
                if other is not None:
                    fault = Fault(
                        "a run of strong scaling was made while instances of weak scaling were",
                        found=f"at the time of {other.file}",
                        expected="a system that trains nothing else",
                        severity=Severity.WARNING,
                    )
                    yield each, runs, [as_finding(fault, "R5.5", trace.file)]


def instances_are_no_faster(judged: Sequence[Judged]) -> Iterator[Found]:
    """No instance of weak scaling trains far faster than runs of strong scaling do, one at a time, on as many cores of
    the same system that were no busier (R5.5)."""
    for each in judged:
        for strong, weak in itertools.permutations((one for one in each.sets if one.system_id), 2):
            if strong.system_id != weak.system_id or (strong.scaling, weak.scaling) != (STRONG, WEAK):
                continue
            for trace in weak.traces:
                alone = [one for one in strong.traces if _compares(one, trace)]
                rates = [rate for one in alone for rate in one.values[RATES] if rate]
                own = [rate for rate in trace.values[RATES] if rate]
                if (
                    own
                    and len(alone) == len(strong.traces)
                    and median(own) > TIMES_ALONE * max(rates, default=math.inf)
                ):
                    fault = Fault(
                        "an instance of weak scaling trains faster than any run alone, on as many cores",
                        found=f"{median(own):.4g} samples/s",
                        expected=f"at most {TIMES_ALONE:g} times the {max(rates):.4g} samples/s of a run alone",
                        severity=Severity.WARNING,
                    )
                    yield each, weak, [as_finding(fault, "R5.5", trace.file)]
                    break


def _compares(alone: Trace, instance: Trace) -> bool:
    """Whether a run of one benchmark has as many cores as an instance, which are as free."""
    return (
        alone.ours
        and alone.benchmark == instance.benchmark
        and len(alone.cores) == len(instance.cores) > 0
        and alone.free_share >= instance.free_share - FREER
    )


def runs_were_not_recorded_before(judged: Sequence[Judged]) -> Iterator[Found]:
    """No run is one of the reference's recorded runs, which ship with it, under another name or with other times
    (R4.6), or took the seed of one (R4.2)."""
    for each, runs in _sets(judged):
        for copy in copies_of_recorded(runs.traces):
            yield each, runs, [as_finding(as_fault(copy), "R4.6", copy.trace.file)]
        for trace, seed in seeds_of_recorded(runs.traces):
            fault = Fault(
                "the run has the seed of a recorded run of the reference",
                found=str(seed),
                expected="one that the operating system drew for this run",
                severity=Severity.WARNING,
            )
            yield each, runs, [as_finding(fault, "R4.2", trace.file)]
