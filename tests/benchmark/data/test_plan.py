"""Plans: every sample once, shards alike and bounded, the counts that the rung says, and the room that they need."""

from __future__ import annotations

import dataclasses
import tracemalloc
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import pytest

from benchmark.data.plan import (
    SAMPLES_PER_SHARD,
    ShardPlan,
    free_bytes,
    plan_shards,
    sample_bytes,
    size_of,
    wanted_bytes,
    wanted_size,
)
from benchmark.data.recipe import Unit, recipe_of
from benchmark.definition.finder import load_benchmark
from benchmark.definition.rung import SPLITS, Storage
from benchmark.foundation.errors import StemdlError
from benchmark.simulation.cbed import CbedRung
from benchmark.tasks.space_group.units import drawn, spread

RUNGS = {name: CbedRung.of(rung) for name, rung in load_benchmark("space_group").rungs.items()}


def planned(rung: CbedRung) -> list[ShardPlan]:
    return plan_shards(recipe_of(rung).units())


def test_groups_take_turns_and_shards_are_full_but_the_last() -> None:
    rung = RUNGS["stemdl_mini"]
    plans = planned(rung)
    for split in SPLITS:
        shards = [plan for plan in plans if plan.split == split]
        assert [plan.number for plan in shards] == list(range(len(shards)))
        assert {len(plan.units) for plan in shards[:-1]} == {SAMPLES_PER_SHARD}
        first = [int(material.stratum) for plan in shards for material in plan.units][:50]
        assert tuple(first) == 2 * rung.space_groups
    assert [number for plan in plans for number, _ in plan.numbered()] == list(range(25 * 220))


def test_full_has_the_real_sets_samples_and_a_plan_is_small() -> None:
    rung = RUNGS["stemdl_full"]
    tracemalloc.start()
    plans = planned(rung)
    used = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert used < 30e6
    samples = {split: Counter() for split in SPLITS}
    materials: Counter[tuple[str, int]] = Counter()
    for plan in plans:
        assert 1 <= plan.samples <= SAMPLES_PER_SHARD
        for material in plan.units:
            samples[plan.split][int(material.stratum)] += material.samples
            materials[plan.split, int(material.stratum)] += 1
    for group in rung.space_groups:
        assert {split: samples[split][group] for split in SPLITS} == rung.samples(group)
        assert {split: materials[split, group] for split in SPLITS} == rung.materials(group)
    size = size_of(recipe_of(rung), rung.storage, plans)
    assert (size.samples, size.units, size.shards) == (187_155, 18_759, len(plans))
    assert len({material.identifier for plan in plans for material in plan.units}) == size.units


def test_groups_of_any_size_are_spread_over_a_split() -> None:
    """Of a common group each tenth of train holds a tenth: whoever reads in order meets no sorted labels."""
    plans = [plan for plan in planned(RUNGS["stemdl_full"]) if plan.split == "train"]
    for group in (14, 62, 123):
        tenths = [
            sum(material.stratum == str(group) for plan in plans[part::10] for material in plan.units)
            for part in range(10)
        ]
        halves = [
            sum(material.stratum == str(group) for plan in half for material in plan.units)
            for half in (plans[: len(plans) // 2], plans[len(plans) // 2 :])
        ]
        assert abs(halves[0] - halves[1]) <= 2 and min(tenths) > 0


def test_fewer_crystals_than_wanted_are_shared_out_with_all_energies() -> None:
    rung = dataclasses.replace(
        RUNGS["stemdl_full"], samples_per_group={2: (95, 20, 10), 16: (10, 0, 0)}, space_groups=(2, 16)
    )
    crystals = drawn(rung)
    crystals[2] = crystals[2][:6]
    counts: dict[str, list[int]] = {split: [] for split in SPLITS}
    for plan in plan_shards(spread(rung, crystals)):
        counts[plan.split] += [material.samples for material in plan.units]
    assert counts == {"train": [10] * 5, "dev": [10], "test": [10]}
    crystals[2] = crystals[2][:2]
    with pytest.raises(StemdlError, match="space group 2: too few materials"):
        plan_shards(spread(rung, crystals))


@pytest.mark.parametrize(
    ("storage", "item_bytes", "pixels"),
    [(Storage(), 4, 64), (Storage(encoding="float16"), 2, 64), (Storage(pixels=16, encoding="log_uint8"), 1, 16)],
)
def test_a_sample_takes_its_numbers_and_little_else(storage: Storage, item_bytes: int, pixels: int) -> None:
    rung = dataclasses.replace(RUNGS["stemdl_smoke"], storage=storage)
    assert 0 < sample_bytes(recipe_of(rung).schema(), storage) - 3 * pixels**2 * item_bytes < 4000


@pytest.mark.slow  # the data are made once in a session
def test_the_planned_size_is_that_of_the_shards(smoke_data: Path) -> None:
    there = sum(path.stat().st_size for path in smoke_data.rglob("*.h5"))
    expected = wanted_size(RUNGS["stemdl_smoke"]).bytes
    assert there <= expected < 1.02 * there


@pytest.mark.parametrize(
    ("task", "name"), [("space_group", "stemdl_mini"), ("powder", "powder_smoke"), ("density", "density_smoke")]
)
def test_the_bytes_are_known_without_the_units(task: str, name: str) -> None:
    rung = load_benchmark(task).rung(name)
    assert wanted_bytes(rung) == wanted_size(rung).bytes


def test_room_is_looked_for_where_the_folder_will_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr("shutil.disk_usage", lambda path: asked.append(path) or SimpleNamespace(free=7))
    assert free_bytes(tmp_path / "not" / "yet") == 7 and asked == [tmp_path]


@pytest.mark.parametrize(
    "units",
    [
        [],
        [Unit("a", "train", 1), Unit("a", "dev", 1)],
        [Unit("a", "train", 0)],
        [Unit("a", "validation", 1)],
    ],
)
def test_units_that_nothing_can_be_made_of_are_refused(units: list[Unit]) -> None:
    with pytest.raises(StemdlError, match="these units cannot be made"):
        plan_shards(units)
