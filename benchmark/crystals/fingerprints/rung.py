"""What a rung of fingerprints says: of which crystals, how many of each class, and how broken they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from benchmark.crystals.fingerprints.elementals import LABELS
from benchmark.definition.building import build, mapping
from benchmark.definition.rung import SPLITS, Rung
from benchmark.foundation.errors import StemdlError
from benchmark.simulation.cbed import crystals_of
from benchmark.simulation.recipes import CrystalRecipe

PRISTINE = "pristine"
BROKEN = ("vacancies", "displaced", "substituted", "displaced_vacancies", "surface")
KINDS = (PRISTINE, *BROKEN)
"""Kinds of defects."""
BY_PROTOTYPE, BY_STRUCTURE = READINGS = ("as_published", "by_structure")
"""Elements in eight prototypes, of seven classes; or compounds drawn at random, of which the space group is asked."""


@dataclass(frozen=True)
class Defects:
    """How clusters are broken. Bounds of shares, of which each cluster's are drawn evenly; `kinds` says how many
    samples of each class and split are of which kind, in proportion."""

    kinds: Mapping[str, float]
    vacancies: tuple[float, float]
    displaced: tuple[float, float]
    substituted: tuple[float, float]
    surface: tuple[float, float]


@dataclass(frozen=True)
class FingerprintRung:
    """What a rung says.

    Attributes
    ----------
    reading : one of `READINGS`.
    atoms : that a cluster has at least.
    samples_per_class : of each split.
    split_shares : of the elements, or of the anonymous formulas, that each split has.
    broken_training : whether training crystals are broken as the others are; else they are whole, as published.
    space_groups, crystals : of compounds that are drawn; empty and None for elements.
    """

    seed: int
    reading: str
    atoms: int
    samples_per_class: Mapping[str, int]
    split_shares: Mapping[str, float]
    defects: Defects
    broken_training: bool = False
    space_groups: tuple[int, ...] = ()
    crystals: CrystalRecipe | None = None

    @property
    def classes(self) -> tuple[str, ...]:
        """The labels of the target, in the order of their indices."""
        return LABELS if self.reading == BY_PROTOTYPE else tuple(map(str, self.space_groups))

    def kinds(self, split: str) -> Mapping[str, float]:
        """The kinds of defects of a split, with how frequent each is."""
        return {PRISTINE: 1.0} if split == SPLITS[0] and not self.broken_training else self.defects.kinds


def understood(rung: Rung) -> FingerprintRung:
    """What a rung says. Raises StemdlError with the key that is wrong."""
    where, values = f"rung {rung.name}", dict(rung.recipe)
    defects = mapping(where, values, "defects")
    kinds = mapping(f"{where}.defects", defects, "kinds")
    built = {
        "defects": build(Defects, f"{where}.defects", defects, kinds=kinds),
        "samples_per_class": mapping(where, values, "samples_per_class"),
        "split_shares": mapping(where, values, "split_shares"),
    }
    if "crystals" in values:
        built["crystals"] = crystals_of(where, values, "crystals")
    found = build(FingerprintRung, where, values, **built, seed=rung.seed)
    _require(found, where)
    return found


def _require(found: FingerprintRung, where: str) -> None:
    if found.reading not in READINGS:
        raise StemdlError("reading is unknown", where=where, expected=" or ".join(READINGS), found=found.reading)
    groups = found.space_groups
    compounds = found.reading == BY_STRUCTURE
    if compounds != bool(groups) or compounds != (found.crystals is not None):
        raise StemdlError(f"space_groups and crystals belong to {BY_STRUCTURE}, and only to it", where=where)
    if not all(type(each) is int and 1 <= each <= 230 for each in groups) or list(groups) != sorted(set(groups)):
        raise StemdlError("space_groups must rise from 1 to 230 at most", where=where, found=groups)
    if not 8 <= found.atoms <= 4096:
        raise StemdlError("atoms of a cluster are out of range", where=where, expected="8 to 4096", found=found.atoms)
    for name, whole in (("samples_per_class", True), ("split_shares", False)):
        counts = getattr(found, name)
        fine = all(
            (type(count) is int if whole else type(count) in (int, float)) and count >= 0 for count in counts.values()
        )
        if tuple(counts) != SPLITS or not fine or not sum(counts.values()):
            raise StemdlError(f"{name} needs a number from 0 for {', '.join(SPLITS)}", where=where, found=counts)
    if stray := sorted(set(found.defects.kinds) - set(KINDS)):
        raise StemdlError(
            f"defects of an unknown kind: {stray[0]!r}", where=f"{where}.defects.kinds", expected=", ".join(KINDS)
        )
    if not all(type(each) in (int, float) and each >= 0 for each in found.defects.kinds.values()) or not sum(
        found.defects.kinds.values()
    ):
        raise StemdlError("kinds need shares from 0", where=f"{where}.defects", found=found.defects.kinds)
    for name, most in (("vacancies", 0.9), ("displaced", 1.0), ("substituted", 1.0), ("surface", 0.9)):
        low, high = getattr(found.defects, name)
        if not 0.0 < low <= high <= most:
            raise StemdlError(
                f"defects.{name} must rise", where=where, expected=f"above 0, to {most:g} at most", found=(low, high)
            )
