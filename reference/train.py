"""Trains whatever learns by gradients until its metric reaches the goal, on the clock.

    stemdl run --rung stemdl_smoke                                   # the reference's model of that rung
    stemdl run --rung stemdl_smoke --trainer my_model.py:make_task   # another one, in the same loop

Reads from top to bottom. What a model is, its loss and its predictions are the task's (task.py); settings, ranks, log
and clock are the session's (session.py). All ranks run the same lines.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import partial
from typing import Any

from torch import nn

from benchmark.definition.request import RunRequest
from benchmark.definition.settings import Settings
from benchmark.events import keys
from reference.answer import answerer
from reference.average import average_buffers, average_of
from reference.checkpoint import State, go_on, save_checkpoint, zero_on
from reference.comm import backend_of
from reference.evaluate import evaluate
from reference.explain import explainer
from reference.input import TrainingSamples, local_batch, steps_per_epoch
from reference.interrupt import Agreement
from reference.notice import Notice
from reference.optimizer import learning_rate_at, make_optimizer, require_optimizer, set_learning_rate
from reference.run import Run
from reference.run_log import of_gradients, progress_line
from reference.samples import InOrder
from reference.session import clock, opened, record, record_test
from reference.step import step
from reference.task import LookingTask, MakeTask, Task
from reference.warm_up import warm_up

__all__ = ["answerer", "explainer", "require_possible", "train"]


def require_possible(settings: Mapping[str, Any], train_samples: int, ranks: int) -> None:
    """Raises StemdlError for settings that so many samples and ranks cannot be trained by: what the ranks would find
    themselves, each on its own and with the data made already."""
    steps_per_epoch(train_samples, settings["global_batch_size"], ranks)
    backend_of(Settings.of(settings), ranks, torchrun=False, on_cpu=True)
    require_optimizer(settings["optimizer"])
    Notice(settings["warning_signals"])


def train(request: RunRequest, make_task: MakeTask | None = None) -> bool:
    """One run, called by every rank; whether the goal was reached, the same on all of them.

    `make_task` makes another task than the reference's, in the open division. Leaves the log, the resolved
    configuration and, where the settings ask for it, a checkpoint in `request.output`. Raises StemdlError for wrong
    settings or data, a loss that is not finite, and disks that are full.
    """
    with opened(request, require_possible) as run:
        task: Task = run.task(make_task, ("model", "loss", "predict", "augment"))
        averaged = average_of(task.model.to(run.device), run.settings.weight_averaging)
        model, optimizer = run.comm.distribute(task.model, make_optimizer(task.model, run.settings))
        warm_up(run, task, model, optimizer)
        state = State(task.model, averaged, optimizer, run.seed, loss_sum=zero_on(run.device))
        if request.resume:
            go_on(run, state)
        steps = steps_per_epoch(run.manifest.samples["train"], run.settings.global_batch_size, run.comm.size)
        with clock(run, of_gradients(run.settings, steps)) as data:
            chances = None
            if isinstance(task, LookingTask):
                chances = task.look(InOrder(data.train, run.settings.eval_batch_size), run.comm.sum)
            samples = TrainingSamples(data.train, run.manifest.schema, task.augment, state.seed, run.comm.rank, chances)
            agreement = Agreement(run.comm, run.notice, request.output)
            predict = partial(task.predict, state.averaged)
            for epoch in range(state.epoch + 1, run.settings.max_epochs + 1):
                with run.log.interval("epoch", epoch_num=epoch):
                    stats = _train_epoch(run, task, model, state, samples, agreement)
                run.log.point(keys.TRACKED_STATS, stats, epoch_num=epoch, step_num=epoch * steps)
                run.watch.at(f"the evaluation of epoch {epoch}")
                with run.log.interval("eval", epoch_num=epoch):
                    average_buffers(state.averaged, run.comm)
                    value = evaluate(run, predict, data.dev, "dev").value
                record(run, epoch, value, epoch * steps * run.settings.global_batch_size)
                state.finish_epoch()
                if run.settings.checkpoint:
                    save_checkpoint(request.checkpoint, state, run.comm)
                run.say(progress_line(run, epoch, value))  # whoever sees it can go on from there
                if run.reached:
                    break
        run.watch.at("the evaluation of the test split")
        record_test(run, evaluate(run, predict, data.test, "test"))
    return run.reached


def _train_epoch(
    run: Run, task: Task, model: nn.Module, state: State, samples: TrainingSamples, agreement: Agreement
) -> dict[str, float]:
    """One pass over this rank's part, or what is left of it; all ranks' samples per second, and their mean loss.
    `model` may be a wrapper around `state.model`. Raises what `Agreement` raises, on all ranks at the same step."""
    settings, comm, epoch = run.settings, run.comm, state.epoch + 1
    batch = local_batch(settings.global_batch_size, comm.rank, comm.size)
    steps = steps_per_epoch(run.manifest.samples["train"], settings.global_batch_size, comm.size)
    # Gradients are averaged over the ranks: so weighted they are that of the mean over the global batch.
    weight = batch * comm.size / settings.global_batch_size
    started, first = time.monotonic(), state.step
    model.train()
    with run.say.progress(f"epoch {epoch}", steps, "steps") as advance:
        for each in samples.batches(epoch, batch, steps, first):
            run.watch.at(f"epoch {epoch}, step {state.step + 1}")
            done, of = state.epoch * steps + state.step, settings.max_epochs * steps
            rate = learning_rate_at(done, of, settings.learning_rate, settings.warmup_fraction)
            set_learning_rate(state.optimizer, rate)
            loss = step(task, model, state.optimizer, each, weight, bf16=settings.precision == "bf16")
            state.count(loss)
            advance(state.step)
            agreement.after_step(state, loss)
            if settings.checkpoint_every_steps and state.step % settings.checkpoint_every_steps == 0:
                save_checkpoint(run.request.checkpoint, state, comm)
    mean_loss = agreement.after_epoch(state) / (steps * comm.size)
    seconds = time.monotonic() - started
    return {keys.THROUGHPUT: (steps - first) * settings.global_batch_size / seconds, "loss": mean_loss}
