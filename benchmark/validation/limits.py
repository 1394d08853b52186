"""How much of a submission is looked at. What is larger is a finding of its own, and is not read."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Bounds that keep time and memory small whatever a submission holds, and that refuse no honest one.

    Of the 1,090 published logs of MLPerf HPC v3.0 the largest has 0.22 MB, its longest line 368 bytes, and no log has
    more than 787 events; v1.0 has a set of 150 logs and 155 MB. Parsed JSON takes at most about 25 times its bytes,
    and so a log is parsed, judged, and kept with the events that are compared between logs alone.

    Attributes
    ----------
    log_bytes, line_bytes, events : of one log; a line with an event.
    text_bytes : of any other file that is read: JSON, and texts searched for secrets.
    yaml_bytes : of a file of settings; YAML is read a hundred times as slowly as JSON.
    set_bytes : of what is kept of the logs of one set, which is in memory together.
    tree_bytes : of all logs and records of a tree, which are read one after another.
    entries, depth : files and folders of a tree, and folders within folders.
    nesting : brackets within brackets in JSON.
    findings, findings_in_all : of one check on one subject, and of a tree; those beyond are counted.
    official_seconds, official_bytes, official_log_bytes : of the official checkers, together, in memory, and of the
        logs that they are given.
    """

    log_bytes: int = 16 * 2**20
    line_bytes: int = 256 * 2**10
    events: int = 50_000
    text_bytes: int = 2**20
    yaml_bytes: int = 32 * 2**10
    set_bytes: int = 256 * 2**20
    tree_bytes: int = 2**30
    entries: int = 50_000
    depth: int = 32
    nesting: int = 32
    findings: int = 10
    findings_in_all: int = 20_000
    official_seconds: int = 240
    official_bytes: int = 4 * 2**30
    official_log_bytes: int = 2 * 2**20
