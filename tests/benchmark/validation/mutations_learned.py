"""Submissions that learned, evaluated or read what cannot be, or more than the reference was ever seen to."""

from __future__ import annotations

from collections.abc import Callable

from changes import every_log, log, metric, put, shift_from, together
from corpus import EVAL_MS, Lines, Mutation, at

from benchmark.events import keys


def loss(value: object, epoch: int = -1) -> Callable[[Lines], None]:
    """Another loss of an epoch, from 0, or of the last."""

    def change(lines: Lines) -> None:
        event = lines[at(lines, keys.TRACKED_STATS, epoch)]
        event["value"] = {**event["value"], "loss": value}

    return change


def evaluations_in(ms: int) -> Callable[[Lines], None]:
    return together(*(shift_from(keys.EVAL_STOP, ms - EVAL_MS, which) for which in range(3)))


LEARNED = (
    Mutation("a negative loss", "R3.11", every_log(loss(-0.5))),
    Mutation("a loss below what smoothed labels leave", "R3.11", every_log(loss(0.30))),
    Mutation("a loss of zero in every epoch", "R3.11", every_log(together(*(loss(0.0, epoch) for epoch in range(3))))),
    Mutation("a loss that is a text", "R3.11", every_log(loss("0.7"))),
    Mutation("no loss", "R3.11", every_log(lambda lines: lines[at(lines, keys.TRACKED_STATS)]["value"].pop("loss"))),
    Mutation("the loss of the end after one epoch", "R3.11", every_log(loss(0.7, 0)), invalid=False),
    Mutation("a loss that never fell", "R3.11", every_log(loss(3.2)), invalid=False),
    Mutation("a score of 0.88 after one epoch", "R3.11", every_log(metric(1, 0.88)), invalid=False),
    Mutation("the test score that of the dev split", "R3.11", log(put(keys.TEST_F1_MACRO, 0.9121)), invalid=False),
    Mutation("a test score far above", "R3.11", every_log(put(keys.TEST_F1_MACRO, 0.999)), invalid=False),
    Mutation("a test score somewhat far below", "R3.11", log(put(keys.TEST_F1_MACRO, 0.78)), invalid=False),
    Mutation("evaluations twenty times as fast as training", "R3.11", every_log(evaluations_in(45)), invalid=False),
    Mutation("staging in a millisecond", "R3.11", every_log(shift_from(keys.STAGING_STOP, -799)), invalid=False),
)
