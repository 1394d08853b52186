"""Methods that turn pictures into a few numbers each, learnt without labels: principal axes, by a kernel too, or an
autoencoder."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from reference.tasks.fingerprints_unsupervised.sums import Total, k_means, moments, principal

Batches = Callable[[], Iterable[Tensor]]
"""Features (n, d) of all of a rank's samples, as often as they are asked for."""
RIDGE = 1e-8
"""The least of the kernel's eigenvalues, as a share of the largest: smaller ones are noise."""
HIDDEN = (128, 64)
"""The layers of the re-study's autoencoder before the code; the same backwards after it."""
RATE = 1e-3


class Method(Protocol):
    """`learn` from features in [0, 1]; then `code` gives their numbers (n, c), double."""

    def learn(self, batches: Batches, total: Total) -> None: ...
    def code(self, features: Tensor) -> Tensor: ...


class Principal:
    """Principal component analysis."""

    def __init__(self, components: int) -> None:
        self._components = components

    def learn(self, batches: Batches, total: Total) -> None:
        self.axes = principal(moments(batches(), total), self._components)

    def code(self, features: Tensor) -> Tensor:
        return self.axes.of(features)


class KernelPrincipal:
    """Principal components under the kernel (1 + x.y / s)^degree of principal coordinates, s their whole variance.

    By Nystroem's method: the kernel is looked at from `landmarks`, the centres of as many clusters (Zhang & Kwok 2010),
    which ranks find together; all pairs of samples would want all samples on one rank.
    """

    def __init__(self, components: int, landmarks: int, degree: int) -> None:
        self._components, self._count, self._degree = components, landmarks, degree
        self._first = Principal(2 * components)

    def learn(self, batches: Batches, total: Total) -> None:
        self._first.learn(batches, total)
        self._scale = self._first.axes.variances.sum().clamp(min=1e-12)
        points = [self._first.code(features) for features in batches()]
        self._landmarks = k_means(lambda: points, self._count, total, passes=10)
        values, vectors = torch.linalg.eigh(self._kernel(self._landmarks))
        kept = values > RIDGE * values[-1]
        self._whiten = vectors[:, kept] / values[kept].sqrt()
        self._axes = principal(moments((self._seen(each) for each in points), total), self._components)

    def code(self, features: Tensor) -> Tensor:
        return self._axes.of(self._seen(self._first.code(features)))

    def _kernel(self, points: Tensor) -> Tensor:
        return (1.0 + points @ self._landmarks.T / self._scale) ** self._degree

    def _seen(self, points: Tensor) -> Tensor:
        return self._kernel(points) @ self._whiten


class Autoencoder:
    """The re-study's, of dense layers: what passes through `latent` numbers is to be the picture again.

    Ranks add up their gradients over all samples in each of so many `passes`; rounding is that of their number.
    """

    def __init__(self, features: int, latent: int, passes: int) -> None:
        sizes = (features, *HIDDEN, latent)
        self._encode, self._decode = _dense(sizes), _dense(sizes[::-1])
        self._passes = passes

    def learn(self, batches: Batches, total: Total) -> None:
        parameters = [*self._encode.parameters(), *self._decode.parameters()]
        optimizer = torch.optim.Adam(parameters, RATE)
        samples = int(total(torch.tensor([sum(len(each) for each in batches())])))
        with torch.enable_grad():
            for _ in range(self._passes):
                optimizer.zero_grad()
                for features in batches():
                    values = features.float()
                    again = self._decode(self._encode(values))
                    (F.mse_loss(again, values, reduction="sum") / samples).backward()
                for parameter in parameters:
                    parameter.grad = total(parameter.grad)
                optimizer.step()

    def code(self, features: Tensor) -> Tensor:
        with torch.no_grad():
            return self._encode(features.float()).double()


def _dense(sizes: tuple[int, ...]) -> nn.Sequential:
    layers: list[nn.Module] = []
    for before, after in pairwise(sizes):
        layers += [nn.Linear(before, after), nn.ReLU()]
    return nn.Sequential(*layers[:-1])
