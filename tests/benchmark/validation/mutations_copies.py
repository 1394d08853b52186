"""The corpus of bad submissions: runs that are other runs with other digits, in a set and from set to set."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from changes import OF_A_RUN, after, taken_from_run_0
from corpus import DESCRIPTION, RESULTS, Mutation
from honest_run import SYSTEM


def as_another_system(folder: Path) -> None:
    """The same logs as results of a second system, described as the first."""
    shutil.copytree(folder / "results" / SYSTEM, folder / "results" / "a-second")
    described = json.loads((folder / DESCRIPTION).read_text())
    (folder / "systems" / "a-second.json").write_text(json.dumps({**described, "system_name": "a-second"}))


def as_weak_scaling(folder: Path) -> None:
    shutil.copytree(folder / RESULTS, folder / RESULTS.replace("strong", "weak"))


COPIES = (
    Mutation("a copy, a number changed by a millionth", "R4.6", taken_from_run_0(*OF_A_RUN[:3], by=1e-6)),
    Mutation("a copy, all numbers changed by a thousandth", "R4.6", taken_from_run_0(*OF_A_RUN, by=5e-4)),
    Mutation("the losses of another run", "R4.6", taken_from_run_0("the losses")),
    Mutation("the losses of another run, in other digits", "R4.6", taken_from_run_0("the losses", by=1e-5)),
    Mutation("the losses of another run, rounded", "R4.6", taken_from_run_0("the losses", digits=5), invalid=False),
    Mutation("the scores of another run", "R4.6", taken_from_run_0("the scores")),
    Mutation("the scores of another run, in other digits", "R4.6", taken_from_run_0("the scores", by=1e-6)),
    Mutation("the samples/s of another run", "R4.6", taken_from_run_0("the samples/s", "the times")),
    Mutation("five runs made of one", "R4.6", taken_from_run_0(*OF_A_RUN, by=1e-4, into=(1, 2, 3, 4))),
    Mutation("four runs made of one", "R4.6", taken_from_run_0(*OF_A_RUN[:3], by=1e-4, into=(1, 2, 3))),
    Mutation("the same logs as a second system", "R4.6", after(as_another_system)),
    Mutation("the same logs as weak scaling", "R4.6", after(as_weak_scaling)),
)
