"""How well metadata alone tell the space groups of a rung apart, for each two groups of one crystal system.

    .venv/bin/python performance/leaks.py --rung stemdl_mini --crystals 140

Every drawn crystal is described by its volume, numbers of atoms and elements; 0.5 is chance. The table has the most
telling pair first. Exits with 1 when a pair is told apart with an accuracy above the limit.
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np

from benchmark.cli.output import print_table
from benchmark.data.leaks import metadata_features, pairwise_accuracies
from benchmark.definition.benchmark import load_benchmark
from benchmark.foundation.progress import progress
from benchmark.simulation.crystal import crystal_system
from benchmark.simulation.draw import draw_crystal

LIMIT = 0.75


def main() -> int:
    """Prints the table; returns 1 when a pair is above the limit."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rung", default="stemdl_mini")
    parser.add_argument("--crystals", type=int, default=140, help="drawn for each group")
    arguments = parser.parse_args()
    rung = load_benchmark().rung(arguments.rung)
    by_system: dict[str, dict[int, np.ndarray]] = defaultdict(dict)
    with progress("Drawing", rung.classes, "groups") as advance:
        for done, group in enumerate(rung.space_groups, start=1):
            drawn = [draw_crystal(group, rung.crystals, np.random.default_rng([rung.seed, group, number]))
                     for number in range(arguments.crystals)]
            by_system[crystal_system(group)][group] = np.array([metadata_features(crystal) for crystal in drawn])
            advance(done)
    accuracies = {pair: accuracy for features in by_system.values()
                  for pair, accuracy in pairwise_accuracies(features).items()}
    rows = sorted(accuracies.items(), key=lambda entry: -entry[1])
    print_table(("system", "groups", "accuracy"),
                [(crystal_system(pair[0]), f"{pair[0]} and {pair[1]}", f"{accuracy:.3f}") for pair, accuracy in rows])
    return 1 if rows and rows[0][1] > LIMIT else 0


if __name__ == "__main__":
    sys.exit(main())
