"""The table of special positions is what the search finds, whatever basis a processor's linear algebra takes."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmark.definition.finder import load_benchmark
from benchmark.simulation.cbed import CbedRung
from benchmark.simulation.draw import draw_crystal
from benchmark.simulation.site_search import find_sites
from benchmark.simulation.supergroup import basis_of
from benchmark.simulation.symmetry import Site, sites

OTHER_KERNELS = {"OPENBLAS_CORETYPE": "Prescott", "NPY_DISABLE_CPU_FEATURES": "AVX2 FMA3 AVX512F AVX512_SKX"}
"""Those of a processor of 2004, on any x86 machine."""
BASES_DIFFER = (139, 194, 225)
"""Groups of the shipped rungs in which these kernels take other bases of planes."""


Placed = tuple[Site, NDArray[np.float64]]
"""A site, and the projection onto its free directions."""


def placed(*found: Site) -> list[Placed]:
    return [
        (site, site.directions.T @ np.linalg.inv(site.directions @ site.directions.T) @ site.directions)
        for site in found
    ]


def same(one: Placed, other: Placed) -> bool:
    """Whether two sites are the same set of points, up to the lattice."""
    (site, along), (other_site, other_along) = one, other
    if site.multiplicity != other_site.multiplicity or len(site.directions) != len(other_site.directions):
        return False
    if np.abs(along - other_along).max() > 1e-6:
        return False
    apart = site.origin - other_site.origin
    across = (apart - np.round(apart)) if not len(site.directions) else apart @ (np.eye(3) - along)
    return np.abs(across).max() <= 1e-6


@pytest.mark.slow
def test_the_table_has_the_positions_that_the_search_finds() -> None:
    for group in range(1, 231):
        found, listed = placed(*find_sites(group)), placed(*sites(group))
        assert all(any(same(one, other) for other in listed) for one in found), group
        assert all(any(same(one, other) for other in found) for one in listed), group


def test_another_position_is_told_from_it() -> None:
    site = next(site for site in sites(139) if len(site.directions) == 2)

    def differs(**changes: object) -> bool:
        return not same(*placed(site, dataclasses.replace(site, **changes)))

    turned = np.array([[0.6, 0.8], [-0.8, 0.6]])
    assert not differs(directions=turned @ site.directions)
    assert differs(directions=site.directions[:1])
    assert differs(origin=site.origin + np.cross(*site.directions) / 8)
    assert differs(multiplicity=site.multiplicity * 2)


def drawn(groups: tuple[int, ...], rung: str, each: int) -> list[list]:
    """Cells, numbers and positions of some crystals as a rung draws them."""
    recipe = CbedRung.of(load_benchmark("space_group").rung(rung)).crystals
    crystals = [draw_crystal(group, recipe, np.random.default_rng(seed)) for group in groups for seed in range(each)]
    return [[crystal.cell.tolist(), crystal.numbers.tolist(), crystal.positions.tolist()] for crystal in crystals]


@pytest.mark.parametrize(
    ("groups", "rung", "each"), [(BASES_DIFFER, "stemdl_smoke", 4), ((1, 12, 99, 139, 166, 187), "stemdl_small", 2)]
)
def test_another_processor_draws_the_same_crystals(groups: tuple[int, ...], rung: str, each: int) -> None:
    program = f"import json; from test_site_search import drawn; print(json.dumps(drawn({groups}, {rung!r}, {each})))"
    environment = os.environ | OTHER_KERNELS | {"PYTHONPATH": os.pathsep.join([os.path.dirname(__file__), *sys.path])}
    there = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    for ours, theirs in zip(drawn(groups, rung, each), json.loads(there.stdout), strict=True):
        assert ours[1] == theirs[1]
        np.testing.assert_allclose(ours[0], theirs[0], rtol=1e-9, atol=1e-9)
        apart = np.subtract(ours[2], theirs[2])
        np.testing.assert_allclose(apart - np.round(apart), 0.0, atol=1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_a_basis_is_a_matter_of_the_span_alone(seed: int) -> None:
    generator = np.random.default_rng(seed)
    span = np.linalg.qr(generator.normal(size=(3, 3)))[0][: seed % 4]
    basis = basis_of(span.T @ span)
    np.testing.assert_allclose(basis @ basis.T, np.eye(len(span)), atol=1e-12)
    np.testing.assert_allclose(basis.T @ basis, span.T @ span, atol=1e-12)
    noise = generator.normal(scale=1e-15, size=(3, 3))
    np.testing.assert_allclose(basis_of(span.T @ span + noise), basis, atol=1e-9)
