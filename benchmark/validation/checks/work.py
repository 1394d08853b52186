"""Whether the work that a log says was done can be done in its times: held to recorded runs of the reference."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median

from benchmark.definition.curves import Curve
from benchmark.definition.settings import Settings
from benchmark.events import keys
from benchmark.validation.checks.machine import size_of
from benchmark.validation.checks.system import count_of
from benchmark.validation.curves import cpus_used
from benchmark.validation.finding import Fault, Severity, shown
from benchmark.validation.intervals import epoch_seconds, seconds_of
from benchmark.validation.registry import check
from benchmark.validation.sample_size import bytes_in_memory
from benchmark.validation.subjects import WEAK, Log, ResultSet, as_count, as_number
from benchmark.validation.trace import recorded_at

TIMES_THE_EVALUATION, TIMES_THE_STAGING = 1.5, 4.0
"""How much faster than in the fastest recorded run an evaluation may be alongside the training, and a rank may read. An
evaluation is one pass of three; reading is hashed with SHA-256, whose instructions all processors have alike."""
TIMES_THE_RATE = 8.0
"""How many times as fast as on a recorded run's CPU a run may train by CPU: one of 2.6 GHz without matrix units."""
FEWEST_OF_A_RANK = 8
"""Samples of a rank's step, below which training waits for more than its own arithmetic."""
TOLD_SHORT = 1.1
"""How many times as much memory a node may have as its description says, in whole units."""


@check("R3.11", of=Log, ours_alone=True)
def work_takes_its_time(log: Log) -> Iterator[Fault]:
    """Alongside the training an evaluation is not much faster, or slower, than in recorded runs on CPUs, nor is the
    reading faster."""
    known = log.standard.curves if log.standard is not None else ()
    ranks, batch = as_count(log.settings().get("ranks")), as_count(log.value(keys.GLOBAL_BATCH_SIZE))
    if not known or not ranks or ranks < 1 or not batch or "trainer" in log.settings():
        return
    for wrong, message, expected, found in _of_the_staging(log, known, ranks):
        if wrong:
            line = log.of(keys.STAGING_STOP)[0].line
            yield Fault(message, line=line, expected=expected, found=found, severity=Severity.WARNING)
    if log.settings().get("device") == "cpu" and batch >= FEWEST_OF_A_RANK * ranks:
        for wrong, message, expected, found in _of_the_pace(log, known):
            if wrong:
                yield Fault(message, expected=expected, found=found, severity=Severity.WARNING)


Held = Iterator[tuple[bool, str, str, str]]
"""Of each bound whether it was left, what is said then, what is expected, and what was found."""


def _of_the_staging(log: Log, known: tuple[Curve, ...], ranks: int) -> Held:
    told = log.of(keys.STAGING_STOP)
    if not told:
        return
    share = as_number(log.settings().get("memory_share"))
    staged = sum(seconds_of(log, keys.STAGING_START, keys.STAGING_STOP).values())
    in_memory = [event.metadata.get(keys.IN_MEMORY) for event in told]
    least = min(curve.staging_rank_seconds for curve in known) / TIMES_THE_STAGING / ranks
    yield (
        log.closed and not all(isinstance(each, bool) for each in in_memory),
        "the staging does not say whether the data were read into memory",
        f'"{keys.IN_MEMORY}": true or false',
        shown(in_memory),
    )
    yield (
        False in in_memory and log.closed and (share or 0.0) >= Settings.memory_share,
        "the data were streamed, though they fit into memory where they were recorded",
        f'"{keys.IN_MEMORY}": true, or a smaller memory_share',
        f"memory_share {shown(share)}",
    )
    yield (
        in_memory.count(True) == len(told) and share == 0.0,
        "the data were read into memory, of which they might take none",
        f'"{keys.IN_MEMORY}": false with memory_share 0',
        f"memory_share {shown(share)}",
    )
    yield (
        in_memory.count(True) == len(told) and staged < least - 0.001,
        "the data were read faster than they can be",
        f"at least {least:.3f} s: ranks that read four times as fast as any recorded one",
        f"{staged:g} s",
    )


def _of_the_pace(log: Log, known: tuple[Curve, ...]) -> Held:
    cpus, samples, trained = cpus_used(log), log.number(keys.EVAL_SAMPLES), sum(epoch_seconds(log).values())
    seen = as_number(log.metrics[-1].metadata.get(keys.SAMPLES_COUNT)) if log.metrics else None
    if not trained or not seen or not samples:
        return
    rate = seen / trained
    fastest = TIMES_THE_RATE * max(curve.rate_of_a_cpu for curve in known)
    yield (
        bool(cpus) and 0 < fastest < rate / (cpus or 1),
        "the run trains faster than so many CPUs can",
        f"at most {fastest:.4g} samples/s of each: {TIMES_THE_RATE:g} times the fastest recorded run",
        f"{rate / (cpus or 1):.4g} samples/s of each of {cpus}",
    )
    lengths = seconds_of(log, keys.EVAL_START, keys.EVAL_STOP)
    most = TIMES_THE_EVALUATION * max(max(curve.evaluation_speeds) for curve in known)
    shortest = max(0.001, min(epoch_seconds(log).values()))  # in the rest other programs may have been busy
    fastest_epoch = seen / len(log.metrics) / shortest
    for epoch, seconds in lengths.items():
        yield (
            samples / (seconds + 0.001) > most * fastest_epoch,
            f"the evaluation of epoch {epoch} is faster than it can be alongside the training",
            f"at most {most:.3g} times the {fastest_epoch:.0f} samples/s of the fastest epoch",
            f"{samples:g} samples in {seconds:g} s",
        )
    usual = median(lengths.values()) if lengths else 0.0
    least = min((min(curve.evaluation_speeds) for curve in recorded_at(log)), default=0.0) / TIMES_THE_EVALUATION
    yield (
        log.closed and samples < least * rate * usual,
        "the training is faster than it can be alongside the evaluations",
        f"evaluations of at least {least:.3g} times the {rate:.0f} samples/s of the training",
        f"{samples:g} samples in {usual:g} s by the median",
    )


@check("R4.8", of=ResultSet, ours_alone=True)
def memory_holds_the_data(results: ResultSet) -> Iterator[Fault]:
    """Data that were read into memory fit into the share of it that the settings give them; those of all instances of
    weak scaling fit into the memory of all nodes."""
    values = (results.system.values if results.system is not None else None) or {}
    host, accelerator = (size_of(str(values.get(f"{whose}_memory_capacity", ""))) for whose in ("host", "accelerator"))
    nodes, accelerators = (count_of(values.get(name)) for name in ("number_of_nodes", "accelerators_per_node"))
    memory, every = max(host, accelerator), (nodes or 1) * (host + (accelerators or 0) * accelerator) * TOLD_SHORT
    together = 0.0
    for log in results.read if memory else ():
        share, samples = as_number(log.settings().get("memory_share")), log.number(keys.TRAIN_SAMPLES)
        in_memory = any(event.metadata.get(keys.IN_MEMORY) is True for event in log.of(keys.STAGING_STOP))
        if not in_memory or not share or not samples:
            continue
        samples += (log.number(keys.EVAL_SAMPLES) or 0) if log.closed else 0  # the reference holds dev as well
        needed = samples * bytes_in_memory(log)
        together += needed
        there = share * memory * (log.number(keys.NUMBER_OF_NODES) or 1) * TOLD_SHORT
        if there < needed:
            yield Fault(
                "the data were read into less memory than they take",
                file=log.file,
                expected=f"at least {needed:g} bytes for {samples:g} samples",
                found=f"{there:.3g} bytes, a share of {shown(share)}",
                severity=Severity.WARNING,
            )
    if results.scaling == WEAK and memory and every < together:
        yield Fault(
            "the instances read more data into memory than all nodes have",
            expected=f"at least {together:g} bytes for {len(results.read)} instances",
            found=f"{every:.3g} bytes",
            severity=Severity.WARNING,
        )
