"""Fingerprints without labels: every method on the same pictures, over some seeds, next to the published figures.

    python performance/fingerprint_clusters.py data/fingerprints_unsupervised_mini -o clusters [--seeds 3]

Each method is fitted to the train split and judged by the test split, as in a run, and never sees a label. Writes
`clusters.json`, and three pictures: `scree.png`, how much variance principal components leave; `plane.png`, the plane
of an autoencoder of two numbers by truth and by cluster; `confusions.png`, classes by the clusters paired with them.

    python performance/fingerprint_clusters.py data/fingerprints_unsupervised_mini --without-labels

looks at no label, and says how sure of its clusters each method is: how alike clusters of the dev split are by two
halves of the training pictures, and those of pictures and of other views of them (adjusted Rand indices; Lange et al.
2004).
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MPLBACKEND", "Agg")
sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
import torch
from numpy.typing import NDArray

from benchmark.data.manifest import read_manifest
from benchmark.data.reader import Part
from benchmark.data.recipe import recipe_of
from benchmark.definition.finder import benchmark_of
from benchmark.definition.settings import read_settings
from benchmark.foundation.files import write_json
from benchmark.metrics.clustering import Clustering
from benchmark.report.drawing import draw, new_figure
from reference.tasks.fingerprints_unsupervised.sums import moments, principal
from reference.tasks.fingerprints_unsupervised.task import Clusters, make_task
from reference.tasks.fingerprints_unsupervised.views import varied

PICTURE, TARGET = "fingerprint", "structure"
METHODS: Mapping[str, tuple[str, ...]] = {
    "principal components": ("method=pca", "pool=4", "components=50"),
    "kernel": ("method=kernel_pca", "pool=4", "components=50"),
    "autoencoder": ("method=autoencoder", "pool=4"),
    "convolutional autoencoder": ("method=conv_autoencoder", "pool=2", "latent=32", "steps=200"),
    "contrastive": ("method=contrastive", "pool=2", "latent=32", "steps=200"),
    "invariants": ("method=invariants",),
}
PUBLISHED = {"principal components": 84.09, "kernel": 84.07, "autoencoder": 86.81}
"""Per cent, of the re-study: whole crystals, of unbalanced classes, by the pictures that were learnt from."""
SEEDED = ("autoencoder", "convolutional autoencoder", "contrastive")
"""Methods that begin with random numbers; of the others one seed says all."""
Split = Mapping[str, NDArray[Any]]


def fitted(name: str, rung: str, pictures: torch.Tensor, seed: int, *more: str) -> Clusters:
    """A method after its fit, under the settings that the table names and `more`."""
    benchmark = benchmark_of(rung)
    settings = read_settings(benchmark, rung, None, (*METHODS[name], *more)).to_dict()
    torch.manual_seed(seed)
    task = make_task(recipe_of(benchmark.rungs[rung]).schema(), settings)
    task.fit([{PICTURE: pictures}], lambda values: values)
    return task


def table(rung: str, train: Split, test: Split, seeds: int, metric: Clustering) -> dict[str, Any]:
    """Of each method and seed accuracy, both indices and processor seconds; prints means and spreads."""
    rows: dict[str, Any] = {}
    print(f"{'method':<26} seeds  accuracy         Rand index       information      published       s")
    for name in METHODS:
        found = []
        for seed in range(seeds if name in SEEDED else 1):
            begun = time.process_time()
            task = fitted(name, rung, torch.from_numpy(train[PICTURE]), seed)
            clusters = task.predict({PICTURE: torch.from_numpy(test[PICTURE])})[TARGET].numpy()
            tally = metric.tally({TARGET: clusters}, {TARGET: test[TARGET]})
            shares = metric.by_part(tally)["all"]
            found.append([metric.value(tally), *shares.values(), time.process_time() - begun])
        values = np.array(found)
        means, spreads = values[:, :3].mean(axis=0), values[:, :3].std(axis=0)
        told = "".join(f"  {mean:.3f} +- {spread:.3f}" for mean, spread in zip(means, spreads, strict=True))
        print(
            f"{name:<26} {len(found):5}{told}  {PUBLISHED.get(name, float('nan')):9.2f} {values[:, 3].mean():7.1f}",
            flush=True,
        )
        rows[name] = {"accuracy, adjusted Rand index, normalised mutual information, seconds": found,
                      "classes by clusters": _paired(tally, metric).tolist()}  # fmt: skip
    return rows


def stability(rung: str, train: Split, dev: Split, splits: int, methods: Sequence[str]) -> None:
    """Prints of each of the methods, and of the default with other numbers of components, means and spreads over so
    many ways to halve the training pictures."""
    from sklearn.metrics import adjusted_rand_score

    pictures, whole = torch.from_numpy(train[PICTURE]), torch.from_numpy(dev[PICTURE])
    torch.manual_seed(1)
    views = varied(whole.clamp(min=0.0).sqrt()).square()
    others = [("invariants", f"components={count}") for count in (5, 20, 50)]
    print(f"{'method':<42} halves           views")
    for name, *more in [*((each,) for each in methods), *others]:
        halves, seen = [], []
        for split in range(splits):
            order = np.random.default_rng(split).permutation(len(pictures))
            found = []
            for place, half in enumerate(np.array_split(order, 2)):
                task = fitted(name, rung, pictures[np.sort(half)], 10 * split + place, *more)
                own, other = (task.predict({PICTURE: each})[TARGET].numpy() for each in (whole, views))
                found.append(own)
                seen.append(adjusted_rand_score(own, other))
            halves.append(adjusted_rand_score(*found))
        told = "".join(f"  {np.mean(each):.3f} +- {np.std(each):.3f}" for each in (halves, seen))
        print(f"{' '.join((name, *more)):<42}{told}", flush=True)


def _paired(tally: NDArray[np.int64], metric: Clustering) -> NDArray[np.int64]:
    """Classes (rows) by the clusters that are paired with them."""
    counts = tally[:-1].reshape(int(np.sqrt(len(tally) - 1)), -1)
    classes, clusters = metric.pairs(tally)
    return counts[:, clusters[np.argsort(classes)]]


def scree(train: Split, pool: int) -> Any:
    """Variance that principal components leave, of the root of the intensity."""
    pictures = torch.nn.functional.avg_pool2d(torch.from_numpy(train[PICTURE]), pool).flatten(1).sqrt()
    variances = principal(moments([pictures], lambda values: values), 1).variances.numpy()
    figure = new_figure(3.0)
    axes, left = figure.subplots(1, 2)
    axes.semilogy(np.arange(1, 101), variances[:100] / variances.sum(), color="#b5432a")
    axes.set(xlabel="component", ylabel="share of the variance", title="Each component")
    left.plot(np.arange(1, 101), np.cumsum(variances)[:100] / variances.sum(), color="#b5432a")
    left.axvline(50, color="#8a8a8a", linewidth=0.8)
    left.set(xlabel="components", ylabel="share of the variance", title="All up to there", ylim=(0, 1))
    return figure, "", ""


def plane(rung: str, train: Split, test: Split, labels: tuple[str, ...]) -> Any:
    """The two numbers of an autoencoder: by class, and by cluster in the colour of the class that it is paired with."""
    task = fitted("autoencoder", rung, torch.from_numpy(train[PICTURE]), 0, "latent=2", "passes=400")
    batch = {PICTURE: torch.from_numpy(test[PICTURE])}
    at, clusters = task.code(batch).numpy(), task.predict(batch)[TARGET].numpy()
    metric = Clustering(TARGET, len(labels))
    classes, paired = metric.pairs(metric.tally({TARGET: clusters}, {TARGET: test[TARGET]}))
    class_of = dict(zip(paired.tolist(), classes.tolist(), strict=True))
    figure = new_figure(4.2)
    for axes, title, colours in zip(
        figure.subplots(1, 2, sharex=True, sharey=True),
        ("By truth", "By cluster"),
        (test[TARGET], np.array([class_of[each] for each in clusters])),
        strict=True,
    ):
        for number, label in enumerate(labels):
            axes.scatter(*at[colours == number].T, s=6, color=f"C{number}", label=label)
        axes.set(title=title, xlabel="first number")
    axes.legend(fontsize=7, markerscale=2, loc="best")
    return figure, "", ""


def confusions(rows: Mapping[str, Any], labels: tuple[str, ...]) -> Any:
    """Classes by clusters, of the last seed of each method."""
    figure = new_figure(2.4)
    for axes, (name, row) in zip(figure.subplots(1, len(rows), sharey=True), rows.items(), strict=True):
        axes.imshow(row["classes by clusters"], cmap="Reds")
        axes.set_title(name.replace(" ", "\n"), fontsize=7)
        axes.set_xticks(range(len(labels)), labels, rotation=90, fontsize=6)
        axes.set_yticks(range(len(labels)), labels, fontsize=6)
    return figure, "", ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("-o", "--output", type=Path, default=Path("clusters"))
    parser.add_argument("--rung", help="whose settings are taken (default: the rung of the data)")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--without-labels", action="store_true", help="how sure methods are of their clusters")
    parser.add_argument("--methods", nargs="*", choices=METHODS, default=list(METHODS), help="these, without labels")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    manifest = read_manifest(arguments.data)
    train, test = (Part(manifest, split).read_whole() for split in ("train", "test"))
    labels = manifest.schema.classes[TARGET]
    rung = arguments.rung or manifest.rung
    if arguments.without_labels:
        stability(rung, train, Part(manifest, "dev").read_whole(), arguments.seeds, arguments.methods)
        return
    arguments.output.mkdir(parents=True, exist_ok=True)
    rows = table(rung, train, test, arguments.seeds, Clustering(TARGET, len(labels)))
    write_json(arguments.output / "clusters.json", rows)
    draw(arguments.output / "scree.png", "Scree", lambda: scree(train, 4))
    draw(arguments.output / "plane.png", "Plane", lambda: plane(rung, train, test, labels))
    draw(arguments.output / "confusions.png", "Confusions", lambda: confusions(rows, labels))
    print(f"scree.png, plane.png, confusions.png and clusters.json: {arguments.output}")


if __name__ == "__main__":
    main()
