"""Incident directions of a convergent probe: a plain grid, or few nodes from which waves are interpolated.

Behind a crystal of thickness t a wave of beam g depends on the direction K_t by phases of at most 2 pi t K_t.g / K: it
is a smooth function over a probe's aperture, which a polynomial of low degree gives from its values at few directions.
"""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray


def grid(semi_angle_per_angstrom: float, across: int) -> NDArray[np.float64]:
    """Directions (n, 2) that sample a round aperture on a square grid, symmetric under its flips and quarter turns."""
    ticks = (np.arange(across) - (across - 1) / 2) * (2.0 * semi_angle_per_angstrom / across)
    square = np.stack(np.meshgrid(ticks, ticks, indexing="ij"), axis=-1).reshape(-1, 2)
    return square[np.linalg.norm(square, axis=1) < semi_angle_per_angstrom]


@functools.cache
def nodes(degree: int) -> NDArray[np.float64]:
    """Points (n, 2) of the unit disk that fix a polynomial of that total degree; the set has the square's symmetry.

    Rings as Ramos-Lopez et al. (2016), Appl. Opt. 55, 9 place them for Zernike polynomials, each with its number of
    points rounded up to a multiple of four.
    """
    rings = degree // 2 + 1
    zeros = np.cos((2.0 * np.arange(1, rings + 1) - 1.0) * np.pi / (2.0 * (degree + 1)))
    radii = 1.1565 * zeros - 0.76535 * zeros**2 + 0.60517 * zeros**3
    points = []
    for ring, radius in enumerate(radii):
        count = 4 * -(-(2 * degree + 1 - 4 * ring) // 4)
        angle = (np.arange(count) + 0.5) * (2.0 * np.pi / count)
        points.append(radius * np.stack([np.cos(angle), np.sin(angle)], axis=1))
    return np.concatenate(points)


def chebyshev(x: NDArray, degree: int) -> NDArray:
    """T_0(x) to T_degree(x) along a new last axis."""
    return np.polynomial.chebyshev.chebvander(x, degree)


@functools.cache
def fit(degree: int) -> NDArray[np.float64]:
    """(n, (degree + 1)^2): values at `nodes` times this are coefficients of T_i(x) T_j(y), i-major, 0 past the degree.

    The polynomial of that degree that is nearest at the nodes, which are a few more than its coefficients.
    """
    points = nodes(degree)
    products = chebyshev(points[:, 0], degree)[:, :, None] * chebyshev(points[:, 1], degree)[:, None, :]
    order = np.add.outer(np.arange(degree + 1), np.arange(degree + 1)).ravel()
    used = order <= degree
    matrix = np.zeros((len(points), order.size))
    matrix[:, used] = np.linalg.pinv(products.reshape(len(points), -1)[:, used]).T
    return matrix
