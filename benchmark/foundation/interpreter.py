"""How this Python is started again, for programs of ours: none looks for modules in the working directory, where
somebody may keep a `torch.py` or `random.py`."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HAS_OPTION = sys.version_info >= (3, 11)
SAFE_START = Path(__file__).with_name("safe_start.py")
SAFE_PATH = "PYTHONSAFEPATH"


def python() -> tuple[str, ...]:
    """Its command, which -m and a module or -c and a program follow."""
    return (sys.executable, "-P") if HAS_OPTION else (sys.executable, str(SAFE_START))


@contextmanager
def safely_started() -> Iterator[None]:
    """Processes that libraries start in the block, as multiprocessing does, start so. Python 3.10 does not heed it."""
    before = os.environ.get(SAFE_PATH)
    os.environ[SAFE_PATH] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[SAFE_PATH]
        else:
            os.environ[SAFE_PATH] = before
