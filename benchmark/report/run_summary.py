"""A run in a few lines of text, for a terminal."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from benchmark.definition.finder import benchmark_with
from benchmark.definition.goal import AT_MOST
from benchmark.definition.golden_files import IDENTICAL, IN_WORDS, RECOGNISED
from benchmark.events import keys
from benchmark.events.reader import read_events
from benchmark.events.timeline import Timeline
from benchmark.foundation.errors import StemdlError
from benchmark.foundation.reading import number_in
from benchmark.launch.load import in_words, is_busy
from benchmark.metrics.spread import coefficient_of_variation, outlying, too_far_apart
from benchmark.scoring.averages import bootstrap_interval, olympic_mean
from benchmark.submission.run_record import CRASHED, RUNNING, UNKNOWN, StoredRun

WIDTH = 40


def summary_lines(record: dict[str, Any]) -> list[str]:
    """Status, score and how the time was spent; the curve of the metric with the target."""
    reached = record["status"] == "success"
    lines = [
        f"{record['rung']}: "
        + (
            f"{record['metric']} {_wanted(record)} reached in {record['time_to_train_seconds']:.2f} s"
            if reached
            else f"{record['status']}: the target of {_wanted(record)} was missed"
        ),
        f"  epochs {record['epochs']}   dev {in_digits(_last(record['evaluations']))}"
        f"   test {in_digits(record['test'])}   {_number(record['samples_per_second'], 0)} samples/s",
        f"  training {_number(record['train_seconds'], 2)} s   evaluation {_number(record['eval_seconds'], 2)} s"
        f"   staging {_number(record['staging_seconds'], 2)} s"
        f"   (before the clock: {_number(record['init_seconds'], 1)} s)",
        f"  {record['ranks']} rank{'s' if record['ranks'] > 1 else ''} ({record['launcher']})"
        f"   global batch {record['global_batch_size']}   seed {record['seed']}",
        f"  data {record['data']['manifest_sha256'][:16]}  " + _whose(record),
    ]
    for part, shares in record.get(keys.TEST_BY_PART, {}).items():
        lines.append(f"  test, {part}: " + "   ".join(f"{name} {in_digits(share)}" for name, share in shares.items()))
    load = record.get("load")
    if load is not None and is_busy(load):
        lines.append(f"  busy machine: {in_words(load)} before the clock: this time is not the machine's own (R3.10)")
    if record.get("energy_joules") is not None:
        lines.append(
            f"  energy {record['energy_joules'] / 1000:.3f} kJ"
            + (f" ({record['energy_covers']})" if record["energy_covers"] else "")
        )
    if record["resumed"]:
        lines.append("  resumed from a checkpoint: cannot be scored")
    return lines


def _whose(record: Mapping[str, Any]) -> str:
    """Whether data are the rung's own, in words; older records do not say how that was found."""
    data = record["data"]
    if benchmark_with(record["rung"]) is None:
        return "of a rung of one's own"
    if not data["standard"]:
        return "NOT the rung's own: not comparable with other runs"
    recognised = data.get("recognised")
    verdict = recognised.get("verdict") if isinstance(recognised, dict) else None
    return IN_WORDS[verdict] if verdict in (IDENTICAL, RECOGNISED) else "by its manifest the rung's own"


def curve_lines(record: dict[str, Any]) -> list[str]:
    """The metric of each epoch as a bar, the target as a mark. Bars go from the least to the most that the metric can
    be; where it has no such bound, to what is shown."""
    shown = [*record["evaluations"].values(), record["target"]]
    low = min(*shown, 0.0) if record["low"] is None else record["low"]
    high = max(shown) if record["high"] is None else record["high"]

    def place(value: float) -> int:
        return round((value - low) / (high - low) * WIDTH) if high > low else WIDTH

    mark = place(record["target"])
    lines = []
    for epoch, value in record["evaluations"].items():
        bar = ("█" * place(value)).ljust(WIDTH)
        lines.append(f"  epoch {epoch:>3} {bar[:mark]}│{bar[mark:]} {in_digits(value)}")
    return lines


def spread_lines(records: Mapping[Path, Mapping[str, Any] | None]) -> list[str]:
    """A warning for each run set whose times lie too far apart (R4.13), of runs by their folders."""
    sets: dict[Path, list[tuple[float, int]]] = defaultdict(list)
    for folder, record in records.items():
        if folder.name.startswith("run_") and record is not None and record["status"] == "success":
            sets[folder.parent].append((record["time_to_train_seconds"], record["epochs"] or 0))
    warnings = {folder: too_far_apart(*zip(*runs, strict=True)) for folder, runs in sets.items()}
    return [f"warning: {folder}: {warning}" for folder, warning in warnings.items() if warning is not None]


def set_figures(records: Sequence[Mapping[str, Any] | None]) -> dict[str, Any]:
    """What the runs of a set come to: how many there are and reached the target, and of the seconds of these the mean
    without the fastest and the slowest (None below three runs) with its 95 % interval, the mean of all, the spread, the
    extremes, and the runs that stand out, by their number here, with the deviations that they are from the median.

    The spread is the sample standard deviation by the mean. None is what no run, or a single one, can say.
    """
    reached = {
        place: record["time_to_train_seconds"]
        for place, record in enumerate(records)
        if record and record["status"] == keys.SUCCESS
    }
    places, seconds = list(reached), list(reached.values())
    return {
        "runs": len(records),
        "reached": len(seconds),
        "olympic_mean_seconds": olympic_mean(seconds),
        "interval_seconds": bootstrap_interval(seconds),
        "mean_seconds": statistics.fmean(seconds) if seconds else None,
        "spread": coefficient_of_variation(seconds),
        "fastest_seconds": min(seconds, default=None),
        "slowest_seconds": max(seconds, default=None),
        "outliers": [{"run": places[each], "deviations": apart} for each, apart in outlying(seconds).items()],
    }


def set_lines(runs: Mapping[str, Mapping[str, Any] | None]) -> list[str]:
    """A set of runs, each by its folder's name, and what they come to."""
    figures = set_figures(list(runs.values()))
    lines = [f"{figures['reached']} of {figures['runs']} runs reached the target"]
    for name, record in runs.items():
        told = (
            "no record"
            if record is None
            else (
                f"{_number(record['time_to_train_seconds'], 2):>9} s  {record['epochs'] or 0:>3} epochs  "
                f"dev {in_digits(_last(record['evaluations']))}  {record['status']}"
            )
        )
        lines.append(f"  {name}  {told}")
    if figures["olympic_mean_seconds"] is not None:
        low, high = figures["interval_seconds"]
        lines.append(
            f"  mean without the fastest and the slowest {figures['olympic_mean_seconds']:.2f} s "
            f"(95 % interval {low:.2f} to {high:.2f} s)"
        )
    if figures["spread"] is not None:
        lines.append(
            f"  mean of all {figures['mean_seconds']:.2f} s, spread {figures['spread']:.1%} of it, from "
            f"{figures['fastest_seconds']:.2f} to {figures['slowest_seconds']:.2f} s"
        )
    named = list(runs.items())
    for each in figures["outliers"]:
        (name, record), deviations = named[each["run"]], each["deviations"]
        lines.append(
            f"  {name} stands out: {record['time_to_train_seconds']:.2f} s in {record['epochs']} epochs, "
            f"{abs(deviations):.1f} deviations {'above' if deviations > 0 else 'below'} the median"
        )
    return lines


def unrecorded_lines(run: StoredRun) -> list[str]:
    """A run without a record: whether it is in progress and how far it has come, or how it ended."""
    if run.fault:
        return [f"{run.folder}: {run.status}: {run.fault}"]
    told = {
        RUNNING: "is in progress",
        UNKNOWN: "may be in progress: ask on " + (", ".join(run.elsewhere[:3]) or "the node that it was begun on"),
        CRASHED: "ended before its record was written",
    }[run.status]
    lines = [f"{run.folder}: {run.status}: it {told}"]
    with suppress(StemdlError):  # what is being written may break off within a line
        events = read_events(run.log) if run.log else []
        rung = next((event.value for event in events if event.key == keys.SUBMISSION_BENCHMARK), "")
        benchmark = benchmark_with(rung)
        timeline = Timeline.of(events, benchmark.goal_at(rung).log_key if benchmark is not None else keys.EVAL_ACCURACY)
        evaluations = [map(number_in, each) for each in timeline.evaluations]
        lines += [
            f"  epoch {'?' if epoch is None else epoch:>3} dev {in_digits(value)}" for epoch, value in evaluations
        ]
    return lines


def instance_lines(summary: dict[str, Any]) -> list[str]:
    """A weak-scaling set: start and stop of each instance in seconds after the first start, and what it comes to."""
    began = min((run["run_start_ms"] for run in summary["runs"] if run["run_start_ms"] is not None), default=0)
    lines = [
        f"  {run['folder']}  from {_after(run['run_start_ms'], began)} to {_after(run['run_stop_ms'], began)} s  "
        f"{run['status']}"
        for run in summary["runs"]
    ]
    lines.append(
        f"weak scaling: {summary['reached']} of {summary['instances']} models reached the target on "
        f"{summary['ranks']} rank{'s' if summary['ranks'] > 1 else ''} each"
    )
    if summary["total_minutes"] is not None:
        lines.append(
            f"  {_number(summary['total_minutes'] * 60, 2)} s from the first start to the last stop: "
            f"{_number(summary['models_per_hour'], 2)} models per hour"
        )
    if summary["shared"]:
        lines.append("  the instances shared too few cores or accelerators: this measures no system")
    if not summary["seeds_differ"]:
        lines.append("  two instances have the same seed: the set cannot be scored (R4.2)")
    return lines


def _after(time_ms: int | None, began_ms: int) -> str:
    return "unknown" if time_ms is None else f"{(time_ms - began_ms) / 1000:.2f}"


def _wanted(record: Mapping[str, Any]) -> str:
    """The target, with the side that it is reached from where that is from above."""
    return f"at most {record['target']:g}" if record["reaches"] == AT_MOST else f"{record['target']:g}"


def _last(evaluations: dict[str, float]) -> float | None:
    return list(evaluations.values())[-1] if evaluations else None


def in_digits(value: float | None) -> str:
    """A value of a metric: with four decimal places, or as many digits where these would not show it."""
    if value is None:
        return "unknown"
    return f"{value:.4f}" if value == 0 or 1e-3 <= abs(value) < 1e6 else f"{value:.4g}"


def _number(value: float | None, digits: int) -> str:
    return "unknown" if value is None else f"{value:.{digits}f}"
