"""`--set KEY=VALUE`: options that a task has and the harness need not know."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence

from benchmark.foundation.errors import StemdlError, nearest


def add_chosen(parser: argparse.ArgumentParser, help_text: str) -> None:
    """The option, which may be given again and again."""
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help=help_text)


def chosen(given: Sequence[str], known: Iterable[str], what: str) -> dict[str, str]:
    """The options that were given, by name; `what` has those that are `known`.

    Raises StemdlError for a text that is not KEY=VALUE, and for another key.
    """
    names, found = list(known), {}
    for each in given:
        key, equals, value = each.partition("=")
        if not equals or not value:
            raise StemdlError("an option is not key=value", where="--set", found=each)
        if key not in names:
            raise StemdlError(f"no option {key!r} of {what}", where="--set", remedy=nearest(key, names))
        found[key] = value
    return found
