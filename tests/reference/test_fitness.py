"""A run whose ranks do not fit together ends before its clock starts, and says which rank it is."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmark.data.manifest import read_manifest
from benchmark.data.reader import THREADS
from benchmark.definition.finder import load_benchmark
from benchmark.definition.request import RunRequest
from benchmark.definition.settings import read_settings
from benchmark.events import keys
from benchmark.events.reader import read_events
from benchmark.launch.rank import Rank
from benchmark.launch.room import GIB
from benchmark.simulation.cbed import CbedRung
from reference.fitness import subject_of


@pytest.mark.mpi
@pytest.mark.slow
def test_a_rank_with_other_settings_ends_the_job(smoke_data: Path, mpirun: Callable, tmp_path: Path) -> None:
    own = 'exec "$0" "$@" $([ "$OMPI_COMM_WORLD_RANK" = 1 ] && echo --set learning_rate=0.5)'
    done = mpirun(
        2,
        "bash",
        "-c",
        own,
        sys.executable,
        "-m",
        "benchmark",
        "run",
        "--rung",
        "stemdl_smoke",
        "--data",
        smoke_data,
        "--output",
        tmp_path / "run",
    )
    assert done.returncode == 2, done.stderr
    assert done.stderr.count("learning_rate 0.5 instead of 0.002") == 1, "it is said once"
    assert "FAILED  configuration  rank 1 on " in done.stderr and "give all ranks the same" in done.stderr
    events = {event.key: event for event in read_events(tmp_path / "run" / "result_0.txt")}
    assert keys.RUN_START not in events and keys.INIT_STOP not in events
    told = events[keys.PREFLIGHT].value
    assert told["ok"] is False and [check["name"] for check in told["failed"]] == ["configuration"]
    assert told["figures"]["all_reduce"]["by"] in ("horovod", "torch") and told["figures"]["all_reduce"]["wrong"] == ""


def test_every_run_logs_that_its_ranks_were_fit_and_describes_its_nodes(smoke_run: Path) -> None:
    events = read_events(smoke_run / "result_0.txt")
    order = [event.key for event in events if event.key in (keys.INIT_START, keys.PREFLIGHT, keys.INIT_STOP)]
    assert order == [keys.INIT_START, keys.PREFLIGHT, keys.INIT_STOP]
    told = next(event.value for event in events if event.key == keys.PREFLIGHT)
    assert told["ok"] and told["failed"] == []
    assert {"configuration", "manifest", "listing", "load"} <= set(told["checks"])
    load = told["figures"]["load"]
    assert load is None or (0.0 <= load["free"] <= load["given"] and load["average"] >= 0.0)
    assert json.loads((smoke_run / "run.json").read_text())["load"] == load
    (kind,) = json.loads((smoke_run / "nodes.json").read_text())
    assert len(kind["hosts"]) == 1 and set(kind["facts"]["storage"]) == {"data", "output"}
    described = json.loads((smoke_run / "system.json").read_text())
    assert described["host_memory_capacity"] == f"{kind['facts']['memory_gib']} GiB"


@pytest.mark.parametrize(("share", "ranks"), [("0.25", 1), ("0.25", 4), ("0.0", 1)])
def test_memory_is_asked_for_the_data_that_a_rank_will_hold(smoke_data: Path, share: str, ranks: int) -> None:
    benchmark = load_benchmark("space_group")
    rung = CbedRung.of(benchmark.rung("stemdl_smoke"))
    config = read_settings(
        load_benchmark("space_group"), rung.name, overrides=(f"memory_share={share}", "stage=/tmp/stage")
    )
    manifest = read_manifest(smoke_data)
    subject = subject_of(
        RunRequest(benchmark, rung, smoke_data, smoke_data / "run"),
        config,
        manifest,
        Rank(0, ranks, 0, ranks, "mpirun"),
    )
    stacks = manifest.samples["train"] + manifest.samples["dev"]
    held = stacks * (3 * rung.pixels**2 * 4 + 8) / ranks if share != "0.0" else 0
    shards_being_hashed = THREADS * max(shard["bytes"] for shard in manifest.shards)
    assert subject.memory_bytes - GIB // 4 == int(held) + shards_being_hashed
    stored = sum(shard["bytes"] for shard in manifest.shards)
    assert [need.needed_bytes for need in subject.disk_needs] == [GIB // 4, stored]
