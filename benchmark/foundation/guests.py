"""Code that somebody else brings: tasks in folders and packages, trainers. What fails in it is theirs to mend.

Modules are marked when they are imported, so that an error can be told by the frames that it passed through.
"""

from __future__ import annotations

import traceback
from pathlib import Path
from types import ModuleType

_MARK = "__brought_to_stemdl__"
_NOTE = "of_guest"
"""An attribute of an error: it is kept where processes hand errors on, and their frames are not."""


def mark_guest(module: ModuleType, name: str) -> None:
    """Say that a module is somebody else's: `the task x`, `the trainer x.py`."""
    vars(module)[_MARK] = name


def note_guest(error: BaseException) -> None:
    """Keep with an error whose code failed, before another process is to show it."""
    if (found := guest_of(error)) is not None:
        setattr(error, _NOTE, found)


def guest_of(error: BaseException) -> tuple[str, str] | None:
    """Whose code an error came from, and the last line of it as file:line; None where all frames are the program's."""
    if (noted := getattr(error, _NOTE, None)) is not None:
        return noted  # type: ignore[no-any-return]
    found = None
    for frame, line in traceback.walk_tb(error.__traceback__):
        if _MARK in frame.f_globals:
            found = (str(frame.f_globals[_MARK]), f"{frame.f_code.co_filename}:{line}")
    return found


def line_of(error: BaseException, source: Path) -> str | None:
    """The last line in a file, or in a folder's files, that an error passed through, as file:line; for one that Python
    cannot read, its line."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}:{error.lineno}"
    inside = [
        f"{frame.filename}:{frame.lineno}"
        for frame in traceback.extract_tb(error.__traceback__)
        if Path(frame.filename).resolve().is_relative_to(source.resolve())
    ]
    return inside[-1] if inside else None
