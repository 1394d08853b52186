"""Runs as the Science working group lays them out (https://github.com/mlcommons/science, submit.adoc): in the folder
`<organisation>/stemdl/<system>/<descriptor>` logs, settings, scripts, code and paper of one experiment."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from benchmark.definition.benchmark import Benchmark
from benchmark.events import keys
from benchmark.events.reader import read_events
from benchmark.submission.ledger import LEDGER
from benchmark.submission.package import SubmissionDraft, as_json, facts, put, put_code, put_scripts, readme
from benchmark.submission.run_record import RUN

RESULT = "result-{index}.txt"
CONTRIBUTION = "sientific_contribution.pdf"  # so it is written there
RESULT_KEY = "result"
VERSION_KEYS = ("submission_version", "submissiom_version")
"""The second is how submit.adoc writes the first: a checker may look for either."""


def science_folder(draft: SubmissionDraft, benchmark: Benchmark, descriptor: str) -> Path:
    """Where the experiment lies below a tree."""
    return Path(draft.organisation) / benchmark.name / draft.system / descriptor


def pack_science(draft: SubmissionDraft, benchmark: Benchmark, folder: Path, contribution: Path | None) -> None:
    """Write the draft into the experiment's folder. `contribution` is the submitter's paper, a PDF."""
    for index, (run, _) in enumerate(draft.runs):
        record = run.record or {}
        ended_ms = read_events(run.log)[-1].time_ms
        put(folder / RESULT.format(index=index), run.log.read_bytes() + added_events(record, benchmark, ended_ms))
        put(folder / RESULT.replace(".txt", ".json").format(index=index), (run.folder / RUN).read_bytes())
    put(folder / LEDGER, draft.ledger.read_bytes())
    put(folder / "system.json", as_json(draft.description))
    put_code(draft, folder)
    put_scripts(draft, folder)
    put(
        folder / "README.md",
        readme(draft, draft.package.name)
        + """
Each `result-<n>.txt` is the run's log, byte for byte, and behind it the events that the Science group asks for and that
are known only after the run: the version, and the result. `result-<n>.json` has the SHA-256 of the log without them.
""",
    )
    told = facts(draft)
    put(
        folder / "config.yaml",
        yaml.safe_dump(
            {
                "github": {"description": benchmark.title, "version": told["commit"]},
                "data": [f"stemdl data generate {draft.rung} -o data/{draft.rung}"],
                "rung": draft.rung,
                **{name: told[name] for name in ("ranks", "launcher")},
                **told["settings"],
            },
            sort_keys=False,
        ),
    )
    if contribution is not None:
        put(folder / CONTRIBUTION, contribution.read_bytes())


def added_events(record: Mapping[str, Any], benchmark: Benchmark, time_ms: int) -> bytes:
    """The lines behind a log: version and result, at the time of its last event."""
    curve = list(record["evaluations"].values())
    version = (record.get("versions") or {}).get("stemdl-benchmark")
    result = {
        "metric": benchmark.measured.metric,
        "target": benchmark.goal_at(record["rung"]).target,
        "dev": curve[-1] if curve else None,
        "test": record["test"],
        "epochs": record["epochs"],
        "status": record["status"],
        "time_to_train_seconds": record["time_to_train_seconds"],
    }
    lines = [
        {
            "namespace": "",
            "time_ms": time_ms,
            "event_type": keys.POINT_IN_TIME,
            "key": key,
            "value": value,
            "metadata": {"file": "benchmark/submission/science.py", "lineno": 0},
        }
        for key, value in (*((key, version) for key in VERSION_KEYS), (RESULT_KEY, result))
    ]
    return "".join(f"{keys.PREFIX} {json.dumps(line)}\n" for line in lines).encode()
