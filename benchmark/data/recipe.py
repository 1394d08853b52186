"""What a task's recipe gives the harness: units, each of which it can make the samples of, from a stream of its own.

A task's data half is `recipe.py` of its folder (`definition/finder.py`), whose `make_recipe(rung)` gives one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from benchmark.definition.finder import RECIPE, find_task, require_options
from benchmark.definition.rung import MadeRung
from benchmark.definition.sample import SampleSchema
from benchmark.foundation.errors import StemdlError
from benchmark.foundation.files import canonical_json, sha256_of_text
from benchmark.foundation.guests import note_guest

if TYPE_CHECKING:
    from benchmark.data.workers import Workers

DRAWN = "drawn"
STANDARD = {"kind": DRAWN}
"""The source of a rung's own data."""


@dataclass(frozen=True)
class Unit:
    """What is made as a whole and stays in one split: a specimen, a recording.

    Attributes
    ----------
    identifier : unique in the data set; with its stratum and the rung it says the unit's stream of random numbers.
    samples : how many it has.
    stratum : what splits are balanced by; empty where they are not.
    content : what it is made from, such as a structure that was given; None where it is drawn.
    """

    identifier: str
    split: str
    samples: int
    stratum: str = ""
    content: Any = None


@dataclass(frozen=True, eq=False)
class Sample:
    """One sample: the schema's fields by name, and attributes that say more of it.

    A target that is a class is its label, as text; all others are arrays of the schema's shapes and types.
    """

    arrays: Mapping[str, NDArray[Any] | str]
    attributes: Mapping[str, Any] = field(default_factory=dict)


@runtime_checkable
class Recipe(Protocol):
    """How the data of one rung are made."""

    def schema(self) -> SampleSchema:
        """What every sample holds."""

    def units(self) -> Sequence[Unit]:
        """All units of the rung's own data, in their order; the same on every call."""

    def make(self, unit: Unit, generator: np.random.Generator, device: str) -> Iterator[Sample]:
        """The samples of a unit. All that is random in them comes from the generator."""


@runtime_checkable
class ChosenRecipe(Recipe, Protocol):
    """A recipe that can also make data that are not the rung's own, by the options of `make_recipe(rung, **options)`.

    `rung` is the rung with what these options stand in place of.
    """

    rung: MadeRung

    def source(self) -> dict[str, Any]:
        """Where the units come from, for the manifest: `STANDARD`, or what is not as the rung has it. Raises
        StemdlError where they cannot be made."""

    def select(self, folder: Path, work: Workers) -> tuple[Sequence[Unit], dict[str, Any] | None]:
        """The units, as `units` has them, and what the manifest says of their choice. Called by all ranks of `work`."""


@runtime_checkable
class CountedRecipe(Recipe, Protocol):
    """A recipe whose samples' first input is made of counted particles: golden figures can be of them."""

    def counts(self, sample: NDArray[Any], *targets: NDArray[Any]) -> NDArray[np.int64] | None:
        """The counts that a sample's first input was made from; None where it is not made from whole ones. `targets`
        are those that are not classes, if there are any: whole numbers have to stand for them as well."""


@runtime_checkable
class LongRecipe(Recipe, Protocol):
    """A recipe whose samples may take too long to make one for an estimate of time."""

    def estimate(
        self, unit: Unit, generator: np.random.Generator, device: str, clock: Callable[[], float]
    ) -> float | None:
        """The seconds that one sample of a unit takes, from pieces of the work that are timed by `clock`; None where a
        whole one is soon made. `generator` is the unit's."""


def recipe_of(rung: MadeRung, options: Mapping[str, Any] | None = None) -> Recipe:
    """The recipe of a rung, by the code of its task. Raises StemdlError where that cannot be imported or does not
    understand what the rung says, or for options that it does not take."""
    place = find_task(rung.task)
    make = place.function(RECIPE, "make_recipe")
    require_options(place, "the data", make, options or ())
    try:
        made: Recipe = make(rung, **(options or {}))
    except (TypeError, KeyError, ValueError) as error:
        raise StemdlError(
            f"the recipe of the task {rung.task} does not understand the rung {rung.name}",
            where=place.definition,
            found=f"{type(error).__name__}: {error}",
        ) from error
    if not isinstance(made, Recipe):
        raise StemdlError(
            f"the make_recipe of the task {rung.task} gives no recipe",
            where=place.folder / "recipe.py",
            expected="schema(), units() and make(unit, generator, device) (Recipe in benchmark/data/recipe.py)",
            found=type(made).__name__,
        )
    if options and not isinstance(made, ChosenRecipe):
        raise StemdlError(
            f"the recipe of the task {rung.task} takes options and does not say what data they make",
            where=place.folder / "recipe.py",
            expected="a recipe with rung, source() and select() (ChosenRecipe in benchmark/data/recipe.py)",
        )
    return made


def source_of(recipe: Recipe) -> dict[str, Any]:
    """Where a recipe's units come from. Raises StemdlError where they cannot be made."""
    return recipe.source() if isinstance(recipe, ChosenRecipe) else dict(STANDARD)


def recipe_sha256_of(rung: MadeRung, source: Mapping[str, Any]) -> str:
    """The name of the data of a rung whose units come from `source`; the rung's own where they are drawn for it."""
    return rung.recipe_sha256 if source == STANDARD else sha256_of_text(canonical_json([rung.recipe_sha256, source]))


def unit_generator(rung: MadeRung, unit: Unit) -> np.random.Generator:
    """The stream of random numbers of one unit: all that it is drawn from."""
    digest = sha256_of_text(f"{unit.stratum} {unit.identifier}")
    return np.random.default_rng([rung.seed, rung.version, int(digest[:16], 16)])


def samples_of_unit(recipe: Recipe, rung: MadeRung, unit: Unit, device: str = "cpu") -> Iterator[Sample]:
    """The samples of a unit, from its own stream. Raises StemdlError where they are not as many as it says."""
    made = 0
    try:
        for sample in recipe.make(unit, unit_generator(rung, unit), device):
            made += 1
            yield sample
    except Exception as error:
        note_guest(error)
        raise
    if made != unit.samples:
        raise StemdlError(
            f"the recipe of the task {rung.task} makes another number of samples than it says",
            where=unit.identifier,
            expected=unit.samples,
            found=made,
        )
