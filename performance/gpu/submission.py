"""Five closed runs on the card as a submission, judged and scored there."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import psutil

from performance.gpu.generation import data_of, name_of, rung_of
from performance.gpu.step import Failed, Figures, Item, Step, StepSetting, command

RUNS = 5


def described() -> dict[str, str]:
    """The fields of the system's description that no program can find out, for a machine that is lent by the hour."""
    return {
        "system_type": "virtual machine",
        "host_memory_configuration": f"N/A: a virtual machine with {psutil.virtual_memory().total / 2**30:.0f} GiB "
        "does not see its host's modules",
        "host_networking_topology": "N/A: a single node",
        "cooling": "N/A: a virtual machine does not see its host's cooling",
    }


def _sets(setting: StepSetting) -> list[Path]:
    """Of runs, in the order of their making. One that was cut off stays: their ledger has it."""
    return sorted((setting.work / "closed").glob("set-*"))


def _submission(setting: StepSetting) -> Path:
    return setting.work / "closed" / "submission"


def _runs(setting: StepSetting) -> Figures:
    runs = setting.work / "closed" / f"set-{time.time_ns()}"
    told = json.loads(
        command(
            setting,
            "-m",
            "benchmark",
            "run",
            "--rung",
            rung_of(setting),
            "--data",
            data_of(setting),
            "--ranks",
            "1",
            "--runs",
            setting.pick(RUNS, 2),
            "--set",
            f"device={setting.kind}",
            "--set",
            "division=closed",
            "--set",
            "org=reference",
            *setting.pick((), ("--set", "max_epochs=2")),
            "--output",
            runs,
            "--format",
            "json",
            accepted=(0, 1),
        )
    )
    records = told["records"]
    return {
        "runs": len(records),
        "that reached the target": sum(each["status"] == "success" for each in records),
        "seconds of each": ", ".join(f"{each['time_to_train_seconds']:.2f}" for each in records),
        "epochs of each": ", ".join(str(each["epochs"]) for each in records),
    }


def _submitted(setting: StepSetting) -> Figures:
    submission = _submission(setting)
    shutil.rmtree(submission, ignore_errors=True)
    fields = [word for name, text in described().items() for word in ("--describe", f"{name}={text}")]
    command(
        setting,
        "-m",
        "benchmark",
        "submit",
        *_sets(setting),
        "--output",
        submission,
        "--system",
        setting.pick("gpu", "dry"),
        *fields,
    )
    files = [path for path in submission.rglob("*") if path.is_file()]
    return {"files": len(files), "KiB": round(sum(path.stat().st_size for path in files) / 1024, 1)}


def _refused(setting: StepSetting) -> Figures:
    """Two short runs are not a submission, and the refusal has to say so."""
    try:
        _submitted(setting)
    except Failed as error:
        return {"refused": " ".join(str(error).split("\n", 1)[1].split())[:300]}
    raise Failed("two runs that missed the target were taken for a submission")


def _judged(setting: StepSetting) -> Figures:
    """What `validate` and `score` say of it; the folder stays, for the checkout."""
    submission = _submission(setting)
    judged, scores = (
        json.loads(command(setting, "-m", "benchmark", verb, submission, "--format", "json", accepted=(0, 1)))
        for verb in ("validate", "score")
    )
    kept = setting.work / "submission.tar.gz"
    shutil.make_archive(str(kept).removesuffix(".tar.gz"), "gztar", submission)
    return {
        "verdict": judged["verdict"],
        "findings": json.dumps(judged["findings"])[:400],
        **{
            f"minutes, {name}, {each['division']}": each[f"{name}_minutes"]
            for each in scores
            for name in ("raw", "score")
        },
    }


def items(setting: StepSetting) -> Iterator[Item]:
    yield Item(f"{name_of(setting)}, {setting.pick(RUNS, 2)} closed runs", 90, partial(_runs, setting))
    yield Item("submitted", 15, partial(setting.pick(_submitted, _refused), setting))
    if not setting.dry:
        yield Item("validated and scored", 30, partial(_judged, setting))


STEP = Step("submission", "Five runs of the closed division, submitted", 120, items)
