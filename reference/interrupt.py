"""How all ranks come to end at the same step: asked to by a signal to any of them, or since a loss is not finite.

A batch system tells a job by a signal that its time is nearly up. One rank may hear it steps before another does, and a
rank that stops alone leaves the others waiting. So every few steps the ranks add up what they know; nobody waits for
the sum, which is looked at when the next one is begun.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from benchmark.definition.request import CHECKPOINT
from benchmark.foundation.errors import Interrupted, TrainingDiverged
from reference.checkpoint import DIVERGED, State, save_checkpoint
from reference.comm import Comm
from reference.notice import Notice

CHECK_STEPS = 10
"""All ranks end at most twice as many steps after the first of them knew why."""


class Agreement:
    """What all ranks know together. Its methods are called by all ranks at the same steps; they keep the state in the
    run's folder `output` and then raise, on all alike:

    Interrupted, where a rank was given notice; TrainingDiverged, where a rank's loss or the weights are not finite.
    """

    def __init__(self, comm: Comm, notice: Notice, output: Path) -> None:
        self._comm, self._notice, self._output = comm, notice, output
        self._recent: deque[Tensor] = deque(maxlen=2 * CHECK_STEPS)
        self._asked: Callable[[], Tensor] | None = None

    def after_step(self, state: State, loss: Tensor) -> None:
        """Counts a step, with this rank's loss in it; called after each."""
        self._recent.append(loss)
        if state.step % CHECK_STEPS:
            return
        answer, self._asked = self._asked, None
        if answer:
            self._judge(state, answer())
        self._asked = self._comm.sum_later(self._own(state))

    def after_epoch(self, state: State) -> float:
        """Ends an epoch after its last step: the sum of the losses of all ranks over its steps."""
        if self._asked:
            self._asked()
            self._asked = None
        weights = torch.stack([each.detach().sum() for each in state.model.parameters()]).sum()
        own = torch.cat([state.loss_sum[None], self._own(state, also=weights)]).cpu()
        total, *known = self._comm.sum(own)
        self._judge(state, torch.stack(known))
        return float(total)

    def _own(self, state: State, also: Tensor | None = None) -> Tensor:
        """Whether this rank has notice, and whether its losses (and what is given) are not finite: 0 or 1."""
        finite = state.loss_sum if also is None else state.loss_sum + also
        return torch.stack(
            [
                torch.full_like(state.loss_sum, self._notice.heard is not None),
                (~torch.isfinite(finite)).to(state.loss_sum.dtype),
            ]
        )

    @property
    def _remedy(self) -> str:
        return f"lower learning_rate; the state is kept in {self._output / DIVERGED}"

    def _judge(self, state: State, known: Tensor) -> None:
        warned, diverged = (bool(each) for each in known)
        if diverged:
            save_checkpoint(self._output / DIVERGED, state, self._comm)
            self._tell_divergence(state)
        if warned:
            save_checkpoint(self._output / CHECKPOINT, state, self._comm)
            heard = self._notice.heard.name if self._notice.heard else "a signal to another rank"
            raise Interrupted(
                f"the run was asked to end ({heard}), and has kept its state",
                where=state.place,
                remedy=f"go on with the same command and --resume --output {self._output}",
            )

    def _tell_divergence(self, state: State) -> None:
        """Raises with the first step among the recent ones where a rank's loss was NaN or infinite, and the ranks."""
        first = next((number for number, loss in enumerate(self._recent) if not math.isfinite(loss)), None)
        steps = torch.full((self._comm.size,), 0, dtype=torch.int64)
        steps[self._comm.rank] = 0 if first is None else state.step - len(self._recent) + 1 + first
        steps = self._comm.sum(steps).tolist()
        found = [step for step in steps if step]
        if not found:
            raise TrainingDiverged("the weights are not finite", where=state.place, remedy=self._remedy)
        ranks = [rank for rank, step in enumerate(steps) if step == min(found)]
        where = f"epoch {state.epoch + 1}, step {min(found)}, rank{'s' if len(ranks) > 1 else ''}"
        own = float(self._recent[first]) if first is not None else math.nan
        raise TrainingDiverged(f"the loss is {own}", where=f"{where} {_listed(ranks)}", remedy=self._remedy)


def _listed(ranks: list[int]) -> str:
    """Such as '0, 1, 2' or '0, 1, ... 26 more'."""
    shown = ", ".join(map(str, ranks[:8]))
    return shown if len(ranks) <= 8 else f"{shown} and {len(ranks) - 8} more"
