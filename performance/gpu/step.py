"""What is measured, in pieces that are each recorded when done: items, of steps, in a setting."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

ROOT = Path(__file__).resolve().parents[2]
Figures = Mapping[str, "float | int | str"]
"""What was found, by what it is and its unit, such as "patterns/s"."""
T = TypeVar("T")


@dataclass(frozen=True)
class StepSetting:
    """Where it is measured.

    Attributes
    ----------
    dry : on the CPU at toy sizes, to see that it works; such figures are not measurements.
    work : a folder for data and runs, which later calls find again.
    ends : by `time.monotonic`, when this call has to be over.
    """

    dry: bool
    work: Path
    ends: float

    @property
    def device(self) -> str:
        return "cpu" if self.dry else "cuda:0"

    @property
    def kind(self) -> str:
        """Of the device, as the settings of the trainer name it."""
        return self.device.partition(":")[0]

    @property
    def cores(self) -> int:
        return 1 if self.dry else len(os.sched_getaffinity(0))

    def pick(self, real: T, toy: T) -> T:
        """The one for a measurement, or the one for a dry run."""
        return toy if self.dry else real

    def seconds_left(self) -> float:
        return self.ends - time.monotonic()


@dataclass(frozen=True)
class Item:
    """One measurement of a step. `seconds`: it is begun only where so much time is left."""

    name: str
    seconds: float
    measure: Callable[[], Figures]


@dataclass(frozen=True)
class Step:
    """Items that belong together. `lacks(setting)` says why it cannot be done here, or nothing."""

    name: str
    title: str
    seconds: float
    items: Callable[[StepSetting], Iterable[Item]]
    lacks: Callable[[StepSetting], str] = lambda setting: ""


class Failed(RuntimeError):
    """A measurement that could not be made; its words go into the record."""


def command(setting: StepSetting, *words: object, cwd: Path = ROOT, accepted: tuple[int, ...] = (0,)) -> str:
    """The standard output of a Python program of this environment, such as "-m", "benchmark", ...

    It is ended when this call's time is over. Raises Failed with the last lines of what it said where its exit code is
    none of `accepted`.
    """
    argv = [sys.executable, *map(str, words)]
    path = os.pathsep.join(filter(None, [str(Path(sys.executable).parent), os.environ.get("PATH")]))
    environment = os.environ | {"PATH": path, "PYTHONPATH": str(ROOT)}
    with process(argv, cwd=cwd, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as started:
        try:
            output, faults = started.communicate(timeout=max(1.0, setting.seconds_left()))
        except subprocess.TimeoutExpired as error:
            raise Failed(f"not done when the time was over: {' '.join(argv[1:])}") from error
    if started.returncode not in accepted:
        told = (output + faults).strip().splitlines()[-12:]
        raise Failed(f"exit code {started.returncode}: {' '.join(argv[1:])}\n" + "\n".join(told))
    return output


@contextmanager
def process(argv: list[str], **options: Any) -> Iterator[subprocess.Popen]:
    """A process that is gone when the block ends, with those that it started."""
    with subprocess.Popen(argv, stdin=subprocess.DEVNULL, start_new_session=True, **options) as started:
        try:
            yield started
        finally:
            with suppress(ProcessLookupError):
                os.killpg(started.pid, signal.SIGKILL)
