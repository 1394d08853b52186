"""Figures of a data set's groups, cells and elements, each drawn from an overview: a picture, a caption, and a text in
its place."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from benchmark.crystals.leaks import FEATURES
from benchmark.definition.rung import SPLITS
from benchmark.report.drawing import INK, new_figure
from benchmark.simulation.crystal import crystal_system
from benchmark.tasks.space_group.exploring.overview import SYSTEM_COLOURS, Overview, Real

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def classes(seen: Overview, real: Real) -> tuple[Figure, str, str]:
    """Stacks of each space group next to the real set's share."""
    figure = new_figure(3.2)
    axis = figure.subplots()
    totals = {group: sum(seen.samples[split, group] for split in SPLITS) for group in seen.groups}
    all_stacks = sum(totals.values())
    places = {group: place for place, group in enumerate(totals)}
    if len(totals) > 60:
        places = {group: group for group in range(1, 231)}
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
    caption += " Dashes: the real set's share of the same group, of all its stacks"
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
    figure = new_figure(2.6)
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


def lattice(seen: Overview, _: Real) -> tuple[Figure, str, str]:
    """Cell edges, angles, volumes and numbers of atoms."""
    table = np.array([features for _, features in seen.features.items])
    named = dict(zip(FEATURES, table.T[: len(FEATURES)], strict=True))
    edges, angles = table[:, -6:-3], table[:, -3:]
    figure = new_figure(4.0)
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

    figure = new_figure(3.9)
    axis = figure.subplots()
    materials = sum(seen.element_counts.values())
    grid = np.full((10, 19), np.nan)
    for number in range(1, 104):
        row, column = _place_in_the_table(number)
        share = 100 * seen.elements[number] / materials
        grid[row, column] = share or np.nan
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
