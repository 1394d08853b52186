"""What a run leaves in its folder, as tests read it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from benchmark.events.reader import Event

FILES = ["checkpoint.pt", "config.yaml", "nodes.json", "result_0.txt", "run.json", "system.json", "tallies.json"]


def record_of(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "run.json").read_text(encoding="utf-8"))


def values_of(events: list[Event], key: str) -> list[Any]:
    return [event.value for event in events if event.key == key]


def printed(folder: Path) -> dict[str, Any]:
    """Of a run that the fixture `run_once` made: its exit code, and what it printed, as `code`, `out` and `err`."""
    return json.loads(folder.with_name(f"{folder.name}.printed").read_text(encoding="utf-8"))
