"""How long a fingerprint takes on one core, beside a plain direct sum of the same formula in the same run.

    python performance/fingerprints.py speed [--atoms 256] [--repeats 10]

Prints processor milliseconds of the fastest of some calls, their ratio, and by how much both pictures differ.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np

from benchmark.simulation.cluster import Severity, broken, cluster_of, nearest_mean_angstrom
from benchmark.simulation.fingerprint import fingerprint
from benchmark.simulation.scattering import x_ray_scattering_factor

FCC = np.array([[0.0, 0.0, 0.0], [0.0, 0.5, 0.5], [0.5, 0.0, 0.5], [0.5, 0.5, 0.0]])


def directly(positions: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    """(3, 64, 64): the formula as it stands, six patterns of all pixels, each a sum over all atoms."""
    positions = (positions - positions.mean(axis=0)) / nearest_mean_angstrom(positions)
    places = (np.arange(64) - 31.5) * 0.4
    x, y = np.meshgrid(places, places)
    length = np.sqrt(x**2 + y**2 + 100.0**2)
    s = np.stack([x / length, y / length, 100.0 / length - 1.0], axis=-1) / 0.05
    factors = {int(z): x_ray_scattering_factor(int(z) + 2, np.linalg.norm(s, axis=-1)) for z in np.unique(numbers)}
    found = np.zeros((3, 64, 64))
    for axis, (i, j) in enumerate(((1, 2), (2, 0), (0, 1))):
        for angle in (math.radians(-45.0), math.radians(45.0)):
            turn = np.eye(3)
            turn[i, i] = turn[j, j] = math.cos(angle)
            turn[i, j], turn[j, i] = -math.sin(angle), math.sin(angle)
            waves = np.exp(-2j * np.pi * (s @ (positions @ turn.T).T))
            total = sum(factors[int(z)] * waves[..., numbers == z].sum(axis=-1) for z in np.unique(numbers))
            found[axis] += (100.0 / length) ** 3 * np.abs(total) ** 2
    radius = np.hypot(x, y) / 0.4
    found *= (radius > 10.0) & (radius < 30.0)
    return found / found.max()


def milliseconds(work: Callable[[], object], repeats: int) -> float:
    """Of processor time, the fastest of some calls."""
    best = math.inf
    for _ in range(repeats):
        begun = time.process_time()
        work()
        best = min(best, time.process_time() - begun)
    return 1000.0 * best


def speed(atoms: int, repeats: int) -> None:
    whole = cluster_of(3.6 * np.eye(3), np.full(4, 29), FCC, atoms)
    displaced = broken(whole, Severity(displaced=0.05), (), np.random.default_rng(0))
    alloy = broken(whole, Severity(substituted=0.3, displaced=0.05), (26, 47), np.random.default_rng(0))
    print("cluster                atoms  here (ms)  direct (ms)  ratio  largest difference")
    for name, cluster in (("whole", whole), ("displaced", displaced), ("of three elements", alloy)):
        arguments = cluster.positions, cluster.numbers
        here = milliseconds(lambda: fingerprint(*arguments), repeats)  # noqa: B023
        plain = milliseconds(lambda: directly(*arguments), max(2, repeats // 5))  # noqa: B023
        difference = np.abs(fingerprint(*arguments) - directly(*arguments)).max()
        print(
            f"{name:<22} {len(cluster.numbers):5}  {here:9.1f}  {plain:11.1f}  {plain / here:5.1f}  {difference:18.1e}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    of_speed = commands.add_parser("speed")
    of_speed.add_argument("--atoms", type=int, default=256)
    of_speed.add_argument("--repeats", type=int, default=10)
    arguments = parser.parse_args()
    if arguments.command == "speed":
        speed(arguments.atoms, arguments.repeats)


if __name__ == "__main__":
    main()
