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
import json
import os
import random
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import psutil

from benchmark.cli.output import print_table
from benchmark.events import keys
from benchmark.events.reader import read_events
from benchmark.events.timeline import Timeline
from benchmark.launch.launchers import Job, get_launcher

EPOCHS = 8
SETTINGS = {"max_epochs": EPOCHS, "learning_rate": 1e-4, "threads_per_rank": 1, "collective_timeout_seconds": 5}
"""A rate at which the target is not reached in these epochs: every unbroken run has the same length."""
STUCK_SECONDS = 10_000
START_SHARE = 0.15  # of the trials that break the job while its ranks start
DISK_MIB = 300  # the preflight asks for 256
GIVE_UP_SECONDS = 150
GRACE_SECONDS = 5  # that processes get to be gone after the job has ended
INTERRUPTED = 75


@dataclass
class Trial:
    """One job, and what is done to it. `way` is "stemdl run" or "mpirun"; `note` says what was done;
    `place` is where the run's folder lies, if not in `folder`."""

    generator: random.Random
    folder: Path
    data: Path
    backend: str
    ranks: int
    way: str
    at_start: bool
    settings: dict[str, Any]
    plant: str = ""
    mark: str = field(default_factory=lambda: uuid.uuid4().hex)
    victim: int = 0
    note: str = ""
    place: Path | None = None
    process: subprocess.Popen | None = None

    @property
    def output(self) -> Path:
        return (self.place or self.folder) / "run"

    @property
    def log(self) -> Path:
        return self.output / "result_0.txt"

    @property
    def messages(self) -> str:
        return (self.folder / "stderr.txt").read_text(encoding="utf-8", errors="replace")

    def command(self, *more: str) -> list[str]:
        program = [sys.executable, "-m", "benchmark"]
        if self.plant:
            program = [sys.executable, str(Path(__file__).resolve()), "--plant", self.plant]
        words = [*program, "run", "--rung", "stemdl_smoke", "--data", str(self.data), "--output", str(self.output)]
        for key, value in {**self.settings, "comm": self.backend}.items():
            words += ["--set", f"{key}={value}"]
        words += more
        if self.way == "stemdl run" and not self.plant:
            return [*words, "--ranks", str(self.ranks)]
        return get_launcher("mpirun").argv(Job(self.ranks, tuple(words)))

    def start(self) -> None:
        """In a session of its own; what it prints to stderr.txt. Every process of it carries the mark."""
        environment = os.environ | {"STEMDL_TRIAL": self.mark, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
        with open(self.folder / "stderr.txt", "wb") as printed:
            self.process = subprocess.Popen(self.command("--seed", "7"), env=environment, cwd=self.folder,
                                            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=printed,
                                            start_new_session=True)

    def everybody(self) -> list[psutil.Process]:
        """All processes of the job that are there, wherever they hang in the tree."""
        found = []
        for each in psutil.process_iter():
            try:
                if each.environ().get("STEMDL_TRIAL") == self.mark and each.status() != psutil.STATUS_ZOMBIE:
                    found.append(each)
            except psutil.Error:
                continue
        return found

    def rank_processes(self) -> dict[int, psutil.Process]:
        found = {}
        for each in self.everybody():
            try:
                number = each.environ().get("OMPI_COMM_WORLD_RANK")
                if number is not None and "run" in each.cmdline():
                    found[int(number)] = each
            except psutil.Error:
                continue
        return found

    def launcher(self) -> psutil.Process:
        return next(each for each in self.everybody() if "mpirun" in each.name() or "prterun" in each.name())

    def await_moment(self) -> bool:
        """Until a random moment: while ranks start up, or after a random number of epochs and a little more. False where
        the job had ended before."""
        deadline = time.monotonic() + GIVE_UP_SECONDS
        if self.at_start:
            pause = self.generator.uniform(0.0, 2.5)
        else:
            epochs, pause = self.generator.randrange(EPOCHS - 1), self.generator.uniform(0.0, 0.4)
            self.note = f"after {epochs} epochs and {pause:.2f} s"
            while not (self.log.is_file() and self.log.read_text(errors="replace").count(
                    keys.EPOCH_STOP if epochs else keys.EPOCH_START) >= max(1, epochs)):
                if self.process.poll() is not None or time.monotonic() > deadline:
                    return False
                time.sleep(0.02)
        while len(self.rank_processes()) < self.ranks:
            if self.process.poll() is not None or time.monotonic() > deadline:
                return False
            time.sleep(0.05)
        if self.at_start:
            self.note = f"{pause:.2f} s after the ranks began"
        time.sleep(pause)
        return self.process.poll() is None

    def tell(self, what: str) -> None:
        self.note = f"{what}, {self.note}"


# ---- what is done


def kill(which: str) -> Callable[[Trial], None]:
    def cause(trial: Trial) -> None:
        targets = {"leader": lambda: psutil.Process(trial.process.pid), "launcher": trial.launcher,
                   "rank": lambda: trial.rank_processes()[trial.victim]}
        targets[which]().send_signal(signal.SIGKILL)
        trial.tell(f"SIGKILL to {which}" + (f" {trial.victim}" if which == "rank" else ""))

    return cause


def warn(trial: Trial) -> None:
    """One of the ways that a batch system tells a job: its own process, the launcher, a rank, a whole group."""
    number = trial.generator.choice([signal.SIGUSR1, signal.SIGUSR2])
    to = trial.generator.choice(["mpirun", "one rank", "all ranks"] + ["stemdl run"] * (trial.way == "stemdl run"))
    ranks = trial.rank_processes()
    targets = {"stemdl run": [psutil.Process(trial.process.pid)], "all ranks": list(ranks.values()),
               "one rank": [ranks[trial.victim]], "mpirun": [trial.launcher()]}[to]
    for each in targets:
        each.send_signal(number)
    trial.tell(f"{number.name} to {to}")


def terminate(trial: Trial) -> None:
    group = trial.generator.random() < 0.5
    (os.killpg if group else os.kill)(trial.process.pid, signal.SIGTERM)
    trial.tell(f"SIGTERM to stemdl run{' and its group' if group else ''}")


def stop(trial: Trial) -> None:
    trial.rank_processes()[trial.victim].send_signal(signal.SIGSTOP)
    trial.tell(f"SIGSTOP to rank {trial.victim}")


def fill_disk(trial: Trial) -> None:
    with open(trial.output.parent / "ballast", "wb", buffering=0) as ballast:
        for size in (2**20, 2**12, 1):
            try:
                while True:
                    ballast.write(bytes(size))
            except OSError:
                continue
    trial.tell("the disk is full")


def spoil_shard(trial: Trial) -> None:
    """Cut a shard of the training split off, overwrite its head, or remove it."""
    shard = trial.generator.choice(sorted((trial.data / "train").glob("*.h5")))
    # Of a file that is being read, what a process holds open stays whole when it is removed, and its head is in memory.
    how = "cut off" if trial.process else trial.generator.choice(["cut off", "overwritten", "removed"])
    if how == "removed":
        shard.unlink()
    elif how == "cut off":
        os.truncate(shard, int(shard.stat().st_size * trial.generator.uniform(0.0, 0.9)))
    else:
        with open(shard, "r+b") as handle:
            handle.write(os.urandom(4096))
    trial.tell(f"{shard.name} {how}")


def nothing(trial: Trial) -> None:
    """What is wrong was planted before."""


# ---- what is demanded


@dataclass(frozen=True)
class Fault:
    """A way to break a job.

    Attributes
    ----------
    codes, says, status : exit codes, a regular expression for what is printed ({rank} is the victim), and statuses of the
        log ("crashed": no run_stop) of which one must be.
    seconds : until the job must have ended.
    goes_on : share of the trials that are resumed.
    ways : who starts the ranks.
    """

    cause: Callable[[Trial], None]
    codes: tuple[int, ...]
    says: str
    status: tuple[str, ...]
    seconds: float
    goes_on: float = 0.0
    ways: tuple[str, ...] = ("stemdl run", "mpirun")
    victims: str = "any"
    at_start: bool = True
    settings: dict[str, Any] = field(default_factory=dict)
    plant: str = ""


DIED = r"rank {rank}.*signal 9|signal 9 \(Killed\)|a rank died or failed|another rank died"
ASKED = r"asked to end"
FAULTS = {
    "kill_rank": Fault(kill("rank"), (1, 137, 2), DIED, ("crashed",), 20, 0.3, victims="others"),
    "kill_rank_0": Fault(kill("rank"), (1, 137, 2), DIED, ("crashed",), 20, 0.3, victims="zero"),
    "kill_launcher": Fault(kill("launcher"), (1, -9), "", ("crashed",), 20, 0.3),
    # The launcher is ended with its parent, and passes that on: ranks that hear in time end in order.
    "kill_stemdl_run": Fault(kill("leader"), (-9,), "", ("crashed", "interrupted"), 20, 0.3, ways=("stemdl run",)),
    "terminate": Fault(terminate, (INTERRUPTED,), ASKED, ("interrupted",), 20, 1.0, ways=("stemdl run",), at_start=False),
    "warn": Fault(warn, (INTERRUPTED,), ASKED, ("interrupted",), 20, 1.0, at_start=False),
    "hang": Fault(stop, (1,), r"rank {rank} on \S+ (has been silent|is stopped)", ("crashed",), 15),
    "stuck": Fault(nothing, (1,), r"rank {rank} on \S+ hangs", ("crashed",), 120, ways=("mpirun",), at_start=False,
                   plant="stuck"),
    "full_disk": Fault(fill_disk, (2,), r"No space left|has no room|free", ("crashed",), 30, 0.5, at_start=False),
    "shard": Fault(spoil_shard, (2,), r"batch_train_\d+\.h5", ("crashed",), 30, at_start=False,
                   settings={"memory_share": 0}),
    "shard_before": Fault(nothing, (2,), r"batch_train_\d+\.h5", ("crashed",), 120, at_start=False),
    "nan": Fault(nothing, (1,), r"epoch {epoch}, step {step}, rank {rank}: the loss is nan", ("aborted",), 120,
                 ways=("mpirun",), at_start=False, plant="nan"),
}


def steps_of_an_epoch(data: Path, ranks: int) -> int:
    """Fewer where the batch does not divide evenly among the ranks."""
    from benchmark.data.manifest import read_manifest
    from benchmark.data.reader import samples_of
    from reference.config import read_config
    from reference.input import steps_per_epoch

    manifest = read_manifest(data)
    return steps_per_epoch(samples_of(manifest, "train"), read_config(manifest.rung).global_batch_size, ranks)


def make_trial(name: str, number: int, seed: int, data: Path, folder: Path, unbroken: Path) -> dict[str, Any]:
    """One trial; what was done, what came of it, and what is wrong with that."""
    fault, generator = FAULTS[name], random.Random(f"{seed} {name} {number}")
    ranks = generator.choice([2, 2, 3, 4])
    trial = Trial(generator, folder, data, generator.choice(["horovod", "torch"]), ranks, generator.choice(fault.ways),
                  fault.at_start and generator.random() < START_SHARE, SETTINGS | fault.settings)
    trial.victim = {"any": generator.randrange(ranks), "others": generator.randrange(1, ranks), "zero": 0}[fault.victims]
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
        wrong += [] if code is None or code in fault.codes else [f"exit code {code}, not {fault.codes}"]
        wrong += after_conditions(trial, fault, places)
        resumed = None
        if not wrong and generator.random() < fault.goes_on and (trial.output / "checkpoint.pt").is_file():
            resumed = resume(trial, unbroken)
            wrong += [] if resumed in ("equal", "close") else [f"resumed: {resumed}"]
    return {"fault": name, "number": number, "outcome": "failed" if wrong else "passed", "note": trial.note,
            "backend": trial.backend, "ranks": ranks, "way": trial.way, "seconds": round(seconds, 2), "code": code,
            "resumed": resumed, "wrong": wrong, "printed": trial.messages[-3000:] if wrong else ""}


def after_conditions(trial: Trial, fault: Fault, places: dict[str, int]) -> list[str]:
    """What is wrong with what the job printed and left."""
    wrong, printed = [], trial.messages
    says = fault.says
    for name, value in places.items():
        says = says.replace(f"{{{name}}}", str(value))
    if not re.search(says, printed):
        wrong.append(f"no message like {says}")
    if "Traceback" in printed:
        wrong.append("a traceback is printed")
    status = "crashed"
    if trial.log.is_file():
        text = trial.log.read_bytes()
        if text and not text.endswith(b"\n"):
            wrong.append("the log breaks off within a line")
        timeline = Timeline.of(read_events(trial.log))
        status = "interrupted" if timeline.interrupted else timeline.status or "crashed"
    if status not in fault.status:
        wrong.append(f"the log's status is {status}")
    parts = [path.name for path in trial.output.glob(".*.part")] if trial.output.is_dir() else []
    if parts and trial.way == "stemdl run" and fault is not FAULTS["kill_stemdl_run"]:  # else --resume takes them away
        wrong.append(f"half-written: {parts}")
    for name in ("checkpoint.pt", "diverged.pt"):
        if (trial.output / name).is_file():
            try:
                load(trial.output / name)
            except Exception as error:  # whatever is wrong with it is the finding
                wrong.append(f"{name} cannot be read: {error}")
    if fault.plant == "nan" and not (trial.output / "diverged.pt").is_file():
        wrong.append("the bad state was not kept")
    return wrong


def load(path: Path) -> dict[str, Any]:
    import torch

    return torch.load(path, map_location="cpu", weights_only=True)


# ---- going on


def resume(trial: Trial, unbroken: Path) -> str:
    """Go on with a broken run; "equal" where it ends as the unbroken run did to the last bit, "close" where it only
    nearly does but the sum of more than two ranks' numbers has no fixed order, else what went wrong."""
    reference = unbroken_run(trial, unbroken)
    trial.mark = uuid.uuid4().hex
    environment = os.environ | {"STEMDL_TRIAL": trial.mark, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(trial.command("--resume"), env=environment, cwd=trial.folder,
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=GIVE_UP_SECONDS, check=False)
    if done.returncode != 1 or "Traceback" in done.stderr:  # the target is missed, as in the unbroken run
        return f"exit code {done.returncode}: {done.stderr[-500:]}"
    if list(trial.output.glob(".*.part")):
        return "half-written files stay"
    ours, theirs = curve(trial.log), curve(reference / "result_0.txt")
    same = ours == theirs and same_weights(load(trial.output / "checkpoint.pt"), load(reference / "checkpoint.pt"))
    if same:
        return "equal"
    near = ours.keys() == theirs.keys() and all(abs(ours[key][1] - theirs[key][1]) < 0.05 for key in ours)
    return "close" if trial.ranks > 2 and near else f"another curve: {ours} in place of {theirs}"


def unbroken_run(trial: Trial, unbroken: Path) -> Path:
    """The same job, in one piece; made once for each backend and number of ranks."""
    folder = unbroken / f"{trial.backend}_{trial.ranks}"
    if not (folder / "run" / "run.json").is_file():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        whole = Trial(trial.generator, folder, trial.data, trial.backend, trial.ranks, "stemdl run", False, SETTINGS)
        whole.start()
        whole.process.wait(GIVE_UP_SECONDS)
    return folder / "run"


def curve(log: Path) -> dict[int, tuple[float, float]]:
    """Metric and loss of each epoch; of one that was gone through twice, the last."""
    events = read_events(log)
    metric = {each.metadata[keys.EPOCH_NUM]: each.value for each in events if each.key == keys.EVAL_ACCURACY}
    loss = {each.metadata[keys.EPOCH_NUM]: each.value["loss"] for each in events if each.key == keys.TRACKED_STATS}
    return {epoch: (metric[epoch], loss[epoch]) for epoch in sorted(metric)}


def same_weights(one: Any, other: Any) -> bool:
    import torch

    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same_weights(one[key], other[key]) for key in one)
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(same_weights, one, other))
    return torch.equal(one, other) if isinstance(one, torch.Tensor) else one == other


# ---- around


@contextmanager
def ended(trial: Trial) -> Iterator[None]:
    """Nothing of a trial outlives it."""
    try:
        yield
    finally:
        end_all(trial)


def end_all(trial: Trial) -> None:
    for each in trial.everybody():
        try:
            each.kill()
        except psutil.Error:
            continue
    if trial.process:
        trial.process.wait()


@contextmanager
def small_disk(trial: Trial) -> Iterator[None]:
    """The run's folder lies on a small disk of its own."""
    disk = trial.folder / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_MIB}m", "tmpfs", str(disk)], check=True)
    trial.place = disk
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


def be_planted(plant: str, arguments: list[str]) -> int:
    """One rank of a job with a fault in its input: at a step, counted over all epochs, the batch of one rank is NaN, or
    never comes, while the rank's heart beats."""
    from benchmark.cli.main import main as stemdl
    from benchmark.launch.rank import detect_rank
    from reference.input import TrainingSamples

    kind, victim, at = plant.split(":")
    batches, count = TrainingSamples.batches, 0

    def planted(*place: Any, **more: Any) -> Iterator[Any]:
        nonlocal count
        for patterns, labels in batches(*place, **more):
            count += 1
            if detect_rank().rank == int(victim) and count == int(at):
                if kind == "stuck":
                    time.sleep(STUCK_SECONDS)
                patterns = patterns * float("nan")
            yield patterns, labels

    TrainingSamples.batches = planted
    return stemdl(arguments)


def main() -> int:
    if sys.argv[1:2] == ["--plant"]:
        return be_planted(sys.argv[2], sys.argv[3:])
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
        for number in range(arguments.times):  # in turn, so that a campaign that is cut short has some of each
            for name in faults:
                if (name, number) in there:
                    continue
                folder = Path(scratch) / f"{name}_{number}"
                folder.mkdir()
                result = make_trial(name, number, arguments.seed, arguments.data.absolute(), folder,
                                    Path(scratch) / "unbroken")
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
        rows.append((name, str(len(mine)), str(passed), codes, f"{statistics.median(seconds):.1f}",
                     f"{max(seconds):.1f}", f"{resumed.count('equal')} of {len(resumed)}" if resumed else "-"))
    print_table(("fault", "times", "passed", "exit codes", "median s", "max s", "resumed, equal"), rows)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
