"""Numbers that a program computed, with the digits that these have."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from fractions import Fraction

from benchmark.definition.finder import benchmark_with
from benchmark.events import keys
from benchmark.validation.finding import Fault, Severity
from benchmark.validation.registry import check
from benchmark.validation.standard import Standard
from benchmark.validation.subjects import Log, as_number

FEWEST_DIGITS = 8
"""The fewest digits of a loss or a rate that a program computed: a 64-bit number has 16, a 32-bit one 9."""
ALL_DIGITS = 13
"""The digits of a 64-bit number, less the three that it may lack at its end once in 1,000."""
MANY_SAMPLES = 500
"""Samples of a split from which on a mean over classes, or a root, has few digits by no chance."""
EVALUATED = ("dev", "test")


@check("R4.6", "R1.2", of=Log, ours_alone=True)
def numbers_were_computed(log: Log) -> Iterator[Fault]:
    """Losses, samples/s and scores of a closed run have the digits of a computation: rounded ones were written by
    hand."""
    yield from _scores(log)
    for name, what in ((keys.THROUGHPUT, "samples/s"), ("loss", "losses")):
        told = [
            (event.line, value)
            for event in log.of(keys.TRACKED_STATS)
            if isinstance(event.value, dict) and (value := as_number(event.value.get(name)))
        ]
        few = [(line, value) for line, value in told if digits(value) < FEWEST_DIGITS]
        if name == keys.THROUGHPUT and (
            all(digits(v) < ALL_DIGITS for _, v in told) or all(_is_single(v) for _, v in told)
        ):
            few = told  # losses may be of 32 bits, and seconds are of 64
        if log.closed and len(told) > 1 and 2 * len(few) > len(told):
            yield Fault(
                f"{what} were rounded, and the trainer rounds none",
                line=few[0][0],
                found=f"{few[0][1]!r}, and {len(few) - 1} more of {len(told)}",
                expected="about 16 digits",
                severity=Severity.WARNING,
            )


def _is_single(value: float) -> bool:
    """Whether a number is one of 32 bits."""
    return abs(value) < 1e38 and struct.unpack("f", struct.pack("f", value))[0] == value


def _scores(log: Log) -> Iterator[Fault]:
    """Scores are shares of the samples, or have the digits of a mean over classes or of a root."""
    from benchmark.metrics.metric import can_be, is_a_share  # which numpy comes with

    scores = [
        (event.line, value) for event in log.metrics + log.of(log.goal.test_key) if (value := as_number(event.value))
    ]
    samples = evaluated_samples(log.standard)
    others = [(line, value) for line, value in scores if not is_share(value, samples)]
    if log.closed and len(others) > 1 and all(_is_single(value) for _, value in others):
        yield Fault(
            "the scores have 32 bits, and the trainer's 64",
            line=others[0][0],
            found=f"{others[0][1]!r}, and {len(others) - 1} more",
            expected="numbers of 64 bits, of which one in 500,000,000 ends so",
            severity=Severity.WARNING,
        )
    benchmark = benchmark_with(log.standard.name) if log.standard is not None else None
    if benchmark is not None and is_a_share(benchmark.measured.metric):
        yield from (
            Fault(
                "this score is not a share of the samples",
                line=line,
                expected=f"a whole number by another, of at most {samples}",
                found=repr(value),
                rule="R1.2",
            )
            for line, value in scores
            if not is_share(value, samples)
        )
        return
    if benchmark is not None:
        last = log.of(log.goal.test_key)
        yield from (
            Fault(
                "no counts of the samples come to this score",
                line=event.line,
                expected=f"a value of {benchmark.measured.metric} of {count} samples, to the last bit",
                found=repr(event.value),
                rule="R1.2",
            )
            for split, events in zip(EVALUATED, (log.metrics, last), strict=True)
            for event in events
            if (value := as_number(event.value)) is not None and (count := log.standard.samples.get(split, 0)) > 0
            if value >= 0 and not can_be(benchmark.measured.metric, value, count)
        )
    many = samples >= MANY_SAMPLES
    few = [
        (line, value)
        for line, value in scores
        if digits(value) < FEWEST_DIGITS
        and (value not in (log.goal.low, log.goal.high) if many else not is_share(value, samples))
    ]
    if log.closed and len(scores) > 1 and few and (many or 2 * len(few) > len(scores)):
        yield Fault(
            "scores were rounded, and the trainer rounds none",
            line=few[0][0],
            found=f"{few[0][1]!r}, and {len(few) - 1} more of {len(scores)}",
            expected="about 16 digits, or a share of the samples",
            severity=Severity.WARNING,
        )


def evaluated_samples(standard: Standard | None) -> int:
    """The samples of the larger of the two splits that scores are of; at least 2."""
    return max([2, *(standard.samples.get(split, 0) for split in EVALUATED)] if standard is not None else [2])


def is_share(value: float, samples: int) -> bool:
    """Whether a value is one whole number by another, which is at most `samples`."""
    return float(Fraction(value).limit_denominator(samples)) == value


def has_all_digits(value: float) -> bool:
    """Whether a number has as many digits as only a computation gives it."""
    return digits(value) >= ALL_DIGITS


def digits(value: float) -> int:
    """The decimal digits that a number is written with, but for noughts at its ends."""
    return len(repr(value).lower().partition("e")[0].replace(".", "").replace("-", "").strip("0"))
