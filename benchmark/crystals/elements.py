"""Elements and formulas as files write them."""

from __future__ import annotations

import re
from collections.abc import Mapping

from benchmark.crystals.candidate import Unusable

_TYPE = re.compile(r"([A-Za-z]{1,2})(?:[0-9.]*[+-]?|[+-][0-9.]*)")
"""An element with a charge or without: Fe, Fe3+, Fe+3, O2-, Au0+, and Cl1 of those who number types."""
_CAPITALS = re.compile(r"([A-Z]{2})(\d+\.?\d*|\.\d+|)")
_PART = re.compile(r"([A-Z][a-z]?)(\d+\.?\d*|\.\d+|)")


def atomic_number(symbol: str) -> int:
    """The atomic number of an element, 1 for deuterium; 0 for any other text. Case does not matter."""
    import gemmi

    element = gemmi.Element(symbol)  # reads other text as the element it begins with, or as X
    return element.atomic_number if element.name.lower() == symbol.lower() else 0


def element_of_type(text: str) -> int:
    """The atomic number of a type symbol. Raises Unusable for other text, such as that of water or a dummy."""
    match = _TYPE.fullmatch(text)
    number = atomic_number(match[1]) if match else 0
    if not number:
        raise Unusable("a site is not of a known element", text)
    return number


def element_of_label(label: str, formula: Mapping[int, float]) -> int:
    """The atomic number that a label begins with, such as O1A or Fe3, where a file gives no type.

    Letters after the element (SiT1, OW) and capitals that are one element or two (CO1) may mean another one: then the
    element has to be the only one of them in the formula, which may be empty. Raises Unusable where that is not so.
    """
    letters = "".join(re.findall(r"^[A-Za-z]*", label))
    one, two = atomic_number(letters[:1]), atomic_number(letters[:2]) if len(letters) > 1 else 0
    if letters[1:2].islower():
        possible = [two] if len(letters) == 2 or letters[2].isupper() else []
    else:
        possible = [one, two]
    possible = [number for number in possible if number]
    if len(letters) > 1 and not (len(letters) == 2 and letters[1].islower()):
        possible = [number for number in possible if number in formula]
    if len(possible) != 1:
        raise Unusable("a site is not of a known element", label)
    return possible[0]


def atoms_of_formula(text: str) -> dict[int, float]:
    """Atoms of each atomic number in a formula such as `C2 H6 O`, deuterium as hydrogen; none where it is not read."""
    counts: dict[int, float] = {}
    for word in text.split():
        parts = _PART.findall(word)
        capitals = _CAPITALS.fullmatch(word)
        if capitals and not all(atomic_number(symbol) for symbol, _ in parts):
            parts, word = [capitals.groups()], "".join(capitals.groups())  # such as `CL2`, which no carbon begins
        if "".join(symbol + count for symbol, count in parts) != word:
            return {}
        for symbol, count in parts:
            number = atomic_number(symbol)
            if not number:
                return {}
            counts[number] = counts.get(number, 0.0) + float(count or 1)
    return {number: count for number, count in counts.items() if count}
