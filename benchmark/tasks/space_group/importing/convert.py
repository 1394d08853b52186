"""Writes one shard from the files of a source: reads each stack, holds it, stores it, and tells what it did.

What it did lies in the shard itself (attribute `tally`), so that an import that was stopped knows it when it goes on.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from benchmark.crystals import cbed_stack
from benchmark.data import layout
from benchmark.data.claim import refuse_other_shard
from benchmark.data.hdf5_errors import refuse_locked
from benchmark.data.manifest import WrittenShard
from benchmark.definition.rung import Storage
from benchmark.foundation.errors import StemdlError
from benchmark.foundation.files import canonical_json, sha256_of_file
from benchmark.simulation import cbed_fields
from benchmark.tasks.space_group.importing.attributes import read_attributes, repair
from benchmark.tasks.space_group.importing.patterns import NPZ_FAULTS, fault_of, read_npz
from benchmark.tasks.space_group.importing.planned import PlannedMaterial, PlannedShard
from benchmark.tasks.space_group.importing.surveyed import SourceSample
from benchmark.tasks.space_group.importing.tally import Tally

if TYPE_CHECKING:
    import h5py

Stored = tuple[SourceSample, NDArray[np.float32] | None, dict[str, Any], list[str]]
"""A stack of a source: its patterns where they could be read, its attributes but label and material, its repairs."""
_Result = TypeVar("_Result")


def write_shard(folder: Path, identity: Mapping[str, str], form: str, storage: Storage, plan: PlannedShard) -> None:
    """Import the stacks of one shard, whole or not at all. `identity` are the hashes that it carries as attributes.

    Raises StemdlError where the source has changed or cannot be read any more, OSError where the shard cannot be
    written.
    """
    tally, groups = Tally(), []
    with layout.new_shard(folder, plan.split, plan.number) as shard:
        for number, (sample, patterns, attributes, repairs) in _stacks(form, plan):
            if patterns is None and form == "npz":
                tally.skip(sample.file.name, "its data are truncated or not (3, 128, 128) numbers")
                continue
            if patterns is None:
                tally.drop(f"its {cbed_fields.STACK} is damaged")
                continue
            if fault := fault_of(patterns):
                tally.drop(fault)
                continue
            told: dict[str, Any] = {
                "space_group": np.bytes_(str(sample.space_group)),
                "material": np.bytes_(sample.material.encode()),
            }
            if form != "own":
                source = f"{sample.file.name}:{sample.name}" if sample.name else sample.file.name
                told["source"] = source.encode("ascii", "backslashreplace").decode("ascii")
            cbed_stack.write_patterns(shard, number, sample.energy_number, patterns, told | attributes, storage)
            tally.keep(repairs)
            groups.append(sample.space_group)
        for name, sha256 in identity.items():
            shard.attrs[name] = sha256
        shard.attrs["tally"] = canonical_json(tally.as_json() | {"space_groups": groups})


def read_tally(folder: Path, identity: Mapping[str, str], plan: PlannedShard) -> tuple[Tally, WrittenShard] | None:
    """What a finished shard tells of itself, or None where it is not there. Raises StemdlError where it is not of this
    import."""
    import h5py

    path = layout.shard_path(folder, plan.split, plan.number)
    if not path.exists():
        return None
    try:
        with h5py.File(path, "r") as shard:
            found = {name: shard.attrs.get(name) for name in identity}
            told = json.loads(shard.attrs.get("tally", "null"))
    except (OSError, ValueError) as error:
        raise StemdlError(
            "a shard cannot be read", where=path, found=error, remedy="delete it and run again"
        ) from error
    refuse_other_shard(path, found if told is not None else {}, identity)
    return Tally.from_json(told), WrittenShard(plan.split, plan.number, told["space_groups"])


def hash_shard(folder: Path, plan: PlannedShard) -> str:
    """The SHA-256 of a finished shard."""
    return sha256_of_file(layout.shard_path(folder, plan.split, plan.number))


class _Files:
    """The source's HDF5 files, of which the last one stays open: neighbouring samples often share it."""

    def __init__(self) -> None:
        self._open: h5py.File | None = None
        self._path: Path | None = None

    def group(self, sample: SourceSample) -> h5py.Group:
        """The sample, open until the next one is asked for."""
        if self._path != sample.file.path:
            self.close()
            self._open, self._path = sample.file.opened(), sample.file.path
        assert self._open is not None
        return self._open[sample.name]

    def close(self) -> None:
        """Close what is open."""
        if self._open is not None:
            self._open.close()


def _stacks(form: str, plan: PlannedShard) -> Iterator[tuple[int, Stored]]:
    """Every stack of a shard, one at a time, with the number of its material."""
    files = _Files()
    try:
        for material in plan.materials:
            stacks = _npz_stacks(material) if form == "npz" else _hdf5_stacks(files, material)
            yield from ((material.number, stack) for stack in stacks)
    finally:
        files.close()


def _npz_stacks(material: PlannedMaterial) -> Iterator[Stored]:
    for sample in material.samples:
        try:
            patterns = read_npz(sample.file.path)
        except NPZ_FAULTS:
            patterns = None
        yield sample, patterns, {}, []


def _hdf5_stacks(files: _Files, material: PlannedMaterial) -> Iterator[Stored]:
    """The energies of a material, whose attributes help each other out."""
    samples = {sample.energy_number: sample for sample in material.samples}
    repaired = repair({e: _read(sample, read_attributes, files) for e, sample in samples.items()})
    for e, sample in samples.items():
        attributes, repairs = repaired[e]
        yield sample, _read(sample, _whole_patterns, files), attributes, repairs


def _whole_patterns(group: h5py.Group) -> NDArray[np.float32] | None:
    """The patterns of a stack, None where HDF5 finds them damaged: a checksum or a filter fails. Raises OSError where
    they are there no more, or the disk fails."""
    try:
        return cbed_stack.read_patterns(group)
    except OSError as error:
        if "errno" in str(error) or error.errno is not None:
            raise
        return None


def _read(sample: SourceSample, read: Callable[[h5py.Group], _Result], files: _Files) -> _Result:
    """What `read` finds in a sample, which was there when the source was surveyed."""
    try:
        return read(files.group(sample))
    except (OSError, RuntimeError, KeyError) as error:
        refuse_locked(error, sample.file.path)
        raise StemdlError(
            "the source cannot be read any more",
            where=f"{sample.file.path}: {sample.name}",
            found=error,
            remedy="has it changed, or is the disk failing? Take the file away or mend it, and import "
            "into another folder",
        ) from error
