"""The common start: nobody passes before it is opened, and nobody waits for ever."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest
from patience import HANG_SECONDS

from benchmark.foundation.errors import StemdlError
from benchmark.launch.start_gate import StartGate, wait_at_gate


def test_nobody_passes_before_it_is_opened(tmp_path: Path):
    gate = StartGate(tmp_path / "gate", 2).build()
    passed, barriers = [], []

    def job(index: int) -> None:
        wait_at_gate(gate.folder, index, 0, lambda: barriers.append(index), limit_seconds=20)
        passed.append(index)

    threads = [threading.Thread(target=job, args=(index,)) for index in range(2)]
    threads[0].start()
    while gate.ready() != {0}:
        time.sleep(0.005)
    threads[1].start()
    while gate.ready() != {0, 1}:
        time.sleep(0.005)
    assert not passed and sorted(barriers) == [0, 1]
    gate.open()
    for thread in threads:
        thread.join(HANG_SECONDS)
    assert sorted(passed) == [0, 1]


def test_other_ranks_do_not_say_that_the_job_is_ready(tmp_path: Path):
    gate = StartGate(tmp_path / "gate", 1).build()
    gate.open()
    wait_at_gate(gate.folder, 0, 1, lambda: None)
    assert gate.ready() == set()


def test_nobody_waits_for_ever(tmp_path: Path):
    gate = StartGate(tmp_path / "gate", 1).build()
    with pytest.raises(StemdlError, match="not ready in time"):
        wait_at_gate(gate.folder, 0, 0, lambda: None, limit_seconds=0.05)


def test_without_a_gate_nobody_waits():
    wait_at_gate(None, 0, 0, lambda: pytest.fail("no barrier is needed"))
