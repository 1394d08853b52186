"""Foreign text as it may be shown: without anything that a terminal would obey, and not for pages on end."""

from __future__ import annotations

import os
import shlex
import unicodedata

LONGEST_SHOWN = 160
"""Characters of a foreign value that a message repeats."""
_LONGEST_TEXT = 4000
_BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0") | frozenset(
    map(chr, (*range(0x180B, 0x1810), *range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)))
)
"""Letters and marks that nothing is seen of, though Python calls them printable: fillers, joiners, selectors."""
_MARKS, _MOST_MARKS = ("Mn", "Me"), 3
"""Categories of marks over and under a letter, and how many of them one letter has in any script: more are drawn over
the lines around."""


def printable(text: str, longest: int = LONGEST_SHOWN) -> str:
    """A foreign text without control characters, lone surrogates, terminal escapes, letters that are not seen or piles
    of marks, and cut short."""
    if len(text) <= longest and text.isascii() and text.isprintable():
        return text
    escaped, marks = "", 0
    for each in text[: longest + 1]:
        marks = marks + 1 if unicodedata.category(each) in _MARKS else 0
        seen = each.isprintable() and each not in _BLANK and marks <= _MOST_MARKS
        escaped += each if seen else each.encode("unicode_escape", "backslashreplace").decode("ascii")
    return escaped if len(escaped) <= longest else escaped[: longest - 1] + "…"


def whole(text: str) -> int | None:
    """The number that a text of one to nine ASCII digits is; None for any other. A file may give thousands of digits,
    which `int` refuses."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else None


def typed(name: object) -> str:
    """A path or name as somebody types it in a command: quoted where it has a blank or a sign that shells act on, and
    with its bytes, as bash has them, where it has letters that a terminal would obey."""
    text = str(name)
    if text.isprintable():
        return shlex.quote(text)
    quoted = (
        (f"\\{each}" if each in "\\'" else each)
        if each.isprintable()
        else "".join(f"\\x{byte:02x}" for byte in os.fsencode(each))
        for each in text
    )
    return f"$'{''.join(quoted)}'"


def printable_lines(text: str) -> str:
    """The same of a text of several lines, which stay lines."""
    return "\n".join(printable(line, _LONGEST_TEXT) for line in text[:_LONGEST_TEXT].split("\n"))
