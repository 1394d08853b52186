"""Fingerprints measured: how long one takes, and what a network looks at.

    python performance/fingerprints.py speed [--atoms 256] [--repeats 10]
    python performance/fingerprints.py maps RUN -o maps.png

`speed` prints processor milliseconds of the fastest of some calls against a plain direct sum of the same formula in the
same run, their ratio, and by how much both pictures differ. `maps` draws one picture of each class with attentive
response maps of the convolutions of a finished run's network (`stemdl run --rung fingerprints_mini`).
Clusters, networks and spglib are what `fingerprint_table.py` takes from here.
"""

from __future__ import annotations

import argparse
import math
import multiprocessing
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np

from benchmark.crystals.fingerprints.elementals import LABELS, draw_elemental, elements_of, of_label
from benchmark.crystals.fingerprints.levels import in_levels
from benchmark.simulation.cluster import Cluster, Damage, broken, cluster_of, nearest_mean_angstrom
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
    displaced = broken(whole, Damage(displaced=0.05), (), np.random.default_rng(0))
    alloy = broken(whole, Damage(substituted=0.3, displaced=0.05), (26, 47), np.random.default_rng(0))
    print("cluster                atoms  here (ms)  direct (ms)  ratio  largest difference")
    for name, cluster in (("whole", whole), ("displaced", displaced), ("of three elements", alloy)):
        arguments = cluster.positions, cluster.numbers
        here = milliseconds(lambda: fingerprint(*arguments), repeats)  # noqa: B023
        plain = milliseconds(lambda: directly(*arguments), max(2, repeats // 5))  # noqa: B023
        difference = np.abs(fingerprint(*arguments) - directly(*arguments)).max()
        print(
            f"{name:<22} {len(cluster.numbers):5}  {here:9.1f}  {plain:11.1f}  {plain / here:5.1f}  {difference:18.1e}"
        )


SEED, SHARES = 20182775, {"train": 0.6, "dev": 0.2, "test": 0.2}
"""Of the shipped rungs, which say by them which elements are in which split."""
ROWS = [
    ("whole", Damage()),
    *((f"vacancies {share:.0%}", Damage(vacancies=share)) for share in (0.01, 0.1, 0.25, 0.4, 0.5, 0.6, 0.7)),
    *((f"displaced {share:.1%}", Damage(displaced=share)) for share in (0.001, 0.005, 0.01, 0.02, 0.05, 0.08, 0.1)),
    ("substituted 20%", Damage(substituted=0.2)),
    ("surface 40%", Damage(surface=0.4)),
    ("vacancies 25%, displaced 5%", Damage(vacancies=0.25, displaced=0.05)),
]


def crystals(draws: int, how: Damage) -> Iterator[tuple[int, int, Cluster]]:
    """Class, space group and broken cluster: so many of each class, of the test split's elements in turn."""
    elements = elements_of(SEED, SHARES)["test"]
    for label, name in enumerate(LABELS):
        for draw in range(draws):
            generator = np.random.default_rng([SEED, label, draw])
            prototypes = of_label(name)
            prototype = prototypes[draw % len(prototypes)]
            crystal = draw_elemental(prototype, elements[draw % len(elements)], generator)
            whole = cluster_of(crystal.cell, crystal.numbers, crystal.positions, 250)
            yield label, crystal.space_group, broken(whole, how, elements, generator)


def network(run: Path) -> tuple[object, Callable[[np.ndarray], np.ndarray]]:
    """The trained model of a run's folder, and a function from pictures (n, 3, 64, 64) to classes (n,)."""
    import torch

    from benchmark.data.recipe import recipe_of
    from benchmark.definition.finder import load_benchmark
    from benchmark.definition.request import CHECKPOINT, CONFIG
    from benchmark.definition.settings import Settings, settings_of
    from benchmark.foundation.files import read_yaml_mapping
    from reference.average import average_of
    from reference.checkpoint import load_average
    from reference.tasks.fingerprints.task import make_task

    benchmark = load_benchmark("fingerprints")
    known = settings_of(benchmark)
    config = read_yaml_mapping(run / CONFIG, "the run's configuration")
    values = {name: config.get(name, each.default) for name, each in known.items()}
    task = make_task(recipe_of(benchmark.rungs["fingerprints_mini"]).schema(), values)
    model = average_of(task.model, Settings.of(values).weight_averaging)
    load_average(run / CHECKPOINT, model)
    model = model.module.eval()

    def classes(pictures: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            return model(torch.from_numpy(pictures)).argmax(dim=1).numpy()

    return model, classes


def _find_group(cluster: Cluster, tolerance: float, found: multiprocessing.connection.Connection) -> None:
    import spglib

    try:
        places = cluster.positions @ np.linalg.inv(cluster.box)
        dataset = spglib.get_symmetry_dataset((cluster.box, places, cluster.numbers), symprec=tolerance)
    except spglib.SpglibError:
        dataset = None
    found.send(dataset.number if dataset is not None else 0)


def space_group(cluster: Cluster, tolerance: float, seconds: float) -> int:
    """What spglib says; 0 where it says nothing within so many seconds. It can take minutes, and in C: a process of its
    own is ended from outside."""
    mine, other = multiprocessing.Pipe(duplex=False)
    work = multiprocessing.get_context("fork").Process(target=_find_group, args=(cluster, tolerance, other))
    work.start()
    found = mine.recv() if mine.poll(seconds) else 0
    work.kill()
    work.join()
    return int(found)


def maps(run: Path, path: Path) -> None:
    import torch
    from matplotlib.figure import Figure

    from reference.tasks.fingerprints.response import convolutions, response

    model, classes = network(run)
    assert isinstance(model, torch.nn.Module)
    rows = list(crystals(1, Damage(vacancies=0.25)))
    pictures = np.stack([in_levels(fingerprint(each.positions, each.numbers)) for _, _, each in rows])
    places = convolutions(model)
    figure = Figure(figsize=(2.0 * (len(places) + 1), 2.0 * len(rows)), layout="constrained")
    axes = figure.subplots(len(rows), len(places) + 1)
    found = classes(pictures)
    for row, picture in enumerate(pictures):
        axes[row, 0].imshow(np.sqrt(picture).transpose(1, 2, 0))
        axes[row, 0].set_title(f"{LABELS[rows[row][0]]}: {LABELS[found[row]]}", fontsize=8)
    for column, _ in enumerate(places, 1):
        marks = response(model, torch.from_numpy(pictures), column - 1).clamp(min=0.0).sum(dim=1).numpy()
        for row, each in enumerate(marks):
            axes[row, column].imshow((each / max(each.max(), 1e-12)).transpose(1, 2, 0))
            axes[row, column].set_title(f"convolution {column}", fontsize=8)
    for each in axes.ravel():
        each.set_axis_off()
    figure.savefig(path, dpi=110)
    print(f"{path}: {len(rows)} classes with a quarter of the atoms missing, {len(places)} convolutions")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    of_speed = commands.add_parser("speed")
    of_speed.add_argument("--atoms", type=int, default=256)
    of_speed.add_argument("--repeats", type=int, default=10)
    of_maps = commands.add_parser("maps")
    of_maps.add_argument("run", type=Path)
    of_maps.add_argument("-o", "--output", type=Path, default=Path("maps.png"))
    arguments = parser.parse_args()
    if arguments.command == "speed":
        speed(arguments.atoms, arguments.repeats)
    else:
        maps(arguments.run, arguments.output)


if __name__ == "__main__":
    main()
