"""Progress of long work: a bar on a terminal, a line every few seconds anywhere else. Always to stderr.

It may be called at every step of a hot loop: between two of its words, a few per second at most, it costs one look at
the clock.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Protocol, TypeVar

SECONDS_BETWEEN_LINES = 5.0
SECONDS_BETWEEN_BARS = 0.25
_T = TypeVar("_T")


class Advance(Protocol):
    """Tells how many units are done so far."""

    def __call__(self, done: int) -> None: ...


def silent(done: int) -> None:
    """An `Advance` that says nothing, for all ranks but one."""


@contextmanager
def progress(title: str, total: int | None, unit: str, *, last: bool = True, rank: int = 0) -> Iterator[Advance]:
    """Shows how far `total` units of work have come, with the time that is left; None where nobody knows how many. Of
    several ranks, rank 0 alone shows its own.

    Without `last` nothing is left of it in the end: no bar, and no line of a work of less than a few seconds. For
    work whose result is shown by itself.
    """
    if rank != 0:
        yield silent
        return
    if sys.stderr.isatty():
        yield from _bar(title, total, unit, last)
        return

    started = shown = time.monotonic()

    def advance(done: int) -> None:
        nonlocal shown
        now = time.monotonic()
        if now - shown >= SECONDS_BETWEEN_LINES or (last and done == total):
            shown = now
            left = f", about {(now - started) / done * (total - done):.0f} s left" if total and done else ""
            of_all = "" if total is None else f" of {total}"
            print(f"{title}: {done}{of_all} {unit}, {now - started:.0f} s{left}", file=sys.stderr, flush=True)

    yield advance


def _bar(title: str, total: int | None, unit: str, last: bool) -> Iterator[Advance]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn(title), BarColumn(), MofNCompleteColumn(), TextColumn(unit), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), auto_refresh=False, transient=not last) as bar:
        task, shown = bar.add_task(title, total=total), time.monotonic()

        def advance(done: int) -> None:
            nonlocal shown
            now = time.monotonic()
            if now - shown >= SECONDS_BETWEEN_BARS or done == total:
                shown = now
                bar.update(task, completed=done, refresh=True)

        bar.refresh()
        yield advance


def counted(things: Iterable[_T], advance: Advance) -> Iterator[_T]:
    """The things, one after another; `advance` hears how many are done."""
    for done, thing in enumerate(things, 1):
        yield thing
        advance(done)
