"""On 1, 2 and 3 real ranks, joined by either backend: one metric to the last bit, and one gradient."""

from __future__ import annotations

import functools
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from sklearn.metrics import f1_score
from space_groups import counts_of, smoke_task
from torch.nn import functional as F

from benchmark.data.manifest import read_manifest
from benchmark.data.reader import Part
from benchmark.definition.finder import load_benchmark
from benchmark.definition.settings import Settings
from benchmark.foundation.errors import StemdlError
from benchmark.metrics.confusion import Confusion
from benchmark.metrics.metric import make_metric
from reference.comm import Solo
from reference.evaluate import evaluate
from reference.samples import SamplesInMemory
from reference.speaker import Speaker
from reference.tasks.space_group.model import SymmetryNet

pytestmark = [pytest.mark.mpi, pytest.mark.slow]
SCRIPT = Path(__file__).with_name("rank_script.py")
CPU = torch.device("cpu")
GLOBAL_BATCH, STEPS, RATE, SMOOTHING = 32, 3, 0.5, 0.05
Results = list[dict[str, np.ndarray]]


TUNED = {("horovod", 3): "autotune=true", ("torch", 2): "fusion_mib=0", ("torch", 3): "fusion_mib=0.01"}
"""Settings of the exchange that must change nothing."""


@pytest.fixture(scope="module")
def erring(smoke_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The weights of a trained network that never answers with the last class: it errs however well it has learnt."""
    model = torch.load(smoke_run / "checkpoint.pt", weights_only=True)["model"]
    model["head.bias"][-1] = -1e6
    path = tmp_path_factory.mktemp("erring") / "checkpoint.pt"
    torch.save({"model": model}, path)
    return path


@pytest.fixture(scope="module")
def of_ranks(
    mpirun: Callable, python: Path, smoke_data: Path, erring: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str, int], Results]:
    """What each rank of a backend found, in the order of the ranks."""

    @functools.cache
    def found(backend: str, size: int) -> Results:
        if backend == "horovod":
            pytest.importorskip("horovod")
        folder = tmp_path_factory.mktemp(f"{backend}{size}")
        settings = (f"comm={backend}", TUNED.get((backend, size), "fusion_mib=25"))
        done = mpirun(size, python, SCRIPT, smoke_data, erring, folder, *settings)
        assert done.returncode == 0, done.stderr
        results = [dict(np.load(folder / f"{rank}.npz")) for rank in range(size)]
        assert [(str(each["comm"]), int(each["rank"]), int(each["size"])) for each in results] == [
            (backend, rank, size) for rank in range(size)
        ]
        return results

    return found


@pytest.fixture(
    scope="module",
    params=[("horovod", 2), ("horovod", 3), ("torch", 2), ("torch", 3)],
    ids=lambda each: f"{each[0]}-{each[1]}",
)
def results(request: pytest.FixtureRequest, of_ranks: Callable) -> Results:
    return of_ranks(*request.param)


@pytest.fixture(scope="module")
def alone(smoke_data: Path, erring: Path) -> dict[str, Confusion]:
    """The counts of the same network on the one rank that this process is."""
    manifest = read_manifest(smoke_data)
    model = SymmetryNet(5)
    model.load_state_dict(torch.load(erring, weights_only=True)["model"])
    return {
        split: Confusion(counts_of(model, SamplesInMemory(Part(manifest, split), CPU))) for split in ("train", "dev")
    }


@pytest.mark.parametrize("split", ["train", "dev"])
def test_the_metric_is_the_same_to_the_last_bit_on_any_number_of_ranks(results: Results, alone: dict, split: str):
    for rank in results:
        assert np.array_equal(rank[f"{split}_counts"], alone[split].counts)
        assert str(rank[f"{split}_f1"]) == alone[split].macro_f1().hex()


@pytest.mark.parametrize("split", ["train", "dev"])
def test_the_metric_is_that_of_the_gathered_predictions(results: Results, smoke_data: Path, split: str):
    labels, predictions = (
        np.concatenate([rank[f"{split}_{name}"] for rank in results]) for name in ("labels", "predictions")
    )
    _, whole = Part(read_manifest(smoke_data), split).read_whole().values()
    assert np.array_equal(np.sort(labels), np.sort(whole))  # every sample, each once
    expected = f1_score(labels, predictions, average="macro")
    assert set(predictions) == set(range(4)) and 0.4 < expected <= 0.8  # of five classes one is never found
    assert float.fromhex(str(results[0][f"{split}_f1"])) == pytest.approx(expected, abs=1e-12)


@pytest.fixture(scope="module")
def descent(smoke_data: Path) -> tuple[SymmetryNet, list[float], float]:
    """Plain descent in one process along the mean loss of the whole batch, from the weights of rank 0: the network,
    its losses, and the farthest that a weight moved."""
    torch.manual_seed(1000)
    model = SymmetryNet(5, width=4).eval()
    before = {name: each.detach().clone() for name, each in model.named_parameters()}
    patterns, labels = map(torch.from_numpy, Part(read_manifest(smoke_data), "train").read_whole().values())
    losses = []
    for step in range(STEPS):
        batch = slice(step * GLOBAL_BATCH, (step + 1) * GLOBAL_BATCH)
        loss = F.cross_entropy(model(patterns[batch]), labels[batch], label_smoothing=SMOOTHING)
        model.zero_grad()
        loss.backward()
        losses.append(loss.item())
        with torch.no_grad():
            for parameter in model.parameters():
                parameter -= RATE * parameter.grad
    return model, losses, max((each - before[name]).abs().max().item() for name, each in model.named_parameters())


def test_steps_of_uneven_shares_are_those_of_the_global_batch(results: Results, descent: tuple):
    model, losses, moved = descent
    assert moved > 1e-2  # a thousand times what the comparison lets pass
    close = partial(np.testing.assert_allclose, rtol=1e-5, atol=1e-5)
    for rank in results:
        close(rank["losses"], losses)
        for name, parameter in model.named_parameters():
            close(rank[f"grad_{name}"], parameter.grad.numpy(), err_msg=name)
            close(rank[f"weight_{name}"], parameter.detach().numpy(), err_msg=name)


def test_the_ranks_hold_the_same_weights_to_the_last_bit(results: Results):
    first, *others = results
    for name in (each for each in first if each.startswith("weight_")):
        assert all(np.array_equal(first[name], other[name]) for other in others), name


@pytest.mark.parametrize("size", [1, 2, 3])
def test_both_backends_descend_alike(of_ranks: Callable, size: int):
    horovod, torchs = (of_ranks(backend, size)[0] for backend in ("horovod", "torch"))
    for name in ("losses", "weights"):
        np.testing.assert_allclose(horovod[f"descended_{name}"], torchs[f"descended_{name}"], atol=1e-6, rtol=0)
    assert np.array_equal(horovod["descended_counts"], torchs["descended_counts"])


@pytest.mark.parametrize("size", [1, 2])
def test_both_backends_train_the_same_network_to_the_last_bit(of_ranks: Callable, size: int):
    """With the reference's optimizer, which makes a step of a rounding where a gradient is nearly zero. A sum of two
    has one order only; of three the backends may choose another."""
    horovod, torchs = (of_ranks(backend, size)[0] for backend in ("horovod", "torch"))
    for name in ("losses", "weights", "counts"):
        assert np.array_equal(horovod[f"trained_{name}"], torchs[f"trained_{name}"]), name


def test_groups_change_nothing_and_compression_rounds_what_is_sent(results: Results):
    plain, compressed = results[0]["descended_weights"], results[0]["compressed_weights"]
    if "grouped_weights" in results[0]:
        np.testing.assert_allclose(results[0]["grouped_weights"], plain, atol=1e-6, rtol=0)
    assert 1e-6 < np.abs(compressed - plain).max() < 1e-4


def test_both_backends_compress_alike(of_ranks: Callable):
    """Each rounds a gradient to fp16 once; one halves it before the sum and one after, which seldom rounds again."""
    horovod, torchs = (of_ranks(backend, 2)[0] for backend in ("horovod", "torch"))
    for name in ("losses", "weights"):
        np.testing.assert_allclose(horovod[f"compressed_{name}"], torchs[f"compressed_{name}"], atol=1e-6, rtol=0)


def test_whole_numbers_are_summed_exactly(results: Results):
    expected = sum(2**53 + 1 + rank for rank in range(len(results)))
    assert all(int(rank["sum"][0]) == expected for rank in results)


def test_nobody_passes_a_barrier_before_the_last_has_come(results: Results):
    latest = max(float(rank["before_barrier"]) for rank in results)
    assert all(float(rank["after_barrier"]) >= latest for rank in results)


def test_an_evaluation_that_misses_a_sample_is_refused(smoke_data: Path):
    part = SamplesInMemory(Part(read_manifest(smoke_data), "dev", 0, 2), CPU)  # a half, and nobody counts the other
    manifest = read_manifest(smoke_data)
    run = SimpleNamespace(
        request=SimpleNamespace(benchmark=load_benchmark("space_group")),
        settings=Settings(eval_batch_size=7),
        manifest=manifest,
        metric=make_metric("macro_f1", manifest.schema, ("space_group",)),
        comm=Solo(),
        say=Speaker(False),
    )
    task = smoke_task()
    with pytest.raises(StemdlError, match="did not see every sample once"):
        evaluate(run, partial(task.predict, task.model), part, "dev")
