"""Fits what is learnt without gradients: from the whole training split at once, in one epoch.

A definition that names it, `trainer: reference.fit:fit`, has a task that is a `FittedTask` (task.py), and none of the
settings that are of gradients. Ranks, log, clock and evaluation are those of every run (session.py).
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from benchmark.definition.request import RunRequest
from benchmark.definition.settings import Settings
from benchmark.events import keys
from benchmark.foundation.errors import StemdlError
from reference.comm import backend_of
from reference.evaluate import evaluate
from reference.run_log import progress_line
from reference.samples import InOrder
from reference.session import clock, opened, record, record_test
from reference.task import FittedTask, MakeTask


def require_possible(settings: Mapping[str, Any], train_samples: int, ranks: int) -> None:
    """Raises StemdlError for settings by which so many ranks cannot be joined, and for fewer samples than ranks."""
    if train_samples < ranks:
        raise StemdlError(
            "a rank would have no sample", where="--ranks", expected=f"at most {train_samples}", found=ranks
        )
    backend_of(Settings.of(settings), ranks, torchrun=False, on_cpu=True)


def fit(request: RunRequest, make_task: MakeTask | None = None) -> bool:
    """One run, called by every rank; whether the goal was reached, the same on all of them.

    `make_task` makes another task than the reference's, in the open division. Leaves the log and the resolved
    configuration in `request.output`, and no checkpoint. Raises StemdlError for wrong settings or data, and for a run
    that is to be resumed.
    """
    if request.resume:
        raise StemdlError("what is fitted at once cannot be resumed", where="--resume", remedy="start the run again")
    with opened(request, require_possible) as run:
        task: FittedTask = run.task(make_task, ("fit", "predict"))
        samples = run.manifest.samples["train"]
        with clock(run) as data:
            run.watch.at("the fit")
            with run.log.interval("epoch", epoch_num=1):
                started = time.monotonic()
                task.fit(InOrder(data.train, run.settings.eval_batch_size), run.comm.sum)
                seconds = time.monotonic() - started
            run.log.point(keys.TRACKED_STATS, {keys.THROUGHPUT: samples / seconds}, epoch_num=1, step_num=1)
            run.watch.at("the evaluation")
            with run.log.interval("eval", epoch_num=1):
                value = evaluate(run, task.predict, data.dev, "dev").value
            record(run, 1, value, samples)
            run.say(progress_line(run, 1, value))
        run.watch.at("the evaluation of the test split")
        record_test(run, evaluate(run, task.predict, data.test, "test"))
    return run.reached
