"""How lines are drawn: a slope and an offset from -1 to 1, and normal noise on each point."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from benchmark.data.recipe import Sample, Unit
from benchmark.definition.sample import Field, SampleSchema


class Lines:
    """Each unit is one line of one sample."""

    def __init__(self, samples: dict[str, int], points: int, noise: float) -> None:
        self._samples, self._noise, self._x = samples, noise, np.linspace(-1.0, 1.0, points)

    def schema(self) -> SampleSchema:
        return SampleSchema((Field("profile", self._x.shape),), (Field("slope", ()),), unit="line")

    def units(self) -> Sequence[Unit]:
        return [Unit(f"line-{split}-{n}", split, 1) for split, count in self._samples.items() for n in range(count)]

    def make(self, unit: Unit, generator: np.random.Generator, device: str) -> Iterator[Sample]:
        slope, offset = generator.uniform(-1.0, 1.0, size=2)
        profile = slope * self._x + offset + generator.normal(scale=self._noise, size=self._x.shape)
        yield Sample({"profile": profile.astype(np.float32), "slope": np.float32(slope)}, {"offset": offset})


def make_recipe(rung: Any) -> Lines:
    """Of a rung as the definition has it."""
    return Lines(dict(rung.samples), **rung.recipe)
