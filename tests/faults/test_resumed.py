"""A job of two real ranks that is warned in the middle of an epoch keeps its state, and goes on to the unbroken end."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from patience import HANG_SECONDS, wait_until

from benchmark.events import keys
from benchmark.events.reader import read_events
from benchmark.submission.ledger import read_ledger

pytestmark = [pytest.mark.mpi, pytest.mark.slow]
INTERRUPTED = 75
SETTINGS = ("--set", "max_epochs=3", "--set", "learning_rate=1e-4", "--set", "threads_per_rank=1")


def curve(log: Path) -> list[tuple]:
    """Epoch, metric and loss of all epochs."""
    events = read_events(log)
    losses = [event.value["loss"] for event in events if event.key == keys.TRACKED_STATS]
    metrics = [(event.metadata[keys.EPOCH_NUM], event.value) for event in events if event.key == keys.EVAL_ACCURACY]
    return [(*metric, loss) for metric, loss in zip(metrics, losses, strict=True)]


def same(one: object, other: object) -> bool:
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    return torch.equal(one, other) if isinstance(one, torch.Tensor) else one == other


def command(data: Path, backend: str) -> list[str]:
    run = ["run", "--rung", "stemdl_smoke", "--data", str(data), "--ranks", "2", "--oversubscribe"]
    return [*run, "--set", f"comm={backend}", *SETTINGS]


@pytest.fixture(scope="module")
def unbroken(stemdl: Callable, smoke_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of either backend: two ranks train the same by both, to the last bit (tests/reference/test_ranks.py)."""
    folder = tmp_path_factory.mktemp("unbroken") / "run"
    done = stemdl(*command(smoke_data, "torch"), "--output", folder, "--seed", 7)
    assert done.returncode == 1, done.stderr  # too short for the target
    return folder


@pytest.mark.parametrize("backend", ["horovod", "torch"])
def test_warned_within_an_epoch_and_resumed_is_the_unbroken_run_to_the_last_bit(
    backend: str, unbroken: Path, stemdl: Callable, environment: dict[str, str], smoke_data: Path, tmp_path: Path
):
    if backend == "horovod":
        pytest.importorskip("horovod")
    run, broken = command(smoke_data, backend), tmp_path / "broken"
    argv = [sys.executable, "-m", "benchmark", *run, "--output", str(broken), "--seed", "7"]
    job = subprocess.Popen(
        argv, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    log = broken / "result_0.txt"
    wait_until(lambda: log.is_file() and f'"{keys.EPOCH_START}"' in log.read_text(), lambda: job.poll() is None)
    job.send_signal(signal.SIGTERM)
    _, message = job.communicate(timeout=HANG_SECONDS)
    assert job.returncode == INTERRUPTED and "Traceback" not in message, message
    assert message.count("was asked to end") == 1 and "prterun" not in message
    assert f"stemdl run --resume --output {broken}" in message
    assert json.loads((broken / "run.json").read_text())["status"] == "interrupted"
    assert read_ledger(tmp_path / "ledger.jsonl").runs[-1].status == "interrupted"
    state = torch.load(broken / "checkpoint.pt", weights_only=True)
    assert (state["epoch"], state["step"]) < (3, 0) and state["step"] % 10 in (0, 5)  # as agreed, or an epoch's end

    elastic = shutil.copytree(broken, tmp_path / "elastic")
    resumed = stemdl(*run, "--output", broken, "--resume")
    assert resumed.returncode == 1 and "cannot be scored" in resumed.stdout, resumed.stderr
    assert curve(log) == curve(unbroken / "result_0.txt") and len(curve(log)) == 3
    assert same(*(torch.load(each / "checkpoint.pt", weights_only=True) for each in (broken, unbroken)))
    assert not list(broken.glob(".*"))
    assert json.loads((broken / "run.json").read_text())["resumed"]

    if backend == "torch":
        done = stemdl(*run, "--output", elastic, "--resume", "--elastic", "--ranks", 1)
        assert done.returncode == 1 and "on 1 ranks in place of 2" in done.stderr, done.stderr
        (event,) = [each for each in read_events(elastic / "result_0.txt") if each.key == keys.RESUMED]
        assert event.metadata[keys.STEP_NUM] == 0 and event.metadata[keys.RANKS_BEFORE] == 2
        record = json.loads((elastic / "run.json").read_text())
        assert record["resumed"] and not record["scorable"]


def test_elastic_is_for_what_is_resumed(stemdl: Callable):
    done = stemdl("run", "--elastic")
    assert done.returncode == 2 and "--resume --elastic" in done.stderr
