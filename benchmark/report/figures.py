"""The figures of a data set's page, each drawn from an overview: a picture, a caption, and a text in its place."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmark.data.leaks import FEATURES
from benchmark.definition.rung import SPLITS
from benchmark.foundation.files import atomic_path
from benchmark.report.overview import LOG_FLOOR, REDUCED_PIXELS, Overview
from benchmark.report.stacks import group_symbol
from benchmark.simulation.crystal import CRYSTAL_SYSTEMS, crystal_system

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SYSTEM_COLOURS = dict(
    zip(
        (name for _, name in CRYSTAL_SYSTEMS),
        ("#4477aa", "#66ccee", "#228833", "#ccbb44", "#ee6677", "#aa3377", "#777777"),
        strict=True,
    )
)
"""Paul Tol's bright scheme, which colour-blind readers tell apart."""
INK, QUIET, ACCENT = "#222222", "#8a8a8a", "#b5432a"
STYLE = {
    "font.size": 9.0,
    "font.family": "DejaVu Sans",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": QUIET,
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.titlesize": 9.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "legend.frameon": False,
    "savefig.dpi": 160,
}
WIDTH_INCHES = 8.4
PERCENTILES = (50.0, 90.0, 99.0, 99.9, 99.99)
MOST_THUMBNAILS = 48

Real = Mapping[int, int]
"""Stacks of each space group in the real set."""


@dataclass(frozen=True)
class Drawn:
    """A figure that is written: its file, heading, caption and a text in its place."""

    path: Path
    title: str
    caption: str
    alternative: str


def draw(
    path: Path, title: str, make: Callable[[Overview, Real], tuple[Figure, str, str]], seen: Overview, real: Real
) -> Drawn:
    """Draw one figure to a PNG file."""
    import matplotlib as mpl

    with mpl.rc_context(STYLE):
        figure, caption, alternative = make(seen, real)
        with atomic_path(path) as temporary:
            figure.savefig(temporary, format="png", metadata={"Software": None})
    return Drawn(path, title, caption, alternative)


def _figure(height_inches: float, **options: Any) -> Figure:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH_INCHES, height_inches), layout="constrained", **options)
    FigureCanvasAgg(figure)
    return figure


def thumbnails(seen: Overview, _: Real) -> tuple[Figure, str, str]:
    """One stack of each group (of evenly spread ones where there are many), its projections side by side."""
    groups = sorted(seen.thumbnails)
    if len(groups) > MOST_THUMBNAILS:
        groups = [groups[round(i)] for i in np.linspace(0, len(groups) - 1, MOST_THUMBNAILS)]
    columns = min(4, len(groups))
    rows = -(-len(groups) // columns)
    figure = _figure(rows * (WIDTH_INCHES / columns / 3 + 0.24))
    figure.get_layout_engine().set(w_pad=0.02, h_pad=0.02)
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for axis in axes:
        axis.axis("off")
    for axis, group in zip(axes, groups, strict=False):
        patterns, formula = seen.thumbnails[group]
        axis.imshow(np.log10(np.concatenate(list(patterns), axis=1) + 1e-5), cmap="magma", interpolation="nearest")
        axis.set_title(f"{group}  {group_symbol(group)}  {formula}"[:34], fontsize=6.5, fontweight="normal", pad=2)
    return (
        figure,
        (
            f"One stack of each of {len(groups)} space groups: the three projections side by side, "
            "log scale, with the group's number, symbol and the formula of the cell."
        ),
        (f"A grid of {len(groups)} small pictures of diffraction patterns, bright disks on black, one for each group."),
    )


def classes(seen: Overview, real: Real) -> tuple[Figure, str, str]:
    """Stacks of each space group beside the real set's share."""
    figure = _figure(3.2)
    axis = figure.subplots()
    totals = {group: sum(seen.samples[split, group] for split in SPLITS) for group in seen.groups}
    all_stacks = sum(totals.values())
    places = {group: group for group in range(1, 231)} if len(totals) > 60 else dict(zip(totals, range(len(totals))))
    for system, colour in SYSTEM_COLOURS.items():
        mine = [group for group in totals if crystal_system(group) == system]
        if mine:
            axis.bar(
                [places[group] for group in mine],
                [100 * totals[group] / all_stacks for group in mine],
                0.8,
                color=colour,
                label=system,
            )
    caption = f"Share of each of {len(totals)} space groups in {all_stacks:,} stacks, coloured by crystal system."
    shown = {group: count for group, count in real.items() if group in places and count}
    axis.plot(
        [places[group] for group in shown],
        [100 * shown[group] / sum(real.values()) for group in shown],
        "_",
        color=INK,
        markersize=9 if len(places) < 60 else 3,
        label="real set",
    )
    caption += " Black marks: the real set's share of the same group, of all its stacks"
    missing = [str(group) for group in totals if not real.get(group)]
    caption += f" (it has none of {', '.join(missing)})." if 0 < len(missing) <= 12 else "."
    if len(places) < 60:
        axis.set_xticks(list(places.values()), list(map(str, places)), fontsize=8)
    else:
        axis.set_xlim(0, 231)
    axis.set(xlabel="space group", ylabel="% of stacks")
    if max(totals.values()) > 20 * min(totals.values()):
        axis.set_yscale("log")
        axis.yaxis.set_major_formatter("{x:g}")
    axis.legend(ncols=4, fontsize=8, loc="lower left", bbox_to_anchor=(0, 1.0))
    most, least = max(totals, key=totals.get), min(totals, key=totals.get)
    return (
        figure,
        caption,
        (
            f"Bar chart. Group {most} has the most stacks, {totals[most]:,}; group {least} the "
            f"fewest, {totals[least]:,}."
        ),
    )


def systems(seen: Overview, real: Real) -> tuple[Figure, str, str]:
    """Crystal systems in each split, and in the real set."""
    figure = _figure(2.6)
    axis = figure.subplots()
    names = list(SYSTEM_COLOURS)
    shares: dict[str, list[float]] = {}
    for split in SPLITS:
        counts = [
            sum(n for (part, group), n in seen.samples.items() if part == split and crystal_system(group) == name)
            for name in names
        ]
        if sum(counts):
            shares[split] = [100 * count / sum(counts) for count in counts]
    counts = [sum(n for group, n in real.items() if crystal_system(group) == name) for name in names]
    shares["real set"] = [100 * count / sum(counts) for count in counts]
    colours = {"train": "#4477aa", "dev": "#88bbdd", "test": "#bbccdd", "real set": INK}
    width = 0.8 / len(shares)
    for place, (label, values) in enumerate(shares.items()):
        axis.bar(
            np.arange(len(names)) + (place - (len(shares) - 1) / 2) * width,
            values,
            width * 0.92,
            label=label,
            color=colours[label],
        )
    axis.set_xticks(range(len(names)), names)
    axis.set(ylabel="% of stacks")
    axis.legend(ncols=4, fontsize=8, loc="lower left", bbox_to_anchor=(0, 1.0))
    said = "; ".join(
        f"{label}: " + ", ".join(f"{name} {value:.0f} %" for name, value in zip(names, values, strict=True))
        for label, values in shares.items()
    )
    return figure, "Share of each crystal system in each split and in the real set.", f"Grouped bar chart. {said}."


def radial(seen: Overview, _: Real) -> tuple[Figure, str, str]:
    """Percentiles of the intensity against the distance from the centre."""
    figure = _figure(3.3)
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
            f"Line chart on a log scale: all percentiles fall from the centre, where the median is {centre:.1e}, outwards."
        ),
    )


def lattice(seen: Overview, _: Real) -> tuple[Figure, str, str]:
    """Cell edges, angles, volumes and numbers of atoms."""
    table = np.array([features for _, features in seen.features.items])
    named = dict(zip(FEATURES, table.T[: len(FEATURES)], strict=True))
    edges, angles = table[:, -6:-3], table[:, -3:]
    figure = _figure(4.0)
    axes = figure.subplots(2, 3).ravel()
    for index, (letter, colour) in enumerate(zip("abc", ("#4477aa", "#228833", "#ee6677"), strict=True)):
        axes[0].hist(edges[:, index], 60, histtype="step", color=colour, label=letter, lw=1.4)
        oblique = angles[:, index][np.abs(angles[:, index] - 90) > 0.01]
        axes[1].hist(
            oblique, np.linspace(50, 140, 61), histtype="step", color=colour, label=("α", "β", "γ")[index], lw=1.4
        )
    axes[0].set(title="cell edges", xlabel="Å")
    axes[1].set(title="angles ≠ 90°", xlabel="degrees")
    if (np.abs(angles - 90) > 0.01).any():
        axes[1].set_yscale("log")  # most of them are 120
    for axis in axes[:2]:
        axis.legend(
            fontsize=8, ncols=3, loc="lower right", bbox_to_anchor=(1.02, 0.97), columnspacing=0.8, handlelength=1.0
        )
    for axis, (title, values, unit) in zip(
        axes[2:],
        (
            ("cell volume", named["volume_angstrom3"], "Å³"),
            ("atoms in the cell", named["atoms"], ""),
            ("volume per atom", named["volume_per_atom_angstrom3"], "Å³"),
            ("mean atomic number", named["mean_z"], ""),
        ),
        strict=True,
    ):
        axis.hist(values, 50, color="#4477aa")
        axis.set(title=title, xlabel=unit)
    for axis in axes:
        axis.tick_params(labelsize=8)
    volume = named["volume_angstrom3"]
    said = (
        f"half of the cells are larger than {np.median(volume):.0f} cubic Ångström and hold more than "
        f"{np.median(named['atoms']):.0f} atoms"
    )
    return figure, f"Cells of {len(table):,} materials; {said}.", f"Six histograms of the cells: {said}."


def _place_in_the_table(number: int) -> tuple[int, int]:
    """Row and column of an element in the periodic table of 18 columns; lanthanides and actinides in rows 8 and 9."""
    for start, row in ((57, 8), (89, 9)):
        if start <= number <= start + 14:
            return row, number - start + 3
    noble = (0, 2, 10, 18, 36, 54, 86, 118)
    row = next(index for index, last in enumerate(noble) if number <= last)
    place = number - noble[row - 1]
    last = noble[row] - noble[row - 1]
    from_the_right = 18 - (last - place)
    return row, place if place <= 2 and number != 2 else from_the_right


def composition(seen: Overview, _: Real) -> tuple[Figure, str, str]:
    """Which elements the materials hold, as a periodic table."""
    import gemmi
    from matplotlib import colormaps

    figure = _figure(3.9)
    axis = figure.subplots()
    materials = sum(seen.element_counts.values())
    grid = np.full((10, 19), np.nan)
    for number in range(1, 104):
        row, column = _place_in_the_table(number)
        share = 100 * seen.elements[number] / materials
        grid[row, column] = share if share else np.nan
        axis.text(
            column,
            row - 0.12,
            gemmi.Element(number).name,
            ha="center",
            va="center",
            fontsize=7.5,
            color=INK if share else "#bbbbbb",
        )
        if share:
            axis.text(column, row + 0.27, f"{share:.2g}", ha="center", va="center", fontsize=5.2, color=INK)
    axis.imshow(grid, cmap=colormaps["YlGnBu"].with_extremes(bad="#f6f6f6"), vmin=0, vmax=1.7 * np.nanmax(grid))
    axis.set(xlim=(0.5, 18.5), ylim=(9.5, 0.5))
    axis.axis("off")
    kinds = ", ".join(
        f"{100 * count / materials:.0f} % of {number}" for number, count in sorted(seen.element_counts.items())
    )
    common = ", ".join(
        f"{gemmi.Element(number).name} ({100 * count / materials:.0f} %)"
        for number, count in seen.elements.most_common(5)
    )
    return (
        figure,
        (
            f"Per cent of {materials:,} materials that hold each element. Most common: {common}. Materials by "
            f"number of elements: {kinds}."
        ),
        f"Periodic table coloured by frequency; most common: {common}.",
    )


def components(seen: Overview, _: Real) -> tuple[Figure, str, str]:
    """The first principal components of the patterns as pictures, and what they explain."""
    figure = _figure(3.5)
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
            f"Eight component pictures and a bar chart: the first component explains {explained[0]:.0f} % of the variance, "
            f"all {len(explained)} together {explained.sum():.0f} %."
        ),
    )


def scatter(seen: Overview, _: Real) -> tuple[Figure, str, str]:
    """Stacks on the first two components, coloured by crystal system."""
    figure = _figure(3.9)
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
