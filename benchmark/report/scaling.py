"""A scaling study as a table and as a picture: time to target, throughput and efficiency by number of ranks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmark.foundation.files import atomic_path

COLUMNS = ("ranks", "reached", "seconds", "epochs", "speed-up", "efficiency", "samples/s", "speed-up", "efficiency")
PICTURES = ("scaling.png", "scaling.svg")
NARROW = 8
"""The range, in times its least value, below which powers of two leave too few ticks."""


def scaling_rows(summary: Mapping[str, Any]) -> list[Sequence[str]]:
    """The points of a study (see submission/schedule.py) in the order of `COLUMNS`; the first speed-up and efficiency
    are those of the time to target, the second those of the throughput."""
    return [
        (
            f"{point['ranks']}{'*' if point['oversubscribed'] else ''}",
            f"{point['reached']} of {point['runs']}",
            *(
                _text(point[name], digits)
                for name, digits in (
                    ("seconds", 2),
                    ("epochs", 1),
                    ("speedup", 2),
                    ("efficiency", 2),
                    ("samples_per_second", 0),
                    ("throughput_speedup", 2),
                    ("throughput_efficiency", 2),
                )
            ),
        )
        for point in summary["points"]
    ]


def scaling_notes(summary: Mapping[str, Any]) -> list[str]:
    """What has to be known next to the table."""
    notes = [
        f"{summary['rung']}, global batch {summary['global_batch_size']} at each number of ranks; speed-up and "
        "efficiency of the time to target, then of the training throughput"
    ]
    if any(point["oversubscribed"] for point in summary["points"]):
        notes.append(f"* more ranks than the {summary['cores']} cores: no measure of scaling")
    return notes


def draw_scaling(summary: Mapping[str, Any], folder: Path) -> list[Path]:
    """Draw the study into `folder`, as PNG and as SVG; returns the files. The same study gives the same bytes."""
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    from benchmark.report.drawing import ACCENT, INK, QUIET, STYLE, WIDTH_INCHES

    points = summary["points"]
    ranks = [point["ranks"] for point in points]
    with mpl.rc_context({**STYLE, "svg.hashsalt": "stemdl"}):
        figure = Figure(figsize=(WIDTH_INCHES, 2.9), layout="constrained")
        FigureCanvasAgg(figure)
        time, throughput, efficiency = figure.subplots(1, 3)
        figure.suptitle(f"{summary['rung']}, global batch {summary['global_batch_size']}", fontsize=8, color=QUIET)
        runs = [(point["ranks"], seconds) for point in points for seconds in point["seconds_of_runs"]]
        time.plot([each[0] for each in runs], [each[1] for each in runs], "_", color=QUIET, label="runs")
        _curve(time, points, "seconds", ACCENT, "mean")
        _ideal(time, points, "seconds", -1)
        time.set(title="time to target", ylabel="seconds")
        _curve(throughput, points, "samples_per_second", ACCENT, "measured")
        _ideal(throughput, points, "samples_per_second", 1)
        throughput.set(title="training throughput", ylabel="samples/s")
        _curve(efficiency, points, "efficiency", ACCENT, "time to target")
        _curve(efficiency, points, "throughput_efficiency", INK, "throughput")
        efficiency.axhline(1.0, color=QUIET, linestyle=":", linewidth=1)
        efficiency.set(title="parallel efficiency", ylim=(0, None))
        for axis in (time, throughput, efficiency):
            axis.set_xscale("log", base=2)
            axis.set_xticks(ranks, [f"{point['ranks']}{'*' if point['oversubscribed'] else ''}" for point in points])
            axis.minorticks_off()
            axis.margins(x=0.1)
            axis.set_xlabel("ranks")
            axis.legend(fontsize=7)
        for axis, name in ((time, "seconds"), (throughput, "samples_per_second")):
            if not any(point[name] for point in points):  # nothing to draw: there is no logarithm of it
                continue
            axis.set_yscale("log", base=2)
            lowest, highest = axis.get_ylim()
            if highest < NARROW * lowest:
                axis.yaxis.set_major_locator(MaxNLocator(5))
            axis.yaxis.set_major_formatter("{x:g}")
        drawn = [folder / name for name in PICTURES]
        for path in drawn:
            kind = path.suffix.removeprefix(".")
            with atomic_path(path) as temporary:
                figure.savefig(temporary, format=kind, metadata={"Date": None} if kind == "svg" else {"Software": None})
    return drawn


def _curve(axis: Any, points: Sequence[Mapping[str, Any]], name: str, colour: str, label: str) -> None:
    known = [(point["ranks"], point[name]) for point in points if point[name]]
    axis.plot([each[0] for each in known], [each[1] for each in known], "o-", color=colour, markersize=4, label=label)


def _ideal(axis: Any, points: Sequence[Mapping[str, Any]], name: str, power: int) -> None:
    """The line of efficiency 1 through the smallest number of ranks."""
    first = points[0]
    if first[name]:
        axis.plot(
            [point["ranks"] for point in points],
            [first[name] * (point["ranks"] / first["ranks"]) ** power for point in points],
            ":",
            color="#8a8a8a",
            linewidth=1,
            label="ideal",
        )


def _text(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:.{digits}f}"
