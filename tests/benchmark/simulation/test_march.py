"""Problems solved together against the same ones solved one by one: thicknesses, zones, crystals, energies, devices."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from benchmark.crystals.simulate import View, ideal_pattern, ideal_patterns
from benchmark.definition.finder import load_benchmark
from benchmark.simulation.aperture import nodes
from benchmark.simulation.cbed import CbedRung
from benchmark.simulation.crystal import Crystal
from benchmark.simulation.depth import depth_beams
from benchmark.simulation.detector import Screen
from benchmark.simulation.draw import draw_crystal
from benchmark.simulation.manybeam import propagate, propagate_many
from benchmark.simulation.march import Block, Course, Exit, exponentials, march
from benchmark.simulation.potential import Atoms
from benchmark.simulation.recipes import Accuracy
from benchmark.simulation.waves import Problem
from benchmark.simulation.zone import CONVENTIONAL_AXES, DETECTOR_RIGHT, project

MINI = CbedRung.of(load_benchmark("space_group").rung("stemdl_mini"))
SRTIO3 = Crystal(
    3.905 * np.eye(3),
    np.array([38, 22, 8, 8, 8]),
    np.array([[0, 0, 0], [0.5, 0.5, 0.5], [0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0.5]]),
    221,
)
FOLDED = MINI.optics.accuracy
AVERAGED = Accuracy(
    1.2, 1.8, 120, 10.0, 0, weak_waves=True, g_z_max_per_angstrom=1.0, holz_excitation_per_angstrom=0.02
)
RESOLVED = Accuracy(1.3, 1.6, 150, 5.0, 0, g_z_max_per_angstrom=2.0, depth_slice_angstrom=0.5)
KINDS = {"folded": FOLDED, "averaged": AVERAGED, "resolved": RESOLVED}
DIRECTIONS = nodes(4) * 0.08


def problems(thicknesses: tuple[float, ...] = (120.0,)) -> list[Problem]:
    """Nine of three crystals, of different beams, energies, tilts and absorption."""
    crystals = [SRTIO3, *(draw_crystal(group, MINI.crystals, np.random.default_rng(4)) for group in (62, 194))]
    return [
        Problem(
            project(crystal, axis, DETECTOR_RIGHT[axis]),
            DIRECTIONS,
            100.0 + 40.0 * number,
            tuple(thickness + 7.0 * number for thickness in thicknesses),
            Atoms(0.5, "lobato", "thermal" if number == 1 else "none"),
            (0.01 * number, 0.02),
        )
        for number, crystal in enumerate(crystals)
        for axis in CONVENTIONAL_AXES
    ]


def apart(found: torch.Tensor, expected: torch.Tensor) -> float:
    return float((found - expected).norm() / expected.norm())


@pytest.mark.parametrize("kind", KINDS)
def test_problems_together_give_what_each_gives_alone(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """In one group whatever their beams, so that the small ones are padded a lot, and each stays at its place.

    What is left is single precision: 24 blocks of ten products each repeat the rounding of the first. Measured: 2e-5.
    """
    monkeypatch.setattr("benchmark.simulation.manybeam.MOST_PADDING", 100.0)
    chosen = problems()
    for problem, (together,) in zip(chosen, propagate_many(chosen, accuracy=KINDS[kind], together=9), strict=True):
        alone = propagate(
            problem.zone,
            DIRECTIONS,
            energy_kev=problem.energy_kev,
            accuracy=KINDS[kind],
            thickness_angstrom=problem.thicknesses_angstrom[0],
            atoms=problem.atoms,
            tilt_per_angstrom=problem.tilt_per_angstrom,
        )
        np.testing.assert_array_equal(together.vectors, alone.vectors)
        assert apart(together.amplitudes, alone.amplitudes) < (1e-4 if kind == "resolved" else 1e-5)


@pytest.mark.parametrize(
    ("kind", "thicknesses"),
    [
        ("folded", (150.0, 50.0, 100.0, 100.0)),
        ("averaged", (30.0, 60.0)),
        ("resolved", (2.1, 33.3, 20.0, 47.9)),
    ],
)
def test_thicknesses_together_give_what_each_gives_alone(kind: str, thicknesses: tuple[float, ...]) -> None:
    """In any order, also within a period, in its first block, twice the same; of one matrix, multiples of a slice."""
    chosen = [
        dataclasses.replace(problem, thicknesses_angstrom=thicknesses)
        for problem in problems()
        if kind != "resolved" or depth_beams(problem.zone, RESOLVED)
    ]  # the others' structure is averaged
    assert len(chosen) > 3
    for problem, together in zip(chosen, propagate_many(chosen, accuracy=KINDS[kind]), strict=True):
        for thickness, waves in zip(thicknesses, together, strict=True):
            (alone,) = propagate_many(
                [dataclasses.replace(problem, thicknesses_angstrom=(thickness,))], accuracy=KINDS[kind]
            )
            assert apart(waves.amplitudes, alone[0].amplitudes) < 1e-5
        assert apart(together[0].amplitudes, together[1].amplitudes) > 0.1


def test_any_thicknesses_differ_from_separate_ones_by_the_slices_splitting_alone() -> None:
    """Slices are then of other lengths, none longer than asked for. Measured: 4e-4 with slices of 10 Angstrom."""
    problem = dataclasses.replace(problems()[0], thicknesses_angstrom=(41.0, 87.3))
    (together,) = propagate_many([problem], accuracy=AVERAGED)
    (alone,) = propagate_many([dataclasses.replace(problem, thicknesses_angstrom=(87.3,))], accuracy=AVERAGED)
    assert 0.0 < apart(together[1].amplitudes, alone[0].amplitudes) < 2e-3


def test_a_further_thickness_costs_only_its_slices() -> None:
    """Counted by the operations of matrix products: ten thicknesses against the thickest alone."""
    from torch.utils.flop_counter import FlopCounterMode

    def operations(thicknesses: tuple[float, ...], accuracy: Accuracy) -> int:
        problem = dataclasses.replace(problems()[0], thicknesses_angstrom=thicknesses)
        with FlopCounterMode(display=False) as counter:
            propagate_many([problem], accuracy=accuracy)
        return counter.get_total_flops()

    for accuracy in (FOLDED, RESOLVED):
        ten = operations(tuple(25.0 * number for number in range(1, 11)), accuracy)
        assert ten < 3.0 * operations((250.0,), accuracy)


def test_padding_and_the_length_of_others_change_nothing() -> None:
    """Matrices of 3 and 7 beams, 4 and 2 slices, leftovers: against plain products in double precision."""
    generator = torch.Generator().manual_seed(0)

    def random(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, dtype=torch.complex64, generator=generator) / shape[0]

    def plain(slant: torch.Tensor, steps: list[tuple[torch.Tensor, float]], entering: torch.Tensor) -> torch.Tensor:
        wave, before = entering.to(torch.complex128).expand(-1, slant.shape[1]), 0.0
        for matrix, length in steps:
            wave = matrix.to(torch.complex128) @ (wave * torch.exp(1j * torch.pi * (before + length) * slant))
            before = length
        return wave * torch.exp(1j * torch.pi * before * slant)

    first, second, leftover = (random(3, 3), random(3, 3)), (random(7, 7),), [random(7, 7), random(7, 7)]
    slants = [torch.randn(beams, 5, dtype=torch.float64, generator=generator) for beams in (3, 7)]
    entering = random(7, 1)
    courses = [
        Course(slants[0], ((0, 0.3), (1, 0.2), (0, 0.3), (1, 0.2)), (Exit(4), Exit(1))),
        Course(slants[1], ((0, 0.4), (0, 0.4)), (Exit(2, Block(7, 0.1, 2, leftover.__getitem__)), Exit(0)), entering),
    ]
    found = march(courses, [first, second])
    beam_0 = torch.eye(3, 1)
    a, b = (first[0], 0.3), (first[1], 0.2)
    whole = (leftover[1].to(torch.complex128) @ leftover[0].to(torch.complex128), 0.1)
    expected = [
        [plain(slants[0], [a, b, a, b], beam_0), plain(slants[0], [a], beam_0)],
        [plain(slants[1], [(second[0], 0.4)] * 2 + [whole], entering), plain(slants[1], [], entering)],
    ]
    for exits, wanted in zip(found, expected, strict=True):
        for wave, right in zip(exits, wanted, strict=True):
            assert wave.shape == right.shape and apart(wave, right) < 1e-6
    for own, exponential in zip((first[0], leftover[0]), exponentials((first[0], leftover[0])), strict=True):
        assert apart(exponential, torch.linalg.matrix_exp(own.to(torch.complex128))) < 1e-6


def test_patterns_together_are_those_drawn_alone() -> None:
    optics = dataclasses.replace(MINI.optics, accuracy=dataclasses.replace(AVERAGED, wave_degree=6))
    views = [
        View(problem.zone, problem.atoms, problem.energy_kev, (50.0, 100.0), (3.0, 1.0), 20.0 * number)
        for number, problem in enumerate(problems()[3:6])
    ]
    for view, pictures in zip(views, ideal_patterns(views, optics, together=3), strict=True):
        assert pictures.shape == (2, optics.pixels, optics.pixels)
        for thickness, picture in zip(view.thicknesses_angstrom, pictures, strict=True):
            alone = ideal_pattern(
                view.zone,
                view.atoms,
                optics,
                energy_kev=view.energy_kev,
                tilt_mrad=view.tilt_mrad,
                thickness_angstrom=thickness,
                rotation_degrees=view.rotation_degrees,
            )
            assert np.abs(picture - alone).sum() < 1e-5 * alone.sum()


@pytest.mark.parametrize("kind", KINDS)
def test_all_is_computed_on_the_device_asked_for(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """torch's device without memory refuses, as a GPU does, products with what was left on the CPU."""
    monkeypatch.setattr(torch.linalg, "matrix_exp", torch.empty_like)  # which that device lacks
    accuracy = dataclasses.replace(KINDS[kind], wave_degree=4)
    screen = Screen(pixels=64, k_max_per_angstrom=1.0, semi_angle_per_angstrom=0.08, degree=4)
    chosen = [dataclasses.replace(problem, directions=screen.directions) for problem in problems((50.0, 101.0))]
    for problem, exits in zip(chosen, propagate_many(chosen, accuracy=accuracy, device="meta"), strict=True):
        for waves in exits:
            assert waves.amplitudes.shape == (len(waves.vectors), len(problem.directions))
            assert {part.device.type for part in (waves.amplitudes, *screen._windows(waves, 3.0))} == {"meta"}


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("kind", KINDS)
def test_a_gpu_gives_what_the_cpu_gives(kind: str) -> None:
    chosen = problems((50.0, 100.0))
    for exits, expected in zip(
        propagate_many(chosen, accuracy=KINDS[kind], device="cuda"),
        propagate_many(chosen, accuracy=KINDS[kind]),
        strict=True,
    ):
        for waves, right in zip(exits, expected, strict=True):
            assert apart(waves.amplitudes.cpu(), right.amplitudes) < 1e-4
