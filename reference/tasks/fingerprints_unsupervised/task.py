"""Clusters of fingerprints: a few numbers of each picture by one of the methods, and k-means of these. Of what a batch
holds the pictures alone are looked at."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from benchmark.definition.sample import SampleSchema
from benchmark.foundation.errors import StemdlError, nearest
from reference.task import Batch
from reference.tasks.fingerprints_unsupervised import sums
from reference.tasks.fingerprints_unsupervised.invariants import FEATURES, Invariants
from reference.tasks.fingerprints_unsupervised.methods import Autoencoder, KernelPrincipal, Method, Principal
from reference.tasks.fingerprints_unsupervised.networks import SIDES, Contrastive, ConvolutionalAutoencoder

METHODS = ("pca", "kernel_pca", "autoencoder", "conv_autoencoder", "contrastive", "invariants")


class Clusters:
    """The fit of as many clusters as the schema has classes."""

    def __init__(self, method: Method, schema: SampleSchema, settings: Mapping[str, Any]) -> None:
        (picture,), (label, *_) = schema.inputs, schema.targets
        self._picture, self._label, self._clusters = picture.name, label.name, len(schema.classes[label.name])
        self._method, self._settings = method, settings
        self._pool, self._root = settings["pool"], settings["root"]

    def fit(self, batches: Iterable[Batch], total: Callable[[Tensor], Tensor]) -> None:
        features = [self._features(batch) for batch in batches]
        samples = int(total(torch.tensor([sum(map(len, features))])))
        require_enough(samples, features[0].shape[1], self._clusters, self._settings)
        self._method.learn(lambda: features, total)
        codes = [self._method.code(each) for each in features]
        self._centres = sums.k_means(lambda: codes, self._clusters, total)

    def predict(self, batch: Batch) -> Batch:
        return {self._label: sums.nearest(self.code(batch), self._centres)}

    def code(self, batch: Batch) -> Tensor:
        """The few numbers (n, c) of each picture."""
        return self._method.code(self._features(batch))

    def _features(self, batch: Batch) -> Tensor:
        pictures = batch[self._picture].cpu()
        pooled = F.avg_pool2d(pictures, self._pool).flatten(1)
        return pooled.clamp(min=0.0).sqrt() if self._root else pooled


def require_enough(samples: int, features: int, clusters: int, settings: Mapping[str, Any]) -> None:
    """Raises StemdlError, on all ranks alike, where they have fewer pictures than clusters, or where so many pictures,
    of so many numbers each, have fewer axes or landmarks than the settings ask for."""
    axes = min(features, samples - 1)  # n points lie in a space of n - 1 dimensions
    bounds = {
        "pca": {"components": axes},
        "kernel_pca": {"landmarks": samples, "components": min(axes // 2, settings["landmarks"])},
        "invariants": {"components": min(FEATURES, samples - 1)},
    }
    method, error = settings["method"], None
    if samples < clusters:
        error = StemdlError(
            "there are fewer pictures than clusters",
            where="the training split",
            expected=f"at least {clusters}",
            found=samples,
            remedy="take a larger rung: stemdl list",
        )
    for name, most in bounds.get(method, {}).items():
        if error is None and settings[name] > most:
            error = StemdlError(
                f"{samples} pictures of {features} numbers are too few for so many {name} of {method}",
                where=name,
                expected=f"at most {most}",
                found=settings[name],
                remedy=f"--set {name}={most}, or a larger rung: stemdl list",
            )
    if error is not None:
        error.on_all_ranks = True
        raise error


def method_of(settings: Mapping[str, Any], side: int) -> Method:
    """The method that the settings name, for pictures of 3 x side x side pixels. Raises StemdlError where there is none
    of that name, and for pictures that a network cannot halve so often."""
    name, components = settings["method"], settings["components"]
    if name == "pca":
        return Principal(components)
    if name == "kernel_pca":
        return KernelPrincipal(components, settings["landmarks"], settings["degree"])
    if name == "autoencoder":
        return Autoencoder(3 * side**2, settings["latent"], settings["passes"])
    if name == "invariants":
        return Invariants(side, components)
    networks = {"conv_autoencoder": ConvolutionalAutoencoder, "contrastive": Contrastive}
    if name in networks and side % SIDES:
        raise StemdlError(
            "pool leaves a picture that cannot be halved so often",
            where="pool",
            expected=f"a side that {SIDES} divides",
            found=side,
        )
    if name in networks:
        return networks[name](side, settings["latent"], settings["steps"])
    raise StemdlError(f"there is no method {name!r}", where="method", remedy=nearest(name, METHODS))


def make_task(schema: SampleSchema, settings: Mapping[str, Any]) -> Clusters:
    """The task of the closed division. Raises StemdlError for a method that there is not, and for squares that do not
    fill the picture."""
    side = schema.inputs[0].shape[-1]
    pool = settings["pool"]
    if side % pool:
        raise StemdlError("pool does not divide the picture", where="pool", expected=f"a divisor of {side}", found=pool)
    return Clusters(method_of(settings, side // pool), schema, settings)
