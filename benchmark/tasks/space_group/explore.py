"""A page about a data set: its figures, what metadata give away, and the numbers behind them, in one file."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmark.crystals.leaks import (
    FEATURES,
    held_out_macro_f1,
    mutual_information_bits,
    pairwise_accuracies,
    screened_accuracies,
)
from benchmark.data.manifest import Manifest
from benchmark.definition.finder import load_benchmark
from benchmark.definition.rung import SPLITS
from benchmark.foundation.errors import StemdlError
from benchmark.foundation.progress import counted, progress
from benchmark.report import explored
from benchmark.report.drawing import Drawn, draw
from benchmark.report.explored import Explored, page_folder
from benchmark.simulation.cbed import CbedRung
from benchmark.simulation.crystal import crystal_system
from benchmark.tasks.space_group.exploring import material_figures, pattern_figures
from benchmark.tasks.space_group.exploring.overview import Overview, look_over
from benchmark.tasks.space_group.exploring.stacks import group_symbol, picture_of_stacks
from benchmark.tasks.space_group.importer import REAL_RUNG

TEMPLATE = Path(__file__).parent / "exploring" / "explore.html"
LATTICE = ("a", "b", "c", "alpha", "beta", "gamma")
WORDS = dict(
    zip(
        (*FEATURES, *LATTICE),
        (
            "cell volume",
            "atoms in the cell",
            "volume per atom",
            "number of elements",
            "mean atomic number",
            "spread of atomic numbers",
            "smallest atomic number",
            "largest atomic number",
            "largest fraction of an element",
            "smallest fraction of an element",
            "a",
            "b",
            "c",
            "α",
            "β",
            "γ",
        ),
        strict=True,
    )
)
"""What the page calls the features."""
MOST_OF_A_GROUP = 200
"""Materials of each group that classifiers are shown, so that their time does not grow with the data."""
PAIRS_MEASURED = 12
FEWEST_OF_A_GROUP = 10


@dataclass(frozen=True)
class Leaks:
    """What is known of the label without the patterns.

    Attributes
    ----------
    macro_f1 : of a forest on held-out materials, by what it was shown; chance is about 1 / groups.
    bits : mutual information of each feature with the group, in bits; of `entropy` bits that there are.
    pairs : groups of one crystal system, and the balanced accuracy that tells them apart, the worst first.
    materials : that this was measured on.
    """

    macro_f1: dict[str, float]
    bits: dict[str, float]
    entropy: float
    pairs: list[tuple[int, int, float]]
    materials: int


def read_histogram(path: Path) -> dict[int, int]:
    """Stacks of each space group from a table with the columns `space_group` and `total`.

    Raises StemdlError where the file is no such table.
    """
    try:
        with open(path, newline="", encoding="utf-8") as handle:
            found = {int(row["space_group"]): int(row["total"]) for row in csv.DictReader(handle)}
        if not sum(found.values()):
            raise ValueError("no stacks")
        return found
    except (OSError, KeyError, ValueError, TypeError) as error:
        raise StemdlError(
            "the histogram cannot be read",
            where=path,
            found=repr(error),
            expected="a CSV table with the columns space_group and total",
        ) from error


def real_counts() -> dict[int, int]:
    """Stacks of each space group in the real set, as its rung's definition has them."""
    real = CbedRung.of(load_benchmark("space_group").rung(REAL_RUNG))
    return {group: sum(real.samples(group).values()) for group in real.space_groups}


def find_leaks(seen: Overview) -> Leaks:
    """What metadata, the lattice and coarse patterns tell of the label."""
    by_group: dict[int, list[np.ndarray]] = defaultdict(list)
    for group, features in seen.features.items:
        if len(by_group[group]) < MOST_OF_A_GROUP:
            by_group[group].append(features)
    tables = {group: np.array(rows) for group, rows in sorted(by_group.items()) if len(rows) >= FEWEST_OF_A_GROUP}
    if not tables:
        return Leaks({}, {}, 0.0, [], 0)
    features, labels = np.concatenate(list(tables.values())), np.repeat(list(tables), list(map(len, tables.values())))
    metadata = {group: table[:, : len(FEATURES)] for group, table in tables.items()}
    coarse = np.array([described for _, _, described in seen.patterns.items])
    coarse_labels = np.array([group for group, _, _ in seen.patterns.items])
    told = np.isfinite(coarse).all(axis=1)
    shown = {
        "formula and volume": (features[:, : len(FEATURES)], labels),
        "formula, volume and cell": (features, labels),
        "patterns of 8 x 8 pixels": (coarse[told], coarse_labels[told]),
    }
    with progress("Asking forests what tells the group", len(shown) + 2, "questions") as advance:
        macro_f1 = {name: held_out_macro_f1(*table) for name, table in counted(shown.items(), advance)}
        informative = mutual_information_bits(features, labels).tolist()
        advance(len(shown) + 1)
        pairs = _worst_pairs(metadata)
        advance(len(shown) + 2)
    shares = np.unique(labels, return_counts=True)[1] / len(labels)
    bits = dict(zip((*FEATURES, *LATTICE), informative, strict=True))
    return Leaks(macro_f1, bits, float(-(shares * np.log2(shares)).sum()), pairs, len(labels))


def _worst_pairs(tables: Mapping[int, np.ndarray]) -> list[tuple[int, int, float]]:
    """The pairs that a forest of each system tells apart best, measured each by itself."""
    worst = list(screened_accuracies(tables))[:PAIRS_MEASURED]
    measured = [(*pair, pairwise_accuracies({group: tables[group] for group in pair})[pair]) for pair in worst]
    return sorted(measured, key=lambda entry: -entry[2])


def explore(manifest: Manifest, output: Path, *, histogram: str | None = None, groups: str | None = None) -> Explored:
    """What `stemdl data explore` makes of a data set: the page in a folder, or where `output` ends in .png the example
    stacks alone. `histogram` and `groups` are as `write_page` has them, the latter with commas. Raises StemdlError for
    other groups, and as `write_page` and `picture_of_stacks` do."""
    shown_groups = None if groups is None else _groups(groups)
    if output.suffix == ".png":
        shown = picture_of_stacks(manifest, output, shown_groups)
        return Explored({"picture": str(output), "materials": shown}, (f"{output}: {', '.join(shown)}",))
    counts = None if histogram is None else Path(histogram)
    report = write_page(manifest, output, histogram=counts, groups=shown_groups)
    lines = [
        f"{report['page']}: {report['stacks']:,} stacks of {report['materials']:,} materials in "
        f"{report['groups']} space groups, {len(report['figures'])} figures"
    ]
    lines += [
        f"  macro-F1 of a forest on {shown}: {'unknown' if f1 is None else f'{f1:.3f}'}"
        for shown, f1 in report["macro_f1_without_network"].items()
    ]
    lines += [
        f"  groups told apart best by formula and volume: {' and '.join(map(str, pair['groups']))}, accuracy "
        f"{pair['accuracy']:.3f} (chance 0.5)"
        for pair in report["pairs_told_apart"][:1]
    ]
    return Explored(report, tuple(lines), report["page"])


def _groups(text: str) -> list[int]:
    try:
        return [int(word) for word in text.split(",")]
    except ValueError as error:
        raise StemdlError(
            "these are not space groups", where="--set groups", expected="numbers with commas: 2,14,225", found=text
        ) from error


def write_page(
    manifest: Manifest, folder: Path, *, histogram: Path | None = None, groups: list[int] | None = None
) -> dict[str, Any]:
    """Write the page and its figures to `folder`; returns where they are and the main numbers, as plain values.

    Parameters
    ----------
    histogram : a table of the stacks of each group (columns space_group, total) to compare with, instead of the real
        set's as its rung's definition has them.
    groups : the space groups of the large example stacks (default: four of different crystal systems).

    Raises StemdlError where the data or the histogram cannot be read, or the folder cannot be written to.
    """
    real = read_histogram(histogram) if histogram is not None else real_counts()
    with page_folder(folder):
        drawn = [_example_stacks(manifest, folder, groups)]
        seen = look_over(manifest)
        wanted = [
            ("groups", "One stack of each group", pattern_figures.thumbnails),
            ("classes", "Classes", material_figures.classes),
            ("systems", "Crystal systems", material_figures.systems),
            ("radial", "Intensity against radius", pattern_figures.radial),
            *([("lattice", "Lattices", material_figures.lattice)] if seen.features.items else []),
            *([("composition", "Composition", material_figures.composition)] if seen.elements else []),
            ("components", "Principal components", pattern_figures.components),
            ("scatter", "The patterns in their principal plane", pattern_figures.scatter),
        ]
        with progress("Drawing", len(wanted), "figures") as advance:
            drawn += [
                draw(folder / f"{name}.png", title, partial(make, seen, real))
                for name, title, make in counted(wanted, advance)
            ]
        leaks = find_leaks(seen)
        written = explored.write_page(folder, page(manifest, seen, drawn, leaks))
    return {"page": written, "figures": [str(figure.path) for figure in drawn], **numbers(seen, leaks)}


def numbers(seen: Overview, leaks: Leaks) -> dict[str, Any]:
    """The main numbers of the page, as plain values; what could not be measured is null."""
    totals = {group: sum(seen.samples[split, group] for split in SPLITS) for group in seen.groups}
    return {
        "stacks": sum(totals.values()),
        "stacks_looked_at": seen.looked_at,
        "pixels": seen.pixels,
        "materials": sum(seen.materials.values()),
        "groups": len(totals),
        "imbalance": max(totals.values()) / min(totals.values()),
        "explained_variance": np.round(seen.components.explained_variance_ratio_, 5).tolist(),
        "macro_f1_without_network": {key: None if np.isnan(f1) else round(f1, 4) for key, f1 in leaks.macro_f1.items()},
        "label_bits": round(leaks.entropy, 3),
        "mutual_information_bits": {key: round(bits, 4) for key, bits in leaks.bits.items()},
        "pairs_told_apart": [
            {"groups": [one, other], "accuracy": round(accuracy, 4)} for one, other, accuracy in leaks.pairs
        ],
    }


def _example_stacks(manifest: Manifest, folder: Path, groups: list[int] | None) -> Drawn:
    path = folder / "stacks.png"
    shown = picture_of_stacks(manifest, path, groups)
    return Drawn(
        path,
        "Example stacks",
        "The first training material of each of these groups along its three zone axes, log scale.",
        "Diffraction patterns, bright disks on black, three projections a row: " + "; ".join(shown) + ".",
        patterns=True,
        narrow=True,
    )


def page(manifest: Manifest, seen: Overview, drawn: list[Drawn], leaks: Leaks) -> str:
    """The page as HTML with the figures inside: one file that needs no other, nor a network."""
    return explored.page(
        manifest,
        "stacks",
        drawn,
        TEMPLATE,
        {"symbol": group_symbol, "system": crystal_system},
        seen=seen,
        leaks=leaks,
        numbers=numbers(seen, leaks),
        bits=sorted(((WORDS[name], value) for name, value in leaks.bits.items()), key=lambda entry: -entry[1]),
    )
