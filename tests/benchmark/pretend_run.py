"""Stands for the ranks of a run where only what surrounds them is tested: takes the command line of `stemdl run`,
leaves a log and a record as a run does, or ends as PRETEND in the environment says: `<index>=<fate>`, with commas.

Fates: killed (in the middle of a line of its log), dumb (before it is ready to start), wrong (exit code 2), missed (the
target), hangs, late (ready after the others are).
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import signal
import sys
import time
from pathlib import Path

from benchmark.events import keys
from benchmark.events.reader import read_events
from benchmark.events.timeline import Timeline
from benchmark.foundation.files import sha256_of_file, write_json
from benchmark.launch.start_gate import wait_at_gate
from benchmark.submission.record_format import FORMAT
from benchmark.submission.run_record import facts_of


def main() -> int:
    parser = argparse.ArgumentParser()
    for name, kind in (("--output", Path), ("--index", int), ("--start-gate", Path)):
        parser.add_argument(name, type=kind)
    arguments, _ = parser.parse_known_args()
    fate = dict(each.split("=") for each in filter(None, os.environ.get("PRETEND", "").split(","))).get(
        str(arguments.index), ""
    )
    if fate == "wrong":
        return 2
    arguments.output.mkdir(parents=True)
    log = arguments.output / f"result_{arguments.index}.txt"

    def write(key: str, value: object = None, **metadata: object) -> None:
        kind = {"start": keys.INTERVAL_START, "stop": keys.INTERVAL_END}.get(key.rpartition("_")[2], keys.POINT_IN_TIME)
        event = {
            "namespace": "",
            "time_ms": time.time_ns() // 1_000_000,
            "event_type": kind,
            "key": key,
            "value": value,
            "metadata": {"file": "pretend.py", "lineno": 1, **metadata},
        }
        with open(log, "a") as handle:
            handle.write(f":::MLLOG {json.dumps(event)}\n")

    write(keys.INIT_START)
    write(keys.SEED, secrets.randbits(31))
    write(keys.GLOBAL_BATCH_SIZE, 8)
    write(keys.TRAIN_SAMPLES, 200)
    write(keys.DATA_MANIFEST_SHA256, "1" * 64)
    write(keys.DATA_STANDARD, True)
    if fate == "dumb":
        os.kill(os.getpid(), signal.SIGKILL)
    if fate == "late":
        while sum(not path.read_bytes() for path in arguments.start_gate.glob("ready_*")) > 1:
            time.sleep(0.01)
        time.sleep(0.05)  # which is later by a log's milliseconds too
    write(keys.INIT_STOP)
    wait_at_gate(arguments.start_gate, arguments.index, 0, lambda: None)
    write(keys.RUN_START)
    if fate == "killed":
        with open(log, "a") as handle:
            handle.write(':::MLLOG {"namespace": "", "ti')
        os.kill(os.getpid(), signal.SIGKILL)
    if fate == "hangs":
        time.sleep(60)
    write(keys.EPOCH_START, epoch_num=1)
    time.sleep(0.01 * (1 + arguments.index))
    write(keys.EPOCH_STOP, epoch_num=1)
    write(keys.EVAL_ACCURACY, 0.5 if fate == "missed" else 0.95, epoch_num=1)
    write(keys.RUN_STOP, status=keys.ABORTED if fate == "missed" else keys.SUCCESS)
    write_json(
        arguments.output / "run.json",
        {
            **facts_of(Timeline.of(read_events(log)), keys.TEST_F1_MACRO),
            "format": FORMAT,
            "rung": "stemdl_smoke",
            "metric": "macro-F1",
            "reaches": "at_least",
            "target": 0.9,
            "low": 0.0,
            "high": 1.0,
            "ranks": 1,
            "launcher": "pretended",
            "log": {"name": log.name, "sha256": sha256_of_file(log)},
        },
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
