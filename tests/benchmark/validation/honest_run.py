"""One honest run of the reference: its log, line by line, and the record that follows from it."""

from __future__ import annotations

import copy
import hashlib
import json
import random
from typing import Any

from benchmark.data.recognition import Recognition
from benchmark.definition.finder import load_benchmark
from benchmark.definition.golden_files import RECOGNISED, golden_sha256
from benchmark.events import keys
from benchmark.events.reader import Event
from benchmark.events.timeline import Timeline
from benchmark.submission.record_format import FORMAT
from benchmark.submission.run_record import facts_of
from benchmark.validation.checks.hardware import CHECKS

Lines = list[dict[str, Any]]
RUNG, SYSTEM, ORG = "stemdl_mini", "two-cores", "Somewhere"
BATCH, RANKS, EPOCHS = 32, 2, 3
STEPS = 3500 // BATCH
BEGAN_MS = 1_795_000_000_000
APART_MS = 16_037  # from the start of a run, of 13 to 14 s, to that of the next
EPOCH_MS, EVAL_MS = 3200, 400
LOGGED_AT = 125
"""A line of the released reference/train.py that logs an event, whichever its key is."""
F1, LOSSES = (0.4763188271304962, 0.8609274163519278, 0.9121390728164535), (2.4987613524, 1.0284163519, 0.7337216807)
"""After each epoch of the first run."""
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
        "seconds": 0.4687,
    },
}


def mean_of_batches(loss: float, steps: int) -> float:
    """The mean of as many numbers of 32 bits that comes nearest to a loss."""
    return round(loss * steps * 2**22) / 2**22 / steps


def log_lines(index: int = 0, division: str = "closed", batch: int = BATCH) -> Lines:
    """The events of one run of three epochs, as the reference writes them, with times that fit."""
    steps = 3500 // RANKS // (batch // RANKS)
    benchmark = load_benchmark("space_group")
    rung = benchmark.rung(RUNG)
    lines: Lines = []
    now = BEGAN_MS + index * APART_MS

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
                "metadata": {"file": "reference/train.py", "lineno": LOGGED_AT, **metadata},
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
    write(keys.PREFLIGHT, preflight_of(index), after_ms=480)
    write(keys.SEED, seed_of(index), after_ms=1100 + own_ms(index))
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
    write(keys.STAGING_STOP, after_ms=800 + own_ms(index), **{keys.IN_MEMORY: True, keys.STAGED_BYTES: 0})
    for epoch in range(1, EPOCHS + 1):
        chance = random.Random(f"run {index}, epoch {epoch}") if index else None
        metric = F1[epoch - 1] - varied(chance, (0.04, 0.006, 0.004)[epoch - 1])
        epoch_ms = EPOCH_MS + round(varied(chance, 90))
        within = 0.618 - varied(random.Random(f"clock {index}, epoch {epoch}"), 0.25)
        write(keys.EPOCH_START, after_ms=9 + saved_ms(index, epoch), epoch_num=epoch)
        write(keys.EPOCH_STOP, after_ms=epoch_ms, epoch_num=epoch)
        write(
            keys.TRACKED_STATS,
            {
                "throughput": steps * batch / (epoch_ms - within) * 1000,
                "loss": mean_of_batches(LOSSES[epoch - 1] + varied(chance, 0.03), steps * RANKS),
            },
            epoch_num=epoch,
            step_num=epoch * steps,
        )
        write(keys.EVAL_START, epoch_num=epoch)
        write(keys.EVAL_STOP, after_ms=EVAL_MS + round(varied(chance, 20)), epoch_num=epoch)
        for key in (keys.EVAL_ACCURACY, keys.F1_MACRO):
            write(key, metric, epoch_num=epoch, samples_count=epoch * steps * batch)
    write(keys.RUN_STOP, after_ms=9 + saved_ms(index, EPOCHS + 1), status="success")
    tested = 0.9245361927 + varied(random.Random(f"test split {index}") if index else None, 0.005)
    write(keys.TEST_F1_MACRO, tested, after_ms=600, samples_count=1000)
    return lines


def preflight_of(index: int) -> dict[str, Any]:
    """PREFLIGHT, with a network and a length of each run's own measurement."""
    told, drawn = copy.deepcopy(PREFLIGHT), random.Random(f"preflight {index}")
    told["figures"]["all_reduce"]["latency_seconds"] += varied(drawn, 1e-3)
    told["figures"]["seconds"] += varied(drawn, 1e-3)
    told["figures"]["load"]["average"] = round(0.6 + varied(drawn, 0.5), 2)
    return told


def own_ms(index: int) -> int:
    """What a run takes longer than others for what each of them does once, in milliseconds."""
    return round(varied(random.Random(f"once {index}"), 60))


def saved_ms(index: int, epoch: int) -> int:
    """What the checkpoint before an epoch takes longer than the least, in milliseconds."""
    return round(varied(random.Random(f"checkpoint {index}, epoch {epoch}"), 12))


def seed_of(index: int) -> int:
    """31 bits for each run, with no relation to those of the others."""
    return random.Random(f"seed of run {index}").getrandbits(31) if index else 1318135155


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


def at(lines: Lines, key: str, which: int = -1) -> int:
    """The place of one of a key's events, the last one if not said otherwise."""
    return [number for number, line in enumerate(lines) if line["key"] == key][which]
