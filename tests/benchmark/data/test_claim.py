"""One process at a time makes data in a folder: the second waits, and takes what the first made or left."""

from __future__ import annotations

import io
import os
import runpy
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from made_here import made_here
from patience import HANG_SECONDS, wait_until

from benchmark.data import plan as plan_module
from benchmark.data.claim import LOCK
from benchmark.data.generate import generate
from benchmark.data.manifest import MANIFEST
from benchmark.foundation.errors import StemdlError
from benchmark.foundation.files import exclusive
from benchmark.simulation.cbed import CbedRung

ROOT = Path(__file__).parents[3]
SCRIPT = Path(__file__).with_name("generation_script.py")
tiny: Callable[..., CbedRung] = runpy.run_path(str(SCRIPT))["tiny"]


@pytest.fixture(autouse=True)
def small_shards_made_here(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(plan_module, "SAMPLES_PER_SHARD", 3)
    with made_here():
        yield


def test_a_second_generation_waits_for_the_first_and_takes_what_it_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other process holds the folder, makes the data, and only then lets go."""
    folder = tmp_path / "data"
    expected = generate(tiny(), tmp_path / "alone")
    said, done = io.StringIO(), []
    monkeypatch.setattr("sys.stderr", said)
    with exclusive(folder / LOCK):
        second = threading.Thread(target=lambda: done.append(generate(tiny(), folder)))
        second.start()
        wait_until(lambda: "waiting until it is done" in said.getvalue())
        assert second.is_alive() and not list(folder.rglob("*.h5"))
        shutil.copytree(tmp_path / "alone", folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns(LOCK))
        made = {path: path.stat().st_mtime_ns for path in folder.rglob("*.h5")}
    second.join(HANG_SECONDS)
    assert [each.sha256 for each in done] == [expected.sha256]
    assert made == {path: path.stat().st_mtime_ns for path in folder.rglob("*.h5")}, "nothing was made twice"
    assert f"another process is making data in {folder}" in said.getvalue()


def test_a_second_generation_finishes_what_a_killed_first_one_left(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    script = [sys.executable, str(SCRIPT), str(folder)]
    first = subprocess.Popen(
        [*script, "--train", "40"],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    wait_until(lambda: list(folder.rglob("*.h5")), in_time=lambda: first.poll() is None)
    first.send_signal(signal.SIGSTOP)  # it holds the folder, however fast it is
    second = subprocess.Popen(
        [*script, "--train", "40"],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    told = second.stderr.readline()
    first.kill()
    first.wait()
    out, _ = second.communicate(timeout=HANG_SECONDS)
    assert second.returncode == 0, out
    assert "waiting until it is done" in told
    assert (folder / MANIFEST).is_file()


def test_other_data_are_refused_without_waiting(tmp_path: Path) -> None:
    generate(tiny(), tmp_path)
    with exclusive(tmp_path / LOCK), pytest.raises(StemdlError, match="the folder holds other data"):
        generate(tiny(train=4), tmp_path)
