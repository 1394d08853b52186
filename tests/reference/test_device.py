"""The training on another device than the CPU: on a pretended one everywhere, on a GPU where there is one.

The pretended one is torch's device without memory, in a mode in which tensors have a device and a shape but no values.
It refuses, as a GPU does, to compute with what was left on the CPU, and to hand its memory to numpy.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from on_device import batch_on, state_on, views
from space_groups import SCHEMA, counts_of, smoke_task
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode

from benchmark.crystals.simulate import ideal_patterns
from benchmark.data.manifest import read_manifest
from benchmark.data.reader import Part
from benchmark.definition.finder import load_benchmark
from benchmark.definition.request import RunRequest
from benchmark.definition.settings import read_settings
from benchmark.launch.rank import ALONE
from benchmark.simulation.cbed import CbedRung
from reference.checkpoint import load_checkpoint, save_checkpoint
from reference.comm import Solo, make_comm
from reference.comm_torch import TorchComm
from reference.input import TrainingSamples
from reference.samples import SamplesInMemory, SamplesStreamed
from reference.step import step
from reference.train import train
from reference.warm_up import warm_up

SMOKE = CbedRung.of(load_benchmark("space_group").rung("stemdl_smoke"))
PRETENDED = torch.device("meta")
needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Toys gain nothing by more, and much is lost where other tests keep the cores busy."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(autouse=True)
def autocast_of_the_pretended_device(monkeypatch: pytest.MonkeyPatch) -> None:
    """torch knows no autocast of it: it gets the CPU's, which is of no effect on it."""
    plain = torch.autocast
    monkeypatch.setattr(
        torch, "autocast", lambda kind, *rest, **more: plain("cpu" if kind == PRETENDED.type else kind, *rest, **more)
    )


@contextmanager
def pretended_device(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Tensors made in the block have no values; numpy gets zeros for those on the CPU, and no others."""

    def numpy(tensor: Tensor) -> np.ndarray:
        if tensor.device.type != "cpu":
            raise TypeError(f"can't convert {tensor.device} device type tensor to numpy")
        return np.zeros(tuple(tensor.shape), dtype=str(tensor.dtype).removeprefix("torch."))

    mode = FakeTensorMode(allow_non_fake_inputs=True)
    mode.allow_meta = True
    with monkeypatch.context() as patched, mode:
        patched.setattr(Tensor, "numpy", numpy)
        yield


def test_the_pretended_device_refuses_what_a_gpu_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    with pretended_device(monkeypatch):
        here, there = torch.ones(2, 2), torch.ones(2, 2, device=PRETENDED)
        for mixed in (
            lambda: here @ there,
            lambda: here + there,
            lambda: torch.cat([here, there]),
            lambda: torch.where(here > 0, there, there),
        ):
            with pytest.raises(RuntimeError, match="device"):
                mixed()
        with pytest.raises(TypeError, match="numpy"):
            there.numpy()
        assert there.cpu().numpy().shape == (2, 2)


@pytest.mark.parametrize(
    ("rung", "crystals"),
    [("stemdl_mini", 2), ("stemdl_small", 1), pytest.param("stemdl_full", 1, marks=pytest.mark.slow)],
)
def test_patterns_are_simulated_on_the_device_from_crystal_to_picture(
    rung: str, crystals: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    optics = CbedRung.of(load_benchmark("space_group").rung(rung)).optics
    settings = dataclasses.replace(optics.accuracy, tolerance=0.0)  # numbers of a pretended device choose nothing
    optics = dataclasses.replace(optics, accuracy=settings)
    with pretended_device(monkeypatch):
        found = ideal_patterns(views(rung, crystals), optics, device=str(PRETENDED))
    assert {pictures.shape for pictures in found} == {(1, optics.pixels, optics.pixels)}


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_step_and_the_warm_up_stay_on_the_device(precision: str) -> None:
    state, config = state_on(PRETENDED, f"precision={precision}")
    task = smoke_task()
    task.model = state.model
    run = SimpleNamespace(settings=config, manifest=SimpleNamespace(schema=SCHEMA), comm=Solo(), device=PRETENDED)
    warm_up(run, task, state.model, state.optimizer)
    loss = step(task, state.model, state.optimizer, batch_on(PRETENDED, 4), bf16=precision == "bf16")
    state.count(loss)
    tensors = [
        loss,
        state.loss_sum,
        *state.model.buffers(),
        *state.averaged.module.parameters(),
        *(value for each in state.optimizer.state.values() for name, value in each.items() if name != "step"),
    ]
    assert {tensor.device for tensor in tensors} == {PRETENDED}


def test_the_warm_up_leaves_all_as_it_was() -> None:
    state, config = state_on(torch.device("cpu"))
    task = smoke_task()
    task.model = state.model
    before = {name: value.clone() for name, value in state.model.state_dict().items()}
    numbers = torch.get_rng_state()
    run = SimpleNamespace(
        settings=config, manifest=SimpleNamespace(schema=SCHEMA), comm=Solo(), device=torch.device("cpu")
    )
    warm_up(run, task, state.model, state.optimizer)
    assert all(torch.equal(value, before[name]) for name, value in state.model.state_dict().items())
    assert not state.optimizer.state and all(each.grad is None for each in state.model.parameters())
    assert torch.equal(torch.get_rng_state(), numbers)


@pytest.mark.parametrize("kind", [SamplesInMemory, SamplesStreamed])
def test_batches_come_to_the_device_and_are_evaluated_there(
    kind: type, smoke_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    part = Part(read_manifest(smoke_data), "dev")
    patterns, labels = part.read_whole().values()

    class Known:
        """A part whose reading threads, which are outside of the mode, need no values."""

        schema = part.schema

        def __len__(self) -> int:
            return len(labels)

        def read_whole(self) -> dict[str, np.ndarray]:
            return {"cbed_stack": patterns, "space_group": labels}

        def read(self, chosen: np.ndarray, out: dict[str, np.ndarray]) -> None:
            out["space_group"][:] = labels[chosen]

    state, _ = state_on(PRETENDED)
    with pretended_device(monkeypatch):
        samples = kind(Known(), PRETENDED)
        for batch in TrainingSamples(samples, part.schema, smoke_task().augment, 1, 0).batches(1, 8, 3):
            assert {values.device for values in batch.values()} == {PRETENDED}
        tally = counts_of(state.averaged, samples, batch=25)
    assert tally.shape == (SMOKE.classes, SMOKE.classes)


@pytest.mark.parametrize("visible", [1, 4])
def test_a_rank_computes_on_its_own_gpu_by_default_too(visible: int, monkeypatch: pytest.MonkeyPatch) -> None:
    taken = []
    monkeypatch.setattr(torch.cuda, "set_device", taken.append)
    make_comm(
        read_settings(load_benchmark("space_group"), "stemdl_smoke"),
        ALONE,
        torch.device("cuda", visible - 1),
        Path(),
        60,
    )
    make_comm(read_settings(load_benchmark("space_group"), "stemdl_smoke"), ALONE, torch.device("cpu"), Path(), 60)
    assert taken == [torch.device("cuda", visible - 1)]


@pytest.mark.parametrize(
    ("backend", "device", "met_on"),
    [
        ("nccl", torch.device("cuda", 3), {"device_ids": [3]}),
        ("gloo", torch.device("cuda", 3), {}),
        ("gloo", torch.device("cpu"), {}),
    ],
)
def test_ranks_meet_on_their_own_gpus(backend: str, device: torch.device, met_on: dict, monkeypatch) -> None:
    """NCCL would otherwise guess the GPU from the rank's number, and two ranks could wait for each other on one."""
    met = []
    monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.distributed, "is_nccl_available", lambda: True)
    monkeypatch.setattr(torch.distributed, "barrier", lambda **how: met.append(how))
    comm = TorchComm(
        read_settings(load_benchmark("space_group"), "stemdl_smoke", None, (f"torch_backend={backend}",)),
        ALONE,
        device,
        Path(),
        60,
    )
    comm.barrier()
    comm.close()
    assert met == [met_on, met_on]


@pytest.mark.cuda
@needs_cuda
@pytest.mark.parametrize("rung", ["stemdl_mini", "stemdl_small"])
def test_a_gpu_makes_the_patterns_that_the_cpu_makes(rung: str) -> None:
    optics = CbedRung.of(load_benchmark("space_group").rung(rung)).optics
    seen = views(rung, 2)
    for found, right in zip(ideal_patterns(seen, optics, device="cuda:0"), ideal_patterns(seen, optics), strict=True):
        assert np.abs(found - right).sum() < 1e-3 * right.sum()


@pytest.mark.cuda
@needs_cuda
def test_steps_on_a_gpu_go_as_those_on_the_cpu() -> None:
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
    losses = []
    batch = batch_on(torch.device("cpu"), 8)
    for device in (torch.device("cpu"), torch.device("cuda:0")):
        state, _ = state_on(device)
        there = {name: values.to(device) for name, values in batch.items()}
        losses.append([float(step(smoke_task(), state.model, state.optimizer, there)) for _ in range(3)])
    assert losses[1] == pytest.approx(losses[0], rel=1e-3)


@pytest.mark.cuda
@needs_cuda
def test_a_checkpoint_of_a_gpu_is_read_on_the_cpu(tmp_path: Path) -> None:
    state, _ = state_on(torch.device("cuda:0"))
    save_checkpoint(tmp_path / "c.pt", state, Solo())
    fresh, _ = state_on(torch.device("cpu"))
    load_checkpoint(tmp_path / "c.pt", fresh, Solo())
    assert all(
        torch.equal(one, other.cpu())
        for one, other in zip(fresh.model.state_dict().values(), state.model.state_dict().values(), strict=True)
    )


@pytest.mark.cuda
@needs_cuda
@pytest.mark.parametrize("kind", [SamplesInMemory, SamplesStreamed])
def test_batches_on_a_gpu_are_those_on_the_cpu(kind: type, smoke_data: Path) -> None:
    part = Part(read_manifest(smoke_data), "train")
    here, there = (
        TrainingSamples(kind(part, torch.device(device)), part.schema, smoke_task().augment, 5, 1).batches(2, 7, 9)
        for device in ("cpu", "cuda:0")
    )
    for one, other in zip(here, there, strict=True):
        assert all(torch.equal(one[name], other[name].cpu()) for name in one)


@pytest.mark.cuda
@needs_cuda
@pytest.mark.parametrize("settings", [("precision=fp32",), ("precision=bf16",), ("memory_share=0",)])
def test_the_smoke_rung_is_trained_on_a_gpu(settings: tuple[str, ...], smoke_data: Path, tmp_path: Path) -> None:
    request = RunRequest(
        load_benchmark("space_group"),
        SMOKE,
        smoke_data,
        tmp_path / "run",
        seed=1,
        overrides=("device=cuda", "comm=solo", *settings),
    )
    assert train(request)
