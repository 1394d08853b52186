"""What ends a job that cannot go on: ranks whose launcher has died, and ranks that wait for one that hangs.

A collective tells nobody who is missing. So each rank sends rank 0 a heartbeat by UDP, with how far it is, and rank 0
answers; whoever has been silent too long, or has not moved while others wait, is named, and the job ended. No heartbeat
stands in the way of the training: a thread sends them, about one per second.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from benchmark.launch.rank import Rank
from benchmark.launch.start_watch import StartWatch

BEAT_SECONDS = 1.0
MOST_BEATS_A_SECOND = 2000  # that rank 0 takes, from all ranks together
START_LIMITS = 5
"""The time that ranks get to find each other, in parts of the limit: their programs are loaded in it."""


def end_with_parent() -> None:
    """Has this process end from now on, with status 1, soon after the one that started it: ranks whose launcher was
    killed would go on without anybody knowing of them."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(BEAT_SECONDS)
        _end("the launcher has died, and this rank ends with it")

    threading.Thread(target=watch, name="parent watch", daemon=True).start()


@dataclass
class _Seen:
    """What rank 0 knows of a rank. `progress` counts the places that it has been at; times are monotonic, in s."""

    host: str
    heard: float
    progress: int
    place: str
    moved: float


class Watch:
    """The ranks of a job keep an eye on each other while the block lasts.

    Ends the process, with status 1 and a message that names the rank and its host, when a rank has been silent for
    `limit_seconds`, or has not moved for as long while another waited for it further on. Where a rank's heartbeats
    never arrive (a firewall), it is not watched, which rank 0 says.

    Use: enter, before the ranks are joined, which has a limit of its own (`START_LIMITS`, kept by `StartWatch`);
    `meet`, when they are; `at`, before each thing that all ranks do in the same order.
    """

    def __init__(self, rank: Rank, limit_seconds: float) -> None:
        self._rank, self._limit = rank, limit_seconds
        self._interval = min(max(BEAT_SECONDS, rank.size / MOST_BEATS_A_SECOND), limit_seconds / 4)
        self._host = socket.gethostname()
        self._closed = threading.Event()
        self._start: StartWatch | None = None
        self._stand = (0, "the start")  # one tuple, so that the thread sees both or neither
        self._moved = time.monotonic()
        self._seen: dict[int, _Seen] = {}

    def __enter__(self) -> Watch:
        if self._rank.size > 1:
            self._start = StartWatch(self._rank, START_LIMITS * self._limit)
        return self

    def __exit__(self, *exception: object) -> None:
        self._closed.set()
        self._end_start()

    def at(self, place: str) -> None:
        """This rank has come to a place, such as "epoch 3, step 17", where the others come too."""
        self._moved = time.monotonic()
        self._stand = (self._stand[0] + 1, place)

    def meet(self, from_rank_0: Callable[[str], str], barrier: Callable[[], None]) -> None:
        """Begin to watch. Called by all ranks; `from_rank_0` gives every rank the text that rank 0 gives it."""
        if self._rank.size == 1:
            return
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        one_host = self._rank.local_size == self._rank.size
        address = ""
        if self._rank.rank == 0:
            self._socket.bind(("127.0.0.1" if one_host else "", 0))
            host = "127.0.0.1" if one_host else self._host
            address = json.dumps([host, self._socket.getsockname()[1], self._host, os.urandom(8).hex()])
        host, port, self._host_0, self._token = json.loads(from_rank_0(address))
        self._heard_0 = 0.0  # not yet
        self._socket.settimeout(self._interval)
        watch = self._answer if self._rank.rank == 0 else self._send
        if self._rank.rank != 0:
            try:
                self._address = (socket.gethostbyname(host), port)
            except OSError:
                watch = None  # rank 0 will say that it never heard of this one
            else:
                self._beat()
        barrier()  # the first heartbeats have been sent
        self._end_start()
        if watch:
            threading.Thread(target=watch, name="watch", daemon=True).start()

    def _end_start(self) -> None:
        if self._start:
            self._start.met()
            self._start = None

    # ---- threads

    def _send(self) -> None:
        """The other ranks' part: to tell rank 0, and to see whether it answers."""
        before, place = time.monotonic(), ""
        while not self._closed.is_set():
            self._beat()
            until = time.monotonic() + self._interval
            while (left := until - time.monotonic()) > 0 and not self._closed.is_set():
                message, _ = self._receive(left)
                if message is not None:
                    self._heard_0, place = time.monotonic(), message["place"]
            now = time.monotonic()
            if now - before > self._limit / 2:  # whoever was stopped himself accuses nobody
                self._heard_0 = self._heard_0 and now
            before = now
            if self._heard_0 and now - self._heard_0 > self._limit and not self._closed.is_set():
                if self._rank.rank > 1:
                    time.sleep(2 * BEAT_SECONDS)  # rank 1 says it for all, where it can
                _end(_silent(0, self._host_0, now - self._heard_0, place))

    def _answer(self) -> None:
        """Rank 0's part: to hear all ranks, and to judge."""
        began = before = time.monotonic()
        told_unheard = False
        while not self._closed.is_set():
            until = time.monotonic() + self._interval
            while (left := until - time.monotonic()) > 0 and not self._closed.is_set():
                message, address = self._receive(left)
                if message is not None:
                    self._note(message)
                    self._put({"token": self._token, "place": self._stand[1]}, address)
            now = time.monotonic()
            if now - before > self._limit / 2:  # whoever was stopped himself accuses nobody
                for each in self._seen.values():
                    each.heard = each.moved = now
                self._moved = now
            before = now
            if not told_unheard and now - began > 10 * self._interval:
                told_unheard = True
                self._tell_unheard()
            fault = self._fault(now)
            if fault and not self._closed.is_set():
                _end(fault)

    # ---- messages

    def _beat(self) -> None:
        progress, place = self._stand
        self._put(
            {"token": self._token, "rank": self._rank.rank, "host": self._host, "progress": progress, "place": place},
            self._address,
        )

    def _put(self, message: dict[str, object], address: tuple[str, int]) -> None:
        try:
            self._socket.sendto(json.dumps(message).encode(), address)
        except OSError:
            return  # a network that is down for a moment; silence is what counts

    def _receive(self, timeout_seconds: float) -> tuple[dict[str, object] | None, tuple[str, int]]:
        """The next message of this job, or None where none came in time or it was another's."""
        self._socket.settimeout(timeout_seconds)
        try:
            text, address = self._socket.recvfrom(2048)
            message = json.loads(text)
        except (OSError, ValueError):  # a timeout is an OSError; so is the refusal when rank 0 has left
            return None, ("", 0)
        return (message if isinstance(message, dict) and message.get("token") == self._token else None), address

    def _note(self, message: dict[str, object]) -> None:
        now, number, progress = time.monotonic(), message["rank"], message["progress"]
        seen = self._seen.setdefault(number, _Seen(message["host"], now, -1, "", now))
        seen.heard = now
        if progress != seen.progress:
            seen.progress, seen.place, seen.moved = progress, message["place"], now

    # ---- judgement

    def _fault(self, now: float) -> str | None:
        """Who hangs, in words; None where nobody does."""
        for number, seen in sorted(self._seen.items()):
            if now - seen.heard > self._limit:
                return _silent(number, seen.host, now - seen.heard, seen.place)
        progress, place = self._stand
        everyone = {**self._seen, 0: _Seen(self._host, now, progress, place, self._moved)}
        furthest = max(seen.progress for seen in everyone.values())
        waiting = now - min(seen.moved for seen in everyone.values() if seen.progress == furthest)
        if waiting <= self._limit:
            return None
        for number, seen in sorted(everyone.items()):
            if seen.progress < furthest and now - seen.moved > self._limit:
                return (
                    f"rank {number} on {seen.host} hangs: for {now - seen.moved:.0f} s it has not gone on from "
                    f"{seen.place}, while others wait for it\n{_REMEDY}"
                )
        return None

    def _tell_unheard(self) -> None:
        unheard = sorted(set(range(1, self._rank.size)) - set(self._seen))
        if unheard:
            print(
                f"stemdl: no heartbeat has come from rank {unheard[0]}"
                + (f" and {len(unheard) - 1} more" if len(unheard) > 1 else "")
                + ": UDP to rank 0 does not pass; a hang there will be ended, but not named",
                file=sys.stderr,
            )


_REMEDY = (
    "  what to do: look at that host; then start the run again, or go on from its checkpoint with --resume, which "
    "cannot be scored"
)


def _silent(number: int, host: str, seconds: float, place: str) -> str:
    return (
        f"rank {number} on {host} has been silent for {seconds:.0f} s, since {place}: its process is stopped, or its "
        f"host or network is down\n{_REMEDY}"
    )


def _end(message: str) -> None:
    """Say it and leave at once: the main thread waits in a collective and would not hear. The launcher ends the others,
    also those that are stopped."""
    with suppress(OSError):  # where the launcher has died, so has the pipe that this goes into
        print(f"stemdl: {message}", file=sys.stderr, flush=True)
    os._exit(1)
