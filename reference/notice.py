"""Signals by which a batch system says that a job's time is nearly up: heard, and acted upon when all ranks know."""

from __future__ import annotations

import signal
from types import FrameType

from benchmark.foundation.errors import StemdlError


class Notice:
    """Listens for signals while the block lasts, in place of dying of them.

    `names` is such as "TERM USR1": names of signals without SIG. Raises StemdlError for one that does not exist or
    cannot be listened for. Enter in the main thread.
    """

    def __init__(self, names: str) -> None:
        self.heard: signal.Signals | None = None
        known = {each.name.removeprefix("SIG"): each for each in signal.Signals}
        self._signals = [known[name] for name in names.split() if name in known]
        if len(self._signals) < len(names.split()) or {signal.SIGKILL, signal.SIGSTOP} & set(self._signals):
            raise StemdlError(
                "there is no such signal to listen for",
                where="warning_signals",
                found=names,
                expected="names such as TERM USR1 USR2",
            )

    def __enter__(self) -> Notice:
        self._before = {number: signal.signal(number, self._hear) for number in self._signals}
        return self

    def __exit__(self, *exception: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _hear(self, number: int, frame: FrameType | None) -> None:
        self.heard = signal.Signals(number)
