"""The power that a node draws while a run lasts, from what can measure it: RAPL's counters, NVML, nvidia-smi.

RAPL counts processors and their memory, NVML accelerators; neither counts fans, disks, network or the loss of the power
supply. What a meter at the socket says comes as a file, see `read_readings`.
"""

from __future__ import annotations

import csv
import importlib.util
import shutil
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, Protocol

from benchmark.foundation.errors import StemdlError
from benchmark.launch.node import Command, output_of

POWERCAP = Path("/sys/class/powercap")
SECONDS_BETWEEN_READINGS = 0.5
"""The rules ask for one a second at least (MLPerf Training power measurement rules)."""


@dataclass(frozen=True)
class Reading:
    """`watts` on average from the reading before (or from the start of sampling) to `time_ms`, since 1970."""

    time_ms: int
    watts: float


class Meter(Protocol):
    """What measures power. `covers` says of what."""

    covers: ClassVar[str]

    def watts(self) -> float:
        """The mean power since the last call, where energy is counted; else the power now. Raises StemdlError where it
        cannot be read."""


class _Counters:
    """Turns counted joules into watts."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._last: tuple[float, float] | None = None

    def mean_watts(self, joules: float) -> float:
        """The mean power since the last call; 0 at the first, which begins the measurement."""
        now = self._clock()
        last, self._last = self._last, (now, joules)
        return 0.0 if last is None or now <= last[0] else (joules - last[1]) / (now - last[0])


class Rapl:
    """Energy counters of processor packages, and of memory where it has its own, in microjoules (Linux, Documentation/
    power/powercap). Raises StemdlError where there are none or they may not be read."""

    covers = "processors and memory, by RAPL"

    def __init__(self, root: Path = POWERCAP, clock: Callable[[], float] = time.monotonic) -> None:
        self._zones = [zone for zone in sorted(root.glob("intel-rapl:*")) if _counts(zone)]
        if not self._zones:
            raise StemdlError(
                "this node has no RAPL counters",
                where=root,
                expected="intel-rapl:0/energy_uj",
                remedy="--power nvml, or a file of a meter; virtual machines often hide them",
            )
        self._ranges = [_counter(zone / "max_energy_range_uj") for zone in self._zones]
        self._last = [_counter(zone / "energy_uj") for zone in self._zones]
        self._joules = 0.0
        self._mean = _Counters(clock)

    def watts(self) -> float:
        """See `Meter.watts`."""
        return self._mean.mean_watts(self.joules())

    def joules(self) -> float:
        """Energy since this meter was made. A counter that is lower than before has begun anew after its range, once:
        a range lasts for minutes."""
        for place, zone in enumerate(self._zones):
            now = _counter(zone / "energy_uj")
            gone = now - self._last[place]
            self._joules += (gone if gone >= 0 else gone + self._ranges[place]) / 1e6
            self._last[place] = now
        return self._joules


def _counts(zone: Path) -> bool:
    """Packages and memory. Cores and graphics are parts of a package, and psys has packages as its part."""
    name = (zone / "name").read_text().strip() if (zone / "name").is_file() else ""
    return name.startswith("package") or name == "dram"


def _counter(path: Path) -> int:
    try:
        return int(path.read_text())
    except PermissionError as error:
        raise StemdlError(
            "RAPL's counters may not be read",
            where=path,
            remedy="ask an administrator for chmod a+r of them: since Linux 5.10 they are root's alone",
        ) from error
    except (OSError, ValueError) as error:
        raise StemdlError("RAPL's counter cannot be read", where=path, found=error) from error


class Nvml:
    """All NVIDIA accelerators of this node by their driver: energy counted where they can (Volta and later), else the
    power now. Needs nvidia-ml-py. Raises StemdlError where there are none."""

    covers = "accelerators, by NVML"

    def __init__(self, nvml: Any = None, clock: Callable[[], float] = time.monotonic) -> None:
        if nvml is None:
            import pynvml as nvml
        self._nvml = nvml
        try:
            nvml.nvmlInit()
            self._devices = [nvml.nvmlDeviceGetHandleByIndex(index) for index in range(nvml.nvmlDeviceGetCount())]
        except nvml.NVMLError as error:
            raise StemdlError(
                "NVML cannot be used", found=error, remedy="--power rapl, or a file of a meter"
            ) from error
        if not self._devices:
            raise StemdlError("NVML sees no accelerator", remedy="--power rapl, or a file of a meter")
        try:
            self._joules()
            self._counts_energy = True
        except nvml.NVMLError:
            self._counts_energy = False
        self._mean = _Counters(clock)

    def watts(self) -> float:
        """See `Meter.watts`."""
        try:
            if self._counts_energy:
                return self._mean.mean_watts(self._joules())
            return sum(self._nvml.nvmlDeviceGetPowerUsage(device) for device in self._devices) / 1000
        except self._nvml.NVMLError as error:
            raise StemdlError("NVML cannot be read", found=error) from error

    def _joules(self) -> float:
        return sum(self._nvml.nvmlDeviceGetTotalEnergyConsumption(device) for device in self._devices) / 1000


class NvidiaSmi:
    """All NVIDIA accelerators of this node, asked anew each time: for nodes without nvidia-ml-py. Raises StemdlError
    where nvidia-smi says no power."""

    covers = "accelerators, by nvidia-smi"

    def __init__(self, command: Command = output_of) -> None:
        self._command = command
        self.watts()

    def watts(self) -> float:
        """See `Meter.watts`."""
        text = self._command(["nvidia-smi", "--query-gpu=power.draw", "--format=csv,noheader,nounits"])
        try:
            return sum(map(float, (text or "nothing").split()))
        except ValueError as error:
            raise StemdlError(
                "nvidia-smi tells no power", found=text, remedy="--power rapl, or a file of a meter"
            ) from error


class Sum:
    """Several meters as one."""

    covers = "the sum of several"

    def __init__(self, meters: list[Meter]) -> None:
        self._meters = meters
        self.covers = " and ".join(meter.covers for meter in meters)  # type: ignore[misc]

    def watts(self) -> float:
        """See `Meter.watts`."""
        return sum(meter.watts() for meter in self._meters)


def is_meter(name: str) -> bool:
    """Whether `--power` names meters of the node, and no file."""
    return set(name.split("+")) <= {"rapl", "nvml"}


def make_meter(name: str) -> Meter:
    """The meter of that name: rapl, nvml, or rapl+nvml. Raises StemdlError where this node has none."""
    meters: list[Meter] = []
    for each in name.split("+"):
        if each == "rapl":
            meters.append(Rapl())
        elif importlib.util.find_spec("pynvml") is not None:
            meters.append(Nvml())
        elif shutil.which("nvidia-smi"):
            meters.append(NvidiaSmi())
        else:
            raise StemdlError(
                "there is nothing to ask NVIDIA's accelerators with",
                where="--power nvml",
                remedy="pip install nvidia-ml-py, or --power rapl, or a file of a meter",
            )
    return meters[0] if len(meters) == 1 else Sum(meters)


class Sampler:
    """Reads a meter in a thread of its own while the block lasts, every `seconds`; once more at the end.

    Attributes
    ----------
    readings : what was read. started_ms : the time since 1970 at which the first of them begins.
    cpu_seconds : what the sampling itself took of the processor. fault : why it broke off, if it did; a run goes on
        without it.
    """

    def __init__(self, meter: Meter, seconds: float = SECONDS_BETWEEN_READINGS) -> None:
        self._meter, self._seconds = meter, seconds
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._sample, name="power", daemon=True)
        self.readings: list[Reading] = []
        self.started_ms = 0
        self.cpu_seconds = 0.0
        self.fault: StemdlError | None = None

    def __enter__(self) -> Sampler:
        self._meter.watts()  # counters begin here; one that cannot be read is told before the run
        self.started_ms = _now_ms()
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._ended.set()
        self._thread.join()

    def _sample(self) -> None:
        last = False
        while not last:
            last = self._ended.wait(self._seconds)
            try:
                watts = self._meter.watts()
            except StemdlError as error:
                self.fault = error
                break
            self.readings.append(Reading(_now_ms(), watts))
        self.cpu_seconds = time.thread_time()


def read_readings(path: Path, fewest: int = 2) -> list[Reading]:
    """The readings of a meter at the socket: a CSV file of time and watts, with or without a heading. Times are seconds
    since 1970, or dates by ISO 8601 with their offset from UTC; they increase.

    Raises StemdlError with file:line.
    """
    readings: list[Reading] = []
    try:
        with open(path, newline="", encoding="utf-8") as handle:
            for number, row in enumerate(csv.reader(handle), 1):
                if not row or (number == 1 and len(row) > 1 and not _is_number(row[-1])):
                    continue
                readings.append(_reading(row, f"{path}:{number}"))
                if len(readings) > 1 and readings[-1].time_ms <= readings[-2].time_ms:
                    raise StemdlError("the times do not increase", where=f"{path}:{number}", found=row[0])
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise StemdlError("the power readings cannot be read", where=path, found=error) from error
    if len(readings) < fewest:
        raise StemdlError("there are too few power readings", where=path, expected="two lines of time,watts at least")
    return readings


def _reading(row: list[str], where: str) -> Reading:
    try:
        time_text, watts = row[0].strip(), float(row[1])
        seconds = float(time_text) if _is_number(time_text) else _timestamp(time_text)
        if not 0 <= seconds < 1e11 or not 0 <= watts < 1e9:
            raise ValueError("a number out of range")
        return Reading(round(seconds * 1000), watts)
    except (ValueError, IndexError) as error:
        raise StemdlError(
            "this is no power reading",
            where=where,
            expected="time,watts",
            found=f"{','.join(row)} ({error})",
            remedy="times in seconds since 1970, or like 2026-01-31T12:00:00+00:00",
        ) from error


def _timestamp(text: str) -> float:
    parsed = datetime.fromisoformat(text.replace("Z", "+00:00"))
    if parsed.tzinfo is None:
        raise ValueError("no offset from UTC")
    return parsed.timestamp()


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
