"""What documents show of a command's output, held against what it prints: the words are the same, and what is another
each time (numbers, times, hashes, paths, bars, names of rungs) is blanked on both sides."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BLANKED = (
    (r"(the rung's own), from another processor", r"\1"),
    (r"\S*/\S*", "PATH"),
    (r"\b(?=\w*\d)[0-9a-f]{16,64}\b", "HASH"),
    (r"\b[a-z_]+_(?:smoke|mini|small|full|v2)\b", "RUNG"),
    (r"[█▏▎▍▌▋▊▉│ ]*[█│][█▏▎▍▌▋▊▉│ ]*", " BAR "),
    (r"\bruns?/", ""),
    (r"\b(rank|run|epoch)s\b", r"\1"),
    (r"\((?:mpirun|local)\)", "(LAUNCHER)"),
    (r"[-+]?\d+(?:[.,]\d+)*(?:e[-+]?\d+)?", "N"),
)


def shape(text: str) -> list[str]:
    """The lines of an output with what varies blanked; lines alike that follow each other are one, as the epochs
    are, and that the machine was busy, or its processor not the one of the golden figures, is left out."""
    lines = []
    for line in text.splitlines():
        for pattern, blank in BLANKED:
            line = re.sub(pattern, blank, line)
        lines.append(" ".join(line.split()))
    return [line for line, _ in groupby(filter(None, lines)) if not line.startswith("busy machine:")]


def blocks(document: Path) -> Iterator[str]:
    """The texts between a document's fences that have no language, or say that they are text."""
    yield from re.findall(r"^```(?:text)?\n(.*?)^```", document.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


def shown(document: str, words: str) -> str:
    """The one block of a document of the repository that holds these words."""
    (found,) = (each for each in blocks(ROOT / document) if words in each)
    return found
