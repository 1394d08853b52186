"""One log, as a score sees it: how long the run took, whether it reached the target, after how many epochs."""

from __future__ import annotations

import math
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmark.definition.scored import EPOCHS, ScoredBenchmark
from benchmark.events import keys
from benchmark.events.reader import iter_events
from benchmark.events.timeline import Timeline
from benchmark.foundation.errors import StemdlError
from benchmark.foundation.reading import number_in

_MOST_CHARACTERS = 200  # of what a bad log holds, in a message


@dataclass(frozen=True)
class ScoredRun:
    """A run read from its log; None where the log does not say, or does not say it sensibly.

    Attributes
    ----------
    problem : why the run counts as not converged; None for a run that counts.
    minutes : run_stop less run_start; None where there is a problem.
    epochs_to_target : epoch_num of the last evaluation before run_stop, to three decimals; infinite with a problem.
    train_minutes, eval_minutes, staging_minutes : what of the clock went into each (benchmark.events.timeline).
    samples_per_second : samples trained on by train_minutes.
    """

    log: Path
    problem: str | None
    benchmark: str | None
    division: str | None
    seed: str | None
    start_ms: int | None
    stop_ms: int | None
    minutes: float | None
    epochs_to_target: float
    global_batch_size: int | None
    accelerators: int | None
    train_minutes: float | None
    eval_minutes: float | None
    staging_minutes: float | None
    samples_per_second: float | None

    @property
    def converged(self) -> bool:
        """Whether the run reached the target, by a log in which nothing is amiss."""
        return self.problem is None


def read_run_log(log: Path, benchmark: ScoredBenchmark | None) -> ScoredRun:
    """A run from its log, read in one pass and taken as mlperf-logging's parser takes it. Whatever is wrong with it is
    its `problem`; nothing raises. Without a benchmark the target is not looked at."""
    metric = benchmark.goal.log_key if benchmark else keys.EVAL_ACCURACY
    try:
        timeline = Timeline.of(iter_events(log, as_official=True), metric)
    except StemdlError as error:
        return unreadable_run(log, error)
    return run_of_timeline(log, timeline, benchmark)


def run_of_timeline(log: Path, timeline: Timeline, benchmark: ScoredBenchmark | None) -> ScoredRun:
    """The same of a log that was read already, for whoever needs more of it than a score does."""
    epochs, value = _last_evaluation(timeline)
    problem = _problem(timeline, benchmark, value)
    epochs_are_samples = benchmark is not None and benchmark.epoch_num != EPOCHS
    return ScoredRun(
        log=log,
        problem=problem,
        benchmark=_text(timeline.benchmark),
        division=_text(timeline.division),
        seed=str(timeline.seed) if isinstance(timeline.seed, (int, str)) else None,  # published logs have both
        start_ms=timeline.run_start_ms,
        stop_ms=timeline.run_stop_ms,
        # In this order, as result_summarizer.py rounds it (`_query_mlperf_strong_scaling_score`).
        minutes=None if problem else (timeline.run_stop_ms - timeline.run_start_ms) / 60 / 1000,
        epochs_to_target=math.inf if problem or epochs is None else round(epochs, 3),
        global_batch_size=_whole(timeline.global_batch_size),
        accelerators=_accelerators(timeline),
        train_minutes=_minutes(timeline.train_seconds),
        eval_minutes=_minutes(timeline.eval_seconds),
        staging_minutes=_minutes(timeline.staging_on_clock_seconds),
        samples_per_second=_throughput(timeline, epochs if epochs_are_samples else None),
    )


def read_names(log: Path) -> tuple[str | None, str | None]:
    """The benchmark and the organisation that a log names; read no further than that, so nothing else is checked."""
    names: dict[str, str] = {}
    with suppress(StemdlError):  # whoever reads the log whole says what is wrong with it
        for event in iter_events(log, as_official=True):
            if event.key in (keys.SUBMISSION_BENCHMARK, keys.SUBMISSION_ORG) and isinstance(event.value, str):
                names.setdefault(event.key, event.value)
                if len(names) == 2:
                    break
    return names.get(keys.SUBMISSION_BENCHMARK), names.get(keys.SUBMISSION_ORG)


def _problem(timeline: Timeline, benchmark: ScoredBenchmark | None, value: float | None) -> str | None:
    """Why the run does not count as one that converged, in words."""
    starts, stops = timeline.marks
    if (starts, stops) == (0, 0):
        return "neither run_start nor run_stop stands in it: it is not the log of a run"
    if (starts, stops) != (1, 1):  # a log that ends early, two runs in one file, or a run that was resumed
        return f"run_start stands {starts} times in the log and run_stop {stops} times; each must stand once"
    if timeline.run_stop_ms <= timeline.run_start_ms:
        return "run_stop is not after run_start"
    if timeline.status != keys.SUCCESS:
        return f"the run ended with status {timeline.status!r}, not {keys.SUCCESS!r}"
    if timeline.value(keys.RESUMED) is not None:
        return "the run was resumed from a checkpoint"
    if timeline.value(keys.DATA_STANDARD) is False:
        return "the run was not on the benchmark's own data"
    if benchmark and value is None:
        return f"there is no {benchmark.goal.log_key} before run_stop"
    if benchmark and not benchmark.goal.reached_by(value):
        return (
            f"the last {benchmark.goal.log_key} before run_stop, {value:g}, misses the target {benchmark.goal.target:g}"
        )
    return None


def _last_evaluation(timeline: Timeline) -> tuple[float | None, float | None]:
    """epoch_num and metric of the last evaluation before run_stop."""
    if not timeline.evaluations_at_stop:
        return None, None
    epoch, value = timeline.evaluations[timeline.evaluations_at_stop - 1]
    return number_in(epoch), number_in(value)


def _accelerators(timeline: Timeline) -> int | None:
    """The accelerators of one run: nodes times accelerators of each, a node without any counting as one
    (result_summarizer.py: `_query_instance_scale`)."""
    nodes, each = _whole(timeline.nodes), _whole(timeline.accelerators_per_node)
    return None if nodes is None or each is None else nodes * max(each, 1)


def _throughput(timeline: Timeline, samples: float | None) -> float | None:
    """Samples per second of training: those of the finished epochs, or `samples` where epoch_num counts those."""
    seconds = timeline.train_seconds
    if samples is None and None not in (timeline.epochs, train_samples := _whole(timeline.train_samples)):
        samples = timeline.epochs * train_samples
    return samples / seconds if samples is not None and seconds and seconds > 0 else None


def _in_a_line(error: StemdlError, log: Path) -> str:
    """What is wrong with a log, and in which of its lines."""
    line = str(error.where).removeprefix(str(log)).strip(":")
    parts = [
        f"line {line}" if line else None,
        error.what,
        error.expected and f"expected {error.expected}",
        error.found is not None and f"found {error.found}"[:_MOST_CHARACTERS],
    ]
    return ": ".join(part for part in parts if part)


def unreadable_run(log: Path, error: StemdlError) -> ScoredRun:
    """A run whose log cannot be read."""
    return ScoredRun(log, _in_a_line(error, log), *(None,) * 6, math.inf, *(None,) * 6)


def _whole(value: Any) -> int | None:
    number = number_in(
        int(value) if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 16 else value
    )
    return int(number) if number is not None and number >= 0 and number == int(number) else None


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _minutes(seconds: float | None) -> float | None:
    return None if seconds is None else seconds / 60
