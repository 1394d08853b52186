"""What a broken job of performance/faults.py left behind, and whether it can be gone on with."""

from __future__ import annotations

import re
import shutil
import subprocess
import uuid
from pathlib import Path
from typing import Any

import torch
from fault_causes import FAULTS, FaultCause
from fault_trial import GIVE_UP_SECONDS, SETTINGS, Trial

from benchmark.events import keys
from benchmark.events.reader import read_events
from benchmark.events.timeline import Timeline


def after_conditions(trial: Trial, fault: FaultCause, places: dict[str, int]) -> list[str]:
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
            except Exception as error:  # noqa: BLE001 - whatever is wrong with it is the finding
                wrong.append(f"{name} cannot be read: {error}")
    if fault.plant == "nan" and not (trial.output / "diverged.pt").is_file():
        wrong.append("the bad state was not kept")
    return wrong


def load(path: Path) -> dict[str, Any]:
    return torch.load(path, map_location="cpu", weights_only=True)


def resume(trial: Trial, unbroken: Path) -> str:
    """Go on with a broken run; "equal" where it ends as the unbroken run did to the last bit, "close" where it only
    nearly does but Horovod's sums over more than two ranks have no fixed order, else what went wrong."""
    reference = unbroken_run(trial, unbroken)
    trial.mark = uuid.uuid4().hex
    done = subprocess.run(
        trial.command("--resume"),
        env=trial.environment,
        cwd=trial.folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=GIVE_UP_SECONDS,
        check=False,
    )
    if done.returncode != 1 or "Traceback" in done.stderr:  # the target is missed, as in the unbroken run
        return f"exit code {done.returncode}: {done.stderr[-500:]}"
    if list(trial.output.glob(".*.part")):
        return "half-written files stay"
    ours, theirs = curve(trial.log), curve(reference / "result_0.txt")
    same = ours == theirs and same_weights(load(trial.output / "checkpoint.pt"), load(reference / "checkpoint.pt"))
    if same:
        return "equal"
    near = ours.keys() == theirs.keys() and all(abs(ours[key][1] - theirs[key][1]) < 0.05 for key in ours)
    unordered = trial.backend == "horovod" and trial.ranks > 2
    return "close" if unordered and near else f"another curve: {ours} in place of {theirs}; {done.stderr[-1500:]}"


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
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same_weights(one[key], other[key]) for key in one)
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(same_weights, one, other))
    return torch.equal(one, other) if isinstance(one, torch.Tensor) else one == other
