"""How many bytes a sample takes at least, as the tallies of its run say what it has."""

from __future__ import annotations

import math

from benchmark.foundation.errors import StemdlError
from benchmark.validation.subjects import Log

LEAST_OF_A_SAMPLE = 1024
"""Of a run without tallies: a sample of any task here has some hundred numbers."""
LEAST_OF_A_NUMBER = 2
"""Whatever it is read as, a number may be kept in half of its bits."""


def sample_bytes(log: Log) -> int:
    """Bytes of one sample's inputs, at least."""
    from benchmark.metrics.tallies import read_tallies  # which numpy comes with

    if log.tallies is None:
        return LEAST_OF_A_SAMPLE
    try:
        inputs = read_tallies(log.tallies).schema.inputs
    except StemdlError:
        return LEAST_OF_A_SAMPLE  # tallies_come_to_the_log says so
    return max(LEAST_OF_A_SAMPLE, LEAST_OF_A_NUMBER * sum(math.prod(each.shape) for each in inputs))
