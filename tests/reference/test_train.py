"""The loops, in this process and on one rank, with tasks of a dozen lines: a regression, of which less is better."""

from __future__ import annotations

import dataclasses
import itertools
import os
import signal
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from benchmark.definition.benchmark import Benchmark, Measured
from benchmark.definition.finder import load_benchmark
from benchmark.definition.goal import AT_MOST, Goal
from benchmark.definition.request import RunRequest
from benchmark.definition.sample import Field, SampleSchema
from benchmark.events import keys
from benchmark.events.reader import Event, read_events
from benchmark.foundation.errors import Interrupted, StemdlError, TrainingDiverged
from reference import session
from reference.checkpoint import DIVERGED
from reference.fit import fit, require_possible
from reference.samples import Splits
from reference.speaker import Speaker
from reference.task import Batch
from reference.train import train

CPU, COUNTS = torch.device("cpu"), {"train": 64, "dev": 20, "test": 20}
SCHEMA = SampleSchema((Field("profile", (5,)),), (Field("slope", ()),))


class Toy:
    """A weighted sum of the inputs is to be found."""

    def __init__(self, schema: SampleSchema, settings: dict) -> None:
        self.model = nn.Linear(schema.inputs[0].shape[0], 1)

    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        return F.mse_loss(self.predict(model, batch)["slope"], batch["slope"])

    def predict(self, model: nn.Module, batch: Batch) -> Batch:
        return {"slope": model(batch["profile"]).squeeze(1)}

    def augment(self, batch: Batch, generator: np.random.Generator) -> Batch:
        noise = torch.from_numpy(generator.normal(0.0, 1e-3, batch["profile"].shape).astype(np.float32))
        return {**batch, "profile": batch["profile"] + noise}


class ToyFit:
    """The same, by the normal equations."""

    def __init__(self, schema: SampleSchema, settings: dict) -> None:
        self.weights = torch.zeros(schema.inputs[0].shape[0])

    def fit(self, batches: Iterable[Batch], total: Callable[[Tensor], Tensor]) -> None:
        gram, right = torch.zeros(5, 5), torch.zeros(5)
        for batch in itertools.chain(batches):
            gram += batch["profile"].T @ batch["profile"]
            right += batch["profile"].T @ batch["slope"]
        self.weights = torch.linalg.solve(total(gram), total(right))

    def predict(self, batch: Batch) -> Batch:
        assert batch.keys() == {"profile"}, "a prediction is made from inputs alone"
        return {"slope": batch["profile"] @ self.weights}


class Made:
    """Samples of one split, made from a seed."""

    device = CPU

    def __init__(self, split: str) -> None:
        generator = torch.Generator().manual_seed(len(split))
        self.profile = torch.rand(COUNTS[split], 5, generator=generator)
        self.slope = self.profile @ torch.arange(5.0)

    def __len__(self) -> int:
        return len(self.slope)

    def batches(self, choices: Iterable) -> Iterator[Batch]:
        for chosen in choices:
            which = torch.as_tensor(np.asarray(chosen))
            yield {"profile": self.profile[which], "slope": self.slope[which]}


@pytest.fixture
def request_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., RunRequest]:
    """A request of a run on made samples: what reads and compares data and nodes is left out."""
    shipped = load_benchmark("space_group")
    manifest = SimpleNamespace(
        schema=SCHEMA, samples=COUNTS, rung="stemdl_smoke", sha256="0" * 64, recipe_sha256="0" * 64, standard=False
    )

    @contextmanager
    def splits(*_: object) -> Iterator[Splits]:
        yield Splits(Made("train"), Made("dev"), Made("test"), in_memory=True, staged_bytes=0)

    monkeypatch.setattr(session, "_data_of", lambda request: manifest)
    monkeypatch.setattr(session, "samples_of", lambda manifest, split: manifest.samples[split])
    monkeypatch.setattr(session, "opened_splits", splits)
    monkeypatch.setattr(session, "require_fit_ranks", lambda run: None)

    def made(*overrides: str, target: float = 0.65, by_gradients: bool = True, **more: object) -> RunRequest:
        benchmark: Benchmark = dataclasses.replace(
            shipped,
            measured=Measured("mean_error", ("slope",)),
            goal=Goal("eval_error", AT_MOST, 0.0, low=0.0, test_key="test_error"),  # of other rungs
            goals={"stemdl_smoke": Goal("eval_error", AT_MOST, target, low=0.0, test_key="test_error")},
            task_folder=tmp_path,
            by_gradients=by_gradients,
        )
        settings = ("threads_per_rank=1", "device=cpu", *overrides)
        rung = benchmark.rung("stemdl_smoke")
        return RunRequest(benchmark, rung, tmp_path, tmp_path / "run", seed=3, overrides=settings, **more)

    return made


def values_of(request: RunRequest, key: str) -> list[float]:
    return [event.value for event in read_events(request.log) if event.key == key]


def order_of(request: RunRequest) -> list[str]:
    return [event.key for event in read_events(request.log)]


SPED_UP = ("learning_rate=0.1", "global_batch_size=8", "max_epochs=30", "weight_averaging=0.5", "weight_decay=0")


def test_a_regression_is_trained_until_its_error_is_small_enough(request_of: Callable):
    request = request_of(*SPED_UP)
    assert train(request, Toy) is True
    *missed, reached = values_of(request, "eval_error")
    assert missed and all(value > 0.65 for value in missed) and reached <= 0.65
    assert 0.0 < values_of(request, "test_error")[0] < 1.3
    events: list[Event] = read_events(request.log)
    (stop,) = (event for event in events if event.key == keys.RUN_STOP)
    assert stop.metadata[keys.STATUS] == keys.SUCCESS
    assert order_of(request)[-1] == "test_error" and order_of(request)[-2] == keys.RUN_STOP
    assert not {keys.EVAL_ACCURACY, keys.F1_MACRO, keys.TEST_F1_MACRO} & set(order_of(request))
    per_epoch = [keys.EPOCH_START, keys.EPOCH_STOP, keys.TRACKED_STATS, keys.EVAL_START, keys.EVAL_STOP, "eval_error"]
    begun = order_of(request).index(keys.EPOCH_START)
    assert order_of(request)[begun:-2] == per_epoch * (len(missed) + 1)


def test_a_goal_that_is_missed_ends_the_run_after_its_last_epoch(request_of: Callable):
    request = request_of(*SPED_UP, "max_epochs=2", target=1e-9)
    assert train(request, Toy) is False
    assert len(values_of(request, "eval_error")) == 2
    (stop,) = (event for event in read_events(request.log) if event.key == keys.RUN_STOP)
    assert stop.metadata[keys.STATUS] == keys.ABORTED and keys.INTERRUPTED not in stop.metadata


@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
def test_a_run_taken_up_within_an_epoch_goes_on_to_the_same_bits(
    request_of: Callable, optimizer: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    """Random numbers of the augmentation, order, optimizer, averages and the mean loss: all are restored."""
    settings = (*SPED_UP, f"optimizer={optimizer}", "learning_rate=0.02", "max_epochs=4", "checkpoint_every_steps=1")
    whole = request_of(*settings, target=1e-9)
    train(whole, Toy)
    unbroken = torch.load(whole.checkpoint, weights_only=True)
    expected = values_of(whole, "eval_error"), values_of(whole, "test_error")
    whole.output.rename(tmp_path / "whole")

    class Power(Exception):
        pass

    class Failing(Toy):
        steps = 0

        def loss(self, model: nn.Module, batch: Batch) -> Tensor:
            Failing.steps += 1
            if Failing.steps == 3 + 8 + 5:  # of the warm-up, of the first epoch, and in the second
                raise Power
            return super().loss(model, batch)

    with pytest.raises(Power):
        train(whole, Failing)
    again = request_of(*settings, target=1e-9, resume=True)
    train(again, Toy)
    assert (values_of(again, "eval_error"), values_of(again, "test_error")) == expected
    state = torch.load(again.checkpoint, weights_only=True)
    assert str(state) == str(unbroken)
    (resumed,) = (event for event in read_events(again.log) if event.key == keys.RESUMED)
    assert (resumed.value, resumed.metadata[keys.STEP_NUM]) == (1, 4)


def test_an_epoch_that_is_shown_is_one_to_go_on_from(request_of: Callable, monkeypatch: pytest.MonkeyPatch):
    kept: list[tuple[str, int]] = []
    request = request_of(*SPED_UP, "max_epochs=3", target=1e-9)

    def say(self: Speaker, text: str) -> None:
        if text.startswith("epoch "):
            kept.append((text.split()[1], torch.load(request.checkpoint, weights_only=True)["epoch"]))

    monkeypatch.setattr(Speaker, "__call__", say)
    train(request, Toy)
    assert kept == [("1", 1), ("2", 2), ("3", 3)]


def test_a_loss_that_is_not_finite_stops_the_clock_and_keeps_the_state(request_of: Callable):
    class Diverging(Toy):
        steps = 0

        def loss(self, model: nn.Module, batch: Batch) -> Tensor:
            Diverging.steps += 1
            return super().loss(model, batch) * (float("inf") if Diverging.steps > 3 + 5 else 1.0)

    request = request_of(*SPED_UP)
    with pytest.raises(TrainingDiverged, match="the loss is inf"):
        train(request, Diverging)
    (stop,) = (event for event in read_events(request.log) if event.key == keys.RUN_STOP)
    assert stop.metadata[keys.STATUS] == keys.ABORTED and (request.output / DIVERGED).is_file()


def test_a_signal_stops_the_clock_and_keeps_the_state(request_of: Callable):
    class Warned(Toy):
        def loss(self, model: nn.Module, batch: Batch) -> Tensor:
            os.kill(os.getpid(), signal.SIGUSR1)
            return super().loss(model, batch)

    request = request_of(*SPED_UP)
    with pytest.raises(Interrupted, match="--resume"):
        train(request, Warned)
    (stop,) = (event for event in read_events(request.log) if event.key == keys.RUN_STOP)
    assert stop.metadata == stop.metadata | {keys.STATUS: keys.ABORTED, keys.INTERRUPTED: True}
    assert torch.load(request.checkpoint, weights_only=True)["epoch"] == 0


def test_what_needs_no_gradients_is_fitted_in_one_epoch(request_of: Callable):
    request = request_of(by_gradients=False, target=1e-3)
    assert fit(request, ToyFit) is True
    assert len(values_of(request, "eval_error")) == 1 and values_of(request, "test_error")[0] < 1e-3
    assert values_of(request, keys.GLOBAL_BATCH_SIZE) == [64]
    assert not {keys.OPT_NAME, keys.OPT_BASE_LR, keys.OPT_WEIGHT_DECAY} & set(order_of(request))
    (config,) = values_of(request, keys.CONFIG)
    assert not {"learning_rate", "max_epochs", "optimizer", "global_batch_size"} & config.keys()
    assert {path.name for path in request.output.iterdir()} == {"result_0.txt", "config.yaml", "tallies.json"}


def test_a_fit_is_not_resumed_and_needs_a_sample_for_each_rank(request_of: Callable):
    with pytest.raises(StemdlError, match="cannot be resumed"):
        fit(request_of(by_gradients=False, resume=True), ToyFit)
    with pytest.raises(StemdlError, match="a rank would have no sample"):
        require_possible({"comm": "auto"}, 3, 4)


def test_a_task_that_is_not_whole_is_refused_before_the_clock(request_of: Callable):
    with pytest.raises(StemdlError, match="the task has no loss and no augment") as caught:
        train(request_of(), lambda schema, settings: SimpleNamespace(model=nn.Linear(5, 1), predict=None))
    assert "model, loss, predict, augment" in str(caught.value)
    with pytest.raises(StemdlError, match="the task has no fit"):
        fit(dataclasses.replace(request_of(by_gradients=False), index=1), Toy)


def test_a_task_that_does_not_predict_what_is_measured_is_refused(request_of: Callable):
    class Elsewhere(ToyFit):
        def predict(self, batch: Batch) -> Batch:
            return {"offset": batch["profile"].sum(dim=1)}

    with pytest.raises(StemdlError, match="the task predicts no slope"):
        fit(request_of(by_gradients=False), Elsewhere)


def test_an_evaluation_that_misses_a_sample_ends_the_run(request_of: Callable, monkeypatch: pytest.MonkeyPatch):
    request = request_of(by_gradients=False)
    monkeypatch.setattr(Made, "__len__", lambda self: len(self.slope) - 1)
    with pytest.raises(StemdlError, match="did not see every sample once"):
        fit(request, ToyFit)


def test_the_same_seed_learns_the_same(request_of: Callable, tmp_path: Path):
    losses = []
    for name in ("one", "two"):
        request = request_of(*SPED_UP, "max_epochs=3", target=1e-9)
        train(request, Toy)
        losses.append([event.value["loss"] for event in read_events(request.log) if event.key == keys.TRACKED_STATS])
        request.output.rename(tmp_path / name)
    assert losses[0] == losses[1] and len(losses[0]) == 3


def test_the_loops_know_no_task() -> None:
    """No word of a task, of a metric or of the form of its samples."""
    folder = Path(session.__file__).parent
    words = ("cross_entropy", "cbed", "projection", "space_group", "macro", "confusion", "argmax", "pixels")
    for path in folder.glob("*.py"):
        text = path.read_text(encoding="utf-8").lower()
        assert not [word for word in words if word in text], path.name
