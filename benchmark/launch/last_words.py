"""What Open MPI's mpirun prints when a rank fails: a block of lines between two rules, after the rank has said what was
wrong. It is kept off the screen, and whoever started mpirun says in a few words what is in it."""

from __future__ import annotations

import os
import re
import threading
from typing import IO

_RULE = re.compile(rb"-{60,}\s*")
_OF_AN_END = re.compile(
    rb"\s*((prterun|mpirun|orterun) (detected|noticed) that (process|one or more|the job)"
    rb"|Primary job\s+terminated|MPI_ABORT was invoked)"
)
CLOSE_SECONDS = 10.0
"""A process that the launcher leaves behind may keep the pipe open; it is not waited for longer."""
_LONGEST = 40
"""Lines of a block; what is longer is not a block."""


class BlockFilter:
    """Text in, piece by piece; the same text out, as soon as it is clear that it is not of such a block. `kept` holds
    the blocks."""

    def __init__(self) -> None:
        self.kept = b""
        self._waiting, self._in_line = b"", False

    def passed(self, piece: bytes, *, last: bool = False) -> bytes:
        """What may be printed now. With `last` that is all: a block that was not ended does not count."""
        self._waiting, passed = self._waiting + piece, b""
        while self._waiting and (size := self._block_or_line(last)) is not None:
            text, self._waiting = self._waiting[: abs(size)], self._waiting[abs(size) :]
            if size < 0:
                self.kept += text
            else:
                passed += text
                self._in_line = not text.endswith(b"\n")
        return passed

    def _block_or_line(self, last: bool) -> int | None:
        """How many bytes are clear: of a line to be passed on or, negative, of a block; None where more has to come."""
        line = self._waiting.find(b"\n") + 1
        plain = line or len(self._waiting)
        if self._in_line or self._waiting[:plain].strip(b"-\r\n"):
            return plain
        if not line:
            return plain if last else None
        lines = self._waiting.splitlines(keepends=True)
        if not _RULE.fullmatch(lines[0]) or (len(lines) > 1 and not _may_begin(lines[1])):
            return plain
        whole = [each for each in lines[1:] if each.endswith(b"\n")]
        for count, each in enumerate(whole, 2):
            if _RULE.fullmatch(each):
                return -sum(map(len, lines[:count])) if _OF_AN_END.match(lines[1]) else plain
        return plain if last or len(lines) > _LONGEST else None


def _may_begin(line: bytes) -> bool:
    """Whether a block's first line begins so; one that is not complete may."""
    return not line.endswith(b"\n") or _OF_AN_END.match(line) is not None


class LastWords:
    """Prints what a launcher prints on stderr, a pipe, without such blocks, until the pipe ends."""

    def __init__(self, pipe: IO[bytes], to: int = 2) -> None:
        self._pipe, self._to, self._filter = pipe, to, BlockFilter()
        self._thread = threading.Thread(target=self._pass_on, name="launcher's words", daemon=True)
        self._thread.start()

    def read(self) -> str:
        """The blocks that were kept back. Called when the launcher has ended; returns when all else is printed."""
        self._thread.join(CLOSE_SECONDS)
        return self._filter.kept.decode(errors="replace")

    def _pass_on(self) -> None:
        with self._pipe:
            while piece := os.read(self._pipe.fileno(), 65536):
                self._print(self._filter.passed(piece))
            self._print(self._filter.passed(b"", last=True))

    def _print(self, text: bytes) -> None:
        while text and self._to >= 0:
            try:
                text = text[os.write(self._to, text) :]
            except OSError:  # nobody reads it any more; the ranks go on
                self._to = -1


def rank_that_ended(words: str) -> str | None:
    """Such blocks in a few words: which rank ended first, and how; None where they do not say."""
    text = " ".join(words.split())
    if found := re.search(r"process rank (\d+) with PID \d+ on node (\S+) exited on signal (\d+ \([^)]*\))", text):
        return f"rank {found[1]} on {found[2]} was ended by signal {found[3]}"
    if found := re.search(r"Process name: \[[^]]*,(\d+)\] Exit code: (\d+)", text):
        return f"rank {found[1]} was the first to leave, with exit code {found[2]}"
    return None
