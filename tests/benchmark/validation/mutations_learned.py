"""Submissions that learned, evaluated or read what cannot be, or more than the reference was ever seen to."""

from __future__ import annotations

from collections.abc import Callable

from changes import every_log, log, metric, put, shift_from, together, with_batch
from corpus import Mutation
from honest_run import EVAL_MS, F1, Lines, at
from mutations_published import warned

from benchmark.events import keys


def loss(value: object, epoch: int = -1) -> Callable[[Lines], None]:
    """Another loss of an epoch, from 0, or of the last."""

    def change(lines: Lines) -> None:
        event = lines[at(lines, keys.TRACKED_STATS, epoch)]
        event["value"] = {**event["value"], "loss": value}

    return change


def evaluations_in(ms: int) -> Callable[[Lines], None]:
    return together(*(shift_from(keys.EVAL_STOP, ms - EVAL_MS, which) for which in range(3)))


def epochs_shortened(ms: int) -> Callable[[Lines], None]:
    """Each epoch by so much, and not its samples/s."""
    return together(*(shift_from(keys.EPOCH_STOP, -ms, which) for which in range(3)))


def last_epoch_halved(lines: Lines) -> None:
    """By the log and by the trainer's own clock."""
    taken = lines[at(lines, keys.EPOCH_STOP)]["time_ms"] - lines[at(lines, keys.EPOCH_START)]["time_ms"]
    shift_from(keys.EPOCH_STOP, -(taken // 2))(lines)
    lines[at(lines, keys.TRACKED_STATS)]["value"]["throughput"] *= 2


def an_epoch_early(lines: Lines) -> None:
    """The target said to be reached after two epochs, with the loss that is then."""
    lines[:] = [line for line in lines if line["metadata"].get("epoch_num", 0) < 3]
    metric(2, 0.90013)(lines)


LEARNED = (
    Mutation("each epoch 4 % shorter", "R3.9", every_log(epochs_shortened(130)), invalid=False),
    Mutation("the last epoch twice as fast", "R3.9", every_log(last_epoch_halved), invalid=False),
    Mutation("a target reached with too large a loss", "R3.11", log(an_epoch_early), invalid=False),
    Mutation("staging twenty times as fast", "R3.11", every_log(shift_from(keys.STAGING_STOP, -765)), invalid=False),
    Mutation("a negative loss", "R3.11", every_log(loss(-0.5))),
    Mutation("a loss below what smoothed labels leave", "R3.11", every_log(loss(0.30))),
    Mutation("a loss of zero in every epoch", "R3.11", every_log(together(*(loss(0.0, epoch) for epoch in range(3))))),
    Mutation("a loss that is a text", "R3.11", every_log(loss("0.7"))),
    Mutation("no loss", "R3.11", every_log(lambda lines: lines[at(lines, keys.TRACKED_STATS)]["value"].pop("loss"))),
    Mutation("the loss of the end after one epoch", "R3.11", every_log(loss(0.7, 0)), invalid=False),
    warned("a loss of the first epoch below all that were recorded", "R3.11", log(loss(1.6, 0))),
    Mutation("a loss that never fell", "R3.11", every_log(loss(3.2)), invalid=False),
    warned("runs of batch size 32 as of one between two recorded ones", "R3.11", with_batch(20)),
    Mutation("a score of 0.88 after one epoch", "R3.11", every_log(metric(1, 0.88)), invalid=False),
    Mutation("the test score that of the dev split", "R3.11", log(put(keys.TEST_F1_MACRO, F1[-1])), invalid=False),
    Mutation("a test score far above", "R3.11", every_log(put(keys.TEST_F1_MACRO, 0.999)), invalid=False),
    Mutation("a test score somewhat far below", "R3.11", log(put(keys.TEST_F1_MACRO, 0.78)), invalid=False),
    Mutation("evaluations twenty times as fast as training", "R3.11", every_log(evaluations_in(45)), invalid=False),
    Mutation("staging in a millisecond", "R3.11", every_log(shift_from(keys.STAGING_STOP, -799)), invalid=False),
)
