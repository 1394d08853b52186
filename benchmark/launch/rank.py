"""Which rank this process is, from what its launcher left in the environment.

`python -m benchmark.launch.rank` prints it for run_benchmark.sh: "alone", or the rank as its launcher wrote it, whether
or not the other variables fit; "unknown" where it wrote none. What is wrong with them, the rank itself reports.
"""

from __future__ import annotations

import functools
import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmark.foundation.errors import StemdlError
from benchmark.launch.launchers import broken_launchers, every_launcher
from benchmark.launch.rank_variables import RankVariables, first_set


@dataclass(frozen=True)
class Rank:
    """One process of a job: 0 <= rank < size over all nodes, 0 <= local_rank < local_size on its own node."""

    rank: int
    size: int
    local_rank: int
    local_size: int
    launcher: str


ALONE = Rank(rank=0, size=1, local_rank=0, local_size=1, launcher="alone")


class Pmix(RankVariables):
    """Every PMIx launcher leaves this, besides its own. Alone it tells that this is a rank, but not of how many."""

    name = "PMIx"
    order = 100
    rank = ("PMIX_RANK",)


def starters() -> list[RankVariables]:
    """Whoever may have started this process, in the order in which they are asked."""
    return sorted([*every_launcher(), Pmix()], key=lambda starter: starter.order)


def detect_rank(environ: Mapping[str, str] = os.environ) -> Rank:
    """The rank of this process: that of the first of `starters` that left its variables, else `ALONE`.

    Launchers that left variables must agree on rank and size (Spectrum MPI under jsrun sets OMPI_* as well). One
    disagreement is none: mpirun, torchrun and Flux are themselves started by srun or jsrun, one task a node; then those
    numbers are of the nodes' daemons (or of the one shell of `srun --pty`), and the inner launcher's are the ranks'.

    Raises
    ------
    StemdlError : the file of a launcher is broken that may have started this process, a partner variable is missing, is
    not a number or is out of range, or two launchers disagree.
    """
    present = _present(environ)
    if not present:
        _warn_of_broken_launchers()
        return ALONE
    first, *rest = present
    for other in rest:
        if first.disagrees(other, environ):
            raise StemdlError(
                f"{first.name} and {other.name} disagree about which rank this process is",
                expected=first.shown(environ),
                found=other.shown(environ),
                remedy=f"start the ranks with one launcher only, or unset what {other.name} left behind",
            )
    if not first.size:
        raise StemdlError(
            f"{first.shown(environ)} says that this is a rank, but nothing says of how many",
            expected="the variables of a launcher: " + ", ".join(each.name for each in starters() if each.size),
            remedy=f"start the ranks with one of these, or unset the stale {' or '.join(first.rank)}",
        )
    size, local_size = first.number(first.size, environ), first.count_local(environ)
    rank, local_rank = first.number(first.rank, environ), first.number(first.local_rank, environ)
    if not (rank < size and local_rank < local_size <= size):
        raise StemdlError(
            f"{first.name} left rank numbers that cannot be",
            expected="rank < size and local rank < local size <= size",
            found=first.shown(environ),
            remedy="unset stale variables, or start the ranks again",
        )
    return Rank(rank, size, local_rank, local_size, first.name)


def under_launcher(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether a launcher started this process, be it as the only rank; raises what `detect_rank` raises."""
    return detect_rank(environ) is not ALONE


def require_asked(rank: Rank, asked: int | None) -> None:
    """Raises StemdlError where a launcher has started another number of ranks than `--ranks` asks for: it has the last
    word, and the option would be passed over."""
    if asked and asked != rank.size:
        raise StemdlError(
            f"{rank.launcher} has started {rank.size} rank{'s' if rank.size > 1 else ''}, and ranks start no others",
            where="--ranks",
            found=asked,
            remedy=f"leave out --ranks, or have {rank.launcher} start {asked}",
        )


def _present(environ: Mapping[str, str]) -> list[RankVariables]:
    """Those that left numbers which may be the ranks' own, in their order: not a launcher that is outside another one.
    Where each of two may be outside the other, the one that is asked earlier is."""
    for error in broken_launchers().values():
        if _may_have_started(Path(str(error.where)), environ):
            raise error
    present = [starter for starter in starters() if starter.has_started(environ)]

    def inside(inner: RankVariables, outer: RankVariables) -> bool:
        mutual = inner.is_outside(outer, environ)
        return outer.is_outside(inner, environ) and (not mutual or inner.order > outer.order)

    return [outer for outer in present if not any(inside(inner, outer) for inner in present)]


def _may_have_started(file: Path, environ: Mapping[str, str]) -> bool:
    """Whether variables of ranks that a launcher's broken file names are there: passed over, each of its ranks would
    think that it is alone."""
    text = file.read_text(encoding="utf-8", errors="replace") if file.is_file() else ""
    return any(name in environ for name in re.findall(r"\b[A-Z][A-Z0-9_]*(?:RANK|PROCID|SIZE)\b", text))


@functools.cache
def _warn_of_broken_launchers() -> None:
    """Once, by a process that no launcher started, a line for each."""
    for error in broken_launchers().values():
        found = f": {error.found}" if error.found else ""
        text = f"WARNING: {error.where}: {error.what}{found}; ranks that it starts will not be recognised"
        print(" ".join(text.split()), file=sys.stderr)


def _main(environ: Mapping[str, str] = os.environ) -> None:
    try:
        present = _present(environ)
    except StemdlError:
        print("unknown")
        return
    name = first_set(present[0].rank, environ) if present else None
    print("alone" if not present else (environ[name] if name else "") or "unknown")


if __name__ == "__main__":
    _main()
