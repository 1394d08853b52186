"""How near the reflections of powder patterns are to those of other programs, and the record that a test holds them to.

    python performance/powder_engines.py draw CRYSTALS.npz
    PYMATGEN_PYTHON performance/powder_engines.py pymatgen CRYSTALS.npz PYMATGEN.npz
    DANS_PYTHON performance/powder_engines.py dans CRYSTALS.npz DANS.npz
    python performance/powder_engines.py join CRYSTALS.npz PYMATGEN.npz DANS.npz -o tests/.../engines.npz

`draw` draws 50 crystals of 50 space groups; the engines, each in an environment of its own, list where lines are and
how strong: |F|^2 summed over reflections, times Lorentz and polarisation factors, of Cu K alpha 1 from 5 to 90 degrees.
pymatgen's table of form factors is kept too, since it differs from that of the International Tables by some percent.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

CRYSTALS = 50
WAVELENGTH_ANGSTROM = 1.540593
FIRST_DEGREES, LAST_DEGREES = 5.0, 90.0
LEAST_SHARE = 1e-3
"""Of the strongest line: weaker ones are not kept."""
Engine = Callable[[np.ndarray, np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]


def draw(path: Path) -> None:
    """50 crystals of as many space groups, 4 to 40 atoms."""
    from benchmark.definition.finder import load_benchmark
    from benchmark.simulation.draw import draw_crystal
    from benchmark.tasks.powder.rung import understood

    recipe = understood(load_benchmark("powder").rung("powder_small")).crystals
    generator = np.random.default_rng(50)
    found: list[Any] = []
    for group in np.round(np.linspace(1, 230, CRYSTALS)).astype(int).tolist():
        crystal = draw_crystal(group, recipe, generator)
        for _ in range(20):
            if len(crystal.numbers) <= 40:
                break
            crystal = draw_crystal(group, recipe, generator)
        found.append(crystal)
    np.savez_compressed(
        path,
        space_groups=[each.space_group for each in found],
        counts=[len(each.numbers) for each in found],
        cells=[each.cell for each in found],
        numbers=np.concatenate([each.numbers for each in found]),
        positions=np.concatenate([each.positions for each in found]),
    )


def of_pymatgen(cell: np.ndarray, numbers: np.ndarray, positions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    from pymatgen.analysis.diffraction.xrd import XRDCalculator
    from pymatgen.core import Element, Lattice, Structure

    structure = Structure(Lattice(cell), [Element.from_Z(int(number)) for number in numbers], positions)
    calculator = XRDCalculator(wavelength=WAVELENGTH_ANGSTROM)
    found = calculator.get_pattern(structure, scaled=False, two_theta_range=(FIRST_DEGREES, LAST_DEGREES))
    return np.array(found.x), np.array(found.y)


def of_dans(cell: np.ndarray, numbers: np.ndarray, positions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of Dans_Diffraction, whose structure factors are taken and multiplied by the factors here."""
    import Dans_Diffraction as dif

    crystal = dif.Crystal()
    lengths = np.linalg.norm(cell, axis=1)
    one, two, three = cell / lengths[:, None]
    crystal.Cell.latt([*lengths, *np.degrees(np.arccos([two @ three, one @ three, one @ two]))])
    names = np.array([dif.fc.element_symbol(int(number))[0] for number in numbers])
    u, v, w = positions.T
    crystal.new_atoms(u=u, v=v, w=w, type=names, label=names, occupancy=np.ones(len(u)), uiso=np.zeros(len(u)))
    crystal.Scatter.setup_scatter(scattering_type="xray", energy_kev=12.398419843 / WAVELENGTH_ANGSTROM, output=False)
    most = np.floor(lengths * 2.0 / WAVELENGTH_ANGSTROM * np.sin(np.radians(LAST_DEGREES / 2.0))).astype(int)
    grid = np.stack(np.meshgrid(*(np.arange(-n, n + 1) for n in most), indexing="ij"), axis=-1).reshape(-1, 3)
    sine = np.linalg.norm(grid @ np.linalg.inv(cell).T, axis=1) * WAVELENGTH_ANGSTROM / 2.0
    low, high = np.sin(np.radians([FIRST_DEGREES, LAST_DEGREES]) / 2.0)
    inside = (sine >= low) & (sine <= high)
    at = 2.0 * np.degrees(np.arcsin(sine[inside]))
    strength = np.asarray(crystal.Scatter.intensity(grid[inside]))
    theta = np.radians(at / 2.0)
    return at, strength * (1.0 + np.cos(2.0 * theta) ** 2) / (np.sin(theta) ** 2 * np.cos(theta))


def merged(at: np.ndarray, strength: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Lines nearer than 0.001 degrees as one at their mean."""
    order = np.argsort(at)
    at, strength = at[order], strength[order]
    line = np.concatenate([[0], np.cumsum(np.diff(at) > 1e-3)])
    total = np.bincount(line, strength)
    return np.bincount(line, at * strength) / np.maximum(total, 1e-300), total


def run(engine: Engine, crystals: Path, path: Path, more: dict[str, Any]) -> None:
    with np.load(crystals, allow_pickle=False) as given:
        ends = np.cumsum(given["counts"])
        places, strengths, counts = [], [], []
        for row, end in enumerate(ends):
            atoms = slice(end - given["counts"][row], end)
            at, strength = merged(*engine(given["cells"][row], given["numbers"][atoms], given["positions"][atoms]))
            kept = strength > LEAST_SHARE * strength.max()
            places.append(at[kept])
            strengths.append(strength[kept])
            counts.append(int(kept.sum()))
            print(row, given["space_groups"][row], counts[-1], flush=True)
    np.savez_compressed(
        path,
        lines=counts,
        two_theta=np.concatenate(places),
        intensity=np.concatenate(strengths).astype(np.float32),
        **more,
    )


def table_of_pymatgen() -> dict[str, Any]:
    """(n, 4, 2) of elements 1 to 98, a and b of f = Z - 41.78214 s^2 sum a exp(-b s^2); 0 where there is none."""
    from pymatgen.analysis.diffraction.xrd import ATOMIC_SCATTERING_PARAMS
    from pymatgen.core import Element

    table = np.zeros((99, 4, 2))
    for symbol, rows in ATOMIC_SCATTERING_PARAMS.items():
        number = Element(symbol).Z
        if number < 99:
            table[number, : len(rows)] = rows
    return {"form_factors": table}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("step", choices=("draw", "pymatgen", "dans", "join"))
    parser.add_argument("paths", type=Path, nargs="+")
    parser.add_argument("-o", "--output", type=Path)
    arguments = parser.parse_args()
    if arguments.step == "draw":
        draw(*arguments.paths)
    elif arguments.step == "pymatgen":
        run(of_pymatgen, *arguments.paths, table_of_pymatgen())
    elif arguments.step == "dans":
        run(of_dans, *arguments.paths, {})
    else:
        joined: dict[str, Any] = {}
        for name, path in zip(("", "pymatgen_", "dans_"), arguments.paths, strict=True):
            with np.load(path, allow_pickle=False) as found:
                joined |= {f"{name}{key}": found[key] for key in found.files}
        np.savez_compressed(arguments.output, **joined)


if __name__ == "__main__":
    main()
