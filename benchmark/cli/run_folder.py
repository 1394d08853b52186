"""The folder of a run that nobody named."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace

from benchmark.definition.request import RunRequest


@contextmanager
def own_folder(request: RunRequest, unnamed: bool) -> Iterator[RunRequest]:
    """The request with a folder that no other process has, where the user named none: two that waited for the same data
    go on in the same second. A folder that nothing came into is removed."""
    if not unnamed:
        yield request
        return
    for attempt in itertools.count(1):
        folder = request.output.with_name(request.output.name + (f"-{attempt}" if attempt > 1 else ""))
        with suppress(FileExistsError):
            folder.mkdir(parents=True)
            break
    try:
        yield replace(request, output=folder)
    finally:
        with suppress(OSError):
            folder.rmdir()
