"""The source that a submission holds, read as what it is: somebody else's files."""

from __future__ import annotations

import re
from pathlib import Path

from benchmark.definition.goal import Goal
from benchmark.events import keys
from benchmark.foundation.reading import Unreadable, read_bytes
from benchmark.foundation.source import OF_THE_SOURCE
from benchmark.validation.limits import Limits
from benchmark.validation.tree import walk

_LOGS = re.compile(rb"\.(point|start|stop|interval)\(")
"""How the trainer logs an event (`benchmark.events.writer`)."""
_POINT = re.compile(rb"\.point\(\s*keys\.([A-Z][A-Z0-9_]*)\b")
_OF_THE_GOAL = re.compile(rb"\.point\(\s*[\w.]*\bgoal\.(log_key|test_key)\b")
_EDGE = re.compile(rb"\.(?:interval|start|stop)\(\s*[\"'](\w+)[\"']")
Sources = dict[tuple[str, str], dict[str, bytes]]
"""The files of each implementation and package, by their path in the package."""


def packed_sources(submission: Path, benchmark: str, limits: Limits = Limits()) -> Sources:
    """The source files below `benchmarks/<benchmark>/implementations`. Bounded, and through no link; a file that cannot
    be read is empty."""
    implementations = submission / "benchmarks" / benchmark / "implementations"
    above = (implementations, implementations.parent, implementations.parent.parent)
    if not implementations.is_dir() or any(folder.is_symlink() for folder in above):
        return {}
    found: dict[tuple[str, str], dict[str, bytes]] = {}
    left = limits.set_bytes
    for entry in walk(implementations, limits)[0]:
        implementation, _, rest = entry.file.partition("/")
        package, _, name = rest.partition("/")
        if entry.kind == "file" and name and entry.path.suffix in OF_THE_SOURCE:
            try:
                content = read_bytes(entry.path, min(left, limits.text_bytes))
            except Unreadable:
                content = b""
            left -= len(content)
            found.setdefault((implementation, package), {})[name] = content
    return found


def logs_at(text: bytes, line: int, key: str, goal: Goal) -> bool:
    """Whether a line logs an event, and none of another key where it names one, or the two of an interval."""
    lines = text.split(b"\n")
    if not 1 <= line <= len(lines) or _LOGS.search(lines[line - 1]) is None:
        return False
    named = {getattr(keys, name.decode(), None) for name in _POINT.findall(lines[line - 1])}
    named |= {getattr(goal, name.decode(), None) for name in _OF_THE_GOAL.findall(lines[line - 1])}
    named |= {f"{name.decode()}_{edge}" for name in _EDGE.findall(lines[line - 1]) for edge in ("start", "stop")}
    return not named or key in named
