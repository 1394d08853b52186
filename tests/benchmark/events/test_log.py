"""What EventLog writes, where it says it was called from, and that it fails loudly."""

from __future__ import annotations

import errno
import inspect
import io
import json
import logging
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmark.events.log import EventLog
from benchmark.events.reader import read_events
from benchmark.foundation.errors import StemdlError

HERE = Path(__file__).relative_to(Path(__file__).parents[3]).as_posix()


def nobody() -> None:
    """The barrier of a job of one rank."""


def line_above() -> int:
    """The line before the one that asks."""
    return inspect.currentframe().f_back.f_lineno - 1


def test_each_event_is_a_whole_line_at_once_with_its_type_value_and_metadata(tmp_path):
    path = tmp_path / "deep" / "er" / "run.log"
    with EventLog(path, 0, nobody) as events:
        events.point("eval_accuracy", np.float32(0.5), epoch_num=np.int64(3), samples_count=7)
        assert path.read_text().endswith("\n") and len(read_events(path)) == 1
        events.start("run")
        events.stop("run", status="success")
        with events.interval("epoch", epoch_num=4):
            events.point("seed", 1)
    shown = [(event.event_type, event.key, event.value) for event in read_events(path)]
    assert shown == [
        ("POINT_IN_TIME", "eval_accuracy", 0.5),
        ("INTERVAL_START", "run_start", None),
        ("INTERVAL_END", "run_stop", None),
        ("INTERVAL_START", "epoch_start", None),
        ("POINT_IN_TIME", "seed", 1),
        ("INTERVAL_END", "epoch_stop", None),
    ]
    accuracy, _, stop, epoch, _, epoch_stop = read_events(path)
    assert (accuracy.metadata["epoch_num"], accuracy.metadata["samples_count"]) == (3, 7)
    assert stop.metadata["status"] == "success"
    assert epoch.metadata["epoch_num"] == epoch_stop.metadata["epoch_num"] == 4


def test_file_and_line_are_those_of_the_caller_relative_to_the_project(tmp_path):
    with EventLog(tmp_path / "run.log", 0, nobody) as events:
        events.point("seed", 1)
        lines = [line_above()]
        events.start("init")
        lines.append(line_above())
        events.stop("init")
        lines.append(line_above())
        with events.interval("run"):
            lines += [line_above()] * 2
    metadata = [event.metadata for event in read_events(tmp_path / "run.log")]
    assert [(each["file"], each["lineno"]) for each in metadata] == [(HERE, line) for line in lines]


def test_a_trainer_outside_of_the_project_does_not_tell_its_folders(tmp_path):
    trainer = tmp_path / "home" / "trainer.py"
    trainer.parent.mkdir()
    trainer.write_text("def train(events):\n    events.point('seed', 1)\n")
    names: dict = {}
    exec(compile(trainer.read_text(), str(trainer), "exec"), names)
    with EventLog(tmp_path / "run.log", 0, nobody) as events:
        names["train"](events)
    assert read_events(tmp_path / "run.log")[0].metadata == {"file": "trainer.py", "lineno": 2}


def test_other_ranks_wait_at_the_same_barriers_and_write_nothing(tmp_path):
    def run(rank: int) -> int:
        waits: list[int] = []
        with EventLog(tmp_path / "run.log", rank, lambda: waits.append(rank)) as events:
            events.point("seed", 1)
            events.start("run", sync=True)
            with events.interval("eval", sync=True, epoch_num=1):
                events.start("staging")
            events.stop("run", sync=True, status="success")
        return len(waits)

    assert run(1) == 4
    assert not (tmp_path / "run.log").exists()
    assert run(0) == 4


def test_the_barrier_comes_before_the_time_is_taken(tmp_path):
    path = tmp_path / "run.log"
    written_at_barrier: list[int] = []
    with EventLog(path, 0, lambda: written_at_barrier.append(len(read_events(path)))) as events:
        events.start("run", sync=True)
        events.stop("run", sync=True)
    assert written_at_barrier == [0, 1]


def test_a_block_that_raises_gets_no_stop(tmp_path):
    with EventLog(tmp_path / "run.log", 0, nobody) as events:
        with pytest.raises(ZeroDivisionError), events.interval("epoch", epoch_num=1):
            raise ZeroDivisionError
    assert [event.key for event in read_events(tmp_path / "run.log")] == ["epoch_start"]


def test_runs_one_after_another_each_write_to_their_own_file_only_and_leave_no_handler(tmp_path):
    for number in range(3):
        with EventLog(tmp_path / f"{number}.log", 0, nobody) as events:
            events.point("seed", number)
    assert [read_events(tmp_path / f"{number}.log")[0].value for number in range(3)] == [0, 1, 2]
    assert all(len(read_events(tmp_path / f"{number}.log")) == 1 for number in range(3))
    assert "benchmark.events" not in logging.Logger.manager.loggerDict
    with pytest.raises(StemdlError, match="closed file"):
        events.point("seed", 4)


def test_nothing_reaches_stdout_or_stderr(tmp_path):
    program = (
        "import sys; from pathlib import Path; from benchmark.events.log import EventLog\n"
        "with EventLog(Path(sys.argv[1]), 0, lambda: None) as events:\n"
        "    events.point('seed', 1)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "run.log")],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[3],
        check=True,
    )
    assert (done.stdout, done.stderr) == ("", "")
    assert len(read_events(tmp_path / "run.log")) == 1


def test_a_log_that_exists_is_refused_and_kept_and_can_be_resumed(tmp_path):
    path = tmp_path / "run.log"
    with EventLog(path, 0, nobody) as events:
        events.point("seed", 1)
    before = path.read_bytes()
    with pytest.raises(StemdlError, match="exists already"):
        EventLog(path, 0, nobody)
    assert path.read_bytes() == before
    with EventLog(path, 0, nobody, resume=True) as events:
        events.point("seed", 2)
    assert [event.value for event in read_events(path)] == [1, 2]


def test_a_log_that_breaks_off_within_a_line_is_not_resumed(tmp_path):
    path = tmp_path / "run.log"
    path.write_text(':::MLLOG {"names')
    with pytest.raises(StemdlError, match="breaks off"):
        EventLog(path, 0, nobody, resume=True)


def test_resuming_what_never_began_begins_it(tmp_path):
    for name in ("absent.log", "empty.log"):
        (tmp_path / "empty.log").touch()
        with EventLog(tmp_path / name, 0, nobody, resume=True) as events:
            events.point("seed", 1)
        assert len(read_events(tmp_path / name)) == 1


@pytest.mark.parametrize("value", [float("nan"), np.float64("inf"), {"loss": [float("nan")]}, object(), {1, 2}])
def test_what_json_cannot_hold_is_refused_and_leaves_the_log_sound(tmp_path, value):
    path = tmp_path / "run.log"
    with EventLog(path, 0, nobody) as events:
        with pytest.raises(StemdlError, match="JSON"):
            events.point("loss", value)
        events.point("seed", 1)
    assert [event.key for event in read_events(path)] == ["seed"]


def test_metadata_cannot_pose_as_the_place_of_the_call(tmp_path):
    with EventLog(tmp_path / "run.log", 0, nobody) as events, pytest.raises(StemdlError, match="overridden"):
        events.point("seed", 1, lineno=7)
    assert read_events(tmp_path / "run.log") == []


def test_an_unknown_interval_is_named_with_the_nearest_known(tmp_path):
    with EventLog(tmp_path / "run.log", 0, nobody) as events:
        with pytest.raises(StemdlError, match="did you mean 'epoch'"):
            events.start("epoch_start")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full, a file that no byte fits in")
def test_a_full_disk_stops_the_run(tmp_path):
    events = EventLog(tmp_path / "run.log", 0, nobody)
    events.close()
    with open("/dev/full", "wb", buffering=0) as full:
        events._file.handle = full
        with pytest.raises(StemdlError, match="No space left"):
            events.point("seed", 1)


class FullSoon:
    """A file on a disk that has room for five bytes more."""

    def __init__(self, handle: io.FileIO) -> None:
        self.handle, self.room = handle, 5

    def fileno(self) -> int:
        return self.handle.fileno()

    def write(self, data: bytes) -> int:
        if not self.room:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        written, self.room = self.handle.write(data[: self.room]), 0
        return written


def test_a_disk_that_fills_up_within_a_line_leaves_whole_lines(tmp_path):
    path = tmp_path / "run.log"
    with EventLog(path, 0, nobody) as events:
        events.point("seed", 1)
        before, handle = path.read_bytes(), events._file.handle
        events._file.handle = FullSoon(handle)
        with pytest.raises(StemdlError, match="No space left"):
            events.point("seed", 2)
        events._file.handle = handle
        assert path.read_bytes() == before and before.endswith(b"\n")
        events.point("seed", 3)  # there is room again
    assert [event.value for event in read_events(path)] == [1, 3]


def test_a_folder_that_cannot_be_made_is_one_clear_error(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(StemdlError, match="cannot be begun"):
        EventLog(tmp_path / "file" / "run.log", 0, nobody)


def test_what_the_official_parser_reads_is_what_we_read(tmp_path):
    from mlperf_logging.compliance_checker.mlp_parser import parse_file

    path = tmp_path / "run.log"
    with EventLog(path, 0, nobody) as events:
        events.point("config", {"name": "Å — \n", "long": "x" * 20_000})
        events.start("run", sync=True)
    theirs, errors = parse_file(str(path), ruleset="3.0.0")
    assert not errors
    assert [(line.key, line.timestamp, line.value) for line in theirs] == [
        (event.key, event.time_ms, {"value": event.value, "metadata": event.metadata}) for event in read_events(path)
    ]
    assert json.loads(path.read_text().splitlines()[0].split(" ", 1)[1])["namespace"] == ""
