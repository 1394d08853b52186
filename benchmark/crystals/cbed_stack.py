"""The layout of the real STEMDL data set (DOI 10.13139/OLCF/1510313), which our own data keep, attribute by attribute.

A split is a folder of shards `batch_<split>_<k>.h5`; a shard holds groups `sample_<m>_<e>` (material m, energy e), each
with one data set `cbed_stack`, (3, pixels, pixels) float32: the intensities of three projections, about unit sum each.
Ours may hold them smaller (`storage`); `read_patterns` reads either.
`z_dirs` and `y_dirs` are (1, 3, 3) with direction i in the COLUMN [0, :, i].
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from benchmark.data.layout import label_of, read_unit
from benchmark.data.manifest import Manifest
from benchmark.data.recipe import Sample
from benchmark.data.storage import read_stored, write_stored
from benchmark.definition.rung import Storage
from benchmark.foundation.errors import StemdlError
from benchmark.foundation.text import whole
from benchmark.simulation.cbed_fields import LABEL, MATERIAL, STACK

if TYPE_CHECKING:
    import h5py


@dataclass(frozen=True)
class Stack:
    """The projections of one material at one energy, with what is known of them.

    Attributes
    ----------
    patterns : (3, pixels, pixels) float32 intensities.
    space_group : 1 to 230, the label.
    material : its identifier, the unit of splitting.
    energy_kev, formula : of the beam, and of the simulated cell.
    z_dirs : (3, 3) zone axis of each projection as rows, in the conventional cell's vectors.
    y_dirs : (3, 3) the detector's up direction as rows, likewise.
    semi_angles_rad, d_hkls_angstrom : (3,) convergence semi-angle, and `recipes.SPACINGS` of the crystal.
    abc_angstrom, angles_degree : (3,) of the conventional cell.
    more : further attributes by name (thickness, mistilt, rotation of ours).
    """

    patterns: NDArray[np.float32]
    space_group: int
    material: str
    energy_kev: float
    formula: str
    z_dirs: NDArray[np.int64]
    y_dirs: NDArray[np.float64]
    semi_angles_rad: NDArray[np.float64]
    d_hkls_angstrom: NDArray[np.float64]
    abc_angstrom: NDArray[np.float64]
    angles_degree: NDArray[np.float64]
    more: dict[str, NDArray[np.float64]]


def sample_of(stack: Stack) -> Sample:
    """A stack as a sample of the schema, its attributes as the layout has them."""
    attributes = {
        "energy_keV": round(stack.energy_kev),
        "formula": stack.formula,
        "z_dirs": stack.z_dirs.T[None],
        "y_dirs": stack.y_dirs.T[None],
        "semi_angles_rad": stack.semi_angles_rad,
        "d_hkls_angstrom": stack.d_hkls_angstrom,
        "abc_angstrom": stack.abc_angstrom,
        "angles_degree": stack.angles_degree,
        **stack.more,
    }
    return Sample({STACK: stack.patterns, LABEL: str(stack.space_group)}, attributes)


def write_stack(
    shard: h5py.File, material_number: int, energy_number: int, stack: Stack, storage: Storage = Storage()
) -> None:
    """Add a stack to an open shard. Raises StemdlError where the storage cannot hold its patterns."""
    sample = sample_of(stack)
    named = {LABEL: np.bytes_(str(stack.space_group)), MATERIAL: np.bytes_(stack.material)}
    write_patterns(shard, material_number, energy_number, stack.patterns, {**named, **sample.attributes}, storage)


def write_patterns(
    shard: h5py.File,
    material_number: int,
    energy_number: int,
    patterns: NDArray[np.float32],
    attributes: Mapping[str, Any],
    storage: Storage = Storage(),
) -> None:
    """Add a sample of the layout with attributes as they are to be stored. Raises StemdlError as `write_stack` does."""
    group = shard.create_group(f"sample_{material_number}_{energy_number}")
    write_stored(group, STACK, patterns, storage)
    for name, value in attributes.items():
        group.attrs[name] = value


def read_patterns(group: h5py.Group) -> NDArray[np.float32]:
    """The intensities of a sample, (3, pixels, pixels) float32, whatever the storage of its shard.

    To read many, or raw: `coding = storage.coding_of(shard)` once, then `coding.decode(shard[name][STACK][()])`; an
    unfiltered stack lies in one piece at `shard[name][STACK].id.get_offset()`, and `coding.decode` takes any number of
    stacks at once. Raises StemdlError where the shard's coding is not known or its filter is not installed.
    """
    return read_stored(group[STACK])


def read_label(group: h5py.Group) -> int:
    """The space group number of a sample, which the real set stores as bytes. Raises StemdlError for anything else."""
    return space_group_of(group.attrs["space_group"], f"{group.file.filename}: {group.name}")


def space_group_of(label: object, where: str) -> int:
    """The space group number that a stored label says: a number or its text, as bytes or not, padded or not, 225.0 as
    well as 225. Raises StemdlError for anything else."""
    text = label_of(label)
    number = whole(text)
    if number is None or not 1 <= number <= 230:
        raise StemdlError(
            "the label is not a space group", where=where, found=ascii(text)[1:-1][:40], expected="1 to 230"
        )
    return number


def read_material(group: h5py.Group) -> str:
    """The identifier of a sample's material. Raises TypeError and ValueError as `layout.read_unit` does."""
    return read_unit(group, MATERIAL)


def space_groups_of(manifest: Manifest) -> tuple[int, ...]:
    """The space groups that samples of the layout may be labelled with, in the order of their indices."""
    return tuple(map(int, manifest.classes[LABEL]))
