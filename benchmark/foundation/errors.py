"""One shape for every message about bad input: what, where, expected, found, what to do."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from benchmark.foundation.text import printable_lines


class StemdlError(Exception):
    """Wrong use or bad input. The command line prints it without a traceback and exits with `exit_code`.

    Parameters
    ----------
    what : the fault, in one sentence.
    where : file:line, rank or option that it was found at.
    expected, found : what should have been there, and what was.
    remedy : what the reader can do about it, preferably a command to type.
    """

    exit_code = 2
    on_all_ranks = False
    """Whether every rank of a job raises it, so that one of them may say it for all."""

    def __init__(
        self,
        what: str,
        *,
        where: object = None,
        expected: object = None,
        found: object = None,
        remedy: str | None = None,
    ) -> None:
        self.what, self.where, self.expected, self.found, self.remedy = what, where, expected, found, remedy
        lines = [f"{where}: {what}" if where is not None else what]
        lines += [
            f"  {name}: {value}" for name, value in (("expected", expected), ("found", found)) if value is not None
        ]
        if remedy:
            lines.append(f"  what to do: {remedy}")
        super().__init__(printable_lines("\n".join(lines)))


class CheckFailed(StemdlError):
    """The input was sound, but a check failed or a target was missed."""

    exit_code = 1


class TrainingDiverged(CheckFailed):
    """The loss became NaN or infinite, which all ranks see at the same step. The run ended as aborted, and its log is
    whole."""

    on_all_ranks = True


class Interrupted(StemdlError):
    """The run was asked to end, by a signal to any of its ranks, and did: all of them at the same step, as aborted,
    with a whole log and all that `--resume` needs."""

    on_all_ranks = True
    exit_code = 75  # EX_TEMPFAIL of sysexits.h: not done, and worth trying again


class ProgramFault(StemdlError):
    """A defect of the program or of a trainer, and not of what was asked of it."""

    exit_code = 70  # EX_SOFTWARE of sysexits.h


def nearest(word: str, known: Iterable[str]) -> str:
    """`did you mean 'x'?` for the known name nearest to `word`, or the list of them when none is near."""
    names = sorted(known)
    close = closest(word, names, alike=0.5)
    return f"did you mean {close!r}?" if close else "known: " + ", ".join(names)


def closest(word: str, known: Iterable[str], alike: float) -> str | None:
    """The known name that a word was probably meant to be: of those near it, one of the same letters comes first. None
    where none is as much `alike`, from 0 to 1."""
    close = difflib.get_close_matches(word[:100], known, n=5, cutoff=alike)
    return min(close, key=lambda each: sorted(each) != sorted(word), default=None)
