"""Values between the ranks of a job before they train: as JSON, and every wait has an end.

Ranks talk to rank 0 alone. That takes longer than a tree for very many ranks (27,600 send 50 MB to it), but it is what
tells which rank does not answer; a collective operation would hang with it.
"""

from __future__ import annotations

import importlib.util
import json
import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any, Protocol, TypeVar

from benchmark.foundation.errors import StemdlError
from benchmark.launch.launchers import get_launcher
from benchmark.launch.mpi import world_of
from benchmark.launch.rank import Rank

EAGER_SECONDS, NAP_SECONDS = 0.01, 0.001
"""A wait looks without pause at first, for the sake of short round trips, and then each millisecond."""
TAG = 7101  # of our messages among those of MPI's programs; any number that nobody else uses
Result = TypeVar("Result")


class NoAnswer(Exception):
    """A rank did not answer in time."""


class Link(Protocol):
    """How bytes go from one rank to another, in order and without loss."""

    name: str

    def send(self, message: bytes, to: int) -> None:
        """Hand over a message; does not wait for the receiver."""

    def poll(self, source: int) -> bytes | None:
        """The next message from that rank, or None where none has come yet."""


class Exchange:
    """The ranks of a job, seen from one of them: 0 <= rank < size. `link` may be None where size is 1."""

    def __init__(self, rank: int, size: int, link: Link | None) -> None:
        self.rank, self.size, self.name = rank, size, link.name if link else "one rank alone"
        self._link = link

    def send(self, value: Any, to: int) -> None:
        """A value that JSON can hold, to one rank."""
        assert self._link is not None, "a rank that is alone sends to nobody"
        self._link.send(json.dumps(value, allow_nan=False).encode(), to)

    def receive(self, source: int, deadline: float) -> Any:
        """The next value from a rank; raises NoAnswer where none has come by `deadline`, of `time.monotonic`."""
        assert self._link is not None, "a rank that is alone hears from nobody"
        eager_until = time.monotonic() + EAGER_SECONDS
        while (message := self._link.poll(source)) is None:
            now = time.monotonic()
            if now >= deadline:
                raise NoAnswer(f"rank {source}")
            os.sched_yield() if now < eager_until else time.sleep(NAP_SECONDS)
        return json.loads(message)

    def gather(self, value: Any, seconds: float, sources: Iterable[int] | None = None) -> dict[int, Any]:
        """The value of every rank (or of `sources`), on rank 0, that answered within `seconds`, by rank; elsewhere
        nothing."""
        if self.rank != 0:
            self.send(value, to=0)
            return {}
        deadline = time.monotonic() + seconds
        values = {0: value}
        for source in range(1, self.size) if sources is None else sources:
            try:
                values[source] = self.receive(source, deadline)
            except NoAnswer:
                continue
        return values

    def share(self, value: Any, seconds: float) -> Any:
        """Rank 0's value, on all ranks; raises StemdlError where rank 0 sends none within `seconds`."""
        if self.rank != 0:
            return self.hear(seconds)
        for to in range(1, self.size):
            self.send(value, to)
        return value

    def hear(self, seconds: float) -> Any:
        """The next value from rank 0, on another rank; raises StemdlError where none comes within `seconds`."""
        try:
            return self.receive(0, time.monotonic() + seconds)
        except NoAnswer:
            raise StemdlError(
                f"rank 0 did not answer within {seconds:g} s",
                where=f"rank {self.rank}",
                remedy="see rank 0's messages; look after its host",
            ) from None


def join(rank: Rank) -> Exchange:
    """The exchange among the ranks of this job: over MPI where mpi4py is, over torch's store elsewhere and under
    a launcher that does not start MPI, such as torchrun. Raises StemdlError where MPI and launcher see other ranks."""
    if rank.size == 1:
        return Exchange(0, 1, None)
    if get_launcher(rank.launcher).starts_mpi and importlib.util.find_spec("mpi4py") is not None:
        return Exchange(rank.rank, rank.size, MpiLink(rank))
    return Exchange(rank.rank, rank.size, StoreLink(rank))


def within(seconds: float, function: Callable[[], Result]) -> Result:
    """What `function` returns or raises; NoAnswer where it takes longer. It then goes on in its own thread."""
    outcome: list[Callable[[], Result]] = []

    def run() -> None:
        try:
            result = function()
        except BaseException as error:  # noqa: BLE001 - raised again by the caller
            outcome.append(lambda error=error: _raise(error))
        else:
            outcome.append(lambda: result)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    if not outcome:
        raise NoAnswer(f"not done within {seconds:g} s")
    return outcome[0]()


def _raise(error: BaseException) -> Any:
    raise error


class MpiLink:
    """Messages of MPI. Raises StemdlError where MPI sees other ranks than the launcher."""

    name = "MPI"

    def __init__(self, rank: Rank) -> None:
        from mpi4py import MPI

        self._mpi, self._world = MPI, world_of(rank)
        self._sent: list[tuple[Any, bytes]] = []  # MPI reads a message until its request is done

    def send(self, message: bytes, to: int) -> None:
        self._sent = [(request, kept) for request, kept in self._sent if not request.Test()]
        self._sent.append((self._world.Isend([message, self._mpi.BYTE], dest=to, tag=TAG), message))

    def poll(self, source: int) -> bytes | None:
        status = self._mpi.Status()
        found = self._world.Improbe(source, TAG, status)
        if found is None:
            return None
        message = bytearray(status.Get_count(self._mpi.BYTE))
        found.Recv([message, self._mpi.BYTE])
        return bytes(message)


class StoreLink:
    """Keys of the store at MASTER_ADDR:MASTER_PORT, where torch.distributed's ranks meet."""

    name = "torch's store"

    def __init__(self, rank: Rank, seconds: float = 60.0) -> None:
        import torch.distributed as dist

        host, port = os.environ.get("MASTER_ADDR"), os.environ.get("MASTER_PORT", "")
        if not host or not port.isdecimal():
            raise StemdlError(
                "the ranks have no place to meet",
                where=f"rank {rank.rank}",
                expected="MASTER_ADDR and MASTER_PORT, as torchrun sets them",
                remedy="install mpi4py, or start the ranks with torchrun",
            )
        # torchrun keeps the store itself, and so does rank 0 once a process group is there
        kept = dist.is_initialized() or os.environ.get("TORCHELASTIC_USE_AGENT_STORE") == "True"
        hosts = rank.rank == 0 and not kept
        self._store = dist.TCPStore(host, int(port), None, hosts, timedelta(seconds=seconds), wait_for_workers=False)
        self._own = rank.rank
        self._sent: Counter[int] = Counter()
        self._received: Counter[int] = Counter()

    def send(self, message: bytes, to: int) -> None:
        self._store.set(f"stemdl/{self._own}/{to}/{self._sent[to]}", message)
        self._sent[to] += 1

    def poll(self, source: int) -> bytes | None:
        key = f"stemdl/{source}/{self._own}/{self._received[source]}"
        if not self._store.check([key]):
            return None
        message = self._store.get(key)
        self._store.delete_key(key)
        self._received[source] += 1
        return message
