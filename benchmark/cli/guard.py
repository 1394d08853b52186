"""The last handler: whatever goes wrong in a command becomes one message and an exit code."""

from __future__ import annotations

import codecs
import os
import platform
import shlex
import signal
import sys
import tempfile
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

from benchmark import __version__
from benchmark.foundation.errors import ProgramFault, StemdlError
from benchmark.foundation.guests import guest_of

SHOW = "STEMDL_TRACEBACK"
"""Set to 1, this variable has every error shown with its traceback."""
INTERRUPTED, READER_GONE = 130, 141
"""Exit codes of a shell's own: 128 and the number of SIGINT, of SIGPIPE."""
_ASCII = {"█": "#", "│": "|", "─": "-", "…": "...", "±": "+-", "→": "->", "×": "x", "Å": "A"}


def guarded(command: Callable[[], int]) -> int:
    """The command's exit code, or that of what went wrong, which is shown on stderr. SystemExit is argparse's, and is
    left to it."""
    left: SystemExit | None = None
    try:
        _prepare_output()
        with _terminated_as_interrupted():
            code = command()
    except SystemExit as error:
        left, code = error, 0
    except BrokenPipeError:  # whoever read our output has gone, as `| head` does
        code = READER_GONE
    except KeyboardInterrupt as error:
        kept = getattr(error, "kept", "what was finished is kept")
        say(f"interrupted; {kept}\n  to go on: {getattr(error, 'remedy', None) or _same_command()}")
        code = INTERRUPTED
    except BaseException as error:  # noqa: BLE001 - shown, whatever it is
        if isinstance(error, OSError) and error.filename is None and (code := _flush()):
            return code  # it was of printing
        told = as_told(error)
        say(f"{told}")
        code = told.exit_code
    code = _flush() or code
    if left is not None and code == 0:
        raise left
    return code


def say(text: str) -> None:
    """One message on stderr, where there is anybody to read it."""
    with suppress(OSError, ValueError):
        print(f"stemdl: {text}", file=sys.stderr, flush=True)


def as_told(error: BaseException, where: str | None = None) -> StemdlError:
    """The message for any error. What the system refused is the user's to mend; what nobody foresaw is a fault of the
    program, or of the task or trainer that somebody brought, and its traceback is kept in a file. `where` is the rank,
    for one that failed."""
    if os.environ.get(SHOW) == "1":
        traceback.print_exception(error, file=sys.stderr)
    if isinstance(error, StemdlError):
        return error
    if isinstance(error, MemoryError):
        return StemdlError(
            "there is too little memory",
            where=where,
            remedy="end other programs, or use fewer ranks or a smaller batch",
        )
    if isinstance(error, OSError) and error.filename is not None:
        return StemdlError(
            "this file or folder cannot be used",
            where=_text(error.filename),
            found=error.strerror or error,
            remedy="name another, or have it made accessible",
        )
    if isinstance(error, OSError):
        return StemdlError("something cannot be read, written or printed", where=where, found=error.strerror or error)
    if isinstance(error, ImportError) and error.name and error.name.partition(".")[0] not in ("benchmark", "reference"):
        return StemdlError(
            "a library cannot be loaded", where=error.name, found=error, remedy="stemdl doctor says what is missing"
        )
    kept = _keep(error)
    last = traceback.extract_tb(error.__traceback__)[-1:]
    place = f"{last[0].filename}:{last[0].lineno}" if last else None
    whose, remedy = "the program", "report it with that file"
    if (guest := guest_of(error)) is not None:
        (whose, place), remedy = guest, "mend it there"
    return ProgramFault(
        f"a fault of {whose}: {type(error).__name__}: {error}",
        where=": ".join(filter(None, (where, place))) or None,
        found=f"the traceback is in {kept}" if kept else "the traceback could not be kept",
        remedy=f"{remedy}; {SHOW}=1 shows it here",
    )


def _keep(error: BaseException) -> str | None:
    """The file that the traceback was written to."""
    lines = [
        f"stemdl {__version__}, Python {platform.python_version()}, {platform.platform()}\n",
        f"{sys.argv}\n",
        *traceback.format_exception(error),
    ]
    try:
        descriptor, name = tempfile.mkstemp(prefix="stemdl-fault-", suffix=".txt")
        with open(descriptor, "w", encoding="utf-8", errors="backslashreplace") as handle:
            handle.writelines(lines)
    except OSError:
        return None
    return name


def _prepare_output() -> None:
    """Refuse a closed stdout, whose number the next file would get; let no character end a command."""
    missing = [stream is None for stream in (sys.stdin, sys.stdout, sys.stderr)]
    for number, closed in enumerate(missing):
        if closed:
            os.open(os.devnull, os.O_RDWR if number else os.O_RDONLY)
    if missing[1]:
        raise StemdlError("standard output is closed", remedy="> /dev/null throws away what is printed")
    codecs.register_error("stemdl", _in_other_characters)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="stemdl")


def _in_other_characters(error: UnicodeError) -> tuple[str, int]:
    """What is printed for characters that a terminal does not have, and for bytes of a name that are not characters."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(
        _ASCII.get(each, each.encode("unicode_escape", "backslashreplace").decode("ascii"))
        for each in error.object[error.start : error.end]
    ), error.end


@contextmanager
def _terminated_as_interrupted() -> Iterator[None]:
    """SIGTERM is taken as Ctrl-C is while the block lasts; not by a rank, which its launcher ends so."""

    def interrupt(number: int, frame: object) -> None:
        raise KeyboardInterrupt(signal.Signals(number).name)

    if threading.current_thread() is not threading.main_thread() or _may_be_rank():
        yield
        return
    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _may_be_rank() -> bool:
    """Whether a launcher started this process. Commands that ask for a rank say what is wrong with its variables."""
    from benchmark.launch.rank import under_launcher

    try:
        return under_launcher()
    except StemdlError:
        return True


def _same_command() -> str:
    name = Path(sys.argv[0]).name
    return shlex.join(["stemdl" if name == "__main__.py" else name, *sys.argv[1:]]) if name else "the same command"


def _flush() -> int:
    """Write out what was printed; 0 or, where that fails, an exit code. What cannot be written is dropped: Python would
    try it again at its end."""
    code = 0
    try:
        _flush_or_drop(sys.stdout)
    except BrokenPipeError:
        code = READER_GONE
    except OSError as error:
        fault = StemdlError("what was to be printed cannot be written", where="standard output", found=error.strerror)
        say(f"{fault}")
        code = fault.exit_code
    with suppress(OSError):
        _flush_or_drop(sys.stderr)
    return code


def _flush_or_drop(stream: TextIO | None) -> None:
    if stream is None:
        return
    try:
        stream.flush()
    except OSError:
        with suppress(OSError, ValueError):
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, stream.fileno())
            os.close(null)
        raise


def _text(name: object) -> str:
    return os.fsdecode(name) if isinstance(name, (str, bytes, os.PathLike)) else f"descriptor {name}"
