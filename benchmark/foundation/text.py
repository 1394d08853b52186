"""Foreign text as it may be shown: without anything that a terminal would obey, and not for pages on end."""

from __future__ import annotations

import os
import shlex

LONGEST_SHOWN = 160
"""Characters of a foreign value that a message repeats."""
_LONGEST_TEXT = 4000


def printable(text: str, longest: int = LONGEST_SHOWN) -> str:
    """A foreign text without control characters, lone surrogates or terminal escapes, and cut short."""
    if len(text) <= longest and text.isprintable():
        return text
    escaped = "".join(
        each if each.isprintable() else each.encode("unicode_escape", "backslashreplace").decode("ascii")
        for each in text[: longest + 1]
    )
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
