"""Scaling studies: a set for each number of ranks, what is there is not made again, and the ratios are right."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.foundation.errors import StemdlError
from benchmark.submission.ledger import find_ledger, read_ledger
from benchmark.submission.run_driver import Outcome
from benchmark.submission.schedule import (
    SCALING,
    make_schedule,
    read_schedule,
    refuse_other_folder,
    summarise_schedule,
)


def outcome(seconds: float | None, throughput: float = 100.0, seed: int = 0, status: str = "success") -> Outcome:
    return Outcome(
        None,
        None
        if seconds is None
        else {
            "status": status,
            "time_to_train_seconds": seconds,
            "samples_per_second": throughput,
            "seed": seed,
            "epochs": 4,
            "global_batch_size": 8,
            "resumed": False,
        },
    )


def test_a_set_for_each_number_of_ranks_and_what_is_there_stays(pretend):
    request, driver = pretend()
    made = make_schedule(request, [2, 1], 2, driver, 2, lambda text: None)
    assert [str(each.request.output.relative_to(request.output)) for each in made] == [
        "ranks_1/run_0",
        "ranks_1/run_1",
        "ranks_2/run_0",
        "ranks_2/run_1",
    ]
    assert [(run.folder, run.ranks) for run in read_ledger(driver.ledger).runs] == [
        ("set/ranks_1/run_0", 1),
        ("set/ranks_1/run_1", 1),
        ("set/ranks_2/run_0", 2),
        ("set/ranks_2/run_1", 2),
    ]
    assert find_ledger([each.request.output for each in made]) == driver.ledger
    refuse_other_folder(request, [1, 2, 4])
    make_schedule(request, [1, 2, 4], 2, driver, 2, lambda text: None)
    assert len(read_ledger(driver.ledger).runs) == 6
    summary = read_schedule(request.output)
    assert [(point["ranks"], point["runs"], point["oversubscribed"]) for point in summary["points"]] == [
        (1, 2, False),
        (2, 2, False),
        (4, 2, True),
    ]
    assert summary["global_batch_size"] == 8


def test_speed_up_and_efficiency_by_hand():
    summary = summarise_schedule(
        {
            1: [outcome(seconds, 100.0, seed) for seed, seconds in enumerate((9.0, 10.0, 11.0, 50.0))],
            2: [outcome(6.0, 190.0, 1), outcome(8.0, 170.0, 2), outcome(None)],
            4: [outcome(3.0, 400.0, status="aborted")],
        },
        "stemdl_smoke",
        cores=2,
    )
    one, two, four = summary["points"]
    assert (one["seconds"], one["speedup"], one["efficiency"], one["steps_per_second"]) == (10.5, 1.0, 1.0, 12.5)
    assert (two["runs"], two["reached"], two["unfinished"], two["seconds"]) == (2, 2, 1, 7.0)
    assert (two["speedup"], two["efficiency"]) == (1.5, 0.75)
    assert (two["throughput_speedup"], two["throughput_efficiency"]) == (1.8, 0.9)
    # A run short of the target has no time to it, but a throughput.
    assert (four["seconds"], four["speedup"], four["throughput_speedup"], four["throughput_efficiency"]) == (
        None,
        None,
        4.0,
        1.0,
    )
    assert four["oversubscribed"] and not two["oversubscribed"]


@given(st.lists(st.integers(1, 10_000), min_size=1, max_size=6, unique=True), st.floats(1.0, 1e4))
def test_ideal_scaling_has_efficiency_one(scales: list[int], seconds: float):
    points = summarise_schedule({ranks: [outcome(seconds / ranks, 50.0 * ranks)] for ranks in scales}, "", 1)["points"]
    assert [point["ranks"] for point in points] == sorted(scales)
    for point in points:
        assert point["efficiency"] == pytest.approx(1.0) and point["throughput_efficiency"] == pytest.approx(1.0)


def test_a_study_in_which_nothing_came_to_its_end_says_nothing():
    (point,) = summarise_schedule({1: [outcome(None)]}, "stemdl_smoke", 2)["points"]
    for name in ("seconds", "speedup", "samples_per_second", "throughput_efficiency"):
        assert point[name] is None


def test_a_submission_s_scaling_json_is_another_thing(tmp_path: Path):
    assert read_schedule(tmp_path) is None
    (tmp_path / SCALING).write_text(json.dumps({"scaling_factor": 1.1}))
    assert read_schedule(tmp_path) is None
    (tmp_path / SCALING).write_text("{")
    with pytest.raises(StemdlError, match="cannot be read"):
        read_schedule(tmp_path)


def test_a_folder_of_something_else_is_refused(pretend):
    request, _ = pretend()
    (request.output / "run_0").mkdir(parents=True)
    with pytest.raises(StemdlError, match="holds no scaling study"):
        refuse_other_folder(request, [1])
