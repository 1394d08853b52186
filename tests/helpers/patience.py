"""How tests wait: for an event, however long a slow or busy machine takes over it, never for a number of seconds."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

_Found = TypeVar("_Found")

HANG_SECONDS = 1200.0
"""After so long what a test waits for hangs. No test compares it with how long something took."""
POLL_SECONDS = 0.02


def wait_until(happened: Callable[[], _Found], in_time: Callable[[], bool] = lambda: True) -> _Found:
    """What `happened()` gives once that is true. Fails where it never is, or where `in_time()` no longer holds."""
    deadline = time.monotonic() + HANG_SECONDS
    while not (found := happened()):
        if not in_time():
            raise AssertionError("what was waited for can no longer happen")
        if time.monotonic() > deadline:
            raise AssertionError(f"it did not happen within {HANG_SECONDS:g} s")
        time.sleep(POLL_SECONDS)
    return found
