"""The charts of a benchmark's page: runs as dots, curves, where the time went, scaling, speed-ups.

Each function returns the chart as SVG, empty where there is nothing to draw. The table of the same numbers is the
template's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from benchmark.report.site.entry import Entry
from benchmark.report.site.svg import (
    WIDTH,
    Axis,
    bar,
    dot,
    drawing,
    line,
    linked,
    number,
    path,
    shade,
    text,
    x_axis,
    y_axis,
)
from benchmark.scoring.log_folders import WEAK

LEFT, ROW, BELOW_NAME = 16, 36, 25
"""A row has its name above what is drawn, so that a phone shows both."""
TOP, BOTTOM, RIGHT = 26, 40, 16
MOST_POINTS = 1200
"""Dots in a chart of runs."""
PARTS = ("training", "evaluation", "staging", "the rest")


def dots(entries: Sequence[Entry], root: str = "") -> Markup:
    """All runs of each result that reached the target, the mean as a bar across, its interval as a line. `root` is the
    site's folder as the page finds it."""
    shown = [entry for entry in entries if any(run.minutes for run in entry.runs)]
    if not shown:
        return Markup("")
    minutes = [run.minutes for entry in shown for run in entry.runs if run.minutes]
    minutes += [value for entry in shown for value in (_score(entry), *_interval(entry)) if value]
    axis = Axis(min(minutes), max(minutes), LEFT, WIDTH - RIGHT, log=True)
    bottom = TOP + ROW * len(shown)
    each = dots_of_each(shown)
    parts = [x_axis(axis, TOP - 8, bottom, "minutes to train (logarithmic)")]
    for place, entry in enumerate(shown):
        y = TOP + ROW * place + BELOW_NAME
        parts.append(_name(entry, place, root))
        if interval := _interval(entry):
            parts.append(line(axis.at(interval[0]), y, axis.at(interval[1]), y, "interval"))
        for run in [run for run in entry.runs if run.minutes][:each]:
            said, style = f"{run.name}: {number(run.minutes)} min", "" if run.counted else "open"
            drawn = dot(axis.at(run.minutes), y, place, said, style=style)
            parts.append(linked(f"{root}runs/{run.page}", drawn, said, tabbed=False))
        if mean := _score(entry):
            parts.append(line(axis.at(mean), y - 8, axis.at(mean), y + 8, "mean"))
    return drawing(bottom + BOTTOM, "Minutes to train of every run, by system", parts, "rows")


def dots_of_each(entries: Sequence[Entry]) -> int:
    """How many runs of a result are drawn at most: the first ones."""
    return max(1, MOST_POINTS // max(1, len(entries)))


def _score(entry: Entry) -> float | None:
    """The minutes that a bar stands for. Results without a score have none, nor has weak scaling, whose score is not
    the time of a run."""
    strong = entry.figures["scored"] and entry.figures["scaling"] != WEAK
    return entry.figures["minutes"] if strong else None


def _interval(entry: Entry) -> Sequence[float]:
    return (entry.figures["interval_minutes"] or ()) if _score(entry) else ()


def curves(entries: Sequence[Entry], against: str, root: str = "") -> Markup:
    """The metric of the median run of each result against `minutes`, or against `samples` that were trained on; with
    the goal as a line."""
    drawn = []
    for place, entry in enumerate(entries):
        points = _points(entry, against)
        if len(points) > 1:
            drawn.append((place, entry, points))
    if not drawn:
        return Markup("")
    target = drawn[0][1].target
    band = _reference([entry for _, entry, _ in drawn]) if against == "samples" else None
    xs = [x for _, _, points in drawn for x, _ in points] + [*(band or ())]
    ys = [y for _, _, points in drawn for _, y in points] + ([target] if target is not None else [])
    ys.sort()
    high = ys[-1] if target is None or target > ys[len(ys) // 2] else min(ys[-1], ys[int(0.95 * len(ys))] * 1.2)
    low = ys[0] if target is None or target < ys[len(ys) // 2] else max(ys[0], ys[int(0.05 * len(ys))])
    across = Axis(min(xs), max(xs), 64, WIDTH - RIGHT, log=True)
    up = Axis(low, high, 320, TOP, log=False)
    label = "minutes after the start (logarithmic)" if against == "minutes" else "samples trained on (logarithmic)"
    parts = [x_axis(across, TOP, 320, label), y_axis(up, 64, WIDTH - RIGHT, drawn[0][1].metric)]
    if band:
        wide = across.at(band[1]) - across.at(band[0])
        parts.append(
            shade(across.at(band[0]), TOP, wide, 320 - TOP, f"the reference: {number(band[0])} to {number(band[1])}")
        )
    parts += _goal(up, target)
    for place, entry, points in drawn:
        inside = [(across.at(x), up.at(min(high, max(low, y)))) for x, y in points]
        parts.append(linked(f"{root}results/{entry.page}", path(inside, place, label_of(entry)), label_of(entry)))
    return drawing(360, f"{drawn[0][1].metric} against {against}", parts)


def _reference(entries: Sequence[Entry]) -> tuple[float, float] | None:
    """After how many samples the reference reaches the goal at the batch sizes of the entries, within two deviations;
    None where nothing was recorded."""
    ends = [
        epochs * per_epoch
        for entry in entries
        if entry.figures["reference_epochs"] and (per_epoch := _samples_per_epoch(entry))
        for epochs in entry.figures["reference_epochs"]
    ]
    return (min(ends), max(ends)) if ends and min(ends) > 0 else None


def _samples_per_epoch(entry: Entry) -> int | None:
    """How many samples one step of `epoch_num` stands for; None where the logs do not say."""
    samples = entry.figures["train_samples"]
    return 1 if entry.figures["epochs_are_samples"] else samples if isinstance(samples, int) else None


def _points(entry: Entry, against: str) -> list[tuple[float, float]]:
    runs = sorted((run for run in entry.runs if run.minutes and run.curve), key=lambda run: run.minutes or 0.0)
    if not runs:
        return []
    per_epoch = _samples_per_epoch(entry)
    found = []
    for at in runs[len(runs) // 2].curve:
        x = at.minutes if against == "minutes" else (at.epoch or 0) * per_epoch if per_epoch else 0
        if x > 0:
            found.append((x, at.value))
    return found


def split(entries: Sequence[Entry]) -> Markup:
    """Where the time to train went, as shares of it."""
    rows = [(entry, shares) for entry in entries if (shares := time_shares(entry)) is not None]
    if not rows:
        return Markup("")
    axis = Axis(0, 100, LEFT, WIDTH - RIGHT)
    bottom = TOP + ROW * len(rows)
    parts = [x_axis(axis, TOP - 8, bottom, "share of the time to train, per cent")]
    for place, (entry, shares) in enumerate(rows):
        y, at = TOP + ROW * place, 0.0
        parts.append(_name(entry, place))
        for part, (name, share) in enumerate(zip(PARTS, shares, strict=True)):
            wide = axis.at(at + share) - axis.at(at)
            parts.append(bar(axis.at(at), y + BELOW_NAME - 7, wide, 15, part, f"{name}: {share:.1f} %"))
            at += share
    title = "Training, evaluation, staging and the rest, as shares of the time to train"
    return drawing(bottom + BOTTOM, title, parts, "rows")


def time_shares(entry: Entry) -> tuple[float, float, float, float] | None:
    """Training, evaluation, staging and the rest of a result in per cent. Parts that go on at the same time and come
    to more than the whole are scaled to it; None where the logs do not say them."""
    reached = [run.minutes for run in entry.runs if run.minutes and run.counted]
    train = entry.figures["compute_minutes"]
    if not reached or train is None or entry.figures["scaling"] == WEAK:
        return None
    whole = sum(reached) / len(reached)
    said = [train, entry.figures["evaluation_minutes"] or 0.0, entry.figures["staging_minutes"] or 0.0]
    factor = 100 / max(whole, sum(said))
    parts = [factor * each for each in said]
    return parts[0], parts[1], parts[2], max(0.0, 100 - sum(parts))


def scaling(series: Sequence[Sequence[Entry]]) -> Markup:
    """Minutes against accelerators, both logarithmic: a line for the results of one submitter on one accelerator, and
    as dots the line of efficiency 1 through the smallest of them. Nothing where all are of one size."""
    points = [entry for entries in series for entry in entries]
    if len({entry.figures["scale"] for entry in points}) < 2:
        return Markup("")
    across = Axis(
        min(entry.figures["scale"] for entry in points),
        max(entry.figures["scale"] for entry in points),
        64,
        WIDTH - RIGHT,
        log=True,
    )
    minutes = [entry.figures["minutes"] for entry in points]
    up = Axis(min(minutes), max(minutes), 320, TOP, log=True)
    parts = [
        x_axis(across, TOP, 320, "accelerators, or ranks without any (logarithmic)"),
        y_axis(up, 64, WIDTH - RIGHT, "minutes to train"),
    ]
    for place, entries in enumerate(series):
        at = [(across.at(entry.figures["scale"]), up.at(entry.figures["minutes"])) for entry in entries]
        if len(at) > 1:
            parts.append(path(at, place, label_of(entries[0])))
            parts.append(_ideal(entries, across, up))
        for (x, y), entry in zip(at, entries, strict=True):
            said = f"{label_of(entry)}: {entry.figures['scale']}, {number(entry.figures['minutes'])} min"
            parts.append(linked(f"results/{entry.page}", dot(x, y, place, said, radius=5), said))
    return drawing(360, "Minutes to train against accelerators", parts)


def _ideal(entries: Sequence[Entry], across: Axis, up: Axis) -> Markup:
    first, last = entries[0].figures, entries[-1].figures
    stop = min(last["scale"], first["scale"] * first["minutes"] / up.low)
    end = first["minutes"] * first["scale"] / stop
    return line(across.at(first["scale"]), up.at(first["minutes"]), across.at(stop), up.at(end), "ideal")


@dataclass(frozen=True)
class SpeedUp:
    """How many times faster than a baseline a result is, with the 95 % interval, and what the test says."""

    entry: Entry
    times: float
    low: float | None
    high: float | None
    p: float | None
    verdict: str


def speedups(rows: Sequence[SpeedUp]) -> Markup:
    """How many times faster than the baseline each result is, with the interval."""
    if not rows:
        return Markup("")
    values = [1.0, *(value for row in rows for value in (row.times, row.low, row.high) if value)]
    axis = Axis(min(values), max(values), LEFT, WIDTH - RIGHT, log=True)
    bottom = TOP + ROW * len(rows)
    parts = [x_axis(axis, TOP - 8, bottom, "times faster than the baseline (logarithmic)")]
    parts.append(line(axis.at(1), TOP - 8, axis.at(1), bottom, "goal"))
    for place, row in enumerate(rows):
        y = TOP + ROW * place + BELOW_NAME
        parts.append(_name(row.entry, place))
        if row.low and row.high:
            parts.append(line(axis.at(row.low), y, axis.at(row.high), y, "interval"))
        parts.append(dot(axis.at(row.times), y, place, f"{number(row.times)} times, {row.verdict}", radius=5))
    return drawing(bottom + BOTTOM, "Speed-up over the baseline, with its 95 % interval", parts, "rows")


def run_curve(points: Sequence[tuple[float, float]], metric: str, target: float | None) -> Markup:
    """The metric of one run against minutes."""
    if len(points) < 2:
        return Markup("")
    times = [minutes for minutes, _ in points]
    values = [value for _, value in points] + ([target] if target is not None else [])
    across, up = Axis(min(0, *times), max(times), 64, WIDTH - RIGHT), Axis(min(values), max(values), 220, TOP)
    at = [(across.at(minutes), up.at(value)) for minutes, value in points]
    parts = [
        x_axis(across, TOP, 220, "minutes after the start"),
        y_axis(up, 64, WIDTH - RIGHT, metric),
        *_goal(up, target),
        path(at, 0, metric),
    ]
    return drawing(258, f"{metric} against minutes", parts)


def _goal(up: Axis, target: float | None) -> list[Markup]:
    """The line of a goal. It is named at its left, which curves begin far from."""
    if target is None:
        return []
    y = up.at(target)
    return [line(64, y, WIDTH - RIGHT, y, "goal"), text(70, y - 5, f"goal {number(target)}", style="goal")]


def label_of(entry: Entry) -> str:
    """A result by its submitter and system."""
    return "/".join(filter(None, (entry.submitter, entry.system)))


def _name(entry: Entry, place: int, root: str = "") -> Markup:
    name = label_of(entry)
    return linked(f"{root}results/{entry.page}", text(LEFT, TOP + ROW * place + 13, name, style="name"), name)
