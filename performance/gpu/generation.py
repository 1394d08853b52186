"""Making the rungs' data, by the card and by all cores; the training steps take the mini rung's data from here."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np

from benchmark.data.manifest import read_manifest
from benchmark.data.reader import Part
from benchmark.foundation.files import sha256_of_file
from performance.gpu.step import Figures, Item, Step, StepSetting, command

TOY = Path(__file__).with_name("toy.yaml")
WORKERS_OF_A_CARD = 8
"""Processes that prepare crystals for one card."""


def rung_of(setting: StepSetting) -> str:
    """The rung that is trained, or the file of one that is made and trained in a moment."""
    return setting.pick("stemdl_mini", str(TOY))


def name_of(setting: StepSetting) -> str:
    """That rung's name."""
    return Path(rung_of(setting)).stem


def data_of(setting: StepSetting) -> Path:
    """That rung's data, made by the CPU, whose bytes are the standard's; made here where they are missing."""
    folder = setting.work / name_of(setting)
    if not (folder / "manifest.json").exists():
        _generate(setting, rung_of(setting), folder, "cpu")
    return folder


def _workers(setting: StepSetting, device: str) -> int:
    return setting.cores if device == "cpu" else min(setting.cores, WORKERS_OF_A_CARD)


def _generate(setting: StepSetting, rung: str, folder: Path, device: str, *more: str) -> str:
    return command(
        setting,
        "-m",
        "benchmark",
        "data",
        "generate",
        rung,
        "--output",
        folder,
        "--device",
        device,
        "--ranks",
        _workers(setting, device),
        "--format",
        "json",
        *more,
    )


def estimate_seconds(setting: StepSetting, rung: str, device: str) -> float:
    """For a whole rung, by timing a few of its crystals."""
    told = json.loads(_generate(setting, rung, setting.work / "estimate", device, "--dry-run"))
    return float(told["seconds"])


def _estimates(setting: StepSetting, rung: str) -> Figures:
    seconds = {device: estimate_seconds(setting, rung, device) for device in dict.fromkeys(("cpu", setting.kind))}
    return {
        "cores": setting.cores,
        "seconds for the whole rung by all cores": seconds["cpu"],
        "seconds for the whole rung by the card": seconds[setting.kind],
    }


def _by_the_card(setting: StepSetting) -> Path:
    return setting.work / f"{name_of(setting)}-by-the-card"


def _made(setting: StepSetting, folder: Path, device: str) -> Figures:
    """The whole of it, from nothing, processes' start included."""
    shutil.rmtree(folder, ignore_errors=True)
    started = time.perf_counter()
    _generate(setting, rung_of(setting), folder, device)
    seconds = time.perf_counter() - started
    manifest = read_manifest(folder)
    return {
        "seconds": seconds,
        "workers": _workers(setting, device),
        "samples": sum(manifest.samples.values()),
        "SHA-256 of the manifest": sha256_of_file(folder / "manifest.json")[:16],
    }


def _compared(setting: StepSetting) -> Figures:
    """The same samples made twice. Counts of electrons differ where a rounding moves a random number past its bound."""
    parts = [Part(read_manifest(folder), "dev", 0, 1) for folder in (data_of(setting), _by_the_card(setting))]
    (ours, labels), (theirs, others) = (part.read_whole().values() for part in parts)
    if not np.array_equal(labels, others):
        raise ValueError("the two have other labels")
    errors = np.abs(ours - theirs).sum(axis=(1, 2, 3)) / ours.sum(axis=(1, 2, 3))
    return {
        "samples": len(labels),
        "R1 of a sample, worst": float(errors.max()),
        "R1, mean": float(errors.mean()),
        "samples with the same bytes": int((errors == 0.0).sum()),
    }


def items(setting: StepSetting) -> Iterator[Item]:
    rung, card = name_of(setting), setting.kind
    yield Item(f"{rung} by all cores", 60, partial(_made, setting, setting.work / rung, "cpu"))
    yield Item(f"{rung} by the card", 60, partial(_made, setting, _by_the_card(setting), card))
    yield Item("the two compared", 10, partial(_compared, setting))
    for rung in setting.pick(("stemdl_mini", "stemdl_full"), (str(TOY),)):
        yield Item(f"{Path(rung).stem}, estimated", 40, partial(_estimates, setting, rung))


STEP = Step("generation", "Making data", 120, items)
