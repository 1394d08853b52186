"""Whether a processor makes a rung's samples as its golden figures have them: units drawn at random are simulated.

    .venv/bin/python performance/golden_sample.py stemdl_small --units 400

Needs no data of the rung. The kernels of an older processor, on this one: OPENBLAS_CORETYPE=Prescott
ATEN_CPU_CAPABILITY=default NPY_DISABLE_CPU_FEATURES="AVX2 FMA3 AVX512F AVX512_SKX".
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter

import numpy as np

from benchmark.cli.output import print_table
from benchmark.data.golden import Likeness, figures_of, likeness, load_golden
from benchmark.data.plan import plan_shards
from benchmark.data.recipe import CountedRecipe, recipe_of
from benchmark.data.remade import made_counts
from benchmark.definition.finder import benchmark_of

EVERY_SECONDS = 30.0


def main() -> int:
    """Prints how many samples compare how, and in how many strips; 1 where one looks like another."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rung")
    parser.add_argument("--units", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1, help="of the choice of units")
    given = parser.parse_args()
    rung = benchmark_of(given.rung).rung(given.rung)
    golden, recipe = load_golden(rung), recipe_of(rung)
    if golden is None or not isinstance(recipe, CountedRecipe):
        parser.error(f"{rung.name} has no golden figures")
    units = [unit for plan in plan_shards(recipe.units()) for unit in plan.units]
    places = np.cumsum([0, *(unit.samples for unit in units)])
    told = time.monotonic()
    alike, strips = Counter[Likeness](), Counter[int]()
    chosen = np.random.default_rng(given.seed).permutation(len(units))[: given.units]
    for done, place in enumerate(chosen, start=1):
        for turn, counts in enumerate(made_counts(recipe, rung, units[place])):
            assert counts is not None, "the recipe counts what it makes"
            figures, own = golden.figures(int(places[place]) + turn), figures_of(counts)
            found = likeness(counts, figures)
            alike[found] += 1
            if found in (Likeness.RECOUNTED, Likeness.OTHER):
                strips[int(((own.sums != figures.sums) | (own.mixed != figures.mixed)).sum())] += 1
        if time.monotonic() - told > EVERY_SECONDS:
            told = time.monotonic()
            print(f"{done} of {len(chosen)} units", file=sys.stderr, flush=True)
    print_table(["samples", ""], [[each.value, str(alike[each])] for each in Likeness])
    print("strips that differ, and samples that have as many:", dict(sorted(strips.items())))
    return int(alike[Likeness.OTHER] > 0)


if __name__ == "__main__":
    sys.exit(main())
