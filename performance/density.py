"""Classical methods, and a trained network if there is one, on the same scans of the benchmark `density`.

    python performance/density.py data/density_mini -o baselines [--run runs/mine] [--samples 60] [--doses 1e3 1e5]

Writes `baselines.json` and `baselines.png`, and prints the error of each method by thickness. A method without learning
knows no scale: its pictures are fitted to each specimen's density by the best scale and offset, of either sign, which
is in its favour. The network's are taken as they are. Times are of one thread. With `--doses` the same specimens are
made again, counted with so many electrons per square Angstrom, for a table of error by dose.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MPLBACKEND", "Agg")
sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
from numpy.typing import NDArray

from benchmark.data.manifest import read_manifest
from benchmark.data.reader import Part
from benchmark.data.recipe import samples_of_unit
from benchmark.definition.finder import benchmark_of
from benchmark.definition.rung import Rung
from benchmark.metrics.standardised_error import standardised
from benchmark.simulation.probe import Probe
from benchmark.tasks.density.classical import centre_of_mass, dark_field, ptychography, single_side_band
from benchmark.tasks.density.measures import Found, fitted, resolution_angstrom, similarity, square_errors
from benchmark.tasks.density.recipe import DensityRecipe
from benchmark.tasks.density.rung import DensityRung, understood
from benchmark.tasks.density.scanned import counted_scan

EDGES = (0.0, 35.0, 75.0, 125.0, np.inf)
AROUND = (20, 50, 100, 200)
"""Thicknesses in Angstrom that the columns of the table are named by: from one edge to the next."""
NETWORK = "network"
Method = Callable[[NDArray[np.float32]], NDArray]


def classical(parts: DensityRung, iterations: int) -> Mapping[str, Method]:
    """By name; of scans (n, s, s, p, p) pictures (n, m, m). The probe is the middle of what the rung draws."""
    beam, scan = parts.beam, parts.scan
    defocus, spherical = (sum(pair) / 2.0 for pair in (beam.defocus_angstrom, beam.spherical_angstrom))
    probe = Probe(beam.energy_kev, beam.semi_angle_mrad, defocus, spherical)
    thick = sum(parts.specimens.thickness_angstrom) / 2.0
    several = 4
    return {
        "mean picture": lambda scans: np.zeros((len(scans), scan.target_pixels, scan.target_pixels)),
        "dark field": partial(dark_field, probe=probe, scan=scan),
        "centre of mass": partial(centre_of_mass, probe=probe, scan=scan),
        "single side-band": partial(single_side_band, probe=probe, scan=scan),
        "ptychography": partial(
            ptychography, probe=probe, scan=scan, slices=1, slice_angstrom=0.0, iterations=iterations
        ),
        f"ptychography, {several} slices": partial(
            ptychography, probe=probe, scan=scan, slices=several, slice_angstrom=thick / several, iterations=iterations
        ),
    }


def network(run: Path, rung: str) -> Method:
    """The model of a run's checkpoint, on the CPU."""
    from benchmark.data.recipe import recipe_of
    from benchmark.definition.request import CHECKPOINT, CONFIG
    from benchmark.definition.settings import Settings, settings_of
    from benchmark.foundation.files import read_yaml_mapping
    from reference.answer import answerer

    benchmark = benchmark_of(rung)
    config, known = read_yaml_mapping(run / CONFIG, "the run's configuration"), settings_of(benchmark)
    values = {name: known[name].checked(value, str(CONFIG)) for name, value in config.items() if name in known}
    settings = Settings.of({name: each.default for name, each in known.items()} | values)
    answer = answerer(run / CHECKPOINT, benchmark, recipe_of(benchmark.rung(rung)).schema(), settings)
    return lambda scans: answer({"scan": scans})["density"]


def measured(pictures: NDArray, seconds: float, read: Mapping[str, NDArray], pixel_angstrom: float) -> dict:
    """Of one method: the error over all, by thickness, and what else is said of its pictures."""
    errors, z = square_errors(pictures, read["density"]), standardised(read["density"])
    found = Found()
    for picture, true in zip(pictures, z, strict=True):
        found.add(picture, true, pixel_angstrom)
    by_thickness = {}
    for name, low, high in zip(AROUND, EDGES, EDGES[1:], strict=False):
        chosen = (read["thickness"] >= low) & (read["thickness"] < high)
        by_thickness[name] = float(np.sqrt(errors[chosen].mean())) if chosen.any() else None
    return {
        "error": float(np.sqrt(errors.mean())),
        "by_thickness_angstrom": by_thickness,
        "ssim": float(np.mean([similarity(picture, true) for picture, true in zip(pictures, z, strict=True)])),
        "resolution_angstrom": resolution_angstrom(pictures, z, pixel_angstrom),
        **found.summary(),
        "milliseconds": 1e3 * seconds / len(pictures),
        "memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def at_doses(
    rung: Rung, split: str, count: int, doses: Sequence[float], methods: Mapping[str, Method]
) -> dict[str, dict[float, float]]:
    """By method, the error at each dose (electrons per square Angstrom) over the first so many specimens of a split,
    which are made here: the same crystals, defects and views at every dose."""
    recipe = DensityRecipe(rung)
    recipe.parts = replace(recipe.parts, beam=replace(recipe.parts.beam, dose_per_angstrom2=(0.0, 0.0)))  # no counting
    units = [unit for unit in recipe.units() if unit.split == split][:count]
    made = [sample.arrays for unit in units for sample in samples_of_unit(recipe, rung, unit)]
    density = np.array([each["density"] for each in made])
    found: dict[str, dict[float, float]] = {name: {} for name in methods}
    for dose in doses:
        electrons, generator = dose * recipe.parts.scan.step_angstrom**2, np.random.default_rng(0)
        scans = np.array([counted_scan(each["scan"], electrons, generator) for each in made])
        for name, method in methods.items():
            pictures = method(scans)
            pictures = pictures if name == NETWORK else fitted(pictures, density)
            found[name][dose] = float(np.sqrt(square_errors(pictures, density).mean()))
    return found


def draw(path: Path, pictures: Mapping[str, NDArray], thickness: NDArray, rows: int = 5) -> None:
    """Specimens from thin to thick, one per row: the density, and what each method made of it."""
    import matplotlib.pyplot as plt

    chosen = np.argsort(thickness)[np.linspace(0, len(thickness) - 1, rows).astype(int)]
    figure, axes = plt.subplots(rows, len(pictures), figsize=(2.0 * len(pictures), 2.0 * rows), squeeze=False)
    for row, number in zip(axes, chosen, strict=True):
        for axis, (name, shown) in zip(row, pictures.items(), strict=True):
            axis.imshow(shown[number], cmap="magma", vmin=-1.5, vmax=4.0)
            axis.set_xticks([])
            axis.set_yticks([])
            if number == chosen[0]:
                axis.set_title(name, fontsize=8)
        row[0].set_ylabel(f"{thickness[number]:.0f} Å")
    figure.tight_layout()
    figure.savefig(path, dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("-o", "--output", type=Path, default=Path("baselines"))
    parser.add_argument("--run", type=Path, help="a run that kept its checkpoint")
    parser.add_argument("--split", default="test", choices=("dev", "test"))
    parser.add_argument("--samples", type=int, default=60, help="the first so many of the split")
    parser.add_argument("--iterations", type=int, default=20, help="of ptychography")
    parser.add_argument("--doses", type=float, nargs="+", default=[], help="electrons per square Angstrom")
    arguments = parser.parse_args()

    manifest = read_manifest(arguments.data)
    rung = benchmark_of(manifest.rung).rung(manifest.rung)
    parts, part = understood(rung), Part(manifest, arguments.split)
    read = part.empty(min(arguments.samples, len(part)))
    part.read(np.arange(len(read["scan"])), read)
    methods = dict(classical(parts, arguments.iterations))
    if arguments.run:
        methods[NETWORK] = network(arguments.run, rung.name)
    pixel = parts.scan.field_angstrom / parts.scan.target_pixels
    pictures, rows = {"density": standardised(read["density"])}, {}
    print(f"{'error':24} {'all':>6} " + " ".join(f"{each:>4} A" for each in AROUND) + "   SSIM  res. A  recall     ms")
    for name, method in methods.items():
        started = time.process_time()
        made = method(read["scan"])
        seconds = time.process_time() - started
        pictures[name] = made if name == NETWORK else fitted(made, read["density"])
        row = rows[name] = measured(pictures[name], seconds, read, pixel)
        there = " ".join("     -" if each is None else f"{each:6.3f}" for each in row["by_thickness_angstrom"].values())
        print(
            f"{name:24} {row['error']:6.3f} {there}  {row['ssim']:5.2f}  {row['resolution_angstrom']:6.2f} "
            f"{row['recall']:7.2f} {row['milliseconds']:6.0f}",
            flush=True,
        )
    if arguments.doses:
        print(f"\n{'error, by electrons per square A':32} " + " ".join(f"{dose:8.0e}" for dose in arguments.doses))
        by_dose = at_doses(rung, arguments.split, len(read["scan"]), arguments.doses, methods)
        for name, errors in by_dose.items():
            print(f"{name:32} " + " ".join(f"{error:8.3f}" for error in errors.values()))
            rows[name]["by_dose_per_angstrom2"] = errors
    arguments.output.mkdir(parents=True, exist_ok=True)
    (arguments.output / "baselines.json").write_text(json.dumps(rows, indent=1), encoding="utf-8")
    draw(arguments.output / "baselines.png", pictures, read["thickness"])
    print(f"Next: open {arguments.output / 'baselines.png'}")


if __name__ == "__main__":
    main()
