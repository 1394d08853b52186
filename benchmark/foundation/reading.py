"""How foreign files are read: regular ones alone, within bounds, as strict JSON and plain YAML."""

from __future__ import annotations

import json
import math
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import yaml

MOST_BYTES, NESTING = 2**24, 32
"""The limits of a JSON file of ours: what it takes at most, and how deep its brackets nest."""
_LONGEST_NUMBER = 20
"""Characters of a whole number: those of 2**63 and its sign. Longer ones take quadratic time to read."""


def number_in(value: Any) -> float | None:
    """A foreign value where it is a number below 2**53, which a float holds; None for any other, whatever its type."""
    good = type(value) in (int, float) and abs(value) < 2**53  # which NaN is not
    return value if good else None


class Unreadable(Exception):
    """Why a file or a text could not be read, as a sentence without its name."""


def read_bytes(path: Path, most: int, *, links: bool = False) -> bytes:
    """The bytes of a regular file. Raises Unreadable for anything else, without `links` for a link too, and for more
    than `most` bytes."""
    with open_regular(path, most, links=links) as handle:
        try:
            content = handle.read(most + 1)
        except OSError as error:
            raise Unreadable(f"it cannot be read ({error.strerror})") from error
    if len(content) > most:
        raise Unreadable(f"it has more than the {most} bytes that are read at most")
    return content


def open_regular(path: Path, most: int, *, links: bool = False) -> BinaryIO:
    """A regular file of at most `most` bytes, open for reading. Raises Unreadable as `read_bytes` does.

    Opened without waiting, so that a FIFO without a writer does not hold us up.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | (0 if links else os.O_NOFOLLOW))
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the name
        raise Unreadable(f"it cannot be opened ({getattr(error, 'strerror', None) or error})") from error
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        os.close(descriptor)
        raise Unreadable("it is not a regular file")
    if status.st_size > most:
        os.close(descriptor)
        raise Unreadable(f"it has {status.st_size} bytes, of {most} that are read at most")
    return os.fdopen(descriptor, "rb")


def lines_of(path: Path, most: int, longest: int) -> Iterator[tuple[int, bytes, bool]]:
    """The lines of a regular file, from 1, in little memory whatever they are: a line of more than `longest` bytes
    comes in pieces, of which only such a line has several, with False. Links are followed. Raises Unreadable as
    `read_bytes` does, and where a file grows past `most` bytes."""
    with open_regular(path, most, links=True) as handle:
        number, taken, begun = 1, 0, False
        while True:
            try:
                piece = handle.readline(longest)
            except OSError as error:
                raise Unreadable(f"it cannot be read ({error.strerror})") from error
            if not piece:
                return
            taken += len(piece)
            if taken > most:
                raise Unreadable(f"it has more than the {most} bytes that are read at most")
            ended = piece.endswith(b"\n") or len(piece) < longest
            yield number, piece, ended and not begun
            begun = not ended
            number += ended


def parse_json(text: bytes | str, nesting: int, constants: bool = False) -> Any:
    """A JSON value, strictly. Raises Unreadable for what is not JSON, and for what readers do not agree about: a key
    given twice, numbers beyond 64 bits, brackets more than `nesting` deep, and unless with `constants` NaN and
    Infinity."""
    if isinstance(text, bytes):
        try:
            text = text.decode("utf-8")
        except UnicodeDecodeError as error:
            raise Unreadable(f"it is not UTF-8 (byte {error.start})") from error
    if text.count("[") + text.count("{") > nesting and _depth(text) > nesting:
        raise Unreadable(f"brackets are nested more than {nesting} deep")
    try:
        return json.loads(
            text,
            object_pairs_hook=_unique,
            parse_constant=float if constants else _no_constant,
            parse_int=_whole,
            parse_float=_finite,
        )
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"it is not JSON ({error})") from error


def read_object(path: Path, most: int, nesting: int, *, links: bool = False) -> dict[str, Any]:
    """A file that holds one JSON object. Raises Unreadable."""
    value = parse_json(read_bytes(path, most, links=links), nesting)
    if not isinstance(value, dict):
        raise Unreadable("it is not a JSON object")
    return value


def read_yaml(path: Path, most: int, *, links: bool = False) -> dict[str, Any]:
    """A YAML file of one mapping, as `parse_yaml` takes it; empty where the file says nothing. Raises Unreadable."""
    try:
        value = parse_yaml(read_bytes(path, most, links=links).decode("utf-8"))
    except UnicodeDecodeError as error:
        raise Unreadable(f"it is not UTF-8 (byte {error.start})") from error
    if not isinstance(value, dict):
        raise Unreadable("it is not a mapping")
    return value


def parse_yaml(text: str) -> Any:
    """The value of a YAML text: plain values without aliases, which make small files large, and {} for an empty text.
    Raises Unreadable."""
    try:
        value = yaml.load(text, _WithoutAliases)
    except yaml.MarkedYAMLError as error:
        line = "" if error.problem_mark is None else f", line {error.problem_mark.line + 1}"
        raise Unreadable(f"it is not plain YAML ({error.problem}{line})") from error
    except (yaml.YAMLError, ValueError, RecursionError, TypeError, OverflowError) as error:
        raise Unreadable(f"it is not plain YAML ({type(error).__name__}: {str(error).splitlines()[0]})") from error
    return {} if value is None else value


class _WithoutAliases(yaml.SafeLoader):
    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise yaml.MarkedYAMLError(problem="an alias", problem_mark=self.peek_event().start_mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        seen: set[tuple[str, str]] = set()
        for key, _ in node.value:
            name = (key.tag, str(key.value)) if isinstance(key, yaml.ScalarNode) else None
            if name in seen:
                raise yaml.MarkedYAMLError(problem=f"the key {key.value} twice", problem_mark=key.start_mark)
            seen |= {name} if name is not None else set()
        return super().construct_mapping(node, deep)


def _depth(text: str) -> int:
    """How deep brackets nest in a JSON text, those within strings aside."""
    depth = deepest = 0
    within_string = escaped = False
    for each in text:
        if within_string:
            within_string = escaped or each != '"'
            escaped = each == "\\" and not escaped
        elif each == '"':
            within_string = True
        elif each in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif each in "]}":
            depth -= 1
    return deepest


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))
        raise ValueError(f"key {twice[:40]!r} is there twice")
    return values


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _whole(text: str) -> int:
    if len(text) > _LONGEST_NUMBER or not -(2**63) <= (value := int(text)) < 2**63:
        raise ValueError("a whole number is beyond 64 bits")
    return value


def _finite(text: str) -> float:
    value = float(text) if len(text) <= 400 else math.inf
    if not math.isfinite(value):
        raise ValueError("a number is too large")
    return value
