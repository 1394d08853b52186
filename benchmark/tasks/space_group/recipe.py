"""How the data of a rung are made: crystals, drawn or given, and their stacks of CBED patterns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.crystals import cbed_stack, sources
from benchmark.crystals.from_prototypes import from_prototypes
from benchmark.crystals.given import choose
from benchmark.crystals.simulate import simulate_stacks
from benchmark.data.golden import counts_of
from benchmark.data.recipe import STANDARD, Sample, Unit
from benchmark.data.workers import Workers
from benchmark.definition.rung import WHOLE, Rung
from benchmark.definition.sample import SampleSchema
from benchmark.foundation.errors import StemdlError
from benchmark.simulation import cbed_fields
from benchmark.simulation.axes_settings import in_setting
from benchmark.simulation.cbed import CbedRung, changed
from benchmark.simulation.draw import draw_crystal
from benchmark.tasks.space_group.checks import CHECKS
from benchmark.tasks.space_group.units import drawn, spread

__all__ = ["CHECKS", "SpaceGroupRecipe", "make_recipe"]


class SpaceGroupRecipe:
    """The recipe of a rung, or of data that are not its own: `structures` or `prototypes` are sources of crystals
    (`sources.read_candidates`) to take, or to exchange the elements of; without `split` all given crystals that the
    rung can simulate are in one split, however few; `crystals` and `orientation` stand in place of the rung's;
    `likeness` names a published set whose views and microscope do."""

    def __init__(
        self,
        rung: CbedRung,
        *,
        structures: Path | None = None,
        prototypes: Path | None = None,
        split: bool = True,
        crystals: str | None = None,
        orientation: str | None = None,
        likeness: str | None = None,
    ) -> None:
        other = orientation if orientation != rung.orientation else None
        self._changed = {"crystals": crystals, "orientation": other, "likeness": likeness}
        rung = changed(rung, crystals=crystals, orientation=orientation, likeness=likeness)
        self.rung, self._structures, self._prototypes, self._split = rung, structures, prototypes, split

    def schema(self) -> SampleSchema:
        return cbed_fields.sample_schema(self.rung.pixels, self.rung.space_groups)

    def source(self) -> dict[str, Any]:
        if self.rung.imported is not None:
            raise StemdlError(
                f"the data of {self.rung.name} are not simulated",
                expected=f"DOI {self.rung.imported.doi}, imported",
                remedy=f"stemdl data import SRC -o data/{self.rung.name}",
            )
        source: dict[str, Any] = STANDARD | {name: value for name, value in self._changed.items() if value}
        for kind, path in (("structures", self._structures), ("prototypes", self._prototypes)):
            if path is not None:
                source |= {"kind": kind, "name": path.name, "sha256": sources.source_sha256(path)}
        return source if self._split else source | {"splits": [WHOLE]}

    def units(self) -> Sequence[Unit]:
        return spread(self.rung, drawn(self.rung))

    def select(self, folder: Path, work: Workers) -> tuple[Sequence[Unit], dict[str, Any] | None]:
        path = self._structures or self._prototypes
        if path is None:
            return self.units(), None
        selection = choose(self.rung, path, folder, work, self._split)
        chosen: Mapping[int, Sequence[tuple[str, Any]]] = selection.chosen
        if self._structures is None:
            chosen = from_prototypes(self.rung, selection.chosen, work)
        return spread(self.rung, chosen, self._split), selection.report()

    def make(self, unit: Unit, generator: np.random.Generator, device: str = "cpu") -> Iterator[Sample]:
        crystal = unit.content or draw_crystal(int(unit.stratum), self.rung.crystals, generator)
        crystal = in_setting(crystal, self.rung.settings, generator)
        stacks = simulate_stacks(unit.identifier, crystal, self.rung, generator, samples=unit.samples, device=device)
        return map(cbed_stack.sample_of, stacks)

    def counts(self, sample: NDArray[Any]) -> NDArray[np.int64] | None:
        return counts_of(sample, self.rung.optics.dose_electrons) if self.rung.optics is not None else None


ALTERNATIVES = (("materials_per_group", "samples_per_group"), ("space_groups", "samples_per_group"))
"""Keys of a rung: one of a user's own that has the first has no use for the second of the rung that it is like."""


def make_recipe(
    rung: Rung | CbedRung,
    *,
    structures: Path | None = None,
    prototypes: Path | None = None,
    split: bool = True,
    crystals: str | None = None,
    orientation: str | None = None,
    likeness: str | None = None,
) -> SpaceGroupRecipe:
    """The recipe of a rung, with the options of `SpaceGroupRecipe`. Raises StemdlError where they, or what the rung
    says, cannot be."""
    return SpaceGroupRecipe(
        CbedRung.of(rung),
        structures=structures,
        prototypes=prototypes,
        split=split,
        crystals=crystals,
        orientation=orientation,
        likeness=likeness,
    )
