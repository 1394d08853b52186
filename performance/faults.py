"""Breaks real runs of the smoke rung at random moments, in every way that runs break, and looks at what is left.

    python performance/faults.py --data data/stemdl_smoke --times 50 [--only hang] [--jsonl faults.jsonl]

Each trial starts a job of 2 to 4 ranks, joined by either backend, started by `stemdl run` or by mpirun; breaks it while
its ranks start up or in the middle of an epoch; and afterwards demands: an end within the limit, the right exit code, a
message that says what was wrong and names the rank, no process left, no half-written file, a log of whole lines with
the right status, a checkpoint that can be read. Runs that can go on are resumed, and have to end as the unbroken run
did: the same curve, losses and weights, to the last bit.

Every trial is a line of the JSON-lines file; those that are there already are not made again. A full disk needs root,
who may mount one; without, it is left out. Ends with status 1 where a trial failed.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import psutil
from fault_aftermath import after_conditions, resume
from fault_causes import FAULTS, nothing, spoil_shard
from fault_trial import EPOCHS, SETTINGS, Trial, end_all, ended, small_disk

from benchmark.cli.output import print_table
from benchmark.data.manifest import read_manifest
from benchmark.data.reader import samples_of
from benchmark.definition.finder import load_benchmark
from benchmark.definition.settings import read_settings
from reference.input import steps_per_epoch

START_SHARE = 0.15  # of the trials that break the job while its ranks start
GRACE_SECONDS = 5  # that processes get to be gone after the job has ended


def steps_of_an_epoch(data: Path, ranks: int) -> int:
    """Fewer where the batch does not divide evenly among the ranks."""
    manifest = read_manifest(data)
    settings = read_settings(load_benchmark("space_group"), manifest.rung)
    return steps_per_epoch(samples_of(manifest, "train"), settings.global_batch_size, ranks)


def make_trial(name: str, number: int, seed: int, data: Path, folder: Path, unbroken: Path) -> dict[str, Any]:
    """One trial; what was done, what came of it, and what is wrong with that."""
    fault, generator = FAULTS[name], random.Random(f"{seed} {name} {number}")
    ranks = generator.choice([2, 2, 3, 4])
    trial = Trial(
        generator,
        folder,
        data,
        generator.choice(["horovod", "torch"]),
        ranks,
        generator.choice(fault.ways),
        fault.at_start and generator.random() < START_SHARE,
        SETTINGS | fault.settings,
    )
    trial.victim = {"any": generator.randrange(ranks), "others": generator.randrange(1, ranks), "zero": 0}[
        fault.victims
    ]
    places = {"rank": trial.victim}
    if fault.plant:
        steps = steps_of_an_epoch(data, ranks)
        places |= {"epoch": generator.randint(1, EPOCHS), "step": generator.randint(1, steps)}
        trial.note = f"rank {trial.victim}, epoch {places['epoch']}, step {places['step']}"
        trial.plant = f"{fault.plant}:{trial.victim}:{(places['epoch'] - 1) * steps + places['step']}"
    if name.startswith("shard"):
        trial.data = shutil.copytree(data, folder / "data")
    if name == "shard_before":
        spoil_shard(trial)
    limit = fault.seconds + (25 if trial.at_start and name == "hang" else 0)  # five times the limit, for a start
    with small_disk(trial) if name == "full_disk" else nullcontext(), ended(trial):
        trial.start()
        broken_at = None
        if fault.cause is not nothing:
            if not trial.await_moment():
                return {"fault": name, "number": number, "outcome": "ended before", "note": trial.note}
            fault.cause(trial)
            broken_at = time.time()
            if trial.has_trained():  # the fault came too late
                return {"fault": name, "number": number, "outcome": "ended before", "note": trial.note}
        try:
            code: int | None = trial.process.wait(limit)
        except subprocess.TimeoutExpired:
            code = None
        _, left = psutil.wait_procs(trial.everybody(), timeout=GRACE_SECONDS)
        # Of a planted fault: since the last line of the log.
        seconds = time.time() - (broken_at or (trial.log if trial.log.is_file() else folder).stat().st_mtime)
        wrong = [] if code is not None else [f"still going on after {limit:.0f} s"]
        wrong += [f"left: {each.name()} {each.pid}" for each in left]
        end_all(trial)
        if name == "full_disk":
            (trial.output.parent / "ballast").unlink()
        codes = fault.start_codes if trial.at_start and fault.start_codes else fault.codes
        wrong += [] if code is None or code in codes else [f"exit code {code}, not {codes}"]
        wrong += after_conditions(trial, fault, places)
        resumed = None
        if not wrong and generator.random() < fault.goes_on and (trial.output / "checkpoint.pt").is_file():
            resumed = resume(trial, unbroken)
            wrong += [] if resumed in ("equal", "close") else [f"resumed: {resumed}"]
    return {
        "fault": name,
        "number": number,
        "outcome": "failed" if wrong else "passed",
        "note": trial.note,
        "backend": trial.backend,
        "ranks": ranks,
        "way": trial.way,
        "seconds": round(seconds, 2),
        "code": code,
        "resumed": resumed,
        "wrong": wrong,
        "printed": trial.messages[-3000:] if wrong else "",
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="of stemdl_smoke")
    parser.add_argument("--times", type=int, default=50)
    parser.add_argument("--only", nargs="+", choices=list(FAULTS), default=list(FAULTS))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jsonl", type=Path, default=Path("faults.jsonl"))
    arguments = parser.parse_args()
    faults = [name for name in arguments.only if name != "full_disk" or os.geteuid() == 0]
    there = read_trials(arguments.jsonl)
    with tempfile.TemporaryDirectory(prefix="stemdl-faults-") as scratch:
        for number in itertools.count():  # in turn, so that a campaign that is cut short has some of each
            wanting = [name for name in faults if broken(there, name) < arguments.times]
            if not wanting:
                break
            for name in wanting:
                if (name, number) in there:
                    continue
                folder = Path(scratch) / f"{name}_{number}"
                folder.mkdir()
                result = make_trial(
                    name, number, arguments.seed, arguments.data.absolute(), folder, Path(scratch) / "unbroken"
                )
                there[name, number] = result
                with open(arguments.jsonl, "a", encoding="utf-8") as handle:
                    handle.write(json.dumps(result) + "\n")
                told = result.get("wrong") or result["outcome"]
                print(f"{name:16} {number:3}  {result['note']}: {told}", file=sys.stderr, flush=True)
                shutil.rmtree(folder, ignore_errors=True)
    return report(list(there.values()))


def read_trials(path: Path) -> dict[tuple[str, int], dict[str, Any]]:
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    trials = [json.loads(line) for line in lines]
    return {(each["fault"], each["number"]): each for each in trials}


def broken(trials: dict[tuple[str, int], dict[str, Any]], name: str) -> int:
    """How many jobs the fault reached: some end before their moment comes."""
    return sum(each["fault"] == name and each["outcome"] != "ended before" for each in trials.values())


def report(trials: list[dict[str, Any]]) -> int:
    """The table; 1 where a trial failed."""
    rows, failed = [], 0
    for name in FAULTS:
        mine = [each for each in trials if each["fault"] == name and each["outcome"] != "ended before"]
        if not mine:
            continue
        seconds = [each["seconds"] for each in mine]
        passed = sum(each["outcome"] == "passed" for each in mine)
        failed += len(mine) - passed
        resumed = [each["resumed"] for each in mine if each["resumed"]]
        codes = ", ".join(map(str, sorted({each["code"] for each in mine if each["code"] is not None})))
        rows.append(
            (
                name,
                str(len(mine)),
                str(passed),
                codes,
                f"{statistics.median(seconds):.1f}",
                f"{max(seconds):.1f}",
                f"{resumed.count('equal')} of {len(resumed)}" if resumed else "-",
            )
        )
    print_table(("fault", "times", "passed", "exit codes", "median s", "max s", "resumed, equal"), rows)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
