"""Data that were changed on purpose, and a manifest that does not know: so that what they hold is what is found."""

from __future__ import annotations

import json
from pathlib import Path

from benchmark.foundation.files import sha256_of_file


def seal(folder: Path) -> None:
    """The manifest's hashes made those of the shards as they are: only their content is wrong."""
    path = folder / "manifest.json"
    values = json.loads(path.read_text())
    for entry in values["shards"]:
        shard = folder / entry["path"]
        entry["sha256"], entry["bytes"] = sha256_of_file(shard), shard.stat().st_size
    path.write_text(json.dumps(values))
