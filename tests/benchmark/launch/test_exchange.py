"""Values between ranks, over MPI and over torch's store; every wait has an end."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from patience import HANG_SECONDS

from benchmark.foundation.errors import StemdlError
from benchmark.launch.exchange import Exchange, NoAnswer, StoreLink, join, within
from benchmark.launch.rank import ALONE, Rank

SCRIPT = Path(__file__).with_name("exchange_script.py")


@pytest.mark.mpi
@pytest.mark.parametrize("by", ["MPI", "torch's store"])
def test_ranks_exchange_values(
    by: str, mpirun: Callable, python: Path, environment: dict[str, str], tmp_path: Path
) -> None:
    if by == "MPI":
        done = mpirun(3, python, SCRIPT)
    else:
        argv = [python, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "3", str(SCRIPT)]
        done = subprocess.run(
            argv,
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env=environment,
            timeout=HANG_SECONDS,
            stdin=subprocess.DEVNULL,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["by"] == by
    assert told["gathered"] == {"0": [0, 0], "1": [3_000_000, 1], "2": [3_000_000, 2]}
    assert told["shared"] == {"number": 0.1, "text": "é"}
    assert told["late"] == [0] and told["seconds"] >= 0.5, "those that said nothing are missing"
    assert told["nothing"] == "rank 1"


def test_one_rank_alone_needs_no_link() -> None:
    exchange = join(ALONE)
    assert exchange.gather("own", 1.0) == {0: "own"} and exchange.share("own", 1.0) == "own"
    assert exchange.name == "one rank alone"


class Mailbox:
    """A link to rank 0 that has these messages."""

    name = "a mailbox"

    def __init__(self, *messages: bytes) -> None:
        self.messages, self.sent = list(messages), []

    def send(self, message: bytes, to: int) -> None:
        self.sent.append((to, message))

    def poll(self, source: int) -> bytes | None:
        return self.messages.pop(0) if self.messages else None


def test_values_are_json_and_nothing_else() -> None:
    link = Mailbox(b'{"a": 1}', b"no JSON")
    exchange = Exchange(1, 2, link)
    assert exchange.hear(1.0) == {"a": 1}
    with pytest.raises(ValueError):
        exchange.hear(1.0)
    exchange.gather([1, None, "x"], 1.0)
    assert link.sent == [(0, b'[1, null, "x"]')]
    with pytest.raises(ValueError):
        exchange.send(float("nan"), 0)


def test_a_rank_that_rank_0_forgets_says_so() -> None:
    with pytest.raises(StemdlError, match=r"rank 3: rank 0 did not answer within 0.05 s"):
        Exchange(3, 4, Mailbox()).hear(0.05)


def test_within_its_time_a_function_returns_or_raises() -> None:
    assert within(HANG_SECONDS, lambda: 7) == 7
    with pytest.raises(ZeroDivisionError):
        within(HANG_SECONDS, lambda: 1 // 0)
    go_on = threading.Event()
    with pytest.raises(NoAnswer, match="not done within 0.1 s"):
        within(0.1, go_on.wait)  # which ends after the test alone
    go_on.set()


def test_ranks_without_a_place_to_meet_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MASTER_ADDR", raising=False)
    with pytest.raises(StemdlError, match="no place to meet"):
        StoreLink(Rank(0, 2, 0, 2, "srun"))
