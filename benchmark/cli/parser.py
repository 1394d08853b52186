"""The parser of the command line: it guesses nothing, and answers a word that is nearly right with the right one."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NoReturn

from benchmark.foundation.errors import closest


class Parser(argparse.ArgumentParser):
    """Abbreviated options are refused: `--run` for `--runs` should not be mistaken for `--rung`."""

    def __init__(self, *args: Any, **options: Any) -> None:
        options.setdefault("allow_abbrev", False)
        options.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        super().__init__(*args, **options)

    def parse_args(self, args: Sequence[str] | None = None, namespace: Any = None) -> Any:
        """Parses as argparse does; options that do not exist are answered by the command that they were given to."""
        parsed, left = self.parse_known_args(args, namespace)
        if left:
            parser = _chosen(self, parsed)
            known = [option for action in parser.visible for option in action.option_strings]
            words = [word for word in left if word.startswith("-")] or left
            hints = filter(None, (_hint(word.partition("=")[0], known) for word in words))
            parser.error("; ".join([f"unrecognized arguments: {' '.join(left)}", *hints]))
        return parsed

    @property
    def visible(self) -> Iterator[argparse.Action]:
        """The arguments that the help text shows."""
        return (action for action in self._actions if action.help != argparse.SUPPRESS)

    @property
    def commands(self) -> dict[str, Parser]:
        """The parsers of the commands below this one, by their names."""
        return next(
            (dict(action.choices) for action in self._actions if isinstance(action, argparse._SubParsersAction)), {}
        )

    def error(self, message: str) -> NoReturn:
        """One message, as of any other fault; the usage is what `--help` is for."""
        self.exit(2, f"{self.prog}: error: {message}\n  what to do: {self.prog} --help\n")

    def _print_message(self, message: str, file: Any = None) -> None:
        """Not as argparse does, which passes over a text that cannot be written."""
        if message:
            (file or sys.stderr).write(message)

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        try:
            super()._check_value(action, value)
        except argparse.ArgumentError as error:
            hint = _hint(str(value), action.choices or ())
            raise argparse.ArgumentError(action, "; ".join(filter(None, (error.message, hint)))) from None


def leaves(parser: Parser, above: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Parser]]:
    """Every command that does something itself, as the words that name it, with its parser."""
    for name, command in parser.commands.items():
        if command.commands:
            yield from leaves(command, (*above, name))
        else:
            yield (*above, name), command


def _chosen(parser: Parser, parsed: argparse.Namespace) -> Parser:
    """The parser of the command that was named."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            name = getattr(parsed, action.dest, None)
            if name in action.choices:
                return _chosen(action.choices[name], parsed)
    return parser


def _hint(word: str, known: Iterable[Any]) -> str:
    near = closest(word, map(str, known), alike=0.6)
    return f"did you mean {near!r}?" if near else ""
