"""Golden figures: what a processor rounds otherwise is seen through, and whatever else is done to a stack is not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from benchmark.crystals import cbed_stack
from benchmark.crystals.simulate import simulate_stacks
from benchmark.data import layout
from benchmark.data.golden import (
    BRIGHT,
    STRIPS,
    Likeness,
    counts_of,
    differences,
    figures_of,
    likeness,
    load_golden,
)
from benchmark.data.manifest import read_manifest
from benchmark.data.plan import plan_shards
from benchmark.data.recipe import Unit, recipe_of, samples_of_unit, unit_generator
from benchmark.data.sealed import opened_shard
from benchmark.definition.finder import benchmark_of, find_task, load_benchmark
from benchmark.definition.golden_files import FOLDER, golden_schema
from benchmark.definition.rung import SPLITS
from benchmark.simulation import cbed_fields
from benchmark.simulation.cbed import CbedRung
from benchmark.simulation.draw import draw_crystal
from benchmark.validation.standard import rungs_with_submissions

RUNG = CbedRung.of(load_benchmark("space_group").rung("stemdl_smoke"))
DOSE = RUNG.optics.dose_electrons
MATERIALS = [unit for plan in plan_shards(recipe_of(RUNG).units()) for unit in plan.units]
Counts = NDArray[np.int64]
places = st.integers(0, len(MATERIALS) - 1)
seeds = st.integers(0, 2**32 - 1)


@pytest.fixture(scope="module")
def own(smoke_data: Path) -> list[Counts]:
    """The counts of all stacks of the rung, in the order of the shards."""
    manifest, found = read_manifest(smoke_data), []
    for shard in manifest.shards:
        with opened_shard(manifest, shard) as opened:
            found += [counts_of(cbed_stack.read_patterns(opened[name]), DOSE) for name in layout.sample_names(opened)]
    return found


def patterns_of(rung: CbedRung, unit: Unit) -> NDArray[np.float32]:
    """Of its first sample, made here and now."""
    return next(samples_of_unit(recipe_of(rung), rung, unit)).arrays[cbed_fields.STACK]


def counts_in(patterns: NDArray[np.float32]) -> Counts:
    counts = counts_of(patterns, DOSE)
    assert counts is not None
    return counts


def strips(counts: Counts) -> Counts:
    return counts.reshape(3, STRIPS, -1)


def rounded(counts: Counts, generator: np.random.Generator, each: int, pixels: Callable[[Counts], Counts]) -> Counts:
    """With `each` counts of every strip moved by one, where there are pixels for it."""
    counts = counts.copy()
    for strip in strips(counts).reshape(3 * STRIPS, -1):
        there = pixels(strip)
        if len(there) >= each:
            strip[generator.choice(there, each, replace=False)] += generator.choice((-1, 1), each)
    return counts


def bright(strip: Counts) -> Counts:
    return np.flatnonzero(strip > BRIGHT)


@given(places, seeds, st.integers(1, 2))
@settings(max_examples=40)
def test_single_counts_that_rounding_moved_are_moved_back(own: list[Counts], place: int, seed: int, each: int) -> None:
    counts = rounded(own[place], np.random.default_rng(seed), each, bright)
    assert likeness(counts, figures_of(own[place])) is Likeness.ROUNDED


@given(places, seeds, st.integers(1, 3))
@settings(max_examples=20)
def test_counts_of_dark_pixels_are_not_moved_back(own: list[Counts], place: int, seed: int, each: int) -> None:
    """A count where there was none is what a label could be written with."""
    counts = rounded(own[place], np.random.default_rng(seed), each, lambda strip: np.flatnonzero(strip == 0))
    counts = np.maximum(counts, 0)
    if (counts != own[place]).any():
        assert likeness(counts, figures_of(own[place])) in (Likeness.RECOUNTED, Likeness.OTHER)


@given(places, seeds)
@settings(max_examples=20)
def test_three_counts_in_a_strip_are_more_than_rounding(own: list[Counts], place: int, seed: int) -> None:
    counts = rounded(own[place], np.random.default_rng(seed), 3, bright)
    assert likeness(counts, figures_of(own[place])) is Likeness.OTHER


@given(places, seeds, st.integers(40, 1000))
@settings(max_examples=20)
def test_a_run_of_pixels_that_is_counted_again_is_noise(own: list[Counts], place: int, seed: int, pixels: int) -> None:
    generator = np.random.default_rng(seed)
    counts = own[place].copy().ravel()
    start = generator.integers(counts.size - pixels)
    counts[start : start + pixels] = generator.poisson(counts[start : start + pixels])
    counts = counts.reshape(3, RUNG.pixels, -1)
    assert likeness(counts, figures_of(own[place])) in (Likeness.SAME, Likeness.ROUNDED, Likeness.RECOUNTED)


def moved_atom(counts: Counts, place: int, generator: np.random.Generator) -> Counts:
    """One atom 0.1 Angstrom from where it was, all else and the random numbers as they were."""
    material = MATERIALS[place]
    own = unit_generator(RUNG, material)
    crystal = draw_crystal(int(material.stratum), RUNG.crystals, own)
    shift = generator.normal(size=3)
    positions = crystal.positions.copy()
    positions[generator.integers(len(positions))] += 0.1 * shift / np.linalg.norm(shift) @ np.linalg.inv(crystal.cell)
    moved = replace(crystal, positions=positions)
    return counts_in(next(simulate_stacks(material.identifier, moved, RUNG, own, samples=1)).patterns)


def other_seed(counts: Counts, place: int, generator: np.random.Generator) -> Counts:
    other = replace(RUNG, seed=int(generator.integers(2**31)))
    return counts_in(patterns_of(other, MATERIALS[place]))


def brighter(counts: Counts, place: int, generator: np.random.Generator) -> Counts:
    return np.rint(1.01 * counts).astype(np.int64)


def one_brighter(counts: Counts, place: int, generator: np.random.Generator) -> Counts:
    counts = counts.copy()
    pattern = generator.integers(3)
    counts[pattern] = np.rint(1.01 * counts[pattern])
    return counts


def shifted(counts: Counts, place: int, generator: np.random.Generator) -> Counts:
    return counts + 3


def recounted(counts: Counts, place: int, generator: np.random.Generator) -> Counts:
    return generator.poisson(counts)


def labelled(counts: Counts, place: int, generator: np.random.Generator) -> Counts:
    """A row of each strip has the label in its dark pixels."""
    counts = counts.copy()
    dark = np.argsort(strips(counts), axis=2)[:, :, : RUNG.classes]
    np.put_along_axis(strips(counts), dark, 0, axis=2)
    np.put_along_axis(strips(counts), dark[:, :, place % RUNG.classes, None], 5, axis=2)
    return counts


def sharpened(counts: Counts) -> Counts:
    """Within each strip counts go from dark pixels to bright ones, the sums stay."""
    counts = counts.copy()
    for strip in strips(counts).reshape(3 * STRIPS, -1):
        order = np.argsort(strip)
        few = np.minimum(strip[order[:200]], 3)
        strip[order[:200]] -= few
        strip[order[-200:]] += few[::-1]
    return counts


def mirrored(counts: Counts, place: int, generator: np.random.Generator) -> Counts:
    return counts[:, :, ::-1].copy()


@pytest.mark.parametrize(
    "change",
    [moved_atom, other_seed, brighter, one_brighter, shifted, recounted, labelled, mirrored],
    ids=lambda change: change.__name__,
)
@given(place=places, seed=seeds)
@settings(max_examples=10)
def test_whatever_is_done_to_a_stack_is_seen(own: list[Counts], change: Callable, place: int, seed: int) -> None:
    assert likeness(change(own[place], place, np.random.default_rng(seed)), figures_of(own[place])) is Likeness.OTHER


@given(places)
@settings(max_examples=40)
def test_what_is_moved_within_strips_is_never_taken_for_proven(own: list[Counts], place: int) -> None:
    """Where few strips have what can be moved it passes for noise, which few stacks of a split may have."""
    moved = sharpened(own[place])
    assert (moved == own[place]).all() or likeness(moved, figures_of(own[place])) in (
        Likeness.RECOUNTED,
        Likeness.OTHER,
    )


def test_what_differs_is_told(own: list[Counts]) -> None:
    golden = figures_of(own[0])
    assert differences(own[0], golden) == "0 of 12 strips; the patterns' intensities by +0.00%, +0.00%, +0.00%"
    told = differences(2 * own[0], golden)
    assert told == "12 of 12 strips; the patterns' intensities by +100.00%, +100.00%, +100.00%"


def test_only_counts_are_taken_for_counts() -> None:
    patterns = patterns_of(RUNG, MATERIALS[0])
    expected = replace(RUNG, optics=replace(RUNG.optics, dose_electrons=0.0))  # easier to tell apart
    assert counts_of(patterns, DOSE) is not None
    for other in (
        patterns * np.float32(1.01),
        np.nextafter(patterns, np.float32(1.0)),
        patterns.astype(np.float16).astype(np.float32),
        patterns_of(expected, MATERIALS[0]),
        -patterns,
        np.full_like(patterns, np.nan),
    ):
        assert counts_of(other, DOSE) is None


@pytest.mark.parametrize("name", ["stemdl_smoke", "stemdl_mini"])
def test_the_shipped_figures_are_those_of_what_is_drawn_here(name: str) -> None:
    """Whatever processor draws them here."""
    rung = CbedRung.of(load_benchmark("space_group").rung(name))
    golden = load_golden(rung)
    assert golden is not None and len(golden.fingerprints) == rung.total("train") + rung.total("dev") + rung.total(
        "test"
    )
    materials = [unit for plan in plan_shards(recipe_of(rung).units()) for unit in plan.units]
    found = []
    for place in range(0, len(materials), len(materials) // 12):
        found.append(likeness(counts_in(patterns_of(rung, materials[place])), golden.figures(place)))
    assert Likeness.OTHER not in found and found.count(Likeness.RECOUNTED) <= 1


@pytest.mark.parametrize("name", rungs_with_submissions())
def test_each_rung_that_takes_submissions_has_figures_of_all_its_samples(name: str) -> None:
    rung = benchmark_of(name).rung(name)
    golden = load_golden(rung)
    assert golden is not None and len(golden.fingerprints) == sum(rung.total(split) for split in SPLITS)


def test_figures_of_another_recipe_are_none() -> None:
    assert load_golden(replace(RUNG, seed=1)) is None
    assert load_golden(CbedRung.of(load_benchmark("space_group").rung("stemdl_full"))) is None


def test_the_schema_beside_the_figures_is_that_of_the_rungs_samples() -> None:
    """Training compares a manifest with it, and loads no recipe for that."""
    for path in (find_task("space_group").folder / FOLDER).glob("*.npz"):
        assert golden_schema(path.stem) == recipe_of(load_benchmark("space_group").rung(path.stem)).schema()
    assert golden_schema("stemdl_mini") is not None and golden_schema("stemdl_full") is None
