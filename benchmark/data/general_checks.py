"""What can be checked of any data: samples of their schema, as many as declared, no unit in two splits."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from benchmark.data.examined import Data, ReadShard, sees
from benchmark.data.faults import READING_ERRORS, DataFault
from benchmark.data.layout import label_of, read_unit
from benchmark.data.manifest import MANIFEST, Manifest
from benchmark.data.shard_index import index_shard, indices_of, stored_arrays
from benchmark.definition.finder import benchmark_with


@dataclass
class SampleLook:
    """What one pass over all samples saw, of each shard that can be read: its samples by split, stratum, unit; and the
    hash of each sample's inputs, by split."""

    manifest: Manifest
    faults: list[DataFault] = field(default_factory=list)
    strata: dict[str, Counter[str]] = field(default_factory=dict)
    splits_of_unit: dict[str, set[str]] = field(default_factory=dict)
    splits_of_inputs: dict[bytes, set[str]] = field(default_factory=dict)

    def shard(self, shard: ReadShard) -> None:
        """Look at every sample of a shard."""
        try:
            self._look(shard)
        except READING_ERRORS as error:
            said = str(error).splitlines()[0]
            self.faults.append(DataFault("samples", str(shard.path), "the shard cannot be read", "", said))

    def _look(self, shard: ReadShard) -> None:
        schema, content, path = self.manifest.schema, shard.sealed, shard.path
        index = index_shard(content, path, shard.entry["samples"], schema, indices_of(schema))
        inputs = [hashlib.sha256() for _ in index.names]
        for name, lying in index.fields.items():
            stored = stored_arrays(content, path, index, lying, range(len(index.names)))
            for number, array in enumerate(stored):
                if array.dtype.kind == "f" and not np.isfinite(array).all():
                    where = f"{path}: {index.name(number)}"
                    self.faults.append(DataFault("samples", where, f"{name} is not finite"))
                if lying.field in schema.inputs:
                    inputs[number].update(array.tobytes())
        with shard.opened() as opened:
            for number in range(len(index.names)):
                sample = opened[index.name(number)]
                self.splits_of_unit.setdefault(read_unit(sample, schema.unit), set()).add(shard.split)
                stratum = label_of(sample.attrs[schema.stratum]) if schema.stratum else ""
                self.strata.setdefault(shard.split, Counter())[stratum] += 1
                self.splits_of_inputs.setdefault(inputs[number].digest(), set()).add(shard.split)


@sees(SampleLook)
def samples(data: Data) -> Iterator[DataFault]:
    """Every sample has the schema's fields, of their shapes and types, labels of its classes, and finite numbers."""
    yield from data.once(SampleLook).faults


@sees(SampleLook)
def counts(data: Data) -> Iterator[DataFault]:
    """Samples of each split and stratum are as many as the manifest says, and as the rung's definition wants."""
    manifest, seen, where = data.manifest, data.once(SampleLook), str(data.manifest.folder / MANIFEST)
    for split, said in manifest.values["splits"].items():
        found = seen.strata.get(split, Counter())
        if found.total() != said["samples"]:
            yield DataFault("counts", where, f"samples of {split}", str(said["samples"]), str(found.total()))
        for stratum, number in said["groups"].items():
            if found[stratum] != number:
                yield DataFault("counts", where, f"samples of {stratum} in {split}", str(number), str(found[stratum]))
    benchmark = benchmark_with(manifest.rung)
    if benchmark is not None and manifest.standard:
        for split, number in benchmark.rung(manifest.rung).samples.items():
            if (there := manifest.samples.get(split, 0)) != number:
                yield DataFault("counts", where, f"samples of {split}, by the definition", str(number), str(there))


@sees(SampleLook)
def units(data: Data) -> Iterator[DataFault]:
    """All samples of a unit lie in one split, and no two splits have the same inputs."""
    seen, where = data.once(SampleLook), str(data.manifest.folder)
    for unit, splits in seen.splits_of_unit.items():
        if len(splits) > 1:
            word = data.manifest.schema.unit
            yield DataFault("units", where, f"the {word} {unit} is in several splits", found=", ".join(sorted(splits)))
    if shared := [splits for splits in seen.splits_of_inputs.values() if len(splits) > 1]:
        together = ", ".join(sorted(set().union(*shared)))
        yield DataFault(
            "units", where, f"{len(shared)} samples have the inputs of others in another split", found=together
        )
