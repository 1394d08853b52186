"""The materials of a data set, read from its samples without their patterns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmark.crystals import cbed_stack
from benchmark.crystals.duplicates import Compound, parsed_formula, reduced, structure_type
from benchmark.data import layout
from benchmark.data.manifest import Manifest
from benchmark.data.sealed import opened_shard
from benchmark.definition.rung import SPLITS
from benchmark.foundation.errors import StemdlError
from benchmark.foundation.progress import progress
from benchmark.foundation.text import typed
from benchmark.simulation.crystal import ANGLES_DEGREES, LENGTHS_ANGSTROM

if TYPE_CHECKING:
    import h5py


@dataclass(frozen=True)
class MaterialEntry:
    """A material as its first sample describes it.

    Attributes
    ----------
    compound : what its likeness to others is judged by.
    structure_type : `duplicates.structure_type` of it.
    split : the folder that it lies in. shard, name : of its first sample.
    """

    compound: Compound
    structure_type: str
    split: str
    shard: str
    name: str


def cells_are_primitive(manifest: Manifest) -> bool:
    """Whether formula and cell of a sample are those of a primitive cell, as in the real set, and not conventional."""
    source = manifest.values["source"]
    while source.get("form") == "own":  # data of ours, imported for another storage
        source = source["of"]
    return source["kind"] not in ("drawn", "structures", "prototypes")


def read_entry(sample: h5py.Group, split: str, shard: str, primitive: bool) -> MaterialEntry:
    """A material from one of its samples. Raises StemdlError where the label, formula or cell is not one.

    Formula and cell of imported data, whose cells are `primitive`, may be missing: the import left out what it could
    not believe, and the NPZ form has none.
    """
    where = f"{shard}: {sample.name}"
    lengths = angles = None
    try:
        material, group = cbed_stack.read_material(sample), cbed_stack.read_label(sample)
        counts = {}
        if not primitive or "formula" in sample.attrs:
            formula = sample.attrs["formula"]
            counts = parsed_formula(formula.decode("ascii") if isinstance(formula, bytes) else str(formula))
        if not primitive or {"abc_angstrom", "angles_degree"} <= set(sample.attrs):
            lengths = np.asarray(sample.attrs["abc_angstrom"], dtype=np.float64)
            angles = np.asarray(sample.attrs["angles_degree"], dtype=np.float64)
    except (KeyError, ValueError) as error:
        raise StemdlError("a sample does not say what it is of", where=where, found=error) from error
    for name, values, (least, most) in (
        ("abc_angstrom", lengths, LENGTHS_ANGSTROM),
        ("angles_degree", angles, ANGLES_DEGREES),
    ):
        if values is not None and (values.shape != (3,) or not ((least <= values) & (values <= most)).all()):
            raise StemdlError(
                f"{name} is out of range for a cell",
                where=where,
                expected=f"3 of {least:g} to {most:g}",
                found=values.tolist(),
            )
    abc = None if lengths is None else tuple(lengths.tolist())
    compound = Compound(
        material, reduced(counts), group, abc, None if angles is None else tuple(angles.tolist()), primitive
    )
    return MaterialEntry(compound, structure_type(counts, group, primitive), split, shard, sample.name.strip("/"))


def split_of(shard: str) -> str:
    """The split that a shard's path in the manifest lies in. Raises StemdlError for another folder."""
    split = Path(shard).parent.name
    if split not in SPLITS:
        raise StemdlError("a shard lies in no split", where=shard, expected=", ".join(SPLITS))
    return split


def read_materials(manifest: Manifest) -> Mapping[str, MaterialEntry]:
    """Every material of a data set by its identifier, in the order of the shards. One sample of each is read.

    Raises StemdlError where a shard has changed, where it or a sample cannot be read, and where a material lies in two
    splits.
    """
    primitive = cells_are_primitive(manifest)
    found: dict[str, MaterialEntry] = {}
    with progress("Reading materials", len(manifest.shards), "shards") as advance:
        for done, shard in enumerate(manifest.shards, start=1):
            path = manifest.folder / shard["path"]
            try:
                with opened_shard(manifest, shard) as opened:
                    for name in _one_of_each(layout.sample_names(opened)):
                        entry = read_entry(opened[name], split_of(shard["path"]), shard["path"], primitive)
                        first = found.setdefault(entry.compound.identifier, entry)
                        if first.split != entry.split:
                            raise StemdlError(
                                f"the material {entry.compound.identifier} lies in two splits",
                                where=manifest.folder,
                                found=f"{first.shard} and {entry.shard}",
                                remedy=f"stemdl data verify {typed(manifest.folder)}",
                            )
            except OSError as error:
                raise StemdlError(
                    "a shard cannot be read",
                    where=path,
                    found=error,
                    remedy=f"stemdl data verify {typed(manifest.folder)}",
                ) from error
            advance(done)
    return found


def _one_of_each(names: list[str]) -> Iterator[str]:
    """The first sample of each material, which may have several, one per energy."""
    last = None
    for name in names:
        material = name.rsplit("_", 1)[0]
        if material != last:
            yield name
        last = material
