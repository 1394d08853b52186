"""How this Python is started again, for programs of ours."""

from __future__ import annotations

import sys


def python() -> tuple[str, ...]:
    """Its command, which looks for no module in the working directory: a `torch.py` or `random.py` that somebody keeps
    there is not ours. Before Python 3.11 there is no such option."""
    return (sys.executable, "-P") if sys.version_info >= (3, 11) else (sys.executable,)
