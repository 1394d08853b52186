"""Figures of a data set's patterns, each drawn from an overview: a picture, a caption, and a text in its place."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from benchmark.report.drawing import ACCENT, GROUND, LETTERS, WIDTH_INCHES, new_figure
from benchmark.simulation.crystal import crystal_system
from benchmark.tasks.space_group.exploring.overview import LOG_FLOOR, REDUCED_PIXELS, SYSTEM_COLOURS, Overview, Real
from benchmark.tasks.space_group.exploring.stacks import group_symbol

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PERCENTILES = (50.0, 90.0, 99.0, 99.9, 99.99)
MOST_THUMBNAILS = 48


def thumbnails(seen: Overview, _: Real) -> tuple[Figure, str, str]:
    """One stack of each group (of evenly spread ones where there are many), its projections side by side."""
    groups = sorted(seen.thumbnails)
    if len(groups) > MOST_THUMBNAILS:
        groups = [groups[round(i)] for i in np.linspace(0, len(groups) - 1, MOST_THUMBNAILS)]
    columns = min(4, len(groups))
    rows = -(-len(groups) // columns)
    figure = new_figure(rows * (WIDTH_INCHES / columns / 3 + 0.24), facecolor=GROUND)
    figure.get_layout_engine().set(w_pad=0.02, h_pad=0.02)
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for axis in axes:
        axis.axis("off")
    for axis, group in zip(axes, groups, strict=False):
        patterns, formula = seen.thumbnails[group]
        axis.imshow(np.log10(np.concatenate(list(patterns), axis=1) + 1e-5), cmap="magma", interpolation="nearest")
        title = f"{group}  {group_symbol(group)}  {formula}"[:34]
        axis.set_title(title, fontsize=6.5, fontweight="normal", color=LETTERS, pad=2)
    return (
        figure,
        (
            f"One stack of each of {len(groups)} space groups: the three projections side by side, "
            "log scale, with the group's number, symbol and the formula of the cell."
        ),
        (f"A grid of {len(groups)} small pictures of diffraction patterns, bright disks on black, one for each group."),
    )


def radial(seen: Overview, _: Real) -> tuple[Figure, str, str]:
    """Percentiles of the intensity against the distance from the centre."""
    figure = new_figure(3.3)
    axis = figure.subplots()
    shades = ("#9a9a9a", "#88b4d4", "#5598c4", "#2f6ca3", "#10365f")
    last = {}
    for percent, colour in zip(PERCENTILES, shades, strict=True):
        values = seen.radial.percentile(percent)
        axis.plot(
            np.arange(len(values)) + 0.5,
            np.where(values > 0, values, np.nan),
            color=colour,
            lw=1.6,
            label=f"{percent:g} %",
        )
        last[percent] = values
    axis.set_yscale("log")
    axis.set(xlabel="distance from the centre / pixels", ylabel="intensity, part of the beam", xlim=(0, None))
    axis.legend(ncols=5, fontsize=8, title="below it lie", title_fontsize=8, loc="lower left", bbox_to_anchor=(0, 1.0))
    centre = last[50.0][0]
    return (
        figure,
        (
            f"Percentiles of the intensity of single pixels at each distance from the centre, in "
            f"{seen.looked_at:,} stacks of {seen.pixels} x {seen.pixels} pixels. Where a line is missing, so "
            f"many pixels are empty (or below 1e{LOG_FLOOR})."
        ),
        (
            "Line chart on a log scale: all percentiles fall from the centre, where the median is "
            f"{centre:.1e}, outwards."
        ),
    )


def components(seen: Overview, _: Real) -> tuple[Figure, str, str]:
    """The first principal components of the patterns as pictures, and what they explain."""
    figure = new_figure(3.5)
    shown = min(8, len(seen.components.components_))
    grid = figure.add_gridspec(3, 4, height_ratios=(1, 1, 1.3))
    explained = 100 * seen.components.explained_variance_ratio_
    for index in range(shown):
        axis = figure.add_subplot(grid[index // 4, index % 4])
        picture = seen.components.components_[index].reshape(3, REDUCED_PIXELS, -1)
        limit = np.abs(picture).max()
        axis.imshow(np.concatenate(list(picture), axis=1), cmap="RdBu_r", vmin=-limit, vmax=limit)
        axis.set_title(f"{index + 1}: {explained[index]:.1f} %", fontsize=8, fontweight="normal", pad=2)
        axis.axis("off")
    axis = figure.add_subplot(grid[2, :])
    axis.bar(range(1, len(explained) + 1), explained, color="#4477aa")
    axis.plot(range(1, len(explained) + 1), np.cumsum(explained), color=ACCENT, marker="o", ms=3)
    axis.set(xlabel="component", ylabel="% of variance", ylim=(0, None))
    axis.set_xticks(range(1, len(explained) + 1))
    return (
        figure,
        (
            f"Principal components of log patterns reduced to {REDUCED_PIXELS} x {REDUCED_PIXELS} pixels, "
            "their three projections side by side; below what each explains, and (line) all up to it."
        ),
        (
            f"Eight component pictures and a bar chart: the first component explains {explained[0]:.0f} % of the "
            f"variance, all {len(explained)} together {explained.sum():.0f} %."
        ),
    )


def scatter(seen: Overview, _: Real) -> tuple[Figure, str, str]:
    """Stacks on the first two components, coloured by crystal system."""
    figure = new_figure(3.9)
    groups = np.array([group for group, _, _ in seen.patterns.items])
    table = np.array([reduced.astype(np.float32).ravel() for _, reduced, _ in seen.patterns.items])
    scores = seen.components.transform(table)
    axes = figure.subplots(1, 2)
    for axis, (x, y) in zip(axes, ((0, 1), (2, 3)), strict=True):
        if y >= scores.shape[1]:
            axis.axis("off")
            continue
        order = np.random.default_rng(0).permutation(len(groups))
        colours = [SYSTEM_COLOURS[crystal_system(group)] for group in groups[order]]
        axis.scatter(scores[order, x], scores[order, y], s=3, c=colours, alpha=0.6, linewidths=0)
        axis.set(xlabel=f"component {x + 1}", ylabel=f"component {y + 1}", xticks=[], yticks=[])
    for system, colour in SYSTEM_COLOURS.items():
        if any(crystal_system(group) == system for group in seen.groups):
            axes[0].scatter([], [], s=18, color=colour, label=system)
    figure.legend(
        *axes[0].get_legend_handles_labels(), ncols=7, fontsize=8, loc="outside upper left", handletextpad=0.1
    )
    return (
        figure,
        f"{len(groups):,} stacks on their first four principal components, coloured by crystal system.",
        ("Two scatter plots; the clouds of the crystal systems overlap."),
    )
