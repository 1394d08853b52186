"""What a rung of CBED patterns says: which crystals, how many, how oriented, in which microscope."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from benchmark.definition.building import build, frozen, mapping
from benchmark.definition.finder import find_task
from benchmark.definition.rung import SPLITS, Rung, Storage
from benchmark.foundation.errors import StemdlError, nearest
from benchmark.foundation.files import canonical_json, sha256_of_text
from benchmark.simulation.recipes import (
    ORIENTATIONS,
    SETTINGS,
    SPACINGS,
    Accuracy,
    CrystalLimits,
    CrystalRecipe,
    Imported,
    Optics,
    Realistic,
)


@dataclass(frozen=True, kw_only=True)
class CbedRung:
    """A rung whose samples are the stacks of CBED patterns of crystals, in STEMDL's layout.

    Attributes
    ----------
    materials_per_group : of each split, the same for all groups; or
    samples_per_group : of each group, how many samples train, dev and test have. A material has one sample an energy;
        where the number of energies does not divide a count, one material lacks the last ones.
    orientation : one of `ORIENTATIONS`.
    optics, crystals, limits : how patterns are simulated, crystals drawn and given ones chosen; None where `imported`.
    random_rotation : whether the detector's rotation about the beam is unknown (uniform over 360 degrees), instead of
        being known but for the optics' jitter.
    settings, spacings : one of `SETTINGS` and of `SPACINGS`.
    imported : where the data come from, if they are not simulated.
    """

    task: str = "space_group"
    name: str
    summary: str
    version: int
    seed: int
    space_groups: tuple[int, ...]
    materials_per_group: Mapping[str, int] | None = None
    orientation: str
    optics: Optics | None = None
    crystals: CrystalRecipe | None = None
    limits: CrystalLimits | None = None
    storage: Storage = Storage()
    random_rotation: bool = False
    settings: str = "tabulated"
    spacings: str = "periods"
    imported: Imported | None = None
    samples_per_group: Mapping[int, tuple[int, int, int]] | None = None

    @property
    def energies_kev(self) -> tuple[float, ...]:
        """The beam energies in keV, one sample per energy."""
        return self._seen_by.energies_kev

    @property
    def pixels(self) -> int:
        """Along each side of a stored pattern."""
        return self.storage.pixels or self._seen_by.pixels

    @property
    def _seen_by(self) -> Optics | Imported:
        seen_by = self.imported or self.optics
        assert seen_by is not None, "a rung is understood with one of them"
        return seen_by

    def samples(self, space_group: int) -> dict[str, int]:
        """How many samples of a group each split has."""
        if self.samples_per_group is not None:
            return dict(zip(SPLITS, self.samples_per_group[space_group], strict=True))
        return {split: self.materials_per_group[split] * len(self.energies_kev) for split in SPLITS}

    def total(self, split: str) -> int:
        """How many samples of all groups a split has."""
        return sum(self.samples(group)[split] for group in self.space_groups)

    def materials(self, space_group: int) -> dict[str, int]:
        """How many materials of a group each split has."""
        return {split: -(-count // len(self.energies_kev)) for split, count in self.samples(space_group).items()}

    @property
    def classes(self) -> int:
        """How many space groups there are to tell apart."""
        return len(self.space_groups)

    @property
    def named_by(self) -> dict[str, Any]:
        """Everything that the data follow from, as plain values. What is at its default is left out: a rung keeps its
        name when recipes learn to say more."""
        return {key: value for key, value in _said(self).items() if key not in ("summary", "task")}

    @property
    def recipe_sha256(self) -> str:
        """The name of the data: two sets made by one recipe carry the same."""
        return sha256_of_text(canonical_json(self.named_by))

    @classmethod
    def of(cls, rung: Rung | CbedRung, where: str = "") -> CbedRung:
        """What a rung says, understood. Raises StemdlError, beginning with `where`, with the key that is wrong."""
        if isinstance(rung, cls):
            return rung
        return _built(where or f"rung {rung.name}", rung)


def _said(value: Any) -> Any:
    """A dataclass as a mapping of the fields that are not at their defaults, all the way down."""
    if not dataclasses.is_dataclass(value):
        return value
    return {
        field.name: _said(found)
        for field in dataclasses.fields(value)
        if (found := getattr(value, field.name)) != field.default
    }


def _built(where: str, rung: Rung) -> CbedRung:
    values = dict(rung.recipe)
    if "samples_per_group" in values:
        counts = {group: tuple(row) for group, row in mapping(where, values, "samples_per_group").items()}
        values = {"space_groups": list(counts), **values, "samples_per_group": counts}
    if "imported" in values:
        built: dict[str, Any] = {"imported": build(Imported, f"{where}.imported", values["imported"])}
    else:
        built = _simulation(where, values)
    generic = {key: getattr(rung, key) for key in ("task", "name", "summary", "version", "seed", "storage")}
    found = build(CbedRung, where, values, **generic, **built)
    numbers = isinstance(found.space_groups, tuple) and all(
        type(each) is int and 1 <= each <= 230 for each in found.space_groups
    )
    if not numbers or not found.space_groups or sorted(set(found.space_groups)) != list(found.space_groups):
        raise StemdlError("space_groups must rise from 1 to 230 at most", where=where, found=found.space_groups)
    for key, known in (("orientation", ORIENTATIONS), ("settings", SETTINGS), ("spacings", SPACINGS)):
        if (value := getattr(found, key)) not in known:
            raise StemdlError(f"there is no {key} {value!r}", where=where, remedy=nearest(str(value), known))
    if found.samples_per_group is None and set(found.materials_per_group or ()) != set(SPLITS):
        raise StemdlError("materials_per_group needs each split", where=where, expected=SPLITS)
    if found.samples_per_group is None and not all(
        type(count) is int and count >= 0 for count in found.materials_per_group.values()
    ):
        raise StemdlError("materials_per_group needs whole numbers", where=where, found=dict(found.materials_per_group))
    if found.samples_per_group is not None and list(found.samples_per_group) != list(found.space_groups):
        raise StemdlError("samples_per_group is of other groups than space_groups", where=where)
    for group, row in (found.samples_per_group or {}).items():
        if len(row) != len(SPLITS) or not all(type(count) is int and count >= 0 for count in row):
            raise StemdlError(
                "samples_per_group needs a number for each split", where=f"{where}: {group}", expected=SPLITS, found=row
            )
    return found


def crystals_named(name: str) -> CrystalRecipe:
    """The recipe of that name, by which crystals can be drawn for any rung instead of its own. Raises StemdlError with
    the nearest known name."""
    place = find_task("space_group")
    known = mapping(f"{place.definition}: shared", place.benchmark().shared, "crystals")
    if name not in known:
        raise StemdlError(f"there is no recipe {name!r}", where="--crystals", remedy=nearest(name, known))
    return crystals_of(f"{place.definition}: shared.crystals", known, name)


def like(rung: CbedRung, name: str) -> CbedRung:
    """The rung with the views and the microscope of a published set, on the rung's own detector. Raises StemdlError
    with the nearest known name, and for a rung that is not simulated."""
    place = find_task("space_group")
    where = f"{place.definition}: shared.likeness"
    known = mapping(f"{place.definition}: shared", place.benchmark().shared, "likeness")
    if name not in known:
        raise StemdlError(f"no set is called {name!r}", where="--set likeness", remedy=nearest(name, known))
    if rung.optics is None:
        raise StemdlError(f"the data of {rung.name} are not simulated", where="--set likeness", found=name)
    values = mapping(where, known, name)
    changes = {key: frozen(value) for key, value in mapping(f"{where}.{name}", values, "optics").items()}
    others = {key: value for key, value in values.items() if key != "optics"}
    return dataclasses.replace(rung, optics=dataclasses.replace(rung.optics, **changes), **others)


def changed(
    rung: CbedRung, *, crystals: str | None = None, orientation: str | None = None, likeness: str | None = None
) -> CbedRung:
    """The rung with what stands in place of its own, each by its name; data made so are not the rung's. Raises
    StemdlError for names that are not known."""
    if likeness is not None:
        rung = like(rung, likeness)
    if crystals is not None:
        rung = dataclasses.replace(rung, crystals=crystals_named(crystals))
    return rung if orientation is None else dataclasses.replace(rung, orientation=orientation)


def crystals_of(where: str, values: Mapping[str, Any], key: str) -> CrystalRecipe:
    """The recipe of crystals under a key. Raises StemdlError with the place of what is wrong."""
    recipe = mapping(where, values, key)
    where = f"{where}.{key}"
    counts = mapping(where, recipe, "element_counts")
    recipe["element_counts"] = {system: frozen(entries) for system, entries in counts.items()}
    if "realistic" in recipe:
        recipe["realistic"] = build(Realistic, f"{where}.realistic", recipe["realistic"])
    return build(CrystalRecipe, where, recipe)


def _simulation(where: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """The parts of a rung that say how its data are simulated."""
    optics = mapping(where, values, "optics")
    accuracy = build(Accuracy, f"{where}.optics.accuracy", optics.pop("accuracy", None))
    return {
        "optics": build(Optics, f"{where}.optics", optics, accuracy=accuracy),
        "crystals": crystals_of(where, values, "crystals"),
        "limits": build(CrystalLimits, f"{where}.limits", mapping(where, values, "limits")),
    }
