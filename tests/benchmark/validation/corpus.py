"""A valid submission made by program, and ways to spoil it: one thing each, with the rule that must be named.

A spoiled log is recorded again unless a mutation says otherwise, as by somebody who knows that the record holds its
hash: so each rule's own check has to see it.
"""

from __future__ import annotations

import functools
import hashlib
import json
import pickle
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from honest_run import ORG, PROCESSOR, RUNG, SYSTEM, Lines, as_text, log_lines, own_ms, record_of

from benchmark.definition.finder import load_benchmark
from benchmark.definition.trainer import ROOT
from benchmark.events import keys
from benchmark.foundation.source import source_files
from benchmark.foundation.source import source_sha256 as sha256_of_source
from benchmark.metrics.tallies import TALLIES
from benchmark.submission.chain import FIRST
from benchmark.submission.ledger import LEDGER
from benchmark.validation.checks.system import ASKED_BY_THE_POLICY_ALONE, OPTIONAL, REQUIRED

RESULTS = f"results/{SYSTEM}/strong/{RUNG}"
CODE = f"benchmarks/{RUNG}/implementations/reference"
LATER_SETTINGS = {
    "gradient_compression": "none",
    "optimizer": "adamw",
    "network": "early",
    "balance": "none",
    "head_of": "",
}
"""What this version's trainer logs and the released one did not."""
DESCRIPTION = f"systems/{SYSTEM}.json"

REFERENCE = Path(__file__).resolve().parents[3] / "results" / "reference"


@functools.cache
def released_source() -> dict[str, bytes]:
    """The trainer of the recorded results, by its files' names: the first of `releases`."""
    folder = next(REFERENCE.glob(f"benchmarks/{RUNG}/implementations/*/reference"))
    return {name: path.read_bytes() for name, path in source_files(folder).items()}


def released() -> dict[str, str]:
    """The SHA-256 of each package's source in the release of the recorded results."""
    return {name: told for name, told in load_benchmark("space_group").releases[0].items() if name != "commit"}


def ledger_of(runs: dict[int, tuple[Lines, bytes]]) -> list[dict[str, Any]]:
    """The entries of a ledger that has these runs, each the lines and bytes of its log, one after another. `start` of
    an end is the number of its start's line, from 0: `as_ledger` makes the hash of it."""
    entries: list[dict[str, Any]] = []
    for index, (lines, log) in runs.items():
        told = {line["key"]: line["value"] for line in lines}
        record = record_of(lines, log, index)
        settings = told.get(keys.CONFIG) if isinstance(told.get(keys.CONFIG), dict) else {}
        entries += [
            {
                "event": "start",
                "time_ms": lines[0]["time_ms"] - 900 - own_ms(index),
                "folder": f"set/run_{index}",
                "index": index,
                "rung": told.get(keys.SUBMISSION_BENCHMARK),
                "ranks": settings.get("ranks"),
                "instances": 1,
                "seed_given": False,
                "settings": {name: value for name, value in settings.items() if name not in ("ranks", "launcher")},
                "resumed": False,
                "manifest_sha256": told.get(keys.DATA_MANIFEST_SHA256),
                "commit": told.get(keys.SUBMISSION_GITHUB_COMMIT_VERSION),
                "source": released(),
            },
            {
                "event": "end",
                "start": len(entries),
                "status": record["status"],
                "seed": record["seed"],
                "epochs": record["epochs"],
                "time_to_train_seconds": record["time_to_train_seconds"],
                "time_ms": lines[-1]["time_ms"] + 900 + own_ms(index),
                "log_sha256": record["log"]["sha256"],
            },
        ]
    return entries


def as_ledger(entries: list[dict[str, Any]], before: bytes = b"") -> bytes:
    """A ledger's bytes, the hashes those that its lines then have; gone on with from the lines `before`."""
    hashes, lines = [hashlib.sha256(before.splitlines()[-1]).hexdigest() if before else FIRST], []
    for entry in entries:
        start = {"start": hashes[entry["start"] + 1]} if "start" in entry else {}
        lines.append(json.dumps({**entry, **start, "previous": hashes[-1]}).encode())
        hashes.append(hashlib.sha256(lines[-1]).hexdigest())
    return before + b"".join(line + b"\n" for line in lines)


@functools.cache
def logged_here() -> dict[str, Any]:
    """A line of this version's trainer that logs an event, whichever its key is."""
    lines = (ROOT / "reference" / "run_log.py").read_text().splitlines()
    number = next(number for number, line in enumerate(lines, start=1) if "log.point(key," in line)
    return {"file": "reference/run_log.py", "lineno": number}


def write_runs(folder: Path, logs: dict[int, Lines], source_sha256: str, instances: int = 1) -> Path:
    """The runs as `stemdl run` leaves them, run set and ledger, in a folder of results; returns that of the set. With
    more than one of `instances`, as it leaves those of weak scaling."""
    runs = {}
    for index, lines in logs.items():
        for line in lines:
            line["metadata"].update(logged_here())
            if line["key"] == keys.CONFIG and isinstance(line["value"], dict):
                line["value"] = LATER_SETTINGS | line["value"]
        run = folder / "set" / f"{'run' if instances == 1 else 'instance'}_{index}"
        run.mkdir(parents=True)
        keep_counts(run, lines)
        log = as_text(lines)
        runs[index] = (lines, log)
        (run / f"result_{index}.txt").write_bytes(log)
        (run / "run.json").write_text(json.dumps(record_of(lines, log, index)))
        (run / "system.json").write_text(json.dumps(description(lines[3]["value"])))
        (run / "config.yaml").write_text(json.dumps(lines[6]["value"]))
    entries = ledger_of(runs)
    for entry in entries:
        if "source" in entry:
            entry["source"] = {"reference": source_sha256, "benchmark": sha256_of_source(ROOT / "benchmark")}
            entry["instances"] = instances
    (folder / LEDGER).write_bytes(as_ledger(entries))
    return folder / "set"


def keep_counts(run: Path, lines: Lines) -> None:
    """What a run that reached the target counted, in its folder; its last scores are made those of the counts."""
    from mutations_tallies import counts, counts_of

    from benchmark.metrics.confusion import Confusion

    scores = [line for line in lines if line["key"] in (keys.EVAL_ACCURACY, keys.F1_MACRO)][-2:]
    tested = [line for line in lines if line["key"] == keys.TEST_F1_MACRO]
    if scores and tested and isinstance(scores[-1]["value"], float) and scores[-1]["value"] >= 0.9:
        seed = next((line["value"] for line in lines if line["key"] == keys.SEED), None)
        splits = {split: counts(f"{split} under {seed}") for split in ("dev", "test")}
        for line in (*scores, *tested):
            line["value"] = Confusion(splits["test" if line in tested else "dev"]).macro_f1()
        (run / TALLIES).write_text(json.dumps(counts_of(splits)))


def description(division: str = "closed") -> dict[str, str]:
    """A system description whose fields all mean something."""
    told = {name: f"a kind of {name}" for name in (*REQUIRED, *OPTIONAL, *ASKED_BY_THE_POLICY_ALONE)}
    told |= {name: "N/A" for name in told if name.startswith("accelerator_")}
    return told | {
        "submitter": ORG,
        "division": division,
        "status": "research",
        "system_name": SYSTEM,
        "number_of_nodes": "1",
        "host_processors_per_node": "1",
        "accelerators_per_node": "0",
        "host_network_card_count": "1",
        "host_processor_model_name": PROCESSOR,
        "host_processor_core_count": "2",
        "host_processor_vcpu_count": "2",
        "host_memory_capacity": "24 GiB",
        "host_storage_capacity": "252 GiB",
        "framework": "PyTorch 2.13.0+cpu, Horovod 0.28.1",
    }


@dataclass
class Tree:
    """A submission in memory: logs as events, other files as bytes. `write` puts it into a folder.

    `raw` are the bytes of logs that are not events any more; `stale` the logs whose record stays as it was; `records`
    changes those of some; `ledger` changes the entries of the ledger, which without it has the
    runs as their logs are, and `ledger_bytes` its bytes.
    """

    logs: dict[int, Lines] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    raw: dict[int, Callable[[bytes], bytes]] = field(default_factory=dict)
    stale: set[int] = field(default_factory=set)
    system: dict[str, Any] = field(default_factory=dict)
    records: dict[int, Callable[[dict[str, Any]], Any]] = field(default_factory=dict)
    without_record: set[int] = field(default_factory=set)
    after: list[Callable[[Path], None]] = field(default_factory=list)
    results: str = RESULTS
    ledger: list[Callable[[list[dict[str, Any]]], Any]] = field(default_factory=list)
    ledger_bytes: Callable[[bytes], bytes] = bytes

    @classmethod
    def valid(cls, division: str = "closed") -> Tree:
        """Five good runs."""
        return cls(
            {index: log_lines(index, division) for index in range(5)},
            {
                f"{CODE}/README.md": b"stemdl run --rung stemdl_mini --runs 5\n",
                f"{CODE}/run.sh": b"stemdl run\n",
                **{f"{CODE}/reference/{name}": content for name, content in released_source().items()},
            },
            system=description(division),
        )

    def write(self, folder: Path) -> Path:
        """The tree as files."""
        files = dict(self.files)
        if self.system:
            files[DESCRIPTION] = json.dumps(self.system).encode()
        runs = {}
        for index, lines in self.logs.items():
            log = as_text(lines)
            log = self.raw[index](log) if index in self.raw else log
            files[f"{self.results}/result_{index}.txt"] = log
            runs[index] = (lines, log)
            known = log_lines(index, self.logs[index][3]["value"]) if index in self.stale else lines
            record = record_of(known, as_text(known) if index in self.stale else log, index)
            self.records.get(index, bool)(record)
            if index not in self.without_record:
                files[f"{self.results}/result_{index}.json"] = json.dumps(record).encode()
        entries = ledger_of(runs)
        for change in self.ledger:
            change(entries)
        files[f"{self.results}/{LEDGER}"] = self.ledger_bytes(as_ledger(entries))
        for name, content in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        for change in self.after:
            change(folder)
        return folder


@functools.cache
def _pickled(division: str) -> bytes:
    """What the valid tree of a division is copied from, much faster than it is made."""
    return pickle.dumps(Tree.valid(division))


@dataclass(frozen=True)
class Mutation:
    """One way to spoil a submission. `rule` must be among the findings; `invalid` says whether as an error."""

    name: str
    rule: str
    change: Callable[[Tree], None]
    invalid: bool = True
    division: str = "closed"

    def tree(self) -> Tree:
        """The spoiled submission."""
        tree = pickle.loads(_pickled(self.division))
        self.change(tree)
        return tree
