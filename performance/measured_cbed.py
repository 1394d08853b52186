"""Where the simulation meets a microscope: measured position-averaged CBED of SrTiO3 [001] against the engine's.

    python performance/measured_cbed.py PICTURES... [--energies 200] [--mrad 13.6] [--pictures FOLDER]

A probe that is averaged over the cell adds up the disks in intensity. The engine's thicknesses (every nanometre), the
picture's centre, rotation and pixels per milliradian are fitted to each picture by correlation within 1.25 of the
disk's radius; contrast and offset are free, since a picture of 8 bits says neither. Printed for each picture and
absorption: correlation, the share of the contrast that the simulation leaves unexplained (sqrt(1 - r^2)), the fitted
thickness next to that of the file's name ("50-51nm"), and how far the picture is from its own mean over the eight
operations of 4mm, which no simulation of a perfect crystal can explain.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, map_coordinates
from scipy.optimize import minimize

from benchmark.simulation.crystal import Crystal
from benchmark.simulation.manybeam import propagate_many
from benchmark.simulation.potential import Atoms
from benchmark.simulation.recipes import Accuracy
from benchmark.simulation.scattering import wavelength_angstrom
from benchmark.simulation.waves import Problem
from benchmark.simulation.zone import project

A_ANGSTROM = 3.905
SRTIO3 = Crystal(
    np.eye(3) * A_ANGSTROM,
    np.array([38, 22, 8, 8, 8]),
    np.array([[0, 0, 0], [0.5, 0.5, 0.5], [0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0.5]]),
    221,
)
B_ANGSTROM2 = {38: 0.62, 22: 0.44, 8: 0.72}
"""Of SrTiO3 at room temperature (Abramov et al. 1995, Acta Cryst. B51, 942)."""
ACCURACY = Accuracy(
    strong_per_angstrom=2.6,
    weak_per_angstrom=3.6,
    most_strong_beams=900,
    slice_angstrom=2.0,
    directions_across=3,
)
"""Within 0.5 % of beams to 3.4 per Angstrom and slices of 1 Angstrom, at 110 nm."""
STEPS_PER_G = 16
WITHIN = 1.25
"""Of the disk's radius: further out is the diffuse scattering, which the engine leaves out."""
BLUR_STEPS = 1.0
"""A detector's point spread, in steps of the simulation's grid (0.4 mrad at 200 kV)."""
THICKNESSES_ANGSTROM = np.arange(400.0, 1201.0, 10.0)


@dataclass(frozen=True)
class Simulated:
    """Patterns over a square grid of scattering vectors, in units of the disk's radius.

    Attributes
    ----------
    places : (n, 2) the grid's points within `WITHIN`.
    patterns : (thicknesses, n), each without its mean and of length 1.
    """

    places: NDArray[np.float64]
    patterns: NDArray[np.float64]


def simulate(energy_kev: float, semi_angle_mrad: float, absorption: str) -> Simulated:
    """Patterns of SrTiO3 along [001] of every thickness: each incident direction of an eighth of the aperture is
    propagated, and its beams are added where they fall; the other seven eighths follow by symmetry (4mm)."""
    step = 1.0 / A_ANGSTROM / STEPS_PER_G
    radius = semi_angle_mrad * 1e-3 / wavelength_angstrom(energy_kev) / step
    across = int(np.ceil(radius)) + 1
    wedge = np.array([(i, j) for i in range(across + 1) for j in range(i + 1)])
    inside = np.clip(radius - np.hypot(*wedge.T) + 0.5, 0.0, 1.0)  # the aperture's edge cuts cells of the grid
    wedge, inside = wedge[inside > 0.0], inside[inside > 0.0]
    alike = np.where((wedge == 0).all(1), 1, np.where((wedge[:, 1] == 0) | (wedge[:, 0] == wedge[:, 1]), 4, 8))
    problem = Problem(
        project(SRTIO3, (0, 0, 1), (1, 0, 0)),
        wedge * step,
        energy_kev,
        tuple(THICKNESSES_ANGSTROM),
        Atoms(B_ANGSTROM2, "lobato", absorption),
    )
    reach = int(np.ceil(2.0 * radius))
    ground = np.arange(-reach, reach + 1) / radius
    places = np.stack(np.meshgrid(ground, ground, indexing="ij"), -1).reshape(-1, 2)
    near = np.hypot(*places.T) < WITHIN
    patterns = []
    for waves in propagate_many([problem], accuracy=ACCURACY)[0]:
        fall = np.rint(waves.vectors / step).astype(int)[:, None] + wedge
        on = (np.abs(fall) <= reach).all(-1)
        pattern = np.zeros((2 * reach + 1, 2 * reach + 1))
        np.add.at(pattern, tuple((fall[on] + reach).T), (waves.intensities * (inside * alike))[on])
        pattern = sum(np.rot90(pattern, turn) for turn in range(4))
        flat = gaussian_filter(pattern + pattern.T, BLUR_STEPS).ravel()[near]
        patterns.append((flat - flat.mean()) / np.linalg.norm(flat - flat.mean()))
    return Simulated(places[near], np.array(patterns))


@dataclass(frozen=True)
class Fit:
    """How a picture lies on the simulated grid.

    `seen` are the picture's values at the grid's places; `pose` its centre (x, y), pixels per disk radius and rotation
    in radians; `own` its distance from its mean over 4mm, as a share of its contrast.
    """

    correlation: float
    thickness: int
    pose: NDArray[np.float64]
    seen: NDArray[np.float64]
    own: float


def seen_at(picture: NDArray, places: NDArray, pose: NDArray) -> NDArray[np.float64]:
    """The picture's values (n,) at places of the grid, without their mean."""
    x, y, scale, angle = pose
    right = x + scale * (places[:, 0] * np.cos(angle) - places[:, 1] * np.sin(angle))
    down = y + scale * (places[:, 0] * np.sin(angle) + places[:, 1] * np.cos(angle))
    values = map_coordinates(picture, [down, right], order=1, mode="nearest")
    return values - values.mean()


def fit(picture: NDArray, simulated: Simulated) -> Fit:
    """The pose and thickness of the highest correlation: a search over scales and angles, then Nelder and Mead's."""
    bright = picture > 0.3 * picture.max()
    rows, columns = np.nonzero(bright)
    size = np.sqrt(bright.sum() / np.pi)

    def correlations(pose: NDArray) -> NDArray:
        seen = seen_at(picture, simulated.places, pose)
        return simulated.patterns @ seen / np.linalg.norm(seen)

    poses = [
        np.array([columns.mean(), rows.mean(), scale * size, angle])
        for scale in np.linspace(0.75, 1.1, 15)
        for angle in np.radians(np.arange(0.0, 90.0, 3.0))
    ]
    first = max(poses, key=lambda pose: correlations(pose).max())
    simplex = np.vstack([first, first + np.diag([3.0, 3.0, 3.0, 0.05])])
    found = minimize(
        lambda pose: -correlations(pose).max(),
        first,
        method="Nelder-Mead",
        options={"initial_simplex": simplex, "maxiter": 400},
    )
    seen = seen_at(picture, simulated.places, found.x)
    quarter = np.array([0.0, 0.0, 0.0, np.pi / 2.0])
    images = [
        seen_at(picture, simulated.places * [1.0, mirror], found.x + turn * quarter)
        for mirror in (1.0, -1.0)
        for turn in range(4)
    ]
    mean = np.mean(images, axis=0)
    own = float(np.linalg.norm(seen - mean) / np.linalg.norm(mean))
    return Fit(float(-found.fun), int(correlations(found.x).argmax()), found.x, seen, own)


def draw(path: Path, title: str, simulated: Simulated, found: Fit) -> None:
    """The picture, the simulation on the picture's scale and their difference, side by side."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    best = simulated.patterns[found.thickness]
    expected = best * (best @ found.seen)
    figure, panels = plt.subplots(1, 3, figsize=(9.6, 3.5), layout="constrained")
    limit = float(np.abs(found.seen).max())
    for panel, name, values, colours in (
        (panels[0], "measured", found.seen, "viridis"),
        (panels[1], "simulated", expected, "viridis"),
        (panels[2], "measured - simulated", found.seen - expected, "RdBu_r"),
    ):
        drawn = panel.scatter(*simulated.places.T, c=values, s=5, cmap=colours, vmin=-limit, vmax=limit, marker="s")
        panel.set(title=name, aspect="equal", xticks=[], yticks=[])
    figure.colorbar(drawn, ax=panels, shrink=0.8, label="grey levels from the mean")
    figure.suptitle(title)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def main() -> None:
    """Prints a row for each picture, energy and absorption."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--energies", nargs="+", type=float, default=[200.0], help="kV (default: 200)")
    parser.add_argument("--mrad", type=float, default=13.6, help="the probe's semi-angle (default: 13.6)")
    parser.add_argument("--pictures", type=Path, help="a folder for a picture of each file's best fit")
    arguments = parser.parse_args()
    from PIL import Image

    pictures = {
        path: gaussian_filter(np.asarray(Image.open(path).convert("L"), float), 2.0) for path in arguments.files
    }
    best: dict[Path, tuple[Fit, Simulated, str]] = {}
    print("picture                    kV  absorption      r  unexplained  own 4mm   t/nm  named")
    for energy in arguments.energies:
        for absorption in ("none", "thermal"):
            simulated = simulate(energy, arguments.mrad, absorption)
            for path, picture in pictures.items():
                found = fit(picture, simulated)
                thickness = THICKNESSES_ANGSTROM[found.thickness] / 10.0
                named = re.search(r"(\d+-\d+)nm", path.name)
                print(
                    f"{path.name[:24]:24} {energy:4.0f}  {absorption:10} {found.correlation:6.4f}  "
                    f"{np.sqrt(1.0 - found.correlation**2):11.3f}  {found.own:7.3f}  {thickness:5.0f}  "
                    f"{named[1] if named else '-'}",
                    flush=True,
                )
                if path not in best or best[path][0].correlation < found.correlation:
                    title = (
                        f"{path.name}: SrTiO3 [001], {energy:.0f} kV, {thickness:.0f} nm, r = {found.correlation:.3f}"
                    )
                    best[path] = found, simulated, title
    if arguments.pictures:
        arguments.pictures.mkdir(parents=True, exist_ok=True)
        for path, (found, simulated, title) in best.items():
            draw(arguments.pictures / f"{path.stem}.png", title, simulated, found)
        print(f"pictures: {arguments.pictures}")


if __name__ == "__main__":
    main()
