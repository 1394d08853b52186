"""A submission's results in memory, and how they are written once they were changed: with what follows made to fit."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from benchmark.definition.finder import benchmark_of
from benchmark.definition.goal import Goal
from benchmark.events import keys
from benchmark.events.reader import Event
from benchmark.events.timeline import Timeline
from benchmark.foundation.files import canonical_json
from benchmark.submission.chain import FIRST
from benchmark.submission.ledger import LEDGER
from benchmark.submission.record_format import of_the_newest_format
from benchmark.submission.run_record import facts_of

DEPTHS = ("alone", "recorded", "chained")
"""The file alone; a log with its record; a log with its record, the ledger's line and the chain of hashes."""


def sets_of(folder: Path) -> list[Path]:
    """Where a submission's results are, of each system on each rung, below its folder."""
    return [each.relative_to(folder) for each in sorted(folder.glob("results/*/strong/*"))]


class Tree:
    """A submission in memory, of which the results of one system on one rung (`sets_of`) can be changed."""

    def __init__(self, folder: Path, results: Path) -> None:
        self.results, self.goal = results, benchmark_of(results.name).goal_at(results.name)
        self.system_file = Path("systems", f"{results.parts[1]}.json")
        at = folder / results
        logs = sorted(at.glob("result_*.txt"))
        self.sent = [hashlib.sha256(path.read_bytes()).hexdigest() for path in logs]
        self.logs = [
            [json.loads(line.removeprefix(keys.PREFIX)) for line in path.read_text().splitlines()] for path in logs
        ]
        self.records = [of_the_newest_format(json.loads(path.with_suffix(".json").read_text())) for path in logs]
        self.ledger = [json.loads(line) for line in (at / LEDGER).read_text().splitlines()]
        files = (*logs, *(path.with_suffix(".json") for path in logs), at / LEDGER, folder / self.system_file)
        mine = {path.relative_to(folder) for path in files}
        self.files = {
            name: path.read_bytes()
            for path in sorted(folder.rglob("*"))
            if path.is_file() and (name := path.relative_to(folder)) not in mine
        }
        self.system = json.loads((folder / self.system_file).read_text())
        hashes = [hashlib.sha256(line.encode()).hexdigest() for line in (at / LEDGER).read_text().splitlines()]
        self.starts = {
            number: hashes.index(entry["start"])
            for number, entry in enumerate(self.ledger)
            if entry.get("start") in hashes
        }
        self.ends = {
            log: number
            for number, entry in enumerate(self.ledger)
            for log in range(len(logs))
            if entry.get("log_sha256") == self.sent[log]
        }

    def text_of(self, number: int) -> str:
        """A log's."""
        return "".join(f"{keys.PREFIX} {json.dumps(event)}\n" for event in self.logs[number])

    def write(self, folder: Path, depth: str) -> None:
        """The files; of logs that were changed the record and the ledger's line made to fit, as deep as asked."""
        at = folder / self.results
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                path.unlink()
        for name, content in self.files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
        for number, events in enumerate(self.logs):
            text = self.text_of(number).encode()
            sha256 = hashlib.sha256(text).hexdigest()
            if depth != "alone" and sha256 != self.sent[number]:
                self.records[number] = _recorded(self.records[number], events, sha256, self.goal)
            (at / f"result_{number}.txt").write_bytes(text)
            (at / f"result_{number}.json").write_text(json.dumps(self.records[number]))
            if depth == "chained" and number in self.ends and sha256 != self.sent[number]:
                self._enter(number, sha256)
        (folder / self.system_file).write_text(json.dumps(self.system))
        (at / LEDGER).write_bytes(
            self._chained()
            if depth == "chained"
            else b"".join(canonical_json(entry).encode() + b"\n" for entry in self.ledger)
        )

    def _enter(self, number: int, sha256: str) -> None:
        end = self.ledger[self.ends[number]]
        facts = self.records[number]
        end.update(
            log_sha256=sha256,
            **{name: facts.get(name) for name in ("status", "epochs", "seed", "time_to_train_seconds")},
        )
        start = self.ledger[self.starts[self.ends[number]]] if self.ends[number] in self.starts else {}
        told = {
            str(event.get("key")): event.get("value")
            for event in reversed(self.logs[number])
            if isinstance(event, dict)
        }
        settings = told.get(keys.CONFIG)
        if isinstance(start.get("settings"), dict) and isinstance(settings, dict):
            start["settings"] = {
                name: value if value in ("auto", 0) else settings.get(name, value)
                for name, value in start["settings"].items()
            }
            start["ranks"] = settings.get("ranks")
        start.update(
            rung=told.get(keys.SUBMISSION_BENCHMARK),
            manifest_sha256=told.get(keys.DATA_MANIFEST_SHA256),
            commit=told.get(keys.SUBMISSION_GITHUB_COMMIT_VERSION),
        )

    def _chained(self) -> bytes:
        lines: list[bytes] = []
        hashes = [FIRST]
        for number, entry in enumerate(self.ledger):
            start = {"start": hashes[self.starts[number] + 1]} if number in self.starts else {}
            whole = {**entry, **start, "previous": hashes[-1]} if isinstance(entry, dict) else entry
            lines.append(canonical_json(whole).encode() + b"\n")
            hashes.append(hashlib.sha256(lines[-1][:-1]).hexdigest())
        return b"".join(lines)


def _recorded(record: dict[str, Any], events: list[dict[str, Any]], sha256: str, goal: Goal) -> dict[str, Any]:
    """The record that follows from a log; as it was where none does."""
    try:
        read = [
            Event(number, event["time_ms"], event["event_type"], event["key"], event["value"], event["metadata"])
            for number, event in enumerate(events, 1)
        ]
        found = facts_of(Timeline.of(read, goal.log_key), goal.test_key)
        facts = {name: value for name, value in found.items() if name in record}
        settings = next(event.value for event in read if event.key == keys.CONFIG)
        data = {**record["data"], **facts.pop("data")}
        return {
            **record,
            **facts,
            "data": data,
            "ranks": settings.get("ranks"),
            "launcher": settings.get("launcher"),
            "log": {**record["log"], "sha256": sha256},
        }
    except (KeyError, TypeError, ValueError, AttributeError, StopIteration):
        return record
