"""Samples from memory and samples streamed are the same; and a run on either goes the same way to the last bit."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from space_groups import smoke_task

from benchmark.data.manifest import read_manifest
from benchmark.data.reader import Part
from benchmark.definition.sample import Field, SampleSchema
from benchmark.events import keys
from benchmark.events.reader import read_events
from benchmark.foundation.errors import StemdlError
from benchmark.launch.rank import ALONE
from reference import samples as module
from reference.input import TrainingSamples
from reference.samples import InOrder, SamplesInMemory, SamplesStreamed, opened_splits

CPU = torch.device("cpu")


SCHEMA = SampleSchema((Field("stack", (3, 4, 4)),), (Field("label", (), "int64"),))


def settings(**changed: object) -> SimpleNamespace:
    return SimpleNamespace(**{"memory_share": 0.25, "stage": "", **changed})


def test_batches_are_the_same_from_memory_and_streamed(smoke_data: Path):
    part = Part(read_manifest(smoke_data), "train", 1, 3)
    memory, stream = (
        TrainingSamples(kind(part, CPU), part.schema, smoke_task().augment, 5, 1)
        for kind in (SamplesInMemory, SamplesStreamed)
    )
    for epoch in (1, 2):
        count = 0
        for one, other in zip(memory.batches(epoch, 7, 9), stream.batches(epoch, 7, 9), strict=True):
            count += 1
            assert one.keys() == other.keys() == {"cbed_stack", "space_group"}
            assert all(torch.equal(one[name], other[name]) for name in one)
        assert count == 9


def test_neighbours_are_the_same_from_memory_and_streamed(smoke_data: Path):
    part = Part(read_manifest(smoke_data), "dev")
    choices = [range(first, min(first + 25, 60)) for first in range(0, 60, 25)]
    expected = part.read_whole()
    for kind in (SamplesInMemory, SamplesStreamed):
        found = [{name: values.clone() for name, values in batch.items()} for batch in kind(part, CPU).batches(choices)]
        for name, values in expected.items():
            np.testing.assert_array_equal(torch.cat([batch[name] for batch in found]), values)


@pytest.mark.parametrize("kind", [SamplesInMemory, SamplesStreamed])
def test_in_order_every_sample_comes_once_as_often_as_it_is_asked_for(kind: type, smoke_data: Path):
    part = Part(read_manifest(smoke_data), "dev")
    ordered = InOrder(kind(part, CPU), 25)
    assert len(ordered) == 3
    for _ in range(2):
        labels = [batch["space_group"].clone() for batch in ordered]
        assert [len(each) for each in labels] == [25, 25, 10]
        np.testing.assert_array_equal(torch.cat(labels), part.read_whole()["space_group"])


def test_streaming_keeps_ahead_by_a_few_batches_and_no_more():
    read: list[int] = []

    class Counted:
        schema = SCHEMA

        def read(self, chosen: np.ndarray, out: dict[str, np.ndarray]) -> None:
            read.extend(chosen)

    stream = SamplesStreamed(Counted(), CPU).batches([np.array([number]) for number in range(50)])
    for used in range(1, 20):
        next(stream)
        assert len(read) <= used + module.BATCHES_AHEAD
    stream.close()
    assert len(read) < 25


def test_a_fault_in_a_reading_thread_is_raised_where_the_batch_is_wanted():
    class Broken:
        schema = SCHEMA

        def read(self, chosen: np.ndarray, out: dict[str, np.ndarray]) -> None:
            if chosen[0] == 2:
                raise StemdlError("a shard cannot be read")

    stream = SamplesStreamed(Broken(), CPU).batches([np.array([number]) for number in range(50)])
    next(stream), next(stream)
    with pytest.raises(StemdlError, match="cannot be read"):
        next(stream)


@pytest.mark.parametrize(("memory", "in_memory"), [(10 * 2**30, True), (12 * 2**20, False)])
def test_data_stay_in_memory_where_they_fit_into_its_share(
    smoke_data: Path, monkeypatch: pytest.MonkeyPatch, memory: int, in_memory: bool
):
    """260 samples of 48 KiB are 12.2 MiB, over a quarter of 12 MiB."""
    monkeypatch.setattr(module.psutil, "virtual_memory", lambda: SimpleNamespace(total=memory))
    with opened_splits(read_manifest(smoke_data), settings(), ALONE, CPU, 1, lambda: None) as splits:
        assert splits.in_memory is in_memory
        assert isinstance(splits.train, SamplesInMemory if in_memory else SamplesStreamed)
        assert [len(each) for each in (splits.train, splits.dev, splits.test)] == [200, 60, 60]


def test_the_folder_for_copies_may_name_a_variable_of_the_node(
    smoke_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("NODE_DISK", str(tmp_path))
    with opened_splits(
        read_manifest(smoke_data), settings(stage="$NODE_DISK/x"), ALONE, CPU, 1, lambda: None
    ) as splits:
        copies = list((tmp_path / "x").rglob("*.h5"))
        assert splits.staged_bytes == sum(path.stat().st_size for path in copies) > 0
        assert {path.parent.name for path in copies} == {"train", "dev"}
    assert list((tmp_path / "x").iterdir()) == []


def events_without_times(log: Path) -> list[tuple]:
    """What a run found: losses and scores, but no times and places."""
    wanted = {keys.TRACKED_STATS: lambda value: value["loss"], keys.EVAL_ACCURACY: float, keys.TEST_F1_MACRO: float}
    return [(event.key, wanted[event.key](event.value)) for event in read_events(log) if event.key in wanted]


@pytest.mark.slow
def test_a_run_that_streams_from_copies_learns_the_same_to_the_last_bit(
    stemdl: Callable, smoke_data: Path, smoke_run: Path, tmp_path: Path
):
    output, disk = tmp_path / "run", tmp_path / "disk"
    done = stemdl(
        "run",
        "--rung",
        "stemdl_smoke",
        "--data",
        smoke_data,
        "--output",
        output,
        "--ranks",
        1,
        "--seed",
        7,
        "--set",
        "threads_per_rank=1",
        "--set",
        "memory_share=0",
        "--set",
        f"stage={disk}",
        "--format",
        "json",
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["ok"]
    expected = events_without_times(smoke_run / "result_0.txt")
    assert len(expected) > 3 and events_without_times(output / "result_0.txt") == expected
    for folder, in_memory, copied in ((smoke_run, True, False), (output, False, True)):
        (stop,) = [each for each in read_events(folder / "result_0.txt") if each.key == keys.STAGING_STOP]
        assert stop.metadata[keys.IN_MEMORY] is in_memory
        assert (stop.metadata[keys.STAGED_BYTES] > 0) is copied
    assert list(disk.iterdir()) == []
