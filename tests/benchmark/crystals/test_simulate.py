"""One material's stacks: energies, repetition, noise, and optics that cannot be."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from benchmark.crystals.simulate import atoms_of, simulate_stacks
from benchmark.definition.finder import load_benchmark
from benchmark.foundation.errors import StemdlError
from benchmark.simulation.cbed import CbedRung
from benchmark.simulation.crystal import Crystal
from benchmark.simulation.draw import draw_crystal
from benchmark.simulation.recipes import Accuracy


def rung(**optics: object) -> CbedRung:
    mini = CbedRung.of(load_benchmark("space_group").rung("stemdl_mini"))
    accuracy = Accuracy(1.2, 1.8, 100, 25.0, 0, weak_waves=True, wave_degree=6)
    return dataclasses.replace(mini, optics=dataclasses.replace(mini.optics, accuracy=accuracy, **optics))


def stacks(found: CbedRung) -> list:
    crystal = draw_crystal(62, found.crystals, np.random.default_rng(1))
    return list(simulate_stacks("m", crystal, found, np.random.default_rng(2)))


def test_each_energy_makes_a_stack_of_one_specimen() -> None:
    """One thickness and one set of axes, but each exposure has its own tilt and rotation; the first is as if alone."""
    several = stacks(rung(energy_kev=(100.0, 150.0, 190.0), dose_electrons=0.0))
    assert [stack.energy_kev for stack in several] == [100.0, 150.0, 190.0]
    (alone,) = stacks(rung(energy_kev=100.0, dose_electrons=0.0))
    np.testing.assert_array_equal(several[0].patterns, alone.patterns)
    assert several[0].semi_angles_rad[0] > several[2].semi_angles_rad[0]
    assert len({float(stack.more["thickness_angstrom"]) for stack in several}) == 1
    for name in ("mistilt_mrad", "rotation_degrees"):
        assert len({stack.more[name].tobytes() for stack in several}) == 3


def test_fewer_energies_are_the_first_of_all_noise_included() -> None:
    found = rung(energy_kev=(100.0, 150.0, 190.0))
    crystal = draw_crystal(62, found.crystals, np.random.default_rng(1))
    two = list(simulate_stacks("m", crystal, found, np.random.default_rng(2), samples=2))
    assert len(two) == 2
    for few, all_ in zip(two, stacks(found), strict=False):
        np.testing.assert_array_equal(few.patterns, all_.patterns)


def test_spacings_are_those_of_the_planes_where_the_real_set_has_them() -> None:
    """PrBi (mp-1001605) along [101], [110] and [211] of its cell: 2.70, where the period along [101] is 5.51."""
    prbi = Crystal(np.diag([4.2778, 4.2778, 3.479]), np.array([59, 83]), np.array([[0, 0, 0], [0.5, 0.5, 0.5]]), 123)
    found = rung(dose_electrons=0.0, pixels=16)
    for orientation, settings, expected in (
        ("olcf", {}, [2.6992, 3.0249, 1.6764]),
        ("conventional", {"spacings": "planes"}, [3.479, 4.2778, 3.0249]),
        ("conventional", {}, [3.479, 4.2778, 6.0497]),
    ):
        changed = dataclasses.replace(found, orientation=orientation, **settings)
        (stack,) = simulate_stacks("m", prbi, changed, np.random.default_rng(0))
        np.testing.assert_allclose(stack.d_hkls_angstrom, expected, rtol=1e-3)


def test_without_a_dose_there_is_no_noise_and_with_one_counts_are_whole() -> None:
    (clean,) = stacks(rung(dose_electrons=0.0))
    (noisy,) = stacks(rung(dose_electrons=1e5))
    counts = noisy.patterns.astype(np.float64) * 1e5
    np.testing.assert_allclose(counts, np.round(counts), atol=0.01)
    assert 0.0 < np.abs(clean.patterns - noisy.patterns).sum() / clean.patterns.sum() < 0.6
    assert 0.8 < clean.patterns[0].sum() <= 1.01


def test_probe_positions_make_overlapping_disks_interfere() -> None:
    (incoherent,) = stacks(rung(dose_electrons=0.0, semi_angle_per_angstrom=0.14))
    (one,) = stacks(rung(dose_electrons=0.0, semi_angle_per_angstrom=0.14, probe_positions=1))
    (eight,) = stacks(rung(dose_electrons=0.0, semi_angle_per_angstrom=0.14, probe_positions=8))
    scale = np.abs(incoherent.patterns).sum()
    assert np.abs(eight.patterns - incoherent.patterns).sum() / scale < 1e-3
    assert np.abs(one.patterns - incoherent.patterns).sum() / scale > 0.05


def test_debye_waller_factors_follow_the_recipe() -> None:
    crystal = draw_crystal(62, rung().crystals, np.random.default_rng(1))
    assert atoms_of(crystal, rung().optics).b_angstrom2 == 0.5
    first = int(crystal.numbers[0])
    import gemmi

    own = rung(debye_temperature_kelvin=400.0, element_b_angstrom2=((gemmi.Element(first).name, 0.9),))
    factors = atoms_of(crystal, own.optics).b_angstrom2
    assert factors[first] == 0.9 and set(factors) == set(crystal.numbers)
    assert all(0.1 < b < 2.0 for b in factors.values())


@pytest.mark.parametrize(
    "wrong",
    [{"energy_kev": 30.0}, {"energy_kev": (100.0, 400.0)}, {"absorption": "therml"}, {"scattering_factors": "kirk"}],
)
def test_optics_that_cannot_be_are_refused(wrong: dict) -> None:
    with pytest.raises(StemdlError):
        rung(**wrong)
