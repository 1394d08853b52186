"""How far the settings that `stemdl_full` chooses are from convergence, over random views of real crystals.

    python performance/accuracy.py STRUCTURES.npz [--views 60] [--seed 0] [--part 0/2] [-o views.csv]

Crystals are drawn evenly over the seven systems, then over their groups; zone axes by the rung's orientation,
thickness and energy uniformly over the rung's. The error is relative L2 of the intensities at three general directions
of the probe, on the rung's detector, with the direct beam and without; against the same slices by FFT with beams to 5
per Angstrom, slices of 0.25 Angstrom, g_z to 6 and layers within 0.35 per Angstrom of the Ewald sphere. That is the
engine's own method, converged: what it has in common with an independent one is held by
`tests/benchmark/simulation/test_layered.py`. Interpolation over the aperture is not in it, but in the estimate that
samples carry.
"""

from __future__ import annotations

import argparse
import csv
import os
import sys
import time
from dataclasses import replace
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np

from benchmark.crystals.simulate import atoms_of
from benchmark.definition.finder import load_benchmark
from benchmark.simulation.adaptive import fitting_level, general_directions, refined, relative_l2
from benchmark.simulation.axes_settings import in_setting
from benchmark.simulation.cbed import CbedRung
from benchmark.simulation.crystal import CRYSTAL_SYSTEMS, Crystal, cell_from_parameters, crystal_system, standardised
from benchmark.simulation.manybeam import propagate_many
from benchmark.simulation.orientation import projections
from benchmark.simulation.waves import Problem
from benchmark.simulation.zone import project

CONVERGED = {
    "strong_per_angstrom": 5.0,
    "weak_per_angstrom": 5.0,
    "g_z_max_per_angstrom": 6.0,
    "depth_slice_angstrom": 0.25,
    "layer_margin_per_angstrom": 0.35,
    "most_strong_beams": 1,
    "tolerance": 0.0,
}
COLUMNS = (
    "crystal group system axis volume heaviest angstrom kev level estimate l2 l2_without_direct seconds "
    "converged_seconds"
).split()


def drawn(table: dict, rung: CbedRung, generator: np.random.Generator) -> tuple[str, Crystal]:
    """A crystal within the rung's limits, all systems as likely, then all their groups."""
    groups = table["sg001"]
    while True:
        _, system = CRYSTAL_SYSTEMS[generator.integers(len(CRYSTAL_SYSTEMS))]
        known = [int(group) for group in np.unique(groups) if group > 0 and crystal_system(int(group)) == system]
        row = generator.choice(np.flatnonzero(groups == generator.choice(known)))
        if table["ns"][row] > rung.limits.most_atoms_per_cell:
            continue
        start = int(table["ns"][:row].sum())
        atoms = slice(start, start + int(table["ns"][row]))
        parameters = table["cells"][row]
        crystal = standardised(
            cell_from_parameters(parameters[:3], parameters[3:]),
            table["Z"][atoms].astype(np.int64),
            table["X"][atoms].astype(np.float64),
        )
        if (
            crystal is not None
            and len(crystal.numbers) <= rung.limits.most_atoms_per_cell
            and crystal.lengths_angstrom.max() <= rung.limits.longest_edge_angstrom
        ):
            return str(table["ids"][row]), crystal


def measured(identifier: str, crystal: Crystal, rung: CbedRung, generator: np.random.Generator) -> list[object]:
    """The row of one random view."""
    optics = rung.optics
    crystal = in_setting(crystal, rung.settings, generator)
    views = projections(rung.orientation, crystal, generator)
    view = views[generator.integers(len(views))]
    zone = project(crystal, view.axis, view.right, view.across)
    thickness = float(generator.uniform(*optics.thickness_angstrom))
    energy = float(generator.choice(optics.energies_kev))
    problem = Problem(
        zone, general_directions(optics.semi_angle_per_angstrom, 5), energy, (thickness,), atoms_of(crystal, optics)
    )
    reach = {"reach_per_angstrom": np.sqrt(2.0) * (optics.k_max_per_angstrom + optics.semi_angle_per_angstrom)}
    start = time.process_time()
    level, estimate, *_ = fitting_level(problem, optics.accuracy, k_max_per_angstrom=optics.k_max_per_angstrom, **reach)
    seconds = time.process_time() - start
    others = replace(problem, directions=general_directions(0.9 * optics.semi_angle_per_angstrom, 3)[:, ::-1].copy())
    start = time.process_time()
    (exact,) = propagate_many([others], accuracy=replace(optics.accuracy, **CONVERGED), **reach)[0]
    converged = time.process_time() - start
    (found,) = propagate_many([others], accuracy=refined(optics.accuracy, level), **reach)[0]
    errors = []
    for direct in (True, False):
        pair = [
            (one.intensities[kept], one.vectors[kept])
            for one in (found, exact)
            for kept in [np.linalg.norm(one.vectors, axis=1) > (-1.0 if direct else 1e-6)]
        ]
        errors.append(relative_l2(pair[0], pair[1], optics.k_max_per_angstrom))
    return [
        identifier,
        crystal.space_group,
        crystal_system(crystal.space_group),
        "".join(map(str, view.axis)),
        round(crystal.volume_angstrom3),
        int(crystal.numbers.max()),
        round(thickness),
        round(energy),
        level,
        *(f"{value:.5f}" for value in (estimate, *errors)),
        f"{seconds:.2f}",
        f"{converged:.2f}",
    ]


def main() -> None:
    """Prints a row for each view, and writes them where asked."""
    import torch

    torch.set_num_threads(1)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("structures", type=Path, help="arrays ids, cells, ns, Z, X, sg001 of many crystals")
    parser.add_argument("--views", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--part", default="0/1", help="K/N: every Nth view, from the Kth")
    parser.add_argument("-o", "--output", type=Path)
    arguments = parser.parse_args()
    rung = CbedRung.of(load_benchmark("space_group").rung("stemdl_full"))
    with np.load(arguments.structures) as opened:
        table = {name: opened[name] for name in ("ids", "cells", "ns", "Z", "X", "sg001")}
    part, parts = map(int, arguments.part.split("/"))
    print(" ".join(COLUMNS), flush=True)
    rows = []
    for number in range(part, arguments.views, parts):
        generator = np.random.default_rng([arguments.seed, number])
        rows.append(measured(*drawn(table, rung, generator), rung, generator))
        print(*rows[-1], flush=True)
    if arguments.output is not None:
        with open(arguments.output, "w", newline="") as file:
            csv.writer(file).writerows([COLUMNS, *rows])
    errors = np.array([float(row[COLUMNS.index("l2")]) for row in rows])
    print(
        f"{(errors <= 0.01).mean():.1%} of {len(errors)} views within 1 %; median {np.median(errors):.3%}, "
        f"largest {errors.max():.2%}"
    )


if __name__ == "__main__":
    main()
