"""What a run says on the terminal while it lasts."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager, nullcontext

from benchmark.foundation.progress import Advance, progress, silent


class Speaker:
    """Rank 0's voice on the terminal."""

    def __init__(self, speaks: bool) -> None:
        self._speaks = speaks
        if speaks and sys.stderr.isatty():
            import rich.progress  # noqa: F401 - now, and not on the clock

    def __call__(self, text: str) -> None:
        if self._speaks:
            print(text, file=sys.stderr, flush=True)

    def progress(self, title: str, total: int, unit: str) -> AbstractContextManager[Advance]:
        """Progress within what takes long, from rank 0 alone; nothing of it where it does not."""
        return progress(title, total, unit, last=False) if self._speaks else nullcontext(silent)


SILENT = Speaker(False)
