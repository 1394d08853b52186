"""Commands as documents have them, in this process, on rungs so small that each is over in a moment.

The code is the one that a user calls; what is small are the rungs' numbers of samples, and there is one epoch.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from made_here import made_here
from threadpoolctl import threadpool_limits

from benchmark.cli import run_rank
from benchmark.cli.main import main
from benchmark.definition import benchmark as definition
from benchmark.definition import finder
from benchmark.launch import cores
from benchmark.submission import run_driver
from benchmark.validation import official, standard

FEW_MATERIALS = {"space_groups": [2, 225], "materials_per_group": {"train": 4, "dev": 1, "test": 1}}
FEW_SCANS = {"samples": {"train": 4, "dev": 1, "test": 1}}
FEW_PICTURES = {"samples_per_class": {"train": 2, "dev": 2, "test": 1}, "atoms": 32}
FEW_PATTERNS = {
    "space_groups": [2, 62, 225],
    "patterns_per_group": {"train": 2, "dev": 1, "test": 1, "unseen": 0},
    "biased_patterns": 3,
}
ONE_THREAD = ("--set", "threads_per_rank=1")
LESS = (*ONE_THREAD, "--set", "global_batch_size=4", "--set", "max_epochs=1")
SMALL: Mapping[str, tuple[dict[str, Any], dict[str, int] | None, int]] = {
    **dict.fromkeys(
        ("stemdl_smoke", "stemdl_mini", "stemdl_mini_v2"), (FEW_MATERIALS, {"train": 8, "dev": 2, "test": 2}, 2)
    ),
    "space_group_multi_smoke": (
        {**FEW_MATERIALS, "materials_per_group": {"train": 2, "dev": 1, "test": 1}},
        {"train": 8, "dev": 4, "test": 4},
        2,
    ),
    **dict.fromkeys(("density_smoke", "density_mini"), (FEW_SCANS, None, 0)),
    "fingerprints_smoke": (FEW_PICTURES, {"train": 14, "dev": 14, "test": 7}, 7),
    "fingerprints_unsupervised_smoke": (
        {**FEW_PICTURES, "samples_per_class": {"train": 10, "dev": 2, "test": 1}},  # a method has 64 landmarks
        {"train": 70, "dev": 14, "test": 7},
        7,
    ),
    "fingerprints_small": (
        {**FEW_PICTURES, "space_groups": [2, 225], "samples_per_class": {"train": 8, "dev": 2, "test": 2}},
        {"train": 16, "dev": 4, "test": 4},
        2,
    ),
    "powder_smoke": (FEW_PATTERNS, {"train": 6, "dev": 3, "test": 6}, 3),
}
"""For each rung what differs in its recipe, how many samples follow from that, and how many classes."""


def shrunk(values: dict[str, Any]) -> dict[str, Any]:
    """A definition with the small rungs."""
    rungs = dict(values["rungs"])
    samples, classes = dict(values.get("samples", {})), dict(values.get("classes", {}))
    for name in rungs.keys() & SMALL.keys():
        recipe, counts, number = SMALL[name]
        rungs[name] = {**rungs[name], **recipe}
        if counts:
            samples[name], classes[name] = counts, number
    small = {**values, "rungs": rungs}
    return {**small, **({"samples": samples, "classes": classes} if samples else {})}


def raised(error: BaseException, rank: int) -> None:
    """In place of what ends a rank's process."""
    raise error


def trained_here(argv: list[str], output: Path | None, started: Any) -> tuple[int, str]:
    """In place of a launcher and its rank: the rank's own command, in this process. As `run_driver._wait_for`."""
    module = argv.index("-m")
    variables = dict(each.split("=", 1) for each in argv[1:module] if "=" in each)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in variables.items():
            patch.setenv(name, value)
        patch.setattr(run_rank, "_leave", raised)
        return main(argv[module + 2 :]), ""


def forget() -> None:
    """What has been read of the definitions, which others read next."""
    finder._read.cache_clear()
    standard._standards.cache_clear()


@contextmanager
def small_rungs() -> Iterator[None]:
    """Meanwhile shipped rungs are small, and runs and data are made in this process, on one rank of one thread. The
    official checker, a process of its own, is not asked."""
    shipped, threads = definition.shipped_yaml, torch.get_num_threads()
    with pytest.MonkeyPatch.context() as patch, made_here(), threadpool_limits(1):
        patch.setattr(definition, "shipped_yaml", lambda path: shrunk(shipped(path)))
        patch.setattr(run_driver, "_wait_for", trained_here)
        patch.setattr(official, "check_log", lambda path: official.OfficialVerdict(True, "", ()))
        patch.setattr(run_driver, "has_mpirun", lambda: False)
        patch.setattr(cores, "usable_cores", lambda: 1)
        patch.setattr(cores, "affordable_cores", lambda: 1)
        forget()
        try:
            yield
        finally:
            forget()
            torch.set_num_threads(threads)


def typed(command: str) -> int:
    """The exit code of a command of a document, with one rank for two and, of what learns by gradients, one epoch."""
    words = shlex.split(command.replace(" --ranks 2", " --ranks 1"))
    less = ONE_THREAD if "unsupervised" in command else LESS
    return main([*words, *less] if words[0] == "run" else words)
