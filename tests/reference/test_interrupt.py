"""All ranks end at the same step, whichever of them hears of it and when; and a loss that became NaN or infinite is
located."""

from __future__ import annotations

import math
import os
import signal
import tempfile
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from patience import HANG_SECONDS

from benchmark.definition.request import CHECKPOINT
from benchmark.foundation.errors import Interrupted, StemdlError, TrainingDiverged
from reference.checkpoint import DIVERGED, State
from reference.interrupt import CHECK_STEPS, Agreement
from reference.notice import Notice


class Meeting:
    """Ranks that are threads of this process: sums over them."""

    def __init__(self, size: int) -> None:
        self.size, self.barrier, self.given = size, threading.Barrier(size), [torch.zeros(())] * size


class Threaded:
    """One rank of a meeting, as a `Comm`."""

    def __init__(self, meeting: Meeting, rank: int) -> None:
        self.meeting, self.rank, self.size = meeting, rank, meeting.size

    def sum(self, values: torch.Tensor) -> torch.Tensor:
        self.meeting.given[self.rank] = values
        self.meeting.barrier.wait(HANG_SECONDS)
        total = sum(self.meeting.given[1:], self.meeting.given[0])
        self.meeting.barrier.wait(HANG_SECONDS)
        return total

    def sum_later(self, values: torch.Tensor) -> Callable[[], torch.Tensor]:
        return lambda: self.sum(values)


def state_here() -> State:
    model = torch.nn.Linear(2, 2)
    return State(model, model, torch.optim.SGD(model.parameters()), seed=1)


def ended(size: int, steps: int, heard: dict[int, int], losses: Callable[[int, int], float] = lambda *_: 1.0) -> list:
    """Two epochs of so many steps on `size` ranks, of which some hear a signal just before a step, counted over both
    epochs: what each rank ended with, the loss sum or the error, which has the state that was kept."""
    meeting, folder = Meeting(size), tempfile.TemporaryDirectory()

    def rank(number: int) -> object:
        notice, state = Notice(""), state_here()
        agreement = Agreement(Threaded(meeting, number), notice, Path(folder.name))
        total = 0.0
        try:
            for epoch in range(2):
                state.epoch, state.step, state.loss_sum = epoch, 0, torch.zeros((), dtype=torch.float64)
                for step in range(1, steps + 1):
                    if heard.get(number) == epoch * steps + step:
                        notice.heard = signal.SIGUSR1
                    loss = torch.tensor(losses(number, epoch * steps + step))
                    state.loss_sum += loss.double()
                    state.step += 1
                    agreement.after_step(state, loss)
                total += agreement.after_epoch(state)
        except StemdlError as error:
            return error
        return total

    with folder, ThreadPoolExecutor(size) as pool:
        ends = [future.result(HANG_SECONDS) for future in [pool.submit(rank, each) for each in range(size)]]
        for each in ends:
            if isinstance(each, StemdlError):
                kept = Path(folder.name) / (DIVERGED if isinstance(each, TrainingDiverged) else CHECKPOINT)
                each.kept = torch.load(kept, weights_only=True)
                assert str(folder.name) in each.remedy and len(each.kept["of_ranks"]) == size
    return ends


@settings(deadline=None, max_examples=40)
@given(st.data(), st.integers(1, 3), st.integers(1, 45))
def test_all_ranks_end_at_one_step_soon_after_the_first_has_heard(data: st.DataObject, size: int, steps: int):
    heard = data.draw(st.dictionaries(st.integers(0, size - 1), st.integers(1, 2 * steps), min_size=1))
    ends = ended(size, steps, heard)
    assert all(isinstance(each, Interrupted) for each in ends)
    places = {each.where for each in ends}
    assert len(places) == 1
    epoch, step = (int(word.rstrip(",")) for word in places.pop().split()[1::2])
    first, at = min(heard.values()), (epoch - 1) * steps + step
    assert first <= at < first + 2 * CHECK_STEPS
    assert {(each.kept["epoch"] + 1, each.kept["step"]) for each in ends} == {(epoch, step)}


def test_ranks_that_hear_nothing_get_the_sum_of_all_losses():
    assert ended(3, 25, {}, lambda rank, step: float(rank)) == [2 * 25 * (0.0 + 1.0 + 2.0)] * 3


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 3), st.integers(1, 45), st.data())
def test_the_first_loss_that_is_no_number_is_placed(size: int, steps: int, data: st.DataObject):
    rank, at = data.draw(st.integers(0, size - 1)), data.draw(st.integers(1, 2 * steps))
    bad = data.draw(st.sampled_from([math.nan, math.inf, -math.inf]))

    def losses(number: int, step: int) -> float:
        return bad if step > at or (step, number) == (at, rank) else 1.0  # one step later all ranks have it

    ends = ended(size, steps, {}, losses)
    epoch, step = divmod(at - 1, steps)
    assert all(isinstance(each, TrainingDiverged) for each in ends)
    assert {each.where for each in ends} == {f"epoch {epoch + 1}, step {step + 1}, rank {rank}"}
    assert DIVERGED in str(ends[0])


def test_weights_that_are_no_numbers_are_found_at_the_end_of_the_epoch(tmp_path: Path):
    state = state_here()
    with torch.no_grad():
        state.model.weight[0, 0] = math.nan
    agreement = Agreement(Threaded(Meeting(1), 0), Notice(""), tmp_path)
    with pytest.raises(TrainingDiverged, match="the weights are not finite"):
        agreement.after_epoch(state)


def test_signals_are_heard_within_the_block_and_left_as_they_were_after_it():
    before = signal.getsignal(signal.SIGUSR1)
    with Notice("TERM USR1") as notice:
        assert notice.heard is None
        os.kill(os.getpid(), signal.SIGUSR1)
        assert notice.heard is signal.SIGUSR1
    assert signal.getsignal(signal.SIGUSR1) is before


@pytest.mark.parametrize("names", ["USR3", "KILL", "TERM STOP", "SIGUSR1"])
def test_what_is_no_signal_to_listen_for_is_refused(names: str):
    with pytest.raises(StemdlError, match="no such signal"):
        Notice(names)
