"""What a task's recipe gives the harness: units, each of which it can make the samples of, from a stream of its own.

A task's data half is `benchmark/tasks/<name>/recipe.py`, whose `make_recipe(rung)` gives one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from benchmark.definition.sample import SampleSchema


@dataclass(frozen=True)
class Unit:
    """What is made as a whole and stays in one split: a material, a specimen.

    Attributes
    ----------
    identifier : unique in the data set; with the recipe's seed it says the unit's stream of random numbers.
    stratum : what splits are balanced by; empty where they are not.
    samples : how many it has.
    content : what it is made from, such as a crystal that was given; None where it is drawn.
    """

    identifier: str
    split: str
    samples: int
    stratum: str = ""
    content: Any = None


@dataclass(frozen=True, eq=False)
class Sample:
    """One sample: the arrays of the schema's fields by name, and attributes that say more of it."""

    arrays: Mapping[str, NDArray[np.generic]]
    attributes: Mapping[str, Any] = field(default_factory=dict)


class Recipe(Protocol):
    """How the data of one rung are made."""

    def schema(self) -> SampleSchema:
        """Of every sample."""

    def units(self) -> Sequence[Unit]:
        """All units of the rung's own data, in the order of their numbers; the same on every call."""

    def make(self, unit: Unit, generator: np.random.Generator, device: str) -> Iterator[Sample]:
        """The samples of a unit. All that is random in them comes from the generator."""
