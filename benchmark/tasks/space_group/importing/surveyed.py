"""What the files of a source hold, found without reading a pattern: which files are whole, and the label, material and
numbers of every sample."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from benchmark.crystals import cbed_stack
from benchmark.data import layout
from benchmark.data.hdf5_errors import refuse_locked, require_filters, why_unreadable
from benchmark.foundation.errors import StemdlError
from benchmark.simulation import cbed_fields
from benchmark.tasks.space_group.importing.patterns import NPZ_FAULTS, NPZ_PIXELS, REAL_KINDS, read_npz_label
from benchmark.tasks.space_group.importing.source import SourceFile
from benchmark.tasks.space_group.importing.tally import Tally

if TYPE_CHECKING:
    import h5py


MOST_PIXELS = 4096
"""Along one side of a pattern; what says more is not a pattern, and would not fit in memory."""
MOST_CHARACTERS = 1000
"""The length of a material's identifier at most."""


@dataclass(frozen=True)
class SourceSample:
    """One stack of a source that may be imported.

    Attributes
    ----------
    file, name : where it is; `name` is its group in an HDF5 file and empty for NPZ.
    space_group : its label, 1 to 230. material : its identifier.
    material_number, energy_number : m and e of sample_<m>_<e>.
    pixels : along one side of a pattern.
    """

    file: SourceFile
    name: str
    space_group: int
    material: str
    material_number: int
    energy_number: int
    pixels: int


@dataclass(frozen=True)
class FileSurvey:
    """The samples of some files, and what of them is already known to be dropped or skipped."""

    samples: tuple[SourceSample, ...]
    tally: Tally


class _Unusable(Exception):
    """A stack that cannot be imported; its text says why."""


def survey_hdf5(file: SourceFile) -> FileSurvey:
    """The samples of one HDF5 file. A file that cannot be read to its end is named and gives none. Raises StemdlError
    where patterns are behind a filter that is not installed, another process has the file open for writing, or it has
    not the hash that its data set's manifest gives."""
    samples, tally = [], Tally()
    seen: set[tuple[int, int]] = set()
    try:
        with file.opened() as shard:
            for name in shard:
                try:
                    sample = _sample(file, shard, name)
                    if (sample.material_number, sample.energy_number) in seen:
                        raise _Unusable("its sample number is in the file twice")
                except _Unusable as reason:
                    tally.drop(str(reason))
                    continue
                seen.add((sample.material_number, sample.energy_number))
                samples.append(sample)
    except (OSError, RuntimeError, KeyError) as error:
        refuse_locked(error, file.path)
        tally = Tally()
        tally.skip(file.name, why_unreadable(error))
        return FileSurvey((), tally)
    return FileSurvey(tuple(samples), tally)


def _sample(file: SourceFile, shard: h5py.File, name: str) -> SourceSample:
    import h5py

    match = layout.SAMPLE_NAME.match(name)
    if match is None:
        raise _Unusable("it is not a group sample_<m>_<e>")
    group = _own(shard, name, "it")
    if not isinstance(group, h5py.Group):
        raise _Unusable("it is not a group sample_<m>_<e>")
    stack = _own(group, cbed_fields.STACK, f"its {cbed_fields.STACK}") if cbed_fields.STACK in group else None
    if not isinstance(stack, h5py.Dataset) or not _is_stack(stack.shape):
        raise _Unusable(f"it has no {cbed_fields.STACK} of three square patterns")
    _require_real(stack)
    require_filters(stack, f"{file.path}: {name}")
    try:
        label = cbed_stack.read_label(group)
        number = int(match[1])
        material = cbed_stack.read_material(group) if "material" in group.attrs else f"{file.name}:{number}"
    except StemdlError as error:
        raise _Unusable(f"its label is not a space group: {error.found}") from error
    except (OSError, RuntimeError, KeyError, TypeError, ValueError) as error:
        raise _Unusable("its label or material is missing or of no readable type") from error
    if not (material.isprintable() and 0 < len(material) <= MOST_CHARACTERS):
        raise _Unusable("its material is not printable text")
    return SourceSample(file, name, label, material, number, int(match[2]), stack.shape[-1])


def _own(parent: h5py.Group, name: str, what: str) -> object:
    """What lies under a name itself: a link leads to what another name has, to another file, or nowhere."""
    import h5py

    link = parent.get(name, getlink=True)
    if isinstance(link, h5py.ExternalLink):
        raise _Unusable(f"{what} is a link to another file")
    if isinstance(link, h5py.SoftLink):
        raise _Unusable(f"{what} is a link to {'another object' if _leads_somewhere(parent, name) else 'nothing'}")
    if link is None:
        raise _Unusable(f"{what} is a link of an unknown kind")
    try:
        return parent[name]
    except TypeError as error:
        raise _Unusable(f"{what} is of a type that cannot be read") from error


def _leads_somewhere(parent: h5py.Group, name: str) -> bool:
    try:
        return parent[name] is not None
    except (KeyError, OSError, RuntimeError):
        return False


def _require_real(stack: h5py.Dataset) -> None:
    """Raises _Unusable for a stack of anything but real numbers of at most 8 bytes, that lie in its own file and fit in
    memory."""
    import h5py

    try:
        kind = stack.dtype
    except TypeError as error:
        raise _Unusable("its patterns are of a type that cannot be read") from error
    if kind.kind not in REAL_KINDS or kind.itemsize > 8 or h5py.check_enum_dtype(kind) is not None:
        raise _Unusable(f"its patterns are of type {str(kind)[:40]}, not of real numbers")
    if stack.is_virtual or stack.external:
        raise _Unusable("its patterns lie in another file")
    if stack.shape[1] > MOST_PIXELS:
        raise _Unusable(f"its patterns are of more than {MOST_PIXELS} pixels")


def _is_stack(shape: tuple[int, ...] | None) -> bool:
    return shape is not None and len(shape) == 3 and shape[0] == cbed_fields.PROJECTIONS and shape[1] == shape[2] > 0


def survey_npz(files: tuple[SourceFile, ...]) -> FileSurvey:
    """The samples of many NPZ files, one each. A file that cannot be read is named and skipped."""
    samples, tally = [], Tally()
    for file, stored in _npz_labels(files, tally):
        try:
            label = cbed_stack.space_group_of(stored, file.name)
        except StemdlError as error:
            tally.drop(f"its label is not a space group: {error.found}")
            continue
        # The form does not tell the materials: each file stands for one.
        samples.append(
            SourceSample(file, "", label, f"npz-{file.name.removesuffix('.npz')}", file.number, 0, NPZ_PIXELS)
        )
    return FileSurvey(tuple(samples), tally)


def _npz_labels(files: tuple[SourceFile, ...], tally: Tally) -> Iterator[tuple[SourceFile, NDArray[Any]]]:
    for file in files:
        try:
            yield file, read_npz_label(file.path)
        except NPZ_FAULTS as error:
            tally.skip(file.name, f"it is truncated or no NPZ of a stack ({type(error).__name__})")
