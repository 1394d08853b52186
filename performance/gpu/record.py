"""A step's record: one JSON file, written after each item, so that a broken-off step goes on where it stopped."""

from __future__ import annotations

import json
import math
import os
import platform
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmark.foundation.errors import StemdlError
from benchmark.foundation.files import write_json
from performance.gpu.step import Failed, Item, Step, StepSetting

RECORDS = Path(__file__).resolve().parents[1] / "records"
"""In it a folder for each machine that was measured."""


def machine(setting: StepSetting) -> dict[str, Any]:
    """What a figure depends on, besides the code."""
    import numpy
    import torch

    about = {
        "card": "none, a dry run",
        "cores": setting.cores,
        "processor": _processor(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": numpy.__version__,
    }
    if not setting.dry:
        properties = torch.cuda.get_device_properties(0)
        about |= {
            "card": properties.name,
            "card_memory_gib": round(properties.total_memory / 2**30, 1),
            "cuda": torch.version.cuda,
            "driver": _driver(),
        }
    return about


def slug(name: str) -> str:
    """A folder's name for a card's, such as nvidia-h100-80gb-hbm3."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


@dataclass(frozen=True)
class Record:
    """One step on one machine. `items` hold `figures` and `seconds`, or a `fault`, by name in the order of the step."""

    step: str
    machine: dict[str, Any]
    dry: bool
    items: dict[str, dict[str, Any]]
    complete: bool = False


def read_record(path: Path) -> Record:
    """Raises StemdlError for a file that is not a record."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        return Record(values["step"], values["machine"], values["dry"], values["items"], values["complete"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StemdlError(
            "this is not a record of a GPU measurement", where=path, found=error, remedy="move it away"
        ) from error


def read_records(folder: Path = RECORDS) -> Iterator[Record]:
    """All measurements of all machines, in a fixed order; dry runs are left out."""
    for path in sorted(folder.glob("*/*.json")):
        record = read_record(path)
        if not record.dry:
            yield record


def measure(step: Step, setting: StepSetting, folder: Path, about: dict[str, Any]) -> Record:
    """Measure what is left of a step and keep it in `folder`; items that failed before are tried again, last.

    An item that fails is recorded with its fault, and the others go on, unless it broke the device for this process:
    then they are left to the next. The step is complete when all items have figures. Raises StemdlError where the
    folder holds records of another machine.
    """
    path = folder / f"{step.name}.json"
    items: dict[str, dict[str, Any]] = {}
    if path.exists():
        before = read_record(path)
        if (before.dry, before.machine["card"]) != (setting.dry, about["card"]):
            raise StemdlError(
                "a record of another machine is in the way",
                where=path,
                expected=about["card"],
                found=before.machine["card"],
                remedy="--output to a folder of its own",
            )
        items = before.items
    wanted = list(step.items(setting))
    for item in sorted(wanted, key=lambda item: item.name in items):
        if "figures" in items.get(item.name, {}) or setting.seconds_left() < item.seconds:
            continue
        items[item.name] = _measured(item)
        _write(path, Record(step.name, about, setting.dry, items))
        if "fault" in items[item.name] and not _answers(setting):
            break
    items = {item.name: items[item.name] for item in wanted if item.name in items}
    record = Record(
        step.name, about, setting.dry, items, complete=all("figures" in items.get(item.name, {}) for item in wanted)
    )
    _write(path, record)
    return record


def _measured(item: Item) -> dict[str, Any]:
    started = time.monotonic()
    try:
        figures = dict(item.measure())
        odd = {name: value for name, value in figures.items() if isinstance(value, float) and not math.isfinite(value)}
        found: dict[str, Any] = {"fault": f"not finite: {odd}"} if odd else {"figures": figures}
    except (
        Failed,
        RuntimeError,
        StemdlError,
        ValueError,
        OSError,
        ImportError,
        AttributeError,
        TypeError,
        KeyError,
        AssertionError,
    ) as error:  # on a machine that is lent for minutes the other items are not to be lost
        found = {"fault": f"{type(error).__name__}: {error}"[:2000]}
    return found | {"seconds": round(time.monotonic() - started, 3)}


def _answers(setting: StepSetting) -> bool:
    """Whether the device computes still: after some faults it refuses all that this process asks."""
    import torch

    try:
        return float(torch.ones(2, device=setting.device).sum()) == 2.0
    except RuntimeError:
        return False


def _write(path: Path, record: Record) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_json(
        path,
        {
            "step": record.step,
            "dry": record.dry,
            "machine": record.machine,
            "complete": record.complete,
            "items": record.items,
        },
    )


def _processor() -> str:
    found = re.search(r"^model name\s*: (.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return found[1] if found else platform.machine()


def _driver() -> str:
    from benchmark.launch.node import output_of

    told = output_of(["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]) or ""
    return told.split("\n")[0].strip() or os.environ.get("NVIDIA_DRIVER_VERSION", "unknown")
