"""What atoms ask of a crystal: how near they come to each other, how much room they take, which elements go together.

Radii of anions: Shannon, Acta Cryst. A 32 (1976) 751, six-coordinated. Covalent radii: Cordero et al., Dalton Trans.
(2008) 2832, as gemmi carries them. The volumes that follow from them (coefficients fitted once to 33,000 inorganic
crystals) meet real cell volumes with a spread of 26 %.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

ANION_RADII_ANGSTROM = {
    "O": 1.40,
    "F": 1.33,
    "N": 1.46,
    "S": 1.84,
    "Cl": 1.81,
    "Se": 1.98,
    "Br": 1.96,
    "Te": 2.21,
    "I": 2.20,
}
ANION_WEIGHTS = {"O": 50, "S": 9, "F": 8, "N": 7, "Cl": 6, "Se": 6, "Te": 4, "Br": 3, "I": 3}
"""How often each is the anion of an inorganic compound, in relation to the others."""
CATIONS = (
    "Li Na K Rb Cs Be Mg Ca Sr Ba Sc Y La Ce Pr Nd Sm Eu Gd Tb Dy Ho Er Tm Yb Lu Ti Zr Hf V Nb Ta Cr Mo W Mn Re Fe Ru "
    "Os Co Rh Ir Ni Pd Pt Cu Ag Au Zn Cd Hg Al Ga In Tl Si Ge Sn Pb P As Sb Bi B C H Th U"
).split()
"""Elements that are cations, or partners in alloys: nearly all that crystals are made of."""

ELEMENTS_OF_SALTS = {2: 0.20, 3: 0.45, 4: 0.27, 5: 0.08}
ELEMENTS_OF_ALLOYS = {1: 0.03, 2: 0.30, 3: 0.50, 4: 0.17}
TWO_ANIONS = 0.15
"""The share of compounds of three and more elements that hold a second anion."""


@dataclass(frozen=True)
class Composition:
    """Elements of a compound by atomic number, anions first; `anions` of them are anions, 0 in an alloy."""

    numbers: tuple[int, ...]
    anions: int


@functools.cache
def _covalent_angstrom(number: int) -> float:
    import gemmi

    return float(gemmi.Element(number).covalent_r)


@functools.cache
def _anion_angstrom(number: int) -> float | None:
    import gemmi

    return ANION_RADII_ANGSTROM.get(gemmi.Element(number).name)


def is_anion(number: int) -> bool:
    """Whether the element of an atomic number is an anion where it meets a metal."""
    return _anion_angstrom(number) is not None


@functools.cache
def atom_volume_angstrom3(number: int) -> float:
    """The room that an atom takes on average in a crystal."""
    radius = _anion_angstrom(number)
    return 3.6 * radius**3 if radius is not None else 7.9 * _covalent_angstrom(number) ** 2


@functools.cache
def contact_angstrom(first: int, second: int, ionic: bool) -> float:
    """How near atoms of two elements come to each other: anions by their ionic radii, since they repel each other, all
    others by their covalent ones; in a salt (`ionic`) cations stay a little farther apart."""
    one, other = _anion_angstrom(first), _anion_angstrom(second)
    if one is not None and other is not None:
        return 0.9 * (one + other)
    bonded = one is not None or other is not None
    return (_covalent_angstrom(first) + _covalent_angstrom(second)) * (1.05 if ionic and not bonded else 1.0)


Wanted = Callable[[Sequence[int]], bool]
"""Whether a crystal may be of elements, by their atomic numbers."""


def any_elements(numbers: Sequence[int]) -> bool:
    """Accepts any elements."""
    return True


def draw_composition(
    ionic: bool, generator: np.random.Generator, elements: int | None = None, wanted: Wanted = any_elements
) -> Composition:
    """The elements of a salt or an alloy, as many as given or as many as such compounds have; drawn until they are
    `wanted`."""
    while not wanted((found := _draw_composition(ionic, generator, elements)).numbers):
        pass
    return found


def _draw_composition(ionic: bool, generator: np.random.Generator, elements: int | None) -> Composition:
    import gemmi

    if elements is None:
        shares = ELEMENTS_OF_SALTS if ionic else ELEMENTS_OF_ALLOYS
        elements = int(generator.choice(list(shares), p=list(shares.values())))
    anions: list[str] = []
    if ionic and elements > 1:
        weights = np.array(list(ANION_WEIGHTS.values()), dtype=np.float64)
        count = 2 if elements > 2 and generator.random() < TWO_ANIONS else 1
        anions = generator.choice(list(ANION_WEIGHTS), size=count, replace=False, p=weights / weights.sum()).tolist()
    cations = generator.choice(CATIONS, size=elements - len(anions), replace=False).tolist()
    return Composition(tuple(gemmi.Element(symbol).atomic_number for symbol in anions + cations), len(anions))
