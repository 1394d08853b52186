"""File names of pages: whatever is named, no two are alike, on file systems that do not tell A from a either."""

from __future__ import annotations

import base64
import hashlib
import re

_LONGEST, _HASH_BYTES = 80, 8


def page_name(*parts: str, kept_apart: str = "") -> str:
    """Of what some texts name together: its small letters and digits, and so much of a hash that nobody finds another
    one with the same. `kept_apart` is in the hash alone."""
    plain = re.sub(r"[^a-z0-9]+", "-", "-".join(filter(None, parts)).lower()).strip("-")[:_LONGEST]
    return f"{plain or 'unnamed'}-{_hash(*parts, kept_apart)}"


def benchmark_file(name: str) -> str:
    """The page of a benchmark: its name as it is where that is plain, and with a hash after a point where it is not."""
    if re.fullmatch(rf"[a-z0-9_-]{{1,{_LONGEST}}}", name):
        return f"benchmark-{name}.html"
    plain = re.sub(r"[^a-z0-9_-]", "-", name.lower())[:_LONGEST]
    return f"benchmark-{plain or 'unnamed'}.{_hash(name)}.html"


def submitter_file(name: str) -> str:
    """The page of a submitter, whose name is empty for runs in no submission."""
    return f"submitter-{page_name(name)}.html"


def _hash(*parts: str) -> str:
    """In letters that are shorter than hexadecimal digits: a table of 1,000 results has as many addresses."""
    digest = hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).digest()
    return base64.b32encode(digest[:_HASH_BYTES]).decode().rstrip("=").lower()
