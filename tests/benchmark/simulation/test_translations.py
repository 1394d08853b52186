"""Whether a cell repeats a smaller one: against cells that were repeated on purpose, and spglib's primitive cells."""

from __future__ import annotations

import numpy as np
import pytest
import spglib
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from benchmark.crystals.candidate import Candidate
from benchmark.crystals.structures import examine
from benchmark.simulation.recipes import CrystalLimits
from benchmark.simulation.translations import primitive_cell_exceeds

TOLERANCE_ANGSTROM = 2e-3
Cell = tuple[NDArray, NDArray, NDArray]


def random_cell(atoms: int, seed: int) -> Cell:
    """A triclinic cell of atoms anywhere: a primitive one, for no two random places are alike."""
    generator = np.random.default_rng(seed)
    cell = np.diag([6.0, 7.0, 8.0]) + np.tril(generator.uniform(-1.0, 1.0, (3, 3)), -1)
    return cell, generator.choice([8, 22, 38], atoms), generator.random((atoms, 3))


def repeated(unit: Cell, times: tuple[int, int, int]) -> Cell:
    """A supercell, its atoms in no order."""
    cell, numbers, positions = unit
    shifts = np.array([[i, j, k] for i in range(times[0]) for j in range(times[1]) for k in range(times[2])])
    everywhere = ((positions[None] + shifts[:, None]) / times).reshape(-1, 3)
    order = np.random.default_rng(0).permutation(len(everywhere))
    return cell * np.array(times)[:, None], np.tile(numbers, len(shifts))[order], everywhere[order]


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 12), st.integers(0, 999), st.tuples(*[st.integers(1, 3)] * 3), st.floats(-3.0, 3.0))
def test_a_supercell_has_the_atoms_of_its_unit(
    atoms: int, seed: int, times: tuple[int, int, int], shift: float
) -> None:
    cell, numbers, positions = repeated(random_cell(atoms, seed), times)
    assert not primitive_cell_exceeds(atoms, cell, numbers, positions + shift, TOLERANCE_ANGSTROM)
    assert primitive_cell_exceeds(atoms - 1, cell, numbers, positions + shift, TOLERANCE_ANGSTROM)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 6), st.integers(0, 999), st.tuples(*[st.integers(1, 3)] * 3), st.integers(0, 400))
def test_what_spglib_finds_to_be_small_is_never_said_to_be_large(
    atoms: int, seed: int, times: tuple[int, int, int], moved: int
) -> None:
    """Also where an atom has been moved, so that the whole is not a repetition, or that of a larger part."""
    cell, numbers, positions = repeated(random_cell(atoms, seed), times)
    positions[moved % len(positions)] += 0.03
    _, _, primitive = spglib.find_primitive((cell, positions, numbers), symprec=1e-3)
    assert not primitive_cell_exceeds(len(primitive), cell, numbers, positions, TOLERANCE_ANGSTROM)


@pytest.fixture
def never_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """spglib, whose time grows with the square of the atoms, is not to be asked."""

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("spglib was asked")

    monkeypatch.setattr(spglib, "get_symmetry_dataset", refuse)


@pytest.mark.parametrize(
    "large",
    [random_cell(8000, 1), repeated(random_cell(100, 2), (4, 4, 5))],
    ids=["without repetition", "of a large unit"],
)
@pytest.mark.usefixtures("never_asked")
def test_thousands_of_atoms_are_left_out_without_spglib(large: Cell) -> None:
    cell, numbers, positions = large
    crystal, fault = examine(Candidate("large", cell * 4.0, numbers, positions), CrystalLimits(16.0, 80))
    assert crystal is None and fault == "more than 80 atoms in the cell"


@pytest.mark.usefixtures("never_asked")
def test_one_defect_in_thousands_of_atoms_is_enough() -> None:
    cell, numbers, positions = repeated(random_cell(8, 3), (10, 10, 10))
    positions[4321] += 0.01
    crystal, fault = examine(Candidate("defect", cell, numbers, positions), CrystalLimits(16.0, 80))
    assert crystal is None and fault == "more than 80 atoms in the cell"


def test_a_supercell_of_a_small_crystal_is_still_used() -> None:
    salt = (
        np.eye(3) * 5.64,
        np.repeat([11, 17], 4),
        np.array(
            [
                [0, 0, 0],
                [0, 0.5, 0.5],
                [0.5, 0, 0.5],
                [0.5, 0.5, 0],
                [0.5, 0.5, 0.5],
                [0.5, 0, 0],
                [0, 0.5, 0],
                [0, 0, 0.5],
            ]
        ),
    )
    crystal, fault = examine(Candidate("salt", *repeated(salt, (3, 3, 3))), CrystalLimits(16.0, 80))
    assert fault is None and crystal is not None and (crystal.space_group, len(crystal.numbers)) == (225, 8)
