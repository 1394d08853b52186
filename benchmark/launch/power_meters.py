"""What can measure a node's power: RAPL's counters, NVML, nvidia-smi.

RAPL counts processors and their memory, NVML accelerators; neither counts fans, disks, network or the loss of the power
supply.
"""

from __future__ import annotations

import importlib.util
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar, Protocol

from benchmark.foundation.errors import StemdlError
from benchmark.launch.node import Command, output_of

POWERCAP = Path("/sys/class/powercap")


class Meter(Protocol):
    """What measures power. `covers` says of what."""

    covers: ClassVar[str]

    def watts(self) -> float:
        """The mean power since the last call, where energy is counted; otherwise the power now. Raises StemdlError
        where it cannot be read."""


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
        """Energy since this meter was made. A counter that is lower than before has wrapped around after its range,
        once: a range lasts for minutes."""
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
    """All NVIDIA accelerators of this node, asked again each time: for nodes without nvidia-ml-py. Raises StemdlError
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
