"""How far patterns with higher Laue zones tell apart groups that are alike in projection.

    python performance/pairs.py [--crystals 3] [--seed 0] [--groups 75 77] [-o pairs.csv]

Of each set of groups whose projections along [001], [100] and [1-10] have the same plane groups, crystals are drawn by
`stemdl_full`'s recipe and propagated by its settings, at 200 Angstrom and 100 keV. A mark is a rotation or a mirror
that whole patterns of some of the set have and those of others lack (`identifiability.kept_in_depth`). Its residual is
the relative L2 between the scattered intensities and those that it takes them to, at three general directions of the
probe; the direct beam is left out. Where the mark holds, the residual is the error of the settings.

Electrons: of one pattern, for a reader who knows the crystal and asks whether the mark is broken, at five standard
deviations: 50 / sum (p - p')^2 / (p + p'), p and p' the shares of an incident electron that the mark exchanges, from
Poisson counts n and n' whose sum of (n - n')^2 / (n + n') exceeds chance by so much. A reader who has to learn the
group from patterns needs more.
"""

from __future__ import annotations

import argparse
import csv
import os
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
from numpy.typing import NDArray

from benchmark.crystals.simulate import atoms_of
from benchmark.definition.finder import load_benchmark
from benchmark.simulation.adaptive import fitting_level, general_directions, relative_l2
from benchmark.simulation.cbed import CbedRung
from benchmark.simulation.crystal import Crystal
from benchmark.simulation.draw import draw_crystal
from benchmark.simulation.identifiability import Axis, indistinguishable, kept_in_depth
from benchmark.simulation.waves import Problem
from benchmark.simulation.zone import CONVENTIONAL_AXES, project

THICKNESS_ANGSTROM, ENERGY_KEV, DIRECTIONS = 200.0, 100.0, 3
COLUMNS = "groups axis order mark group kept crystal residual electrons estimate".split()
Mark = tuple[int, ...]


def marks_of(groups: tuple[int, ...], axis: Axis) -> list[Mark]:
    """One rotation or mirror for each part of the groups that has some which the others lack; rotations first."""
    having = defaultdict(list)
    for mark in frozenset().union(*(kept_in_depth(group, axis) for group in groups)):
        having[frozenset(group for group in groups if mark in kept_in_depth(group, axis))].append(mark)
    return [max(marks, key=_rank) for some, marks in having.items() if len(some) < len(groups)]


def _rank(mark: Mark) -> tuple[float, int, Mark]:
    matrix = np.array(mark).reshape(3, 3)
    return np.linalg.det(matrix), order(mark), mark


def order(mark: Mark) -> int:
    """Of a rotation: how often it is done until nothing is changed; 2 of a mirror."""
    matrix = power = np.array(mark).reshape(3, 3)
    times = 1
    while not np.array_equal(power, np.eye(3)):
        power, times = power @ matrix, times + 1
    return times


def measured(crystal: Crystal, axis: Axis, marks: list[Mark], rung: CbedRung) -> Iterator[tuple[float, float, float]]:
    """Of each mark the residual, the electrons, and the estimate of the settings' error."""
    optics = rung.optics
    right = next(each for each in ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0)) if np.any(np.cross(each, axis)))
    zone = project(crystal, axis, right)
    turned = [np.eye(2), *(_across(crystal, axis, right, mark) for mark in marks)]
    general = general_directions(optics.semi_angle_per_angstrom, DIRECTIONS)
    directions = np.concatenate([general @ each.T for each in turned])
    problem = Problem(zone, directions, ENERGY_KEV, (THICKNESS_ANGSTROM,), atoms_of(crystal, optics))
    _, estimate, (seen, *_), _ = fitting_level(
        problem,
        optics.accuracy,
        k_max_per_angstrom=optics.k_max_per_angstrom,
        reach_per_angstrom=np.sqrt(2.0) * (optics.k_max_per_angstrom + optics.semi_angle_per_angstrom),
    )
    intensities, vectors = seen
    scattered = np.linalg.norm(vectors, axis=1) > 1e-6
    parts = np.split(intensities[scattered], len(turned), axis=1)
    vectors = vectors[scattered]
    for matrix, part in zip(turned[1:], parts[1:], strict=True):
        pair = (parts[0], vectors @ matrix.T), (part, vectors)
        yield relative_l2(*pair, optics.k_max_per_angstrom), _electrons(*pair), estimate


def _across(crystal: Crystal, axis: Axis, right: tuple[float, float, float], mark: Mark) -> NDArray[np.float64]:
    """The mark on the detector's plane, as `project` sets it."""
    beam = np.array(axis) @ crystal.cell
    z = beam / np.linalg.norm(beam)
    x = np.array(right) @ crystal.cell
    x -= (x @ z) * z
    x /= np.linalg.norm(x)
    frame = np.array([x, np.cross(z, x), z])
    cartesian = crystal.cell.T @ np.array(mark).reshape(3, 3) @ np.linalg.inv(crystal.cell.T)
    return (frame @ cartesian @ frame.T)[:2, :2]


def _electrons(one: tuple[NDArray, NDArray], other: tuple[NDArray, NDArray]) -> float:
    tables = [
        dict(zip(map(tuple, np.round(vectors * 1e3).astype(int).tolist()), rows, strict=True))
        for rows, vectors in (one, other)
    ]
    shared = tables[0].keys() & tables[1].keys()
    p, q = (np.array([table[key] for key in shared], dtype=float) for table in tables)
    information = ((p - q) ** 2 / np.maximum(p + q, 1e-12)).sum(axis=0).mean()
    return 50.0 / information if information > 0.0 else np.inf


def crystals_of(group: int, count: int, rung: CbedRung, seed: int) -> Iterator[Crystal]:
    """As many as the rung's recipe draws of a group."""
    for number in range(count):
        yield draw_crystal(group, rung.crystals, np.random.default_rng([seed, group, number]))


def rows_of(groups: tuple[int, ...], rung: CbedRung, count: int, seed: int) -> Iterator[list[object]]:
    """A row of each axis, mark, group and crystal of one set."""
    for axis in CONVENTIONAL_AXES:
        marks = marks_of(groups, axis)
        for group in groups if marks else ():
            for number, crystal in enumerate(crystals_of(group, count, rung, seed)):
                for mark, found in zip(marks, measured(crystal, axis, marks, rung), strict=True):
                    kept = mark in kept_in_depth(group, axis)
                    kind = f"{order(mark)}" if np.linalg.det(np.array(mark).reshape(3, 3)) > 0 else "m"
                    residual, electrons, estimate = found
                    yield [
                        " ".join(map(str, groups)),
                        "".join(map(str, axis)),
                        kind,
                        " ".join(map(str, mark)),
                        group,
                        int(kept),
                        number,
                        f"{residual:.5f}",
                        f"{electrons:.3g}",
                        f"{estimate:.5f}",
                    ]


def main() -> None:
    """Prints a row for each measurement, and what each set comes to."""
    import torch

    torch.set_num_threads(1)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--crystals", type=int, default=3, help="of each group (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--groups", type=int, nargs="+", help="sets that have one of these alone")
    parser.add_argument("-o", "--output", type=Path)
    arguments = parser.parse_args()
    rung = CbedRung.of(load_benchmark("space_group").rung("stemdl_full"))
    sets = [each for each in indistinguishable() if len(each) > 1]
    print(" ".join(COLUMNS), flush=True)
    rows = []
    for groups in sets:
        if arguments.groups is None or set(groups) & set(arguments.groups):
            for row in rows_of(groups, rung, arguments.crystals, arguments.seed):
                print(*row, flush=True)
                rows.append(row)
    if arguments.output is not None:
        with open(arguments.output, "w", newline="") as file:
            csv.writer(file).writerows([COLUMNS, *rows])
    print("\ngroups axis mark  residual where kept  where broken  electrons (medians)")
    table = defaultdict(list)
    for row in rows:
        table[tuple(row[:4])].append(row)
    for (groups, axis, kind, _), several in table.items():
        kept, broken = ([float(row[7]) for row in several if row[5] == which] for which in (1, 0))
        electrons = np.median([float(row[8]) for row in several if row[5] == 0])
        having = sorted({row[4] for row in several if row[5] == 1})
        print(f"{groups} [{axis}] {kind} of {having}: {np.median(kept):.4f} {np.median(broken):.4f} {electrons:.2g}")


if __name__ == "__main__":
    main()
