"""How this Python is started again, for programs of ours."""

from __future__ import annotations

import sys


def python() -> tuple[str, ...]:
    """Its command, which does not look for modules in the working directory, where somebody may keep a `torch.py` or
    `random.py`. Python 3.10 lacks the option, and looks there."""
    return (sys.executable, "-P") if sys.version_info >= (3, 11) else (sys.executable,)
