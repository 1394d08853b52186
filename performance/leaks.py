"""How well metadata alone tell space groups apart: the worst pairs of one crystal system.

    .venv/bin/python performance/leaks.py --rung stemdl_mini
    .venv/bin/python performance/leaks.py --rung stemdl_mini --crystals realistic --materials 300
    .venv/bin/python performance/leaks.py --data data/stemdl_mini
    .venv/bin/python performance/leaks.py --rung stemdl_mini_v2 --of order
    .venv/bin/python performance/leaks.py --rung stemdl_small --of order lattice metadata --materials 20

Every crystal is described by its volume, numbers of atoms and elements; by the order of its edges (`--of order`), or
also their ratios and the angles (`--of lattice`), which symmetry has a part in. 0.5 is chance. Where there are more
pairs than are to be measured, those that look worst on one half of the crystals are measured on the other half, so that
the worst of thousands is not the luckiest. How all pairs are spread, by one forest per system, is printed next to the
same with the labels shuffled, which shows what so few crystals give by chance. Exits with 1 when a pair is told apart
with an accuracy above the limit.
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import h5py
import numpy as np
from numpy.typing import NDArray

from benchmark.cli.output import print_table
from benchmark.crystals import cbed_stack
from benchmark.crystals.duplicates import parsed_formula
from benchmark.crystals.leaks import (
    EDGE_ORDERS,
    composition_features,
    lattice_features,
    metadata_features,
    pairwise_accuracies,
    screened_accuracies,
)
from benchmark.data import layout
from benchmark.data.workers import workers
from benchmark.definition.finder import load_benchmark
from benchmark.definition.rung import SPLITS
from benchmark.launch.cores import usable_cores
from benchmark.simulation.axes_settings import in_setting
from benchmark.simulation.cbed import CbedRung, crystals_named
from benchmark.simulation.crystal import cell_from_parameters, crystal_system
from benchmark.simulation.draw import draw_crystal
from benchmark.tasks.space_group.exploring.overview import read_text

LIMIT = 0.75

Features = Mapping[int, NDArray[np.float64]]
"""(crystals, features) of each space group."""
OF = {
    "metadata": metadata_features,
    "order": lambda crystal: lattice_features(crystal)[:EDGE_ORDERS],
    "lattice": lattice_features,
}


def drawn(rung: CbedRung, materials: int, processes: int, of: Sequence[str]) -> dict[str, Features]:
    """Each kind of features of as many crystals of each of a rung's groups, drawn by its recipe."""
    with workers(processes, None, single_threaded=True) as work:
        tables = work.map(partial(_of_group, rung, materials, of), rung.space_groups, "Drawing", "groups")
    return {kind: {group: table[kind] for group, table in zip(rung.space_groups, tables, strict=True)} for kind in of}


def _of_group(rung: CbedRung, materials: int, of: Sequence[str], group: int) -> dict[str, NDArray[np.float64]]:
    crystals = []
    for one in range(materials):
        generator = np.random.default_rng([rung.seed, group, one])
        crystals.append(in_setting(draw_crystal(group, rung.crystals, generator), rung.settings, generator))
    return {kind: np.array([OF[kind](crystal) for crystal in crystals]) for kind in of}


def written(folder: Path, splits: Sequence[str] = SPLITS) -> Features:
    """Of the materials of some splits of a data set of ours."""
    features: dict[int, dict[str, NDArray]] = defaultdict(dict)
    for path in [path for split in splits for path in layout.shards_of(folder, split)]:
        with h5py.File(path, "r") as opened:
            for sample in (opened[name] for name in layout.sample_names(opened)):
                cell = cell_from_parameters(sample.attrs["abc_angstrom"], sample.attrs["angles_degree"])
                features[cbed_stack.read_label(sample)][cbed_stack.read_material(sample)] = composition_features(
                    parsed_formula(read_text(sample, "formula")), float(np.linalg.det(cell))
                )
    return {group: np.array(list(materials.values())) for group, materials in sorted(features.items())}


def worst_pairs(features: Features, measured: int) -> list[tuple[tuple[int, int], float]]:
    """Pairs of groups of one crystal system with the accuracy at which they are told apart, the worst first."""
    groups = sorted(features)
    pairs = [
        (one, other)
        for one in groups
        for other in groups
        if one < other and crystal_system(one) == crystal_system(other)
    ]
    if len(pairs) > measured:
        pairs = list(screened_accuracies({group: table[::2] for group, table in features.items()}))[:measured]
        features = {group: table[1::2] for group, table in features.items()}
    found = [(pair, pairwise_accuracies({group: features[group] for group in pair})[pair]) for pair in pairs]
    return sorted(found, key=lambda entry: -entry[1])


def spread(features: Features) -> list[tuple[str, ...]]:
    """Rows on the accuracies of all pairs of one crystal system, as they are and with the labels shuffled."""
    generator, shuffled = np.random.default_rng(0), {}
    for system in dict.fromkeys(map(crystal_system, features)):
        groups = [group for group in features if crystal_system(group) == system]
        mixed = generator.permutation(np.concatenate([features[group] for group in groups]))
        ends = np.cumsum([len(features[group]) for group in groups])[:-1]
        shuffled.update(zip(groups, np.split(mixed, ends), strict=True))
    rows = []
    for name, tables in (("as they are", features), ("shuffled", shuffled)):
        accuracies = np.array(list(screened_accuracies(tables).values()))
        found = np.percentile(accuracies, [5, 50, 95, 100]) if len(accuracies) else np.full(4, np.nan)
        above = f"{(accuracies > LIMIT).sum()} of {len(accuracies)}"
        rows.append((name, *(f"{each:.3f}" for each in found), above))
    return rows


def report(of: str, features: Features, measured: int) -> bool:
    """Prints the tables of one kind of features. Returns whether the worst pair is within the limit."""
    pairs = worst_pairs(features, measured)
    print_table(
        ("system", "groups", f"accuracy by {of}"),
        [(crystal_system(pair[0]), f"{pair[0]} and {pair[1]}", f"{accuracy:.3f}") for pair, accuracy in pairs],
    )
    print_table((f"all pairs by {of}", "5 %", "median", "95 %", "worst", f"above {LIMIT}"), spread(features))
    return not pairs or pairs[0][1] <= LIMIT


def main() -> int:
    """Prints the tables; returns 1 when a pair is above the limit."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rung", default="stemdl_mini")
    parser.add_argument(
        "--of", nargs="+", choices=list(OF), default=["metadata"], help="what is looked at (default: metadata)"
    )
    parser.add_argument("--crystals", metavar="RECIPE", help="instead of the rung's own")
    parser.add_argument("--materials", type=int, default=140, help="drawn for each group (default: %(default)s)")
    parser.add_argument("--data", type=Path, help="data made before, instead of drawing")
    parser.add_argument("--pairs", type=int, default=40, help="measured (default: %(default)s)")
    parser.add_argument("--processes", type=int, help="(default: one for each core)")
    arguments = parser.parse_args()
    if arguments.data is not None:
        if arguments.of != ["metadata"]:
            parser.error("of data made before, metadata alone can be looked at")
        features = {"metadata": written(arguments.data)}
    else:
        rung = CbedRung.of(load_benchmark("space_group").rung(arguments.rung))
        if arguments.crystals is not None:
            rung = replace(rung, crystals=crystals_named(arguments.crystals))
        features = drawn(rung, arguments.materials, arguments.processes or usable_cores(), arguments.of)
    within = [report(of, table, arguments.pairs) for of, table in features.items()]
    return 0 if all(within) else 1


if __name__ == "__main__":
    sys.exit(main())
