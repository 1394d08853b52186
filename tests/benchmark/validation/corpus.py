"""A valid submission made by program, and ways to spoil it: one thing each, with the rule that must be named.

A spoiled log is recorded again unless a mutation says otherwise, as by somebody who knows that the record holds its
hash: so each rule's own check has to see it.
"""

from __future__ import annotations

import copy
import functools
import hashlib
import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmark.data.recognition import Recognition
from benchmark.definition.finder import load_benchmark
from benchmark.definition.golden import RECOGNISED, golden_sha256
from benchmark.events import keys
from benchmark.events.reader import Event
from benchmark.events.timeline import Timeline
from benchmark.foundation.source import source_files
from benchmark.submission.chain import FIRST
from benchmark.submission.ledger import LEDGER
from benchmark.submission.record_format import FORMAT
from benchmark.submission.run_record import facts_of
from benchmark.validation.checks.hardware import CHECKS
from benchmark.validation.checks.system import ASKED_BY_THE_POLICY_ALONE, OPTIONAL, REQUIRED

Lines = list[dict[str, Any]]
RUNG, SYSTEM, ORG = "stemdl_mini", "two-cores", "Somewhere"
RESULTS = f"results/{SYSTEM}/strong/{RUNG}"
CODE = f"benchmarks/{RUNG}/implementations/reference"
DESCRIPTION = f"systems/{SYSTEM}.json"
BATCH, RANKS, EPOCHS = 32, 2, 3
STEPS = 3500 // BATCH
BEGAN_MS = 1_795_000_000_000
EPOCH_MS, EVAL_MS = 3200, 400
F1, LOSS = (0.4763188271, 0.8609274163, 0.9121390728), 2.4987613524
"""After each epoch of the first run, and of its loss in the first epoch."""

REFERENCE = Path(__file__).resolve().parents[3] / "results" / "reference"

SETTINGS = {
    "org": ORG,
    "platform": "two cores",
    "division": "closed",
    "status": "research",
    "comm": "horovod",
    "device": "cpu",
    "precision": "fp32",
    "threads_per_rank": 1,
    "clear_caches": False,
    "torch_backend": "auto",
    "fusion_mib": 25.0,
    "gradient_compression": "none",
    "gradient_groups": 0,
    "cycle_ms": 5.0,
    "hierarchical": False,
    "autotune": False,
    "timeline": False,
    "memory_share": 0.25,
    "stage": "",
    "width": 16,
    "symmetry": True,
    "max_epochs": 18,
    "global_batch_size": BATCH,
    "learning_rate": 0.004,
    "warmup_fraction": 0.05,
    "weight_decay": 0.05,
    "weight_averaging": 0.98,
    "label_smoothing": 0.05,
    "eval_batch_size": 100,
    "checkpoint": True,
    "checkpoint_every_steps": 0,
    "warning_signals": "TERM USR1 USR2",
    "collective_timeout_seconds": 60,
    "ranks": RANKS,
    "launcher": "mpirun",
}


@functools.cache
def released_source() -> dict[str, bytes]:
    """The trainer of the recorded results, by its files' names: the first of `known_sources`."""
    folder = next(REFERENCE.glob(f"benchmarks/{RUNG}/implementations/*/reference"))
    return {name: path.read_bytes() for name, path in source_files(folder).items()}


PROCESSOR = "AMD EPYC"
VERSIONS = {
    "python": "3.11.7",
    "MPI": "Open MPI 5.0.11",
    "torch": "2.13.0+cpu",
    "horovod": "0.28.1",
    "mpi4py": "4.1.2",
    "numpy": "2.4.6",
    "h5py": "3.16.0",
    "spglib": "2.8.0",
    "gemmi": "0.7.5",
    "mlperf-logging": "4.1.68",
    "stemdl-benchmark": "0.1.0",
}
PREFLIGHT = {
    "ok": True,
    "checks": [*CHECKS, "load"],
    "warnings": [],
    "failed": [],
    "figures": {
        "clock_offset_seconds": 0.0,
        "all_reduce": {
            "by": "horovod",
            "latency_seconds": 0.005,
            "bandwidth_bytes_per_second": 2.1e8,
            "message_bytes": 1048576,
            "wrong": "",
        },
        "load": {"given": 2, "free": 1.98, "average": 0.1},
        "seconds": 0.0004,
    },
}


def log_lines(index: int = 0, division: str = "closed", batch: int = BATCH) -> Lines:
    """The events of one run of three epochs, as the reference writes them, with times that fit."""
    steps = 3500 // RANKS // (batch // RANKS)
    benchmark = load_benchmark("space_group")
    rung = benchmark.rung(RUNG)
    lines: Lines = []
    now = BEGAN_MS + index * 60_000

    def write(key: str, value: Any = None, after_ms: int = 0, **metadata: Any) -> None:
        nonlocal now
        now += after_ms
        edge = key.rpartition("_")[2] if key.rpartition("_")[0] in keys.INTERVALS else ""
        kind = {"start": keys.INTERVAL_START, "stop": keys.INTERVAL_END}.get(edge, keys.POINT_IN_TIME)
        lines.append(
            {
                "namespace": "",
                "time_ms": now,
                "event_type": kind,
                "key": key,
                "value": copy.deepcopy(value),
                "metadata": {"file": "reference/train.py", "lineno": 1 + len(lines), **metadata},
            }
        )

    write(keys.SUBMISSION_BENCHMARK, RUNG)
    write(keys.SUBMISSION_ORG, ORG)
    write(keys.SUBMISSION_PLATFORM, "two cores")
    write(keys.SUBMISSION_DIVISION, division)
    write(keys.SUBMISSION_STATUS, "research")
    write(keys.SUBMISSION_GITHUB_COMMIT_VERSION, "a8d90b3f6d6e2d75e7f59806e65cd322fc4ce96b")
    write(keys.CONFIG, {**SETTINGS, "division": division, "global_batch_size": batch})
    write(keys.VERSIONS, VERSIONS)
    write(keys.DEVICES, [PROCESSOR])
    write(keys.PLACEMENT, [{"rank": rank, "host": "node", "cpus": str(rank), "device": "cpu"} for rank in range(RANKS)])
    write(keys.CACHE_CLEAR, False)
    write(keys.INIT_START, after_ms=5)
    write(keys.PREFLIGHT, PREFLIGHT)
    write(keys.SEED, 1318135155 + 7919 * index, after_ms=1100)
    write(keys.GLOBAL_BATCH_SIZE, batch)
    write(keys.GRADIENT_ACCUMULATION_STEPS, 1)
    write(keys.NUMBER_OF_NODES, 1)
    write(keys.ACCELERATORS_PER_NODE, 0)
    write(keys.OPT_NAME, "adamw")
    write(keys.OPT_BASE_LR, 0.004)
    write(keys.OPT_WEIGHT_DECAY, 0.05)
    write(keys.OPT_LR_WARMUP_STEPS, round(0.05 * 18 * steps))
    write(keys.DATA_MANIFEST_SHA256, benchmark.known_manifests[RUNG][0])
    write(keys.DATA_RECIPE_SHA256, rung.recipe_sha256)
    write(keys.DATA_STANDARD, True)
    write(keys.DATA_RECOGNISED, Recognition(RECOGNISED, golden_sha256(RUNG), 5500, 655, 65).to_log())
    write(keys.TRAIN_SAMPLES, 3500)
    write(keys.EVAL_SAMPLES, 1000)
    write(keys.INIT_STOP, after_ms=1)
    write(keys.RUN_START, after_ms=2)
    write(keys.STAGING_START)
    write(keys.STAGING_STOP, after_ms=800, **{keys.IN_MEMORY: True, keys.STAGED_BYTES: 0})
    for epoch in range(1, EPOCHS + 1):
        chance = random.Random(f"run {index}, epoch {epoch}") if index else None
        metric = F1[epoch - 1] - varied(chance, (0.04, 0.006, 0.004)[epoch - 1])
        epoch_ms = EPOCH_MS + round(varied(chance, 90))
        write(keys.EPOCH_START, after_ms=9, epoch_num=epoch)
        write(keys.EPOCH_STOP, after_ms=epoch_ms, epoch_num=epoch)
        write(
            keys.TRACKED_STATS,
            {"throughput": steps * batch / (epoch_ms - 0.618) * 1000, "loss": LOSS / epoch + varied(chance, 0.03)},
            epoch_num=epoch,
            step_num=epoch * steps,
        )
        write(keys.EVAL_START, epoch_num=epoch)
        write(keys.EVAL_STOP, after_ms=EVAL_MS + round(varied(chance, 20)), epoch_num=epoch)
        for key in (keys.EVAL_ACCURACY, keys.F1_MACRO):
            write(key, metric, epoch_num=epoch, samples_count=epoch * steps * batch)
    write(keys.RUN_STOP, after_ms=14, status="success")
    write(keys.TEST_F1_MACRO, 0.9245 + index / 1000, after_ms=600, samples_count=1000)
    return lines


def varied(chance: random.Random | None, by: float) -> float:
    """What one honest run differs by from the first, of which there is no chance: at most `by`."""
    return chance.uniform(0.0, by) if chance is not None else 0.0


def as_text(lines: Lines) -> bytes:
    """A log's bytes."""
    return "".join(f":::MLLOG {json.dumps(line)}\n" for line in lines).encode()


def record_of(lines: Lines, log: bytes, index: int = 0) -> dict[str, Any]:
    """What `run.json` says of a log: the figures follow from it, the rest from the run of that number."""
    events = [
        Event(number, line["time_ms"], line["event_type"], line["key"], line["value"], line["metadata"])
        for number, line in enumerate(lines, 1)
    ]
    facts = facts_of(Timeline.of(events), keys.TEST_F1_MACRO)
    settings = next((line["value"] for line in lines if line["key"] == keys.CONFIG), {})
    settings = settings if isinstance(settings, dict) else {}
    return {
        "format": FORMAT,
        "benchmark": "stemdl",
        "rung": RUNG,
        "index": index,
        "metric": "macro-F1",
        "reaches": "at_least",
        "target": 0.9,
        "low": 0.0,
        "high": 1.0,
        **facts,
        "ranks": settings.get("ranks"),
        "launcher": settings.get("launcher"),
        "data": {"folder": "data", **facts["data"]},
        "log": {"name": f"result_{index}.txt", "sha256": hashlib.sha256(log).hexdigest()},
    }


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
                "time_ms": lines[0]["time_ms"] - 900,
                "folder": f"set/run_{index}",
                "index": index,
                "rung": told.get(keys.SUBMISSION_BENCHMARK),
                "ranks": settings.get("ranks"),
                "seed_given": False,
                "settings": {name: value for name, value in settings.items() if name not in ("ranks", "launcher")},
                "resumed": False,
                "manifest_sha256": told.get(keys.DATA_MANIFEST_SHA256),
                "commit": told.get(keys.SUBMISSION_GITHUB_COMMIT_VERSION),
                "source": {
                    package: hashes[0] for package, hashes in load_benchmark("space_group").known_sources.items()
                },
            },
            {
                "event": "end",
                "start": len(entries),
                "status": record["status"],
                "seed": record["seed"],
                "epochs": record["epochs"],
                "time_to_train_seconds": record["time_to_train_seconds"],
                "time_ms": lines[-1]["time_ms"] + 900,
                "log_sha256": record["log"]["sha256"],
            },
        ]
    return entries


def as_ledger(entries: list[dict[str, Any]]) -> bytes:
    """A ledger's bytes, the hashes those that its lines then have."""
    hashes, lines = [FIRST], []
    for entry in entries:
        start = {"start": hashes[entry["start"] + 1]} if "start" in entry else {}
        lines.append(json.dumps({**entry, **start, "previous": hashes[-1]}).encode())
        hashes.append(hashlib.sha256(lines[-1]).hexdigest())
    return b"".join(line + b"\n" for line in lines)


def write_runs(folder: Path, logs: dict[int, Lines], source_sha256: str, instances: int = 1) -> Path:
    """The runs as `stemdl run` leaves them, run set and ledger, in a folder of results; returns that of the set. With
    more than one of `instances`, as it leaves those of weak scaling."""
    runs = {}
    for index, lines in logs.items():
        run = folder / "set" / f"{'run' if instances == 1 else 'instance'}_{index}"
        run.mkdir(parents=True)
        log = as_text(lines)
        runs[index] = (lines, log)
        (run / f"result_{index}.txt").write_bytes(log)
        (run / "run.json").write_text(json.dumps(record_of(lines, log, index)))
        (run / "system.json").write_text(json.dumps(description(lines[3]["value"])))
        (run / "config.yaml").write_text(json.dumps(lines[6]["value"]))
    entries = ledger_of(runs)
    for entry in entries:
        if "source" in entry:
            entry["source"] = {**entry["source"], "reference": source_sha256}
            entry["instances"] = instances
    (folder / LEDGER).write_bytes(as_ledger(entries))
    return folder / "set"


def description(division: str = "closed") -> dict[str, str]:
    """A system description whose fields all mean something."""
    told = {name: f"a kind of {name}" for name in (*REQUIRED, *OPTIONAL, *ASKED_BY_THE_POLICY_ALONE)}
    told |= {name: "N/A" for name in told if name.startswith("accelerator_")}
    return told | {
        "submitter": ORG,
        "division": division,
        "status": "research",
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
        tree = copy.deepcopy(Tree.valid(self.division))
        self.change(tree)
        return tree


def at(lines: Lines, key: str, which: int = -1) -> int:
    """The place of one of a key's events, the last one if not said otherwise."""
    return [number for number, line in enumerate(lines) if line["key"] == key][which]
