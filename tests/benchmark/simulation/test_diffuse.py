"""The diffuse background: a share of the electrons, where frozen phonons have it, and speckled as theirs is."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from benchmark.crystals.simulate import simulate_stacks
from benchmark.definition.finder import load_benchmark
from benchmark.foundation.errors import StemdlError
from benchmark.simulation.cbed import CbedRung, like
from benchmark.simulation.crystal import Crystal
from benchmark.simulation.diffuse import background, density, speckled
from benchmark.simulation.potential import Atoms
from benchmark.simulation.recipes import Accuracy
from performance.diffuse import frozen_and_modelled

STRONTIUM_TITANATE = np.array([38, 22, 8, 8, 8])
MOVING = Atoms(0.4, "lobato", "thermal")
HALITE = Crystal(
    np.eye(3) * 5.64,
    np.repeat([11, 17], 4),
    np.array([[0, 0, 0], [0, 1, 1], [1, 0, 1], [1, 1, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 1]]) / 2,
    225,
)


def test_all_diffuse_electrons_are_somewhere() -> None:
    q = np.linspace(0.0, 60.0, 60001)
    found = density(STRONTIUM_TITANATE, MOVING, q)
    assert np.trapezoid(found * 2.0 * np.pi * q, q) == pytest.approx(1.0, abs=0.002)
    assert found[0] == 0.0 and not density(STRONTIUM_TITANATE, Atoms(0.0), q).any()
    wide = background(STRONTIUM_TITANATE, MOVING, pixels=128, k_max_per_angstrom=40.0, semi_angle_per_angstrom=0.1)
    assert wide.sum() == pytest.approx(1.0, abs=0.01)
    assert wide == pytest.approx(wide[::-1]) and wide == pytest.approx(wide.T)


@pytest.mark.parametrize(("deep", "low", "high"), [(2, 0.75, 1.35), (24, 0.6, 2.5)])
def test_frozen_phonons_scatter_there_too(deep: int, low: float, high: float) -> None:
    """One scattering, as the model has it, in 8 Angstrom of MgO; in 100 the beams are drawn to the atoms."""
    diffuse, found = frozen_and_modelled("MgO", deep, 250, 10, np.random.default_rng(1))
    ratios = found[:, 1] / found[:, 0]
    assert (low < ratios).all() and (ratios < high).all()
    assert {2: 0.001, 24: 0.08}[deep] < diffuse < {2: 0.004, 24: 0.25}[deep]


def test_speckles_are_as_wide_as_the_aperture_and_as_deep_as_their_number_says() -> None:
    even = np.ones((128, 128))
    reach = {"k_max_per_angstrom": 2.0, "semi_angle_per_angstrom": 0.1}
    for count in (1, 16):
        found = speckled(even, count, **reach, generator=np.random.default_rng(3))
        assert found.mean() == pytest.approx(1.0, abs=0.1)
        assert found.std() == pytest.approx(1.0 / np.sqrt(count), rel=0.25)
    apart = found - found.mean()
    alike = [(apart * np.roll(apart, shift, axis=1)).mean() / apart.var() for shift in (1, 12)]
    assert alike[0] > 0.4 and abs(alike[1]) < 0.2, "0.2 per Angstrom are 6.4 pixels"


def seen(**optics: object) -> np.ndarray:
    small = CbedRung.of(load_benchmark("space_group").rung("stemdl_small"))
    alike = like(small, "olcf")
    accuracy = Accuracy(2.4, 2.4, 300, 10.0, 0, wave_degree=6)
    changed = {"accuracy": accuracy, "pixels": 128, "k_max_per_angstrom": 2.56, **optics}
    alike = dataclasses.replace(alike, optics=dataclasses.replace(alike.optics, **changed))
    (stack,) = simulate_stacks("m", HALITE, alike, np.random.default_rng(2), samples=1)
    assert stack.semi_angles_rad == pytest.approx(0.25 * 0.0370144 / stack.d_hkls_angstrom, rel=1e-4)
    assert float(stack.more["thickness_angstrom"]) == 100.0
    return stack.patterns.astype(np.float64)


def test_patterns_alike_to_the_published_set() -> None:
    """A round field, nothing outside it, something everywhere inside, and nearly all electrons."""
    patterns = seen()
    place = np.arange(128) - 63.5
    radius = np.hypot(place, place[:, None])
    assert (patterns[:, radius > 64] == 0.0).all() and (patterns[:, radius <= 64] > 0.0).all()
    without = seen(diffuse=False, speckles=0)
    lost, left = 1.0 - without.sum(axis=(1, 2)), 1.0 - patterns.sum(axis=(1, 2))
    assert (lost > 0.003).all() and (np.abs(left) < 0.3 * lost).all()
    middle = np.median(np.log(patterns[:, (radius > 12) & (radius < 60)]))
    assert -20.0 < middle + np.log(1 / 16) < -13.0, "of pixels of 0.01 per Angstrom"
    assert (seen() == patterns).all()
    grown = seen(blown_up=1.0)
    assert (grown[:, radius > 64] == 0.0).all() and grown.max() > np.exp(4.0) and np.isfinite(grown).all()


def test_what_cannot_be_is_refused() -> None:
    small = CbedRung.of(load_benchmark("space_group").rung("stemdl_small"))
    assert small.optics is not None
    for wrong, said in (
        ({"diffuse": True}, "thermal"),
        ({"speckles": 3}, "speckles"),
        ({"blown_up": 1.5}, "share"),
        ({"aperture": "brag"}, "bragg"),
        ({"field": "round"}, "circle"),
    ):
        with pytest.raises(StemdlError, match=said):
            dataclasses.replace(small.optics, **wrong)
    with pytest.raises(StemdlError, match="did you mean 'olcf'"):
        like(small, "olfc")
    with pytest.raises(StemdlError, match="not simulated"):
        like(CbedRung.of(load_benchmark("space_group").rung("stemdl_olcf")), "olcf")
