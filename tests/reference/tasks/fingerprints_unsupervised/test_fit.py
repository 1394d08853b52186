"""Clusters are found without labels, and the same however the samples are dealt to ranks."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from torch import Tensor

from benchmark.data.recipe import recipe_of
from benchmark.definition.finder import load_benchmark
from benchmark.definition.settings import read_settings
from benchmark.foundation.errors import StemdlError
from benchmark.metrics.clustering import Clustering
from reference.tasks.fingerprints_unsupervised.invariants import (
    FEATURES,
    INNER,
    OUTER,
    RADII,
    autocorrelations,
)
from reference.tasks.fingerprints_unsupervised.sums import k_means, moments, nearest, principal
from reference.tasks.fingerprints_unsupervised.task import make_task
from reference.tasks.fingerprints_unsupervised.views import varied

BENCHMARK = load_benchmark("fingerprints_unsupervised")
SCHEMA = recipe_of(BENCHMARK.rungs["fingerprints_unsupervised_smoke"]).schema()
FAST = ("pool=8", "components=8", "landmarks=12", "passes=30", "steps=12")


def settings(*overrides: str) -> dict:
    return read_settings(BENCHMARK, "fingerprints_unsupervised_smoke", None, overrides).to_dict()


def pictures(count: int = 70) -> dict[str, Tensor]:
    """Seven kinds, each bright in a square of its own, under noise."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(count) % 7
    found = 0.1 * torch.rand(count, 3, 64, 64, generator=generator)
    for number, label in enumerate(labels):
        found[number, int(label) % 3, 8 * int(label) : 8 * int(label) + 8, 16:24] += 0.9
    return {"fingerprint": found / found.amax(dim=(1, 2, 3), keepdim=True), "structure": labels}


class Ranks:
    """So many threads that sum tensors over each other, as ranks do."""

    def __init__(self, count: int) -> None:
        self._barrier, self._values, self._count = threading.Barrier(count), [None] * count, count

    def total(self, rank: int) -> Callable[[Tensor], Tensor]:
        def total(values: Tensor) -> Tensor:
            self._values[rank] = values
            self._barrier.wait()
            found = torch.stack(self._values).sum(dim=0)
            self._barrier.wait()
            return found

        return total

    def each(self, work: Callable[[int], Tensor]) -> list[Tensor]:
        with ThreadPoolExecutor(self._count) as threads:
            return list(threads.map(work, range(self._count)))


@pytest.mark.parametrize(
    "method", ["pca", "kernel_pca", "autoencoder", "conv_autoencoder", "contrastive", "invariants"]
)
def test_each_method_finds_seven_kinds_that_lie_apart_and_looks_at_no_label(method: str) -> None:
    batch = pictures()
    values = []
    for given in (
        batch,
        {**batch, "structure": torch.zeros(70, dtype=torch.long)},
        {"fingerprint": batch["fingerprint"]},
    ):
        torch.manual_seed(0)
        task = make_task(SCHEMA, settings(f"method={method}", *FAST))
        task.fit([{name: each[:35] for name, each in given.items()}, {name: each[35:] for name, each in given.items()}],
                 lambda values: values)  # fmt: skip
        values.append(task.predict({"fingerprint": batch["fingerprint"]})["structure"])
    assert torch.equal(values[0], values[1]) and torch.equal(values[0], values[2])
    metric = Clustering("structure", 7)
    counts = metric.tally({"structure": values[0].numpy()}, {"structure": batch["structure"].numpy()})
    least = {"pca": 1.0, "kernel_pca": 1.0, "autoencoder": 0.5}
    assert metric.value(counts) >= least.get(method, 0.3), "one in seven is right by chance"


def test_two_ranks_learn_to_the_last_bit_what_one_learns() -> None:
    points = torch.rand(200, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    alone = moments([points], lambda values: values)
    ranks = Ranks(2)
    parts = [points[:130], points[130:]]
    both = ranks.each(lambda rank: moments([parts[rank]], ranks.total(rank)).covariance)
    assert torch.equal(both[0], alone.covariance) and torch.equal(both[1], alone.covariance)
    centres = k_means(lambda: [points], 6, lambda values: values)
    others = ranks.each(lambda rank: k_means(lambda: [parts[rank]], 6, ranks.total(rank)))
    assert torch.equal(others[0], centres) and torch.equal(others[1], centres)


def test_moments_and_axes_are_numpy_s() -> None:
    generator = np.random.default_rng(0)
    points = generator.random((300, 4)) @ np.diag([1.0, 0.5, 0.2, 0.1])
    found = moments([torch.from_numpy(points)], lambda values: values)
    assert found.mean.numpy() == pytest.approx(points.mean(axis=0), abs=1e-4)
    assert found.covariance.numpy() == pytest.approx(np.cov(points.T, bias=True), abs=1e-4)
    axes = principal(found, 2)
    assert axes.variances.numpy() == pytest.approx(np.linalg.eigvalsh(np.cov(points.T, bias=True))[::-1], abs=1e-4)
    assert (axes.columns.gather(0, axes.columns.abs().argmax(dim=0, keepdim=True)) > 0).all()


def test_each_centre_is_the_mean_of_its_points() -> None:
    points = torch.rand(300, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    centres = k_means(lambda: [points], 5, lambda values: values, passes=200)
    own = nearest(points, centres)
    for number in range(5):
        assert centres[number].numpy() == pytest.approx(points[own == number].mean(dim=0).numpy(), abs=1e-4)


def test_peaks_that_move_along_their_radius_have_the_same_invariants() -> None:
    """Of two pictures, one the other zoomed by a step of the logarithm, they are alike; those of another are not."""
    places = (torch.arange(64) - 31.5) / 32
    radius = torch.hypot(places[:, None], places).expand(3, 64, 64)
    angle = torch.atan2(places[:, None], places).expand(3, 64, 64)

    def picture(scale: float, lobes: int) -> Tensor:
        rings = sum(torch.exp(-(((radius - scale * at) / 0.04) ** 2)) for at in (0.45, 0.65))
        return (rings * (1.0 + torch.cos(lobes * angle)))[None]

    step = (OUTER / INNER) ** (1.0 / (RADII - 1))
    one, zoomed, other = (autocorrelations(each)[0] for each in (picture(1.0, 4), picture(step**2, 4), picture(1.0, 6)))
    assert len(one) == FEATURES and one.norm().item() == pytest.approx(1.0)
    assert (one @ zoomed).item() > 0.97 > 0.9 > (one @ other).item()


def test_views_are_pictures_of_the_ring_that_differ() -> None:
    torch.manual_seed(0)
    roots = torch.rand(4, 3, 32, 32)
    one, other = varied(roots), varied(roots)
    places = (torch.arange(32) - 15.5) / 16
    outside = torch.hypot(places[:, None], places) >= 30 / 32
    assert one.shape == roots.shape and torch.all(one.amax(dim=(1, 2, 3)) == 1.0) and one.min() >= 0.0
    assert not one[..., outside].any() and not torch.equal(one, other)


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(StemdlError, match="pool does not divide"):
        make_task(SCHEMA, settings("pool=7"))
    with pytest.raises(StemdlError, match="cannot be halved so often"):
        make_task(SCHEMA, settings("method=contrastive", "pool=16"))


@pytest.mark.parametrize(
    ("count", "overrides", "where", "most"),
    [
        (6, ["method=contrastive"], "the training split", "at least 7"),
        (14, ["method=pca", "components=14"], "components", "at most 13"),
        (14, ["method=invariants", "components=14"], "components", "at most 13"),
        (14, ["method=kernel_pca", "landmarks=15"], "landmarks", "at most 14"),
        (14, ["method=kernel_pca", "components=7"], "components", "at most 6"),
        (14, ["method=kernel_pca", "components=5", "landmarks=4"], "components", "at most 4"),
        (14, ["method=pca", "pool=64", "components=4"], "components", "at most 3"),
    ],
)
def test_a_method_that_asks_for_more_than_there_are_says_how_many(
    count: int, overrides: list[str], where: str, most: str
) -> None:
    task = make_task(SCHEMA, settings(*FAST, *overrides))
    with pytest.raises(StemdlError) as caught:
        task.fit([pictures(count)], lambda values: values)
    error = caught.value
    assert (error.where, error.expected) == (where, most) and error.on_all_ranks and error.remedy


@pytest.mark.parametrize("method", ["pca", "kernel_pca", "invariants"])
def test_as_much_as_there_are_is_enough(method: str) -> None:
    most = {"kernel_pca": ["components=6", "landmarks=14"]}.get(method, ["components=13"])
    task, batch = make_task(SCHEMA, settings(*FAST, f"method={method}", *most)), pictures(14)
    task.fit([batch], lambda values: values)
    assert len(set(task.predict(batch)["structure"].tolist())) == 7


def test_fewer_different_points_than_clusters_have_fewer_centres() -> None:
    points = torch.eye(3, dtype=torch.float64).repeat(5, 1)
    centres = k_means(lambda: [points], 7, lambda values: values)
    assert sorted(centres.tolist()) == sorted(torch.eye(3).tolist())
