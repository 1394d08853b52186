"""Tables of crystals as users bring them: drawn ones, rock salt, and the NPZ that holds them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from benchmark.definition.finder import load_benchmark
from benchmark.simulation.cbed import CbedRung
from benchmark.simulation.crystal import Crystal
from benchmark.simulation.draw import draw_crystal
from benchmark.simulation.recipes import CrystalLimits

SMOKE = CbedRung.of(load_benchmark("space_group").rung("stemdl_smoke"))


WIDE = CrystalLimits(longest_edge_angstrom=100.0, most_atoms_per_cell=1000)


def write_table(path: Path, crystals: list[tuple[str, Crystal]], **changes: Any) -> Path:
    arrays = {
        "ids": np.array([identifier for identifier, _ in crystals]),
        "cells": np.array([[*crystal.lengths_angstrom, *crystal.angles_degrees] for _, crystal in crystals]),
        "ns": np.array([len(crystal.numbers) for _, crystal in crystals]),
        "Z": np.concatenate([crystal.numbers for _, crystal in crystals]).astype(np.uint8),
        "X": np.concatenate([crystal.positions for _, crystal in crystals]).astype(np.float32),
    } | changes
    np.savez(path, **{name: array for name, array in arrays.items() if array is not None})
    return path


def drawn(group: int, count: int) -> list[tuple[str, Crystal]]:
    return [
        (f"{group}-{seed}", draw_crystal(group, SMOKE.crystals, np.random.default_rng(seed))) for seed in range(count)
    ]


ROCK_SALT = np.array([[0, 0, 0], [1, 1, 0], [1, 0, 1], [0, 1, 1], [1, 1, 1], [0, 0, 1], [0, 1, 0], [1, 0, 0]]) / 2.0


def two_salts() -> list[tuple[str, Crystal]]:
    """Rock salt of sodium and of potassium, eight atoms each."""
    return [
        (name, Crystal(5.64 * np.eye(3), np.repeat([metal, 17], 4), ROCK_SALT, 225))
        for name, metal in (("a", 11), ("b", 19))
    ]
