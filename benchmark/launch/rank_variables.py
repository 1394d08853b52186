"""The numbers that whoever starts ranks leaves to each of them in its environment, and how they are read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import ClassVar

from benchmark.foundation.errors import StemdlError


class RankVariables:
    """What one launcher leaves; of several names for one number, the first that is set counts.

    Attributes
    ----------
    name : of the launcher, as the command line and the records have it.
    order : a launcher of lower order is asked earlier, and gives its name to a rank that several recognise.
    rank, size, local_rank, local_size : names of the variables.
    starts_daemons : whether other launchers have it start their daemons, one on each node.
    inside : further launchers, by name, that may have started this one's daemons so.
    """

    name: ClassVar[str]
    order: ClassVar[int]
    rank: ClassVar[tuple[str, ...]]
    size: ClassVar[tuple[str, ...]] = ()
    local_rank: ClassVar[tuple[str, ...]] = ()
    local_size: ClassVar[tuple[str, ...]] = ()
    starts_daemons: ClassVar[bool] = False
    inside: ClassVar[tuple[str, ...]] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """All of its variables."""
        return self.rank + self.size + self.local_rank + self.local_size

    def has_started(self, environ: Mapping[str, str]) -> bool:
        """Whether it left its mark on this process: a rank or a size."""
        return any(name in environ for name in self.rank + self.size)

    def is_only_local(self, environ: Mapping[str, str]) -> bool:
        """Whether it started one process on each node; asked only of a process that it has started."""
        return any(environ.get(name) == "1" for name in self.local_size)

    def count_local(self, environ: Mapping[str, str]) -> int:
        """How many of its ranks are on this node; raises StemdlError where it does not say."""
        return self.number(self.local_size, environ)

    def number(self, names: tuple[str, ...], environ: Mapping[str, str]) -> int:
        """The value, 0 or more, of the first of these variables that is set; raises StemdlError where none is, or it is
        not a number."""
        name = first_set(names, environ)
        if name is None:
            raise StemdlError(
                f"{self.name} left {self.shown(environ)}, but not {' or '.join(names)}",
                expected=f"{' or '.join(names)} in the environment",
                remedy=f"start the ranks with {self.name} again, or unset the stale variables",
            )
        if not is_count(environ[name]):
            raise StemdlError(
                f"{name} is not a number", expected="0, 1, 2, ...", found=repr(environ[name]), remedy=f"unset {name}"
            )
        return int(environ[name])

    def disagrees(self, other: RankVariables, environ: Mapping[str, str]) -> bool:
        """Whether two launchers give different numbers for rank or size; a number not given is not a difference."""
        return any(
            first_set(mine, environ)
            and first_set(theirs, environ)
            and self.number(mine, environ) != other.number(theirs, environ)
            for mine, theirs in ((self.rank, other.rank), (self.size, other.size))
        )

    def is_outside(self, other: RankVariables, environ: Mapping[str, str]) -> bool:
        """Whether this process may be of a daemon of the other launcher that this one started: then the other's numbers
        differ, and are the ranks'."""
        hosts = self.starts_daemons or self.name in other.inside
        return hosts and self.is_only_local(environ) and self.disagrees(other, environ)

    def shown(self, environ: Mapping[str, str]) -> str:
        """Those of its variables that are set, as NAME=value."""
        return f"{self.name}: " + " ".join(f"{name}={environ[name]}" for name in self.names if name in environ)


def first_set(names: tuple[str, ...], environ: Mapping[str, str]) -> str | None:
    """The first of these variables that is set."""
    return next((name for name in names if name in environ), None)


def is_count(text: str) -> bool:
    """Whether this is a plain decimal number (`int` would take ' +1_0 ' as well)."""
    return re.fullmatch("[0-9]{1,12}", text) is not None
