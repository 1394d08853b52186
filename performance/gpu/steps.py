"""All steps, in the order of their worth; those of tasks are found by name."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from types import ModuleType

import performance.tasks
from benchmark.foundation.errors import StemdlError
from performance.gpu import (
    generation,
    horovod,
    power,
    profile,
    ranks,
    rates,
    reading,
    simulation,
    small,
    submission,
    suite,
    training,
)
from performance.gpu.step import Step

STEPS: tuple[Step, ...] = (
    suite.STEP,
    rates.STEP,
    simulation.STEP,
    generation.STEP,
    training.STEP,
    submission.STEP,
    profile.STEP,
    power.STEP,
    reading.STEP,
    ranks.STEP,
    horovod.STEP,
    small.STEP,
)


def all_steps(tasks: ModuleType = performance.tasks) -> Iterator[Step]:
    """The steps above, then one of each module of performance/tasks. Raises StemdlError for a module without one."""
    yield from STEPS
    for found in sorted(pkgutil.iter_modules(tasks.__path__), key=lambda found: found.name):
        name = f"{tasks.__name__}.{found.name}"
        step = getattr(importlib.import_module(name), "STEP", None)
        if not isinstance(step, Step):
            raise StemdlError("a task's measurement has no STEP", where=name, expected="a performance.gpu.step.Step")
        yield step
