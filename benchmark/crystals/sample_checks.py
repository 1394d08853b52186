"""What one sample of a shard must hold, each check by itself: the layout, the label, the intensities."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from benchmark.crystals import cbed_stack
from benchmark.data.faults import DataFault
from benchmark.foundation.errors import StemdlError
from benchmark.simulation.cbed_fields import PROJECTIONS, STACK

if TYPE_CHECKING:
    import h5py

STORED = ("float32", "float16", "uint8")
ATTRIBUTES: Mapping[str, tuple[str, tuple[int, ...]]] = {
    "space_group": ("S", ()),
    "material": ("S", ()),
    "formula": ("SUO", ()),
    "energy_keV": ("iu", ()),
    "z_dirs": ("iu", (1, 3, 3)),
    "y_dirs": ("f", (1, 3, 3)),
    "semi_angles_rad": ("f", (3,)),
    "d_hkls_angstrom": ("f", (3,)),
    "abc_angstrom": ("f", (3,)),
    "angles_degree": ("f", (3,)),
}
"""Attributes of a sample with numpy's kinds of type that they may have, and their shapes."""
ALWAYS = ("space_group", "material")
MOST_INTENSITY = 1.06
"""The sum of a projection at most, as a share of the incident beam: counting noise lifts the sum a little above 1, a
logarithmic storage by up to 5.2 %."""


@dataclass(frozen=True)
class Expected:
    """What the manifest lets a sample be.

    Attributes
    ----------
    pixels : along an edge of a pattern; None where the recipe does not say.
    space_groups : the classes.
    unit_sum : whether intensities are parts of the incident beam, as ours are, and not to a scale of their own.
    complete : whether every attribute must be there; an import leaves out what it cannot believe.
    arrays : the data sets of a sample, rising.
    """

    pixels: int | None
    space_groups: frozenset[int]
    unit_sum: bool
    complete: bool = True
    arrays: tuple[str, ...] = (STACK,)


@dataclass(frozen=True)
class OpenSample:
    """A sample that is being read; `patterns` is None where they cannot be."""

    group: h5py.Group
    where: str
    patterns: NDArray[np.float32] | None


def layout(sample: OpenSample, expected: Expected) -> Iterator[DataFault]:
    """The data sets' names, the stack's shape and type, and each attribute's."""
    group, where = sample.group, sample.where
    if sorted(group) != list(expected.arrays):
        wanted = ", ".join(expected.arrays)
        yield DataFault("layout", where, "other data sets than a sample has", wanted, ", ".join(group) or "nothing")
        return
    stack = group[STACK]
    pixels = expected.pixels or (stack.shape[-1] if stack.ndim else 0)
    if stack.shape != (PROJECTIONS, pixels, pixels):
        yield DataFault(
            "layout",
            where,
            "the stack has another shape",
            str((PROJECTIONS, pixels, pixels)),
            str(stack.shape),
        )
    if stack.dtype.name not in STORED:
        yield DataFault("layout", where, "the stack has another type", " or ".join(STORED), stack.dtype.name)
    for name, (kinds, shape) in ATTRIBUTES.items():
        if name not in group.attrs:
            if expected.complete or name in ALWAYS:
                yield DataFault("layout", where, f"the attribute {name} is missing")
            continue
        value = np.asarray(group.attrs[name])
        if value.dtype.kind not in kinds or value.shape != shape:
            yield DataFault(
                "layout",
                where,
                f"the attribute {name} has another type or shape",
                f"kind {kinds}, shape {shape}",
                f"kind {value.dtype.kind}, shape {value.shape}",
            )
        elif value.dtype.kind == "f" and not np.isfinite(value).all():
            yield DataFault("layout", where, f"the attribute {name} is not finite", "", str(value.tolist()))


def label(sample: OpenSample, expected: Expected) -> Iterator[DataFault]:
    """The label is a space group, and one of the rung's."""
    try:
        group = cbed_stack.read_label(sample.group)
    except StemdlError as error:
        yield DataFault("label", sample.where, error.what, str(error.expected), str(error.found))
        return
    if group not in expected.space_groups:
        yield DataFault(
            "label",
            sample.where,
            "the label is not one of the rung's",
            f"{len(expected.space_groups)} groups",
            str(group),
        )


def values(sample: OpenSample, expected: Expected) -> Iterator[DataFault]:
    """Every intensity is finite and not negative, and each projection holds some of the beam and not more than it."""
    patterns, where = sample.patterns, sample.where
    if patterns is None:
        return
    if bad := int((~np.isfinite(patterns)).sum()):
        yield DataFault("values", where, "intensities are not finite", "0", f"{bad} of {patterns.size}")
        return
    if patterns.min() < 0.0:
        yield DataFault("values", where, "intensities are negative", "", f"{patterns.min():g}")
    sums = patterns.sum(axis=(1, 2), dtype=np.float64)
    if not (sums > 0.0).all():
        yield DataFault("values", where, "a projection is empty", "", str(np.round(sums, 3).tolist()))
    elif expected.unit_sum and sums.max() > MOST_INTENSITY:
        yield DataFault(
            "values",
            where,
            "a projection holds more than the incident beam",
            f"at most {MOST_INTENSITY}",
            f"{sums.max():g}",
        )


SAMPLE_CHECKS: Mapping[str, Callable[[OpenSample, Expected], Iterator[DataFault]]] = {
    "layout": layout,
    "label": label,
    "values": values,
}
