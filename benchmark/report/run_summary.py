"""A run in a few lines of text, for a terminal."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmark.launch.load import in_words, is_busy
from benchmark.metrics.spread import too_far_apart

WIDTH = 40


def summary_lines(record: dict[str, Any]) -> list[str]:
    """Status, score and how the time was spent; the curve of the metric with the target."""
    reached = record["status"] == "success"
    lines = [
        f"{record['rung']}: " + (f"macro-F1 {record['target']:g} reached in {record['time_to_train_seconds']:.2f} s"
                                 if reached else f"{record['status']}: the target of {record['target']:g} was missed"),
        f"  epochs {record['epochs']}   dev F1 {_number(_last(record['eval_f1']), 4)}"
        f"   test F1 {_number(record['test_f1'], 4)}   {_number(record['samples_per_second'], 0)} samples/s",
        f"  training {_number(record['train_seconds'], 2)} s   evaluation {_number(record['eval_seconds'], 2)} s"
        f"   staging {_number(record['staging_seconds'], 2)} s"
        f"   (before the clock: {_number(record['init_seconds'], 1)} s)",
        f"  {record['ranks']} rank{'s' if record['ranks'] > 1 else ''} ({record['launcher']})"
        f"   global batch {record['global_batch_size']}   seed {record['seed']}",
        f"  data {record['data']['manifest_sha256'][:16]}  "
        + ("the rung's own" if record["data"]["standard"] else "NOT the rung's own: not comparable with other runs"),
    ]
    load = record.get("load")
    if load is not None and is_busy(load):
        lines.append(f"  busy machine: {in_words(load)} before the clock: this time is not the machine's own (R3.10)")
    if record.get("energy_joules") is not None:
        lines.append(f"  energy {record['energy_joules'] / 1000:.3f} kJ"
                     + (f" ({record['energy_covers']})" if record["energy_covers"] else ""))
    if record["resumed"]:
        lines.append("  resumed from a checkpoint: cannot be scored")
    return lines


def curve_lines(record: dict[str, Any]) -> list[str]:
    """The metric of each epoch as a bar, the target as a mark."""
    mark = round(record["target"] * WIDTH)
    lines = []
    for epoch, f1 in record["eval_f1"].items():
        bar = ("█" * round(f1 * WIDTH)).ljust(WIDTH)
        lines.append(f"  epoch {epoch:>3} {bar[:mark]}│{bar[mark:]} {f1:.4f}")
    return lines


def spread_lines(records: Mapping[Path, Mapping[str, Any] | None]) -> list[str]:
    """Of runs by their folders, a warning for each run set whose times lie too far apart (R4.13)."""
    sets: dict[Path, list[tuple[float, int]]] = defaultdict(list)
    for folder, record in records.items():
        if folder.name.startswith("run_") and record is not None and record["status"] == "success":
            sets[folder.parent].append((record["time_to_train_seconds"], record["epochs"] or 0))
    warnings = {folder: too_far_apart(*zip(*runs)) for folder, runs in sets.items()}
    return [f"warning: {folder}: {warning}" for folder, warning in warnings.items() if warning is not None]


def instance_lines(summary: dict[str, Any]) -> list[str]:
    """Of a weak-scaling set: start and stop of each instance in seconds after the first start, and what it comes to."""
    began = min((run["run_start_ms"] for run in summary["runs"] if run["run_start_ms"] is not None), default=0)
    lines = [f"  {run['folder']}  from {_after(run['run_start_ms'], began)} to {_after(run['run_stop_ms'], began)} s  "
             f"{run['status']}" for run in summary["runs"]]
    lines.append(f"weak scaling: {summary['reached']} of {summary['instances']} models reached the target on "
                 f"{summary['ranks']} rank{'s' if summary['ranks'] > 1 else ''} each")
    if summary["total_minutes"] is not None:
        lines.append(f"  {_number(summary['total_minutes'] * 60, 2)} s from the first start to the last stop: "
                     f"{_number(summary['models_per_hour'], 2)} models per hour")
    if summary["shared"]:
        lines.append("  the instances shared too few cores or accelerators: this measures no system")
    if not summary["seeds_differ"]:
        lines.append("  two instances have the same seed: the set cannot be scored (R4.2)")
    return lines


def _after(time_ms: int | None, began_ms: int) -> str:
    return "unknown" if time_ms is None else f"{(time_ms - began_ms) / 1000:.2f}"


def _last(evaluations: dict[str, float]) -> float | None:
    return list(evaluations.values())[-1] if evaluations else None


def _number(value: float | None, digits: int) -> str:
    return "unknown" if value is None else f"{value:.{digits}f}"
