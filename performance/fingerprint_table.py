"""Who still knows a broken crystal: trained networks, spglib and common neighbours on the same clusters.

    python performance/fingerprint_table.py RUN [RUN ...] -o table [--draws 4] [--spglib-draws 1]

Whole crystals of the seven classes, of elements that no training has, are broken as badly as each row says. RUNs are
finished runs of `fingerprints_mini`; those of one network and one variation of its training pictures are seeds of one
method, of which mean and spread are given. spglib is asked at each tolerance (`--tolerances`, in Angstrom) with the box
that the cells fill, for `--seconds` at most, of the first `--spglib-draws` clusters of each class; the best tolerance
of each row is given. Common neighbours (adaptive; `pip install pyscal3`) know bcc, fcc, hcp and diamond: a cluster is
what most of the atoms are that are known, and the column is of these classes alone. Writes `table.json`; `curves.png`,
by vacancies and by displacements; `confusions.png`, of the first method, whole clusters and broken ones.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MPLBACKEND", "Agg")
sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np

from benchmark.crystals.fingerprints.elementals import LABELS
from benchmark.crystals.fingerprints.levels import in_levels
from benchmark.definition.request import CONFIG
from benchmark.foundation.files import read_yaml_mapping, write_json
from benchmark.report.drawing import draw, new_figure
from benchmark.simulation.cluster import Cluster
from benchmark.simulation.fingerprint import fingerprint
from performance.fingerprints import ROWS, crystals, network, space_group

BY_NEIGHBOURS: Mapping[str, Sequence[str]] = {
    "bcc": ("bcc",),
    "fcc": ("fcc",),
    "hex_rh": ("hcp",),
    "diamond": ("cubic diamond", "cubic diamond 1NN", "cubic diamond 2NN"),
}
"""Classes that common neighbours know, with what the library calls their atoms; of the last one hcp alone."""
RHOMBOHEDRAL = 166
"""The group of those of `hex_rh` that they do not know."""


def methods_of(runs: Sequence[Path]) -> dict[str, list[Callable[[np.ndarray], np.ndarray]]]:
    """The trained networks by method: the network's name, and whether its training pictures were varied."""
    found: dict[str, list[Callable[[np.ndarray], np.ndarray]]] = defaultdict(list)
    for run in runs:
        config = read_yaml_mapping(run / CONFIG, "the run's configuration")
        varied = any(config[name] for name in ("speckle", "damping", "zoom"))
        found[config["network"] + ("" if varied else ", not varied")].append(network(run)[1])
    return dict(found)


def by_neighbours(cluster: Cluster) -> str:
    """What most of the known atoms of a cluster are; empty where none is known."""
    import pyscal3
    from ase import Atoms

    atoms = Atoms(numbers=cluster.numbers, positions=cluster.positions, cell=cluster.box, pbc=True)
    counts = pyscal3.common_neighbor_analysis(atoms) | pyscal3.diamond_structure(atoms)
    known = {label: sum(counts[each] for each in names) for label, names in BY_NEIGHBOURS.items()}
    best = max(known, key=lambda label: known[label])
    return best if known[best] else ""


def rows_of(arguments: argparse.Namespace) -> list[dict[str, Any]]:
    """Each row: of each method the share that is right, by seed or as a number; of each network what it said."""
    methods, rows = methods_of(arguments.runs), []
    columns = [*methods, *(["spglib"] if arguments.tolerances else [])]
    columns += [] if arguments.no_neighbours else ["common neighbours"]
    print(f"{'of 100, right':<30}" + "".join(f"{name:>24}" for name in columns))
    for name, how in ROWS:
        drawn = list(crystals(arguments.draws, how))
        truth = np.array([label for label, _, _ in drawn])
        pictures = np.stack([in_levels(fingerprint(each.positions, each.numbers)) for _, _, each in drawn])
        said = {method: [classes(pictures) for classes in seeds] for method, seeds in methods.items()}
        right = {method: [float(np.mean(each == truth)) for each in seeds] for method, seeds in said.items()}
        row: dict[str, Any] = {"row": name, "truth": truth.tolist(), "right": right}
        row["said"] = {method: [each.tolist() for each in seeds] for method, seeds in said.items()}
        asked = [each for place, each in enumerate(drawn) if place % arguments.draws < arguments.spglib_draws]
        row["spglib"] = {
            tolerance: sum(space_group(each, tolerance, arguments.seconds) == group for _, group, each in asked)
            / max(1, len(asked))
            for tolerance in arguments.tolerances
        }
        row["common neighbours"] = None if arguments.no_neighbours else _neighbours(drawn)
        told = [f"{100 * np.mean(seeds):.1f} +- {100 * np.std(seeds):.1f}" for seeds in right.values()]
        if row["spglib"]:
            best = max(row["spglib"], key=lambda each: row["spglib"][each])
            told.append(f"{100 * row['spglib'][best]:.1f} at {best:g}")
        told += [] if arguments.no_neighbours else [f"{100 * row['common neighbours']:.1f}"]
        print(f"{name:<30}" + "".join(f"{each:>24}" for each in told), flush=True)
        rows.append(row)
    return rows


def _neighbours(drawn: Sequence[tuple[int, int, Cluster]]) -> float:
    named = [(LABELS[label], cluster) for label, group, cluster in drawn if group != RHOMBOHEDRAL]
    return float(np.mean([by_neighbours(each) == label for label, each in named if label in BY_NEIGHBOURS]))


def curves(rows: Sequence[Mapping[str, Any]]) -> Any:
    """Shares that are right by vacancies and by displacements."""
    figure = new_figure(3.2)
    whole, *broken = rows
    kinds = (("vacancies", "missing atoms"), ("displaced", "displacement"))
    for axes, (kind, unit) in zip(figure.subplots(1, 2, sharey=True), kinds, strict=True):
        own = [whole, *(row for row in broken if row["row"].startswith(f"{kind} ") and "," not in row["row"])]
        at = [0.0 if row["row"] == "whole" else float(row["row"].split()[1].rstrip("%")) for row in own]
        for method in own[0]["right"]:
            seeds = np.array([row["right"][method] for row in own])
            axes.errorbar(at, seeds.mean(axis=1), seeds.std(axis=1), marker="o", markersize=3, label=method)
        if own[0]["spglib"]:
            axes.plot(at, [max(row["spglib"].values()) for row in own], "--", label="spglib, best tolerance")
        if own[0]["common neighbours"] is not None:
            axes.plot(at, [row["common neighbours"] for row in own], ":", label="common neighbours, 4 classes")
        axes.set(xlabel=f"{unit} (%)", ylim=(-0.03, 1.03))
    axes.legend(fontsize=7)
    figure.axes[0].set_ylabel("right")
    return figure, "", ""


def confusions(rows: Sequence[Mapping[str, Any]], method: str) -> Any:
    """Truth by answer of all seeds of a method: whole clusters, and all others."""
    figure = new_figure(3.6)
    for axes, title, some in zip(figure.subplots(1, 2), ("Whole", "Broken"), (rows[:1], rows[1:]), strict=True):
        counts = np.zeros((len(LABELS), len(LABELS)), dtype=int)
        for row in some:
            for seed in row["said"][method]:
                np.add.at(counts, (row["truth"], seed), 1)
        axes.imshow(counts, cmap="Reds")
        for place, count in np.ndenumerate(counts):
            axes.text(*place[::-1], count or "", ha="center", va="center", fontsize=7)
        axes.set_xticks(range(len(LABELS)), LABELS, rotation=90)
        axes.set_yticks(range(len(LABELS)), LABELS)
        axes.set(title=f"{title}: {method}", xlabel="answer", ylabel="truth")
    return figure, "", ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=Path, nargs="+")
    parser.add_argument("-o", "--output", type=Path, default=Path("table"))
    parser.add_argument("--draws", type=int, default=4)
    parser.add_argument("--spglib-draws", type=int, default=1)
    parser.add_argument("--tolerances", type=float, nargs="*", default=[0.01, 0.1, 0.3])
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--no-neighbours", action="store_true")
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)
    rows = rows_of(arguments)
    write_json(arguments.output / "table.json", rows)
    draw(arguments.output / "curves.png", "Curves", lambda: curves(rows))
    draw(arguments.output / "confusions.png", "Confusions", lambda: confusions(rows, next(iter(rows[0]["right"]))))
    print(f"table.json, curves.png and confusions.png: {arguments.output}")


if __name__ == "__main__":
    main()
