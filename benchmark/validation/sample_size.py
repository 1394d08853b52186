"""How many bytes a sample takes at least, as the tallies of its run say what it has."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from benchmark.foundation.errors import StemdlError
from benchmark.validation.subjects import Log

if TYPE_CHECKING:
    from benchmark.definition.sample import SampleSchema

LEAST_OF_A_SAMPLE = 1024
"""Of a run without tallies: a sample of any task here has some hundred numbers."""
LEAST_OF_A_NUMBER = 2
"""Whatever it is read as, a number may be kept in half of its bits."""


def sample_bytes(log: Log) -> int:
    """Bytes of one sample's inputs, at least."""
    schema = _schema(log)
    told = LEAST_OF_A_NUMBER * sum(math.prod(each.shape) for each in schema.inputs) if schema is not None else 0
    return max(LEAST_OF_A_SAMPLE, told)


def bytes_in_memory(log: Log) -> int:
    """Bytes of one sample as the run holds it: of a closed one all fields, each number as the schema has it."""
    schema = _schema(log) if log.closed else None
    return max(LEAST_OF_A_SAMPLE, schema.bytes) if schema is not None else sample_bytes(log)


def _schema(log: Log) -> SampleSchema | None:
    from benchmark.metrics.tallies import read_tallies  # which numpy comes with

    try:
        return read_tallies(log.tallies).schema if log.tallies is not None else None
    except StemdlError:
        return None  # tallies_come_to_the_log says so
