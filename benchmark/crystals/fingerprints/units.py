"""Which fingerprints a rung has: of which class, element or compound and kind of defect, and in which split.

No element, or no anonymous formula (AB2, ABC3), is in two splits: so no material is, no formula, and of compounds no
prototype. Whole elemental crystals of the cubic classes differ by the element alone; none is made twice.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from benchmark.crystals.duplicates import anonymous_formula, reduced_formula
from benchmark.crystals.fingerprints.elementals import ELEMENTS, Prototype, elements_of, of_label
from benchmark.crystals.fingerprints.rung import BY_PROTOTYPE, PRISTINE, FingerprintRung
from benchmark.data.recipe import Unit
from benchmark.definition.rung import SPLITS
from benchmark.foundation.errors import StemdlError
from benchmark.foundation.files import sha256_of_text
from benchmark.simulation.crystal import Crystal


@dataclass(frozen=True)
class Asked:
    """What a unit's fingerprint is of: an element in a prototype, a compound of a space group that is drawn, or a
    `crystal` that was given."""

    kind: str
    others: tuple[int, ...]
    prototype: Prototype | None = None
    number: int = 0
    space_group: int = 0
    crystal: Crystal | None = None


def units_of(rung: FingerprintRung) -> list[Unit]:
    """All units of a rung, split by split; the classes take turns, and of each class the kinds of defects are in
    proportion. Raises StemdlError where a whole elemental crystal would be there twice."""
    elements = elements_of(rung.seed, rung.split_shares)
    return [
        unit
        for split in SPLITS
        for turn, kind in enumerate(dealt(rung.kinds(split), rung.samples_per_class[split]))
        for unit in _of_turn(rung, split, turn, kind, elements[split])
    ]


def dealt(shares: Mapping[str, float], total: int) -> list[str]:
    """`total` kinds in proportion to their shares, spread evenly: each next one is that which lags most."""
    whole, done, found = sum(shares.values()), Counter[str](), []
    for turn in range(1, total + 1):
        kind = max(shares, key=lambda name: shares[name] / whole * turn - done[name])
        done[kind] += 1
        found.append(kind)
    return found


def split_of(rung: FingerprintRung, crystal: Crystal) -> str:
    """The split that a compound belongs to, by a hash of its anonymous formula and the rung's seed."""
    name = anonymous_formula(reduced_formula(crystal.numbers))
    place = int(sha256_of_text(f"formula {rung.seed} {name}")[:12], 16) / 16**12 * sum(rung.split_shares.values())
    for split, share in rung.split_shares.items():
        place -= share
        if place < 0.0:
            return split
    return SPLITS[-1]


def _of_turn(rung: FingerprintRung, split: str, turn: int, kind: str, elements: tuple[int, ...]) -> Iterator[Unit]:
    """One unit of each class."""
    if rung.reading != BY_PROTOTYPE:
        for group in rung.space_groups:
            asked = Asked(kind, ELEMENTS, space_group=group)
            yield Unit(f"{split}-{group}-{turn:06d}", split, 1, str(group), asked)
        return
    if not elements:
        raise StemdlError("a split has no element", where="split_shares", found=split)
    if kind == PRISTINE and rung.kinds(split).keys() == {PRISTINE} and turn >= len(elements):
        raise StemdlError(
            "the elements do not suffice: whole cubic crystals differ by their element alone",
            where=f"samples_per_class.{split}",
            expected=f"at most {len(elements)}",
            found=rung.samples_per_class[split],
        )
    number = elements[turn % len(elements)]
    for label in rung.classes:
        prototypes = of_label(label)
        prototype = prototypes[turn % len(prototypes)]
        asked = Asked(kind, elements, prototype, number)
        yield Unit(f"{split}-{label}-{turn:06d}-{number}", split, 1, label, asked)
