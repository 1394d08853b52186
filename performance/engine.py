"""What the engine's speed is measured by: operations of its matrix products, the device's rate of such, zones to make.

Operations are counted as those of the complex products, eight a term; a matrix exponential's by the products of its
algorithm (Bader, Blanes & Casas 2019), which takes the degree and the squarings from the matrix's norm.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np

from benchmark.crystals.simulate import View
from benchmark.simulation.draw import draw_crystal
from benchmark.simulation.potential import Atoms
from benchmark.simulation.recipes import Optics
from benchmark.simulation.zone import CONVENTIONAL_AXES, DETECTOR_RIGHT, project

EXPONENTIAL = (
    (1.192092800768788e-07, 0),
    (5.978858893805233e-04, 1),
    (5.116619363445086e-02, 2),
    (5.800524627688768e-01, 3),
    (1.461661507209034, 4),
    (3.010066362817634, 5),
)
"""Up to which 1-norm of a single-precision matrix torch's exponential takes how many products, before squarings."""


def exponential_products(matrix) -> int:
    """Matrix products that torch.linalg.matrix_exp takes for one square matrix."""
    norm = float(matrix.abs().sum(dim=-2).max())
    for most, count in EXPONENTIAL:
        if norm <= most:
            return count
    return EXPONENTIAL[-1][1] + max(0, math.ceil(math.log2(norm / EXPONENTIAL[-1][0])))


@contextmanager
def counted_operations(found: list[float]) -> Iterator[None]:
    """Adds the real operations of the complex products within, padding included, to the list.

    torch's counter sees all of them but those inside a matrix exponential.
    """
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    plain = torch.linalg.matrix_exp
    products = 0.0

    def exponential(matrices):
        nonlocal products
        products += sum(8.0 * matrix.shape[-1] ** 3 * exponential_products(matrix) for matrix in matrices)
        return plain(matrices)

    torch.linalg.matrix_exp = exponential
    try:
        with FlopCounterMode(display=False) as counter:
            yield
    finally:
        torch.linalg.matrix_exp = plain
    # The counter takes a complex product for a real one of two operations a term; it has eight.
    found.append(4.0 * counter.get_total_flops() + products)


def clock(device: str) -> Callable[[], float]:
    """Processor seconds on a CPU; elsewhere the wall's, when all is done."""
    import torch

    def wall() -> float:
        torch.cuda.synchronize(device)
        return time.perf_counter()

    return time.process_time if device == "cpu" else wall


def product_rate(device: str, now: Callable[[], float]) -> float:
    """Operations a second of complex64 products at the size that the device is best at, of those tried."""
    import torch

    best = 0.0
    for size, repeats in ((512, 5), (1024, 2)) if device == "cpu" else ((1024, 50), (4096, 5)):
        square = torch.randn(size, size, dtype=torch.complex64, device=device)
        square @ square
        for _ in range(4):
            start = now()
            for _ in range(repeats):
                square @ square
            best = max(best, repeats * 8 * size**3 / (now() - start))
    return best


def views_of(rung, optics: Optics, crystals: int, thicknesses: int) -> list[View]:
    """Each crystal's three axes; thicknesses in equal steps up to one drawn from the recipe's range."""
    atoms = Atoms(optics.debye_waller_b_angstrom2, optics.scattering_factors)
    views = []
    for number in range(crystals):
        generator = np.random.default_rng([rung.seed, number])
        crystal = draw_crystal(rung.space_groups[number % rung.classes], rung.crystals, generator)
        deepest = generator.uniform(*optics.thickness_angstrom)
        energy = optics.energies_kev[number % len(optics.energies_kev)]
        views += [
            View(
                project(crystal, axis, DETECTOR_RIGHT[axis]),
                atoms,
                energy,
                tuple(deepest * np.arange(1, thicknesses + 1) / thicknesses),
            )
            for axis in CONVENTIONAL_AXES
        ]
    return views
