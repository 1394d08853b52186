"""A data set that is being verified: its shards are read once, and whatever checks share is made from these bytes."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypeVar

from benchmark.data.faults import READING_ERRORS, DataFault
from benchmark.data.manifest import Manifest
from benchmark.data.sealed import changed, opened_image
from benchmark.foundation.progress import counted, progress

if TYPE_CHECKING:
    import h5py


class ReadShard:
    """A shard as it was read from its file, once.

    Attributes
    ----------
    entry : of the manifest. path : of the file. split : that it lies in.
    content : its bytes; reading errors are raised again where they are asked for.
    """

    def __init__(self, manifest: Manifest, entry: Mapping[str, Any]) -> None:
        self.entry, self.path = entry, manifest.folder / entry["path"]
        self.split = str(entry["path"]).partition("/")[0]
        self._content = b""
        self._error: OSError | None = None
        try:
            self._content = self.path.read_bytes()
        except OSError as error:
            self._error = error

    @property
    def content(self) -> bytes:
        """All bytes. Raises OSError where they could not be read."""
        if self._error is not None:
            raise self._error
        return self._content

    @cached_property
    def sha256(self) -> str:
        """The hash of its bytes. Raises OSError where they could not be read."""
        return hashlib.sha256(self.content).hexdigest()

    @property
    def sealed(self) -> bytes:
        """All bytes. Raises StemdlError where they are not the manifest's, OSError where they could not be read."""
        if self.sha256 != self.entry["sha256"]:
            raise changed(self.path, self.entry["sha256"], self.sha256)
        return self.content

    def opened(self) -> h5py.File:
        """Its bytes as an HDF5 file, whatever their hash. Raises OSError where they are not one."""
        return opened_image(self.content, self.path)


class Look(Protocol):
    """What is seen in one pass over all shards; made of the manifest."""

    def shard(self, shard: ReadShard) -> None:
        """Look at the next shard, in the manifest's order. What it raises, every check that asks for the look gets."""


class EachSample(ABC):
    """A look at each sample by itself, of shards that are the manifest's.

    Attributes
    ----------
    check : what the faults of shards that cannot be read are filed under.
    """

    check: ClassVar[str]

    def __init__(self, manifest: Manifest) -> None:
        self.manifest = manifest
        self.faults: list[DataFault] = []

    def shard(self, shard: ReadShard) -> None:
        """Look at every sample of a shard."""
        try:
            with opened_image(shard.sealed, shard.path) as opened:
                for name, sample in opened.items():
                    self.sample(f"{shard.path}: {name}", shard.split, sample)
        except READING_ERRORS as error:
            said = " ".join(str(error).split())
            self.faults.append(DataFault(self.check, str(shard.path), "the shard cannot be read", "", said))

    @abstractmethod
    def sample(self, where: str, split: str, sample: h5py.Group) -> None:
        """Look at a sample; `where` names it in messages."""


Seen = TypeVar("Seen", bound=Look)
Check = TypeVar("Check", bound=Callable[..., Any])


def sees(*looks: Callable[[Manifest], Look]) -> Callable[[Check], Check]:
    """Says which looks a check asks `Data.once` for: the looks of all checks are made in one pass over the shards."""

    def mark(check: Check) -> Check:
        check.looks = looks  # type: ignore[attr-defined]
        return check

    return mark


@dataclass
class Data:
    """A data set that is being verified.

    Attributes
    ----------
    table : what given units were made from. notes : what is worth saying though it is not a fault.
    looks : to be made together, at the first `once`. doing : what its progress is shown as.
    """

    manifest: Manifest
    table: Path | None = None
    notes: list[str] = field(default_factory=list)
    looks: list[Callable[[Manifest], Look]] = field(default_factory=list)
    doing: str = "Verifying"
    _seen: dict[Callable[[Manifest], Look], Look] = field(default_factory=dict)
    _errors: dict[Callable[[Manifest], Look], Exception] = field(default_factory=dict)

    def expect(self, checks: Iterable[Callable[[Data], Iterator[DataFault]]]) -> None:
        """Have the looks of these checks made in one pass."""
        for check in checks:
            self.looks += [look for look in getattr(check, "looks", ()) if look not in self.looks]

    def once(self, look: Callable[[Manifest], Seen]) -> Seen:
        """What `look` sees of the data, the same for every check that asks; all shards are read for it once, and for
        all looks that are expected too. Raises what the look has raised."""
        if look not in self._seen:
            wanted: list[Callable[[Manifest], Look]] = [*self.looks, look]
            self._pass([each for each in dict.fromkeys(wanted) if each not in self._seen])
        if look in self._errors:
            raise self._errors[look]
        seen: Seen = self._seen[look]  # type: ignore[assignment]
        return seen

    def _pass(self, looks: list[Callable[[Manifest], Look]]) -> None:
        self._seen |= {look: look(self.manifest) for look in looks}
        with progress(self.doing, len(self.manifest.shards), "shards") as advance:
            for entry in counted(self.manifest.shards, advance):
                shard = ReadShard(self.manifest, entry)
                for look in looks:
                    if look in self._errors:
                        continue
                    try:
                        self._seen[look].shard(shard)
                    except READING_ERRORS as error:
                        self._errors[look] = error


class Skipped(Exception):
    """A check that these data give nothing to do for; says why."""
