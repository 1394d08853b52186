"""What the symmetry of the patterns of a data set tells of its space groups, read without any error and nothing else.

    .venv/bin/python performance/marks.py DATA [DATA ...]

Of each sample the types of the plane groups of its three projections are taken, from its space group and its zone axes,
in no order (`benchmark/simulation/identifiability.py` says what a plane group shows). The best guess from them is the
group of the train split that has them most often for its size, or the first group for types that train lacks. Printed
is its macro-F1 on the test split, and the same where the crystal system is known as well. Intensities can tell more
than marks do, so that neither is a bound for a network that learns them.
"""

from __future__ import annotations

import argparse
import functools
import itertools
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import h5py
import numpy as np

from benchmark.cli.output import print_table
from benchmark.metrics.confusion import Confusion
from benchmark.simulation.crystal import crystal_system
from benchmark.simulation.identifiability import Axis, plane_group

CELL = 24
"""The edge of the cell that `plane_group` takes, in its units."""
STEPS = np.array(list(itertools.product((0, -CELL), repeat=2)))


@functools.cache
def plane_group_type(space_group: int, axis: Axis) -> str:
    """A plane group without its setting: of each operation the trace and determinant, whether it is there without a
    glide, and whether it changes some lattice vector by half of one, as the mirrors of a rhombic lattice do."""
    centring, parts = plane_group(space_group, axis)
    vectors = (np.array(sorted(centring))[:, None] + STEPS).reshape(-1, 2)
    area = CELL**2 // len(centring)
    pairs = itertools.permutations(vectors, 2)
    basis = next(np.array(pair).T for pair in pairs if pair[0][0] * pair[1][1] - pair[0][1] * pair[1][0] == area)
    kinds = Counter()
    for part, has_no_glide in parts:
        linear = np.linalg.inv(basis) @ (np.array(part).reshape(2, 2) / 2.0) @ basis
        whole = np.round(linear).astype(int)
        rhombic = bool(((whole - np.eye(2, dtype=int)) % 2).any())
        kinds[int(np.trace(whole)), round(float(np.linalg.det(whole))), rhombic, has_no_glide] += 1
    return repr(sorted(kinds.items()))


def marks(data: Path, split: str) -> Iterator[tuple[int, tuple[str, ...]]]:
    """The space group of each sample of a split, and the types of its projections."""
    for path in sorted((data / split).glob("*.h5")):
        with h5py.File(path) as shard:
            for name in filter(lambda name: name.startswith("sample_"), shard):
                sample = shard[name].attrs
                axes, group = np.array(sample["z_dirs"])[0].T, int(sample["space_group"])
                axes //= np.gcd.reduce(axes, axis=1)[:, None]
                yield group, tuple(sorted(plane_group_type(group, tuple(map(int, axis))) for axis in axes))


def told(data: Path, *, system_known: bool) -> tuple[int, float]:
    """How many samples test has, and the macro-F1 of the best guess."""
    seen, sizes = defaultdict(Counter), Counter()

    def key(group: int, types: tuple[str, ...]) -> tuple[str, ...]:
        return (*types, crystal_system(group) if system_known else "")

    for group, types in marks(data, "train"):
        seen[key(group, types)][group] += 1
        sizes[group] += 1
    asked = list(marks(data, "test"))
    if not sizes or not asked:
        raise SystemExit(f"{data}: no samples in train or in test")
    groups = sorted({*sizes, *(group for group, _ in asked)})
    counts = np.zeros((len(groups), len(groups)), dtype=np.int64)
    for group, types in asked:
        known = seen.get(key(group, types), {})
        guess = max(known, key=lambda each: known[each] / sizes[each], default=groups[0])
        counts[groups.index(group), groups.index(guess)] += 1
    return int(counts.sum()), Confusion(counts).macro_f1()


def main() -> int:
    """Prints a row for each data set."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, nargs="+")
    rows = []
    for data in parser.parse_args().data:
        (samples, alone), (_, with_system) = (told(data, system_known=known) for known in (False, True))
        rows.append((data.name, f"{samples:,}", f"{alone:.3f}", f"{with_system:.3f}"))
    print_table(("data", "test samples", "marks alone", "marks and crystal system"), rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
