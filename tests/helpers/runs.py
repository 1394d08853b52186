"""What a run leaves in its folder, as tests read it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from benchmark.events.reader import Event

FILES = ["checkpoint.pt", "config.yaml", "nodes.json", "result_0.txt", "run.json", "system.json"]


def record_of(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "run.json").read_text(encoding="utf-8"))


def values_of(events: list[Event], key: str) -> list[Any]:
    return [event.value for event in events if event.key == key]
