"""The folder of a run that nobody named."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.cli.arguments import RUNS
from benchmark.definition.request import RunRequest

if TYPE_CHECKING:
    from benchmark.launch.rank import Rank

MEETING_SECONDS = 300.0
"""Seconds in which the ranks of a launcher have to find each other."""


def unnamed_folder(rung: str) -> Path:
    """A name for a run's folder: the second in UTC and the rung, and a number where another run has that name."""
    first = RUNS / f"{time.strftime('%Y%m%dT%H%M%S', time.gmtime())}-{rung}"
    return next(each for each in _numbered(first) if not each.exists())


@contextmanager
def own_folder(request: RunRequest, unnamed: bool) -> Iterator[RunRequest]:
    """The request with a folder that no other process has, where the user named none: two that waited for the same data
    go on in the same second. A folder that nothing came into is removed."""
    if not unnamed:
        yield request
        return
    for folder in _numbered(request.output):
        with suppress(FileExistsError):
            folder.mkdir(parents=True)
            break
    try:
        yield replace(request, output=folder)
    finally:
        with suppress(OSError):
            folder.rmdir()


@contextmanager
def same_folder(request: RunRequest, unnamed: bool, rank: Rank) -> Iterator[RunRequest]:
    """The same on all ranks of a launcher, each of which calls it: they have rank 0's folder, for by its own clock each
    would name another. Raises StemdlError where rank 0 does not answer."""
    if not unnamed or rank.size == 1:
        with own_folder(request, unnamed) as request:
            yield request
    elif rank.rank == 0:
        with own_folder(request, unnamed) as request:
            _from_rank_0(str(request.output), rank)
            yield request
    else:
        yield replace(request, output=Path(_from_rank_0("", rank)))


def _numbered(folder: Path) -> Iterator[Path]:
    return (folder.with_name(folder.name + (f"-{number}" if number > 1 else "")) for number in itertools.count(1))


def _from_rank_0(text: str, rank: Rank) -> str:
    from benchmark.launch.exchange import join
    from benchmark.launch.start_watch import StartWatch

    watch = StartWatch(rank, MEETING_SECONDS)
    try:
        exchange = join(rank)
        text = exchange.share(text, MEETING_SECONDS)
        exchange.gather(None, MEETING_SECONDS)  # rank 0 may keep what the others read it from, and lets go of it here
        return text
    finally:
        watch.met()
