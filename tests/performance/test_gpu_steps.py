"""The steps of the measurements for a GPU, done on the CPU at toy sizes."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from unittest import mock

import pytest
import torch
from patience import HANG_SECONDS

import performance.tasks
from benchmark.foundation.errors import StemdlError
from performance.gpu.__main__ import main
from performance.gpu.record import measure, read_record
from performance.gpu.step import Step, StepSetting
from performance.gpu.steps import STEPS, all_steps

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def one_thread(python: Path) -> Iterator[None]:
    """Toys gain nothing by more, and much is lost where other tests keep the cores busy. Where ranks met stays in the
    environment of their process, and is taken out for the ranks of other tests."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    with mock.patch.dict(os.environ), mock.patch.object(sys, "executable", str(python)):
        yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the data that the steps share."""
    return tmp_path_factory.mktemp("work")


@pytest.mark.slow
@pytest.mark.mpi
@pytest.mark.parametrize("step", list(all_steps()), ids=lambda step: step.name)
def test_a_step_is_done_on_the_cpu(step: Step, work: Path, tmp_path: Path, one_thread: None) -> None:
    setting = StepSetting(True, work, time.monotonic() + HANG_SECONDS)
    if step.lacks(setting):
        assert step.name == "horovod", "which an environment may lack"
        return
    record = measure(step, setting, tmp_path, {"card": "none"})
    assert record.complete and record.dry, record.items
    for item in record.items.values():
        assert item["figures"] and all(isinstance(value, (int, float, str)) for value in item["figures"].values())
    assert read_record(tmp_path / f"{step.name}.json") == record


@pytest.mark.slow
def test_the_command_does_each_step_in_a_process_of_its_own_and_once(
    tmp_path: Path, python: Path, environment: dict[str, str]
) -> None:
    argv = [str(python), "-m", "performance.gpu", "--dry", "--steps", "power", "rates", "--seconds", "100000"]
    argv += ["--output", str(tmp_path / "records"), "--work", str(tmp_path / "work")]

    def said() -> str:
        done = subprocess.run(
            argv, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=HANG_SECONDS
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    assert re.findall(r"^(\w+) +(\w+)", said(), re.MULTILINE)[:2] == [("power", "complete"), ("rates", "complete")]
    assert {path.stem for path in (tmp_path / "records").glob("*.json")} == {"power", "rates"}
    assert said().count("done before") == 2


def test_all_steps_are_taken_in_their_order_where_none_is_named(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    assert main(["--dry", "--seconds", "0", "--output", str(tmp_path)]) == 1
    taken = re.findall(r"^(\w+) +(?:no time is left|left out)", capsys.readouterr().out, re.MULTILINE)
    assert taken == [step.name for step in all_steps()]


def test_a_task_brings_its_own_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tasks = ModuleType("toy_tasks")
    tasks.__path__ = [str(tmp_path / "toy_tasks")]
    (tmp_path / "toy_tasks").mkdir()
    (tmp_path / "toy_tasks" / "powder.py").write_text(
        "from performance.gpu.step import Step\nSTEP = Step('powder', 'Powder patterns', 30, lambda setting: ())\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(sys.modules, "toy_tasks", tasks)
    assert [step.name for step in all_steps(tasks)] == [*(step.name for step in STEPS), "powder"]
    (tmp_path / "toy_tasks" / "without.py").write_text("")
    with pytest.raises(StemdlError, match="toy_tasks.without: a task's measurement has no STEP"):
        list(all_steps(tasks))
    assert len({step.name for step in all_steps(performance.tasks)}) == len(list(all_steps(performance.tasks)))


def test_each_step_ends_well_within_a_call() -> None:
    """A call may last ten minutes where such machines are lent; a step may take half as long again as it says."""
    assert all(1.5 * step.seconds <= 480 for step in all_steps())
    assert sum(step.seconds for step in STEPS) <= 25 * 60
