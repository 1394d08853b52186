"""The card's power by the meter that runs use, against the driver's own count of energy and readings of its power."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import torch

from benchmark.launch.power import Sampler
from benchmark.launch.power_meters import Nvml
from performance.gpu.generation import data_of, name_of, rung_of
from performance.gpu.step import Figures, Item, Step, StepSetting
from performance.gpu.timing import synchronize
from performance.gpu.training import run


class PretendedNvml:
    """A card that draws 100 W, for a dry run."""

    class NVMLError(Exception):
        pass

    def nvmlInit(self) -> None:
        self._began = time.monotonic()

    def nvmlDeviceGetCount(self) -> int:
        return 1

    def nvmlDeviceGetHandleByIndex(self, index: int) -> int:
        return index

    def nvmlDeviceGetPowerUsage(self, device: int) -> int:
        return 100_000

    def nvmlDeviceGetTotalEnergyConsumption(self, device: int) -> int:
        return round(100_000 * (time.monotonic() - self._began))


def _nvml(setting: StepSetting) -> Any:
    if setting.dry:
        nvml: Any = PretendedNvml()
    else:
        import pynvml as nvml
    nvml.nvmlInit()
    return nvml


def _load(setting: StepSetting, seconds: float, busy: bool, between: Callable[[], None]) -> None:
    """Products of matrices, or nothing, for so long; `between` is called about ten times per second."""
    size = setting.pick(8192, 64)
    square = torch.randn(size, size, device=setting.device)
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        again = time.monotonic() + 0.1
        while time.monotonic() < again:
            if busy:
                square @ square
                synchronize(setting.device)
            else:
                time.sleep(0.01)
        between()


def _compared(setting: StepSetting, busy: bool) -> Figures:
    """Joules as a run's meter makes them (mean power times the time of each reading), by the driver's counter before
    and after, and by the trapezium rule of the power read ten times per second."""
    nvml = _nvml(setting)
    card = nvml.nvmlDeviceGetHandleByIndex(0)
    times: list[float] = []
    watts: list[float] = []

    def read() -> None:
        times.append(time.monotonic())
        watts.append(nvml.nvmlDeviceGetPowerUsage(card) / 1e3)

    sampler = Sampler(Nvml(nvml))
    before = nvml.nvmlDeviceGetTotalEnergyConsumption(card)
    with sampler:
        read()
        _load(setting, setting.pick(15.0, 1.0), busy, read)
        read()
    counted = (nvml.nvmlDeviceGetTotalEnergyConsumption(card) - before) / 1e3
    if sampler.fault is not None:
        raise sampler.fault
    edges = [sampler.started_ms, *(reading.time_ms for reading in sampler.readings)]
    metered = sum(
        reading.watts * (edge - last) / 1e3
        for reading, last, edge in zip(sampler.readings, edges, edges[1:], strict=False)
    )
    pairs = zip(times, times[1:], watts, watts[1:], strict=False)
    read_joules = sum((after - early) * (one + other) / 2 for early, after, one, other in pairs)
    return {
        "seconds": times[-1] - times[0],
        "J by a run's meter": metered,
        "J by the driver's counter": counted,
        "J by power read 10 times per second": read_joules,
        "meter / counter": metered / counted,
        "W on average": metered / ((edges[-1] - edges[0]) / 1e3),
        "W at most": max(watts),
        "processor seconds of the meter": sampler.cpu_seconds,
    }


def _of_a_run(setting: StepSetting) -> Figures:
    """A run with `--power nvml`: what its record says, and the driver's counter around the whole command."""
    nvml = _nvml(setting)
    card = nvml.nvmlDeviceGetHandleByIndex(0)
    before = nvml.nvmlDeviceGetTotalEnergyConsumption(card)
    answer = run(setting, rung_of(setting), data_of(setting), "power", more=("--seed", "1", "--power", "nvml"))
    counted = (nvml.nvmlDeviceGetTotalEnergyConsumption(card) - before) / 1e3
    record = answer["records"][0]
    return {
        "J of the run by its record": record["energy_joules"],
        "seconds of the run": record["time_to_train_seconds"],
        "J of the whole command by the driver's counter": counted,
        "seconds of the whole command": answer["wall_seconds"],
    }


def items(setting: StepSetting) -> Iterator[Item]:
    yield Item("idle", 18, partial(_compared, setting, False))
    yield Item("busy with products", 18, partial(_compared, setting, True))
    if not setting.dry:
        yield Item(f"{name_of(setting)} with --power nvml", 45, partial(_of_a_run, setting))


def lacks(setting: StepSetting) -> str:
    if setting.dry or Path("/dev/nvidiactl").exists():
        return ""
    return "the driver's device files are not here"


STEP = Step("power", "Power", 60, items)
