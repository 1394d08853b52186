"""One rank of a run, as a value: what the parts of a trainer hand on to each other."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from benchmark.data.manifest import Manifest
from benchmark.definition.goal import Goal
from benchmark.definition.request import RunRequest
from benchmark.definition.settings import Settings
from benchmark.events.log import EventLog
from benchmark.foundation.errors import StemdlError
from benchmark.launch.rank import Rank
from benchmark.launch.watchdog import Watch
from benchmark.metrics.metric import Metric
from reference.comm import Comm
from reference.notice import Notice
from reference.speaker import Speaker
from reference.task import MakeTask, reference_task


@dataclass
class Run:
    """One rank of a run, from its opening to its end.

    Attributes
    ----------
    comm : what joins the ranks. watch : ends the job where one of them hangs. notice : whether a signal was heard.
    say : rank 0's voice on the terminal.
    tallies : by split what its last evaluation counted, over all ranks.
    seed, token : the same on all ranks; the seed is logged, the token is new in each run.
    started : when the clock started, on this process's own. reached : whether the goal is.
    """

    request: RunRequest
    settings: Settings
    manifest: Manifest
    metric: Metric
    rank: Rank
    device: torch.device
    comm: Comm
    watch: Watch
    notice: Notice
    log: EventLog
    say: Speaker
    seed: int = 0
    token: int = 0
    started: float = 0.0
    reached: bool = False
    tallies: dict[str, NDArray[np.int64]] = field(default_factory=dict)

    @property
    def goal(self) -> Goal:
        """The goal of the run's rung."""
        return self.request.benchmark.goal_at(self.request.rung.name)

    def task(self, make: MakeTask | None, needs: Iterable[str]) -> Any:
        """The benchmark's task, or the one that `make` makes instead of it: the same on all ranks. Raises StemdlError
        where it lacks something that the trainer `needs`."""
        torch.manual_seed(self.seed)
        task = (make or reference_task(self.request.benchmark))(self.manifest.schema, self.settings.to_dict())
        if missing := [name for name in needs if not hasattr(task, name)]:
            raise StemdlError(
                f"the task has no {' and no '.join(missing)}",
                where=self.request.trainer if make else self.request.benchmark.task_folder,
                expected=", ".join(needs),
                found=type(task).__name__,
            )
        return task
