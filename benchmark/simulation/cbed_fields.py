"""What a network is given of a stack of CBED patterns, under the names of the real STEMDL data set."""

from __future__ import annotations

from collections.abc import Sequence

from benchmark.definition.sample import Field, SampleSchema

STACK, LABEL, MATERIAL = "cbed_stack", "space_group", "material"
PROJECTIONS = 3


def sample_schema(pixels: int, space_groups: Sequence[int]) -> SampleSchema:
    """What a data set's readers are given of its samples, which lie in groups of `space_groups`."""
    stack = Field(STACK, (PROJECTIONS, pixels, pixels), unit="share of the beam")
    classes = {LABEL: tuple(map(str, space_groups))}
    return SampleSchema((stack,), (Field(LABEL, (), "int64"),), MATERIAL, LABEL, classes)
