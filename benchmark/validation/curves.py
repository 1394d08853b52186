"""What a log says of how a run learned, in the form of the recorded runs."""

from __future__ import annotations

from statistics import median

from benchmark.definition.curves import Curve
from benchmark.events import keys
from benchmark.foundation.files import sha256_of_file
from benchmark.validation.intervals import epoch_seconds, seconds_of
from benchmark.validation.subjects import Log, as_count


def curve_of(log: Log) -> Curve:
    """What a log says, in the form of a recorded run. Of a log of ours that is whole."""
    lengths = epoch_seconds(log)
    evaluations = seconds_of(log, keys.EVAL_START, keys.EVAL_STOP)
    samples, ranks = log.number(keys.EVAL_SAMPLES), as_count(log.settings().get("ranks")) or 1
    last = log.metrics[-1]
    of_an_epoch = last.metadata[keys.SAMPLES_COUNT] / len(log.metrics)
    staged = sum(seconds_of(log, keys.STAGING_START, keys.STAGING_STOP).values())
    return Curve(
        ranks=ranks,
        global_batch_size=log.value(keys.GLOBAL_BATCH_SIZE),
        values=tuple(event.value for event in log.metrics),
        losses=tuple(event.value["loss"] for event in log.of(keys.TRACKED_STATS)),
        evaluation_speeds=tuple(
            round((samples / evaluations[epoch]) / (of_an_epoch / lengths[epoch]), 2) for epoch in lengths
        ),
        staging_rank_seconds=round(staged * ranks, 3),
        seed=as_count(log.value(keys.SEED)),
        log_sha256=sha256_of_file(log.path),
        rate_of_a_cpu=round(of_an_epoch / median(lengths.values()) / (cpus_used(log) or 1), 2),
    )


def cpus_used(log: Log) -> int | None:
    """The CPUs that a run computes on by its settings; None where it uses accelerators, or does not say."""
    settings = log.settings()
    ranks, threads = as_count(settings.get("ranks")), as_count(settings.get("threads_per_rank"))
    return ranks * threads if settings.get("device") == "cpu" and ranks and threads and threads > 0 < ranks else None
