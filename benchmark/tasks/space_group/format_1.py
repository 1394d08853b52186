"""What manifests of the first format leave unsaid, for there was one task then: its samples were CBED stacks."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmark.definition.sample import SampleSchema
from benchmark.foundation.errors import StemdlError
from benchmark.simulation.cbed_fields import LABEL, STACK, sample_schema


def classes_of(values: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """The labels of the target, from what the manifest holds."""
    return {LABEL: tuple(map(str, values["space_groups"]))}


def schema_of(values: Mapping[str, Any], folder: Path) -> SampleSchema:
    """The samples' schema: the first of them shows how many pixels a pattern has along a side. Raises StemdlError where
    its shard cannot be read."""
    import h5py

    path = folder / values["shards"][0]["path"]
    try:
        with h5py.File(path, "r") as shard:
            return sample_schema(int(shard[next(iter(shard))][STACK].shape[-1]), values["space_groups"])
    except (OSError, RuntimeError, KeyError, IndexError, StopIteration, AttributeError) as error:
        raise StemdlError("a shard cannot be read", where=path, found=error) from error
