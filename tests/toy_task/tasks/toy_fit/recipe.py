"""How lines are drawn: each unit is one line that is measured twice, rising or falling."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from benchmark.data.recipe import Sample, Unit
from benchmark.definition.sample import Field, SampleSchema

DIRECTIONS = ("rising", "falling")
MEASURED = 2
"""Samples of a line, which stay together."""


class Lines:
    """Half of each split's lines rise."""

    def __init__(self, samples: dict[str, int], points: int, noise: float) -> None:
        self._samples, self._noise, self._x = samples, noise, np.linspace(-1.0, 1.0, points)

    def schema(self) -> SampleSchema:
        profile, coefficients = Field("profile", self._x.shape, "float64"), Field("coefficients", (2,), "float64")
        return SampleSchema((profile,), (coefficients,), unit="line", stratum="direction")

    def units(self) -> Sequence[Unit]:
        return [
            Unit(f"{split}-{number}", split, MEASURED, DIRECTIONS[number % len(DIRECTIONS)])
            for split, count in self._samples.items()
            for number in range(count // MEASURED)
        ]

    def make(self, unit: Unit, generator: np.random.Generator, device: str) -> Iterator[Sample]:
        slope, offset = generator.uniform(0.0, 1.0, size=2)
        line = np.array([slope if unit.stratum == DIRECTIONS[0] else -slope, offset])
        for _ in range(unit.samples):
            noise = generator.normal(scale=self._noise, size=self._x.shape)
            yield Sample({"profile": line[0] * self._x + line[1] + noise, "coefficients": line})


def make_recipe(rung: Any) -> Lines:
    """Of a rung as the definition has it."""
    return Lines(dict(rung.samples), **rung.recipe)
