"""Scans that are given to the evaluation of density, and what it reads of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from benchmark.definition.finder import EVALUATE, find_task, load_benchmark
from benchmark.definition.question import Question
from benchmark.foundation.errors import StemdlError

RUNG = load_benchmark("density").rung("density_smoke")
EVALUATION = find_task("density").code(EVALUATE)
STEP, PIXEL = 0.9, 1.2 / 16.0
"""Of the smoke rung: Angstrom between positions, 1/Angstrom between detector pixels."""
CALIBRATED = {"step_angstrom": str(STEP), "pixel_per_angstrom": str(PIXEL), "electrons": "1"}


def asked(path: Path, **options: str) -> Question | StemdlError:
    (found,) = EVALUATION.read_inputs([path], RUNG, options)
    return found


def scan_of(path: Path, **options: str) -> NDArray[np.float32]:
    found = asked(path, **options)
    assert isinstance(found, Question), found
    return found.inputs["scan"]


def saved(folder: Path, array: NDArray[Any]) -> Path:
    np.save(folder / "scan.npy", array)
    return folder / "scan.npy"


def emd(path: Path, scan: NDArray[Any], units: tuple[str, str], scales: tuple[float, float], first: int = 0) -> Path:
    """As py4DSTEM writes one, with `dim0` or, as older files, `dim1` first."""
    with h5py.File(path, "w") as file:
        group = file.create_group("datacube_root/datacube")
        group["data"] = scan
        for number in range(4):
            which = int(number > 1)
            dim = group.create_dataset(f"dim{number + first}", data=np.array([0.0, scales[which]]))
            dim.attrs["units"] = units[which]
    return path
