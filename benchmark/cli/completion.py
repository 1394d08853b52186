"""What completes the word that a shell asks about, by argcomplete; loaded only when a shell asks."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterable

from benchmark.cli.arguments import LATEST, place, run_path
from benchmark.cli.parser import Parser, leaves
from benchmark.foundation.errors import StemdlError

Completer = Callable[..., Iterable[str]]


def is_asked() -> bool:
    """Whether a shell has started this process to complete a word."""
    return "_ARGCOMPLETE" in os.environ and "COMP_LINE" in os.environ


def answer(parser: Parser) -> None:
    """Give the shell the words, and end this process."""
    import argcomplete

    for _, command in leaves(parser):
        for action in command._actions:
            if action.choices is None and action.nargs != 0:
                action.completer = _completer(action)
    argcomplete.autocomplete(parser)


def _completer(action: argparse.Action) -> Completer:
    """What the argument's words stand for: names, files, or nothing that anybody could know."""
    from argcomplete.completers import FilesCompleter

    names = _NAMES.get(action.dest, _none)
    files = FilesCompleter(_ENDINGS.get(action.dest, ()))
    with_files = action.type in (place, run_path) or action.dest in _ENDINGS

    def words(prefix: str, **_: object) -> list[str]:
        try:
            found = names()
        except (StemdlError, OSError):  # a broken installation is for the command itself to say
            found = ()
        return [*found, *(files(prefix) if with_files else ())]

    return words


def _none() -> Iterable[str]:
    return ()


def _rungs() -> Iterable[str]:
    from benchmark.definition.finder import readable

    return [rung for benchmark in readable().values() for rung in benchmark.rungs]


def _profiles() -> Iterable[str]:
    from benchmark.launch.machine import profile_names

    return profile_names()


def _settings() -> Iterable[str]:
    from benchmark.definition.finder import readable
    from benchmark.definition.settings import settings_of

    return sorted({f"{name}=" for benchmark in readable().values() for name in settings_of(benchmark)})


def _rules() -> Iterable[str]:
    from benchmark.validation.rulebook import read_rules

    return read_rules()


def _latest() -> Iterable[str]:
    return (LATEST,)


_NAMES: dict[str, Callable[[], Iterable[str]]] = {
    "rung": _rungs,
    "benchmark": _rungs,
    "profile": _profiles,
    "set": _settings,
    "ids": _rules,
    "power": lambda: ("rapl", "nvml", "rapl+nvml"),
    **dict.fromkeys(("run", "runs", "path", "paths"), _latest),
}
"""The names that an argument may have, by its `dest`."""
_ENDINGS = {"rung": ("yaml", "yml"), "profile": ("yaml", "yml"), "power": (), "trainer": ("py",)}
"""Arguments that a file may be named in too, with the ends of its name."""
