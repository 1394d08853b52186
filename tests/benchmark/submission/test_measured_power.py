"""A run's power: measured while it lasts, told from its start to its stop, and never half."""

from __future__ import annotations

import dataclasses
import json
import time
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace

import pytest

from benchmark.definition.finder import load_benchmark
from benchmark.definition.request import RunRequest
from benchmark.events import keys
from benchmark.events.log import EventLog
from benchmark.events.power_log import energy_covers, energy_joules
from benchmark.events.reader import read_events
from benchmark.events.timeline import Timeline
from benchmark.foundation.errors import StemdlError
from benchmark.launch.rank import ALONE, Rank
from benchmark.submission import measured_power
from benchmark.submission.measured_power import power_measured
from benchmark.submission.run_driver import run_command

SECOND_NODE = Rank(rank=2, size=4, local_rank=0, local_size=2, launcher="mpirun")


@pytest.fixture
def request_(tmp_path: Path) -> RunRequest:
    benchmark = load_benchmark("space_group")
    return RunRequest(benchmark, benchmark.rung("stemdl_smoke"), tmp_path / "data", tmp_path / "run", power="rapl")


@pytest.fixture
def hundred_watts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        measured_power, "make_meter", lambda name: SimpleNamespace(covers="a made meter", watts=lambda: 100.0)
    )


def make_run(request: RunRequest, nodes: int = 1) -> None:
    """A run's log, with a start and a stop 0.2 s apart."""
    with EventLog(request.log, 0, lambda: None) as log:
        time.sleep(0.01)
        log.point(keys.NUMBER_OF_NODES, nodes)
        log.start("run")
        time.sleep(0.2)
        log.stop("run", status=keys.SUCCESS)
    time.sleep(0.01)


def milliseconds(request: RunRequest) -> int:
    timeline = Timeline.of(read_events(request.log))
    return timeline.run_stop_ms - timeline.run_start_ms


def test_energy_is_power_times_the_time_of_the_run(request_: RunRequest, hundred_watts: None) -> None:
    with power_measured(request_, ALONE):
        make_run(request_)
    run_ms = milliseconds(request_)
    assert run_ms >= 200
    assert energy_joules(request_.log, run_ms) == pytest.approx(100 * run_ms / 1000, rel=1e-9)
    assert energy_covers(request_.log) == "a made meter"
    start = json.loads((request_.output / "power/result_0/node_0.txt").read_text().splitlines()[0].split(" ", 1)[1])
    assert start["metadata"]["sampler_cpu_seconds"] >= 0


def test_the_energy_of_nodes_is_summed_and_they_are_numbered(request_: RunRequest, hundred_watts: None) -> None:
    others = (SECOND_NODE, dataclasses.replace(SECOND_NODE, rank=3, local_rank=1), Rank(10, 12, 0, 2, "mpirun"))
    with power_measured(request_, Rank(0, 12, 0, 2, "mpirun")), ExitStack() as stack:
        for rank in others:  # all but one lead a node of theirs
            stack.enter_context(power_measured(request_, rank))
        make_run(request_, nodes=3)
    folder = request_.output / "power/result_0"
    assert sorted(path.name for path in folder.iterdir()) == ["node_0.txt", "node_1.txt", "node_2.txt"]
    run_ms = milliseconds(request_)
    assert energy_joules(request_.log, run_ms) == pytest.approx(3 * 0.1 * run_ms, rel=1e-9)


def test_without_the_logs_of_all_nodes_there_is_no_energy(
    request_: RunRequest, hundred_watts: None, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    monkeypatch.setattr(measured_power, "PATIENCE_SECONDS", 0.3)
    with power_measured(request_, Rank(0, 4, 0, 2, "mpirun")):
        make_run(request_, nodes=2)
    assert energy_joules(request_.log, 200) is None
    assert "power logs of 1 of 2 nodes came" in capsys.readouterr().err


def test_a_meters_file_gives_what_is_of_the_run(request_: RunRequest, tmp_path: Path) -> None:
    now = time.time()
    lines = "".join(f"{now + second},250\n" for second in (-5, -1, 10**4, 10**5))
    (tmp_path / "pdu.csv").write_text("time,watts\n" + lines)
    request = dataclasses.replace(request_, power=str(tmp_path / "pdu.csv"))
    with power_measured(request, ALONE):
        make_run(request)
    run_ms = milliseconds(request)
    assert energy_joules(request.log, run_ms) == pytest.approx(0.25 * run_ms, rel=1e-9)


@pytest.mark.parametrize("seconds", [(-20_000, -10_000), (10_000, 20_000)])
def test_a_file_of_another_time_is_told_and_leaves_nothing(
    request_: RunRequest, tmp_path: Path, capsys, seconds: tuple[int, int]
) -> None:
    (tmp_path / "pdu.csv").write_text("".join(f"{time.time() + second},250\n" for second in seconds))
    with power_measured(dataclasses.replace(request_, power=str(tmp_path / "pdu.csv")), ALONE):
        make_run(request_)
    assert not (request_.output / "power").exists()
    assert "do not last from the run's start to its stop" in capsys.readouterr().err


def test_a_meter_that_breaks_leaves_the_run_and_no_power_log(
    request_: RunRequest, capsys, monkeypatch: pytest.MonkeyPatch
) -> None:
    def watts(left: list[float] = [1.0]) -> float:  # noqa: B006 - it is to be kept between calls
        if not left:
            raise StemdlError("the meter broke")
        return left.pop()

    monkeypatch.setattr(measured_power, "make_meter", lambda name: SimpleNamespace(covers="", watts=watts))
    monkeypatch.setattr(measured_power, "PATIENCE_SECONDS", 0.1)
    with power_measured(request_, ALONE):
        make_run(request_)
    assert not (request_.output / "power").exists()
    assert "the meter broke" in capsys.readouterr().err


def test_what_cannot_be_measured_is_told_before_the_run(request_: RunRequest, tmp_path: Path) -> None:
    begun = []
    nothing = dataclasses.replace(request_, power=str(tmp_path / "not-there.csv"))
    with pytest.raises(StemdlError, match="no such meter"), power_measured(nothing, ALONE):
        begun.append(nothing)
    none_here = dataclasses.replace(request_, power="nvml")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("importlib.util.find_spec", lambda name: None)
        patch.setattr("shutil.which", lambda name: None)
        with pytest.raises(StemdlError, match="rank 2 on .*nothing to ask"), power_measured(none_here, SECOND_NODE):
            begun.append(none_here)
    assert begun == []


def test_a_run_that_fails_leaves_no_power_log(request_: RunRequest, hundred_watts: None) -> None:
    with pytest.raises(ZeroDivisionError), power_measured(request_, ALONE):
        make_run(request_)
        raise ZeroDivisionError
    assert not (request_.output / "power").exists()


def test_the_ranks_are_told_what_measures(request_: RunRequest) -> None:
    command = run_command(request_)
    assert command[command.index("--power") + 1] == "rapl"
    assert "--power" not in run_command(dataclasses.replace(request_, power=None))
