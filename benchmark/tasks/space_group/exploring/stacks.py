"""Pictures of some stacks: one row per material, one column per zone axis; or a row per pair, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmark.crystals import cbed_stack
from benchmark.crystals.cbed_stack import space_groups_of
from benchmark.data import layout
from benchmark.data.manifest import Manifest
from benchmark.data.sealed import opened_shard
from benchmark.foundation.errors import StemdlError
from benchmark.foundation.files import atomic_path
from benchmark.report.drawing import GROUND, LETTERS
from benchmark.simulation import cbed_fields
from benchmark.simulation.crystal import crystal_system

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PATTERNS_SHOWN = 4
DOTS_PER_INCH = 100


def picture_of_stacks(manifest: Manifest, path: Path, groups: list[int] | None = None) -> list[str]:
    """Draw the first training material of each group (default: four of different crystal systems) to a PNG; of data
    without a training split, the first of the split that there is.

    Returns what is shown, a text for each row. Raises StemdlError for a group that the data do not hold.
    """
    if groups is None:
        by_system = {crystal_system(group): group for group in reversed(_groups_held(manifest))}
        groups = sorted(by_system.values())[-PATTERNS_SHOWN:]
    if unknown := sorted(set(groups) - set(space_groups_of(manifest))):
        raise StemdlError(
            f"the data hold no space group {unknown[0]}",
            where="--set groups",
            expected=", ".join(map(str, space_groups_of(manifest))),
        )
    split = next(split for split, samples in manifest.samples.items() if samples)  # train, where there is one
    stacks = _first_stacks(manifest, groups, split)
    figure = _figure(7.2, 2.55 * len(groups) + 0.3)
    axes = figure.subplots(len(groups), cbed_fields.PROJECTIONS, squeeze=False)
    shown = [_draw(row, group, stacks[group]) for row, group in zip(axes, groups, strict=True)]
    with atomic_path(path) as temporary:
        figure.savefig(temporary, format="png", facecolor=GROUND)
    return shown


def pairs_side_by_side(manifest: Manifest, pairs: Sequence[tuple[int, int]], split: str) -> tuple[Figure, list[str]]:
    """The first material in a split of each group of some pairs: a row per pair, its groups side by side; and what is
    shown, a text for each row. Raises StemdlError where the split lacks a group."""
    stacks = _first_stacks(manifest, sorted({group for pair in pairs for group in pair}), split)
    figure = _figure(10.2, 1.7 * len(pairs))
    shown = []
    for row, pair in zip(figure.subfigures(len(pairs), 2, squeeze=False, wspace=0.03), pairs, strict=True):
        said = []
        for half, group in zip(row, pair, strict=True):
            half.set_facecolor(GROUND)
            said.append(_draw(half.subplots(1, cbed_fields.PROJECTIONS), group, stacks[group]))
        shown.append(" beside ".join(said))
    return figure, shown


def _figure(width_inches: float, height_inches: float) -> Figure:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width_inches, height_inches), dpi=DOTS_PER_INCH, layout="constrained", facecolor=GROUND)
    FigureCanvasAgg(figure)
    return figure


def _draw(axes: Sequence[Any], group: int, stack: tuple[Any, Any, str]) -> str:
    """One material's patterns into as many axes; what is shown, in words."""
    patterns, zones, formula = stack
    symbol = group_symbol(group)
    for index, (axis, picture) in enumerate(zip(axes, patterns, strict=True)):
        axis.imshow(np.log10(picture + 1e-5), cmap="magma", interpolation="nearest")
        title = f"projection {index + 1}" if zones is None else f"[{' '.join(map(str, zones[index]))}]"
        axis.set(xticks=[], yticks=[])
        axis.set_title(title, fontsize=9, color=LETTERS)
    axes[0].set_ylabel(f"{symbol}  (no. {group})\n{formula}", fontsize=9, color=LETTERS)
    return f"{symbol} ({group}), {formula or 'of no known formula'}"


def _groups_held(manifest: Manifest) -> list[int]:
    """The space groups of which the first split with samples has some."""
    split = next(split for split in manifest.values["splits"].values() if split["samples"])
    return [group for group in space_groups_of(manifest) if split["groups"][str(group)]]


def group_symbol(group: int) -> str:
    """The short Hermann-Mauguin symbol of a space group number, such as 'P21/c'."""
    import gemmi

    found = gemmi.find_spacegroup_by_number(group)
    # gemmi writes H where the cell of a rhombohedral group is hexagonal, as ours are.
    return found.hm.replace(" ", "") if found.centring_type() == "R" else found.short_name()


def _first_stacks(manifest: Manifest, groups: Sequence[int], split: str) -> dict[int, tuple[Any, Any, str]]:
    found: dict[int, tuple[Any, Any, str]] = {}
    for entry in manifest.shards:
        if len(found) == len(groups):
            break
        if not entry["path"].startswith(f"{split}/"):
            continue
        with opened_shard(manifest, entry) as shard:
            for sample in map(shard.get, layout.sample_names(shard)):
                group = cbed_stack.read_label(sample)
                if group in groups and group not in found:
                    zones = sample.attrs["z_dirs"][0].T if "z_dirs" in sample.attrs else None  # an import may lack them
                    found[group] = (cbed_stack.read_patterns(sample), zones, str(sample.attrs.get("formula", "")))
    if lacking := sorted(set(groups) - found.keys()):
        raise StemdlError(f"a group has no sample in {split}", where=manifest.folder, found=lacking)
    return found
