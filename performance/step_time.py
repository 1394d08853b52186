"""How a training step's time grows with the ranks when each keeps its batch: computing, waiting, exchanging.

The exchange is an all-reduce over links of a latency and a bandwidth, by the algorithm that a library may choose.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist

from benchmark.foundation.errors import StemdlError


@dataclass(frozen=True)
class Link:
    """What joins two ranks: `latency_seconds` before the first byte of a message, then `bytes_per_second` each way."""

    latency_seconds: float
    bytes_per_second: float

    def __post_init__(self) -> None:
        if not (self.latency_seconds >= 0.0 and self.bytes_per_second > 0.0):
            raise StemdlError("a link has a latency of 0 or more and a bandwidth above 0", found=self)


@dataclass(frozen=True)
class ModelCluster:
    """Nodes of `ranks_per_node` ranks: a link between nodes, which the ranks of a node share, and one within."""

    between: Link
    within: Link
    ranks_per_node: int

    def __post_init__(self) -> None:
        if self.ranks_per_node < 1:
            raise StemdlError("a node has at least one rank", found=self.ranks_per_node)


def _rounds(ranks: int) -> int:
    return math.ceil(math.log2(ranks))


ALGORITHMS: Mapping[str, Callable[[int], tuple[float, float]]] = {
    "ring": lambda ranks: (2.0 * (ranks - 1), 2.0 * (ranks - 1) / ranks),
    "recursive doubling": lambda ranks: (float(_rounds(ranks)), float(_rounds(ranks))),
    "double tree": lambda ranks: (2.0 * _rounds(ranks), 2.0 if ranks > 1 else 0.0),
}
"""Name to a function of the number of ranks: messages that follow each other, and how often all bytes pass each link.

Ring: Patarasuk & Yuan 2009. Recursive doubling: Thakur, Rabenseifner & Gropp 2005, eq. of section 4.4; for numbers that
are not a power of two as for the next one. Double tree, pipelined: Sanders, Speck & Traeff 2009. Adding up is not
counted.
"""


def allreduce_seconds(size_bytes: float, ranks: int, link: Link, algorithm: str | None = None) -> float:
    """The time of an all-reduce of `size_bytes` between `ranks` >= 1 equals; unnamed, by the fastest algorithm."""
    names = ALGORITHMS if algorithm is None else (algorithm,)
    return min(
        messages * link.latency_seconds + passes * size_bytes / link.bytes_per_second
        for messages, passes in (ALGORITHMS[name](ranks) for name in names)
    )


def cluster_allreduce_seconds(size_bytes: float, ranks: int, cluster: ModelCluster) -> float:
    """The time in two levels, as NCCL and Horovod's hierarchical one do it: the ranks of a node divide the sum of their
    bytes among them, each part is summed between the nodes at the same time, and all gather the parts again."""
    here = min(ranks, cluster.ranks_per_node)
    within = allreduce_seconds(size_bytes, here, cluster.within, "ring")
    return within + allreduce_seconds(size_bytes, -(-ranks // cluster.ranks_per_node), cluster.between)


@dataclass(frozen=True)
class Measured:
    """One timed all-reduce."""

    size_bytes: float
    ranks: int
    seconds: float


@dataclass(frozen=True)
class Fit:
    """What measured times say. `fixed_seconds` is a call's cost whatever the size and the ranks, such as the time until
    the library looks; `relative_error` is the root mean square of (fitted - measured) / measured."""

    algorithm: str
    link: Link
    fixed_seconds: float
    relative_error: float

    def seconds(self, size_bytes: float, ranks: int) -> float:
        """The fitted time."""
        return self.fixed_seconds + allreduce_seconds(size_bytes, ranks, self.link, self.algorithm)


def fit_allreduce(measured: Sequence[Measured], algorithm: str) -> Fit:
    """Latency, bandwidth and fixed cost, none of them negative, by least squares of the relative errors.

    The fixed cost is separated from the latency by different numbers of ranks: with only one number it is 0. Raises
    StemdlError when the measurements cannot tell latency from bandwidth.
    """
    import numpy as np
    from scipy.optimize import nnls

    if not measured or not all(each.ranks > 1 and each.size_bytes > 0 and each.seconds > 0 for each in measured):
        raise StemdlError("an all-reduce is fitted to times above 0 on 2 ranks or more", found=measured)
    parts = [ALGORITHMS[algorithm](each.ranks) for each in measured]
    rows = np.array(
        [[messages, passes * each.size_bytes, 1.0] for (messages, passes), each in zip(parts, measured, strict=True)]
    )
    if len({each.ranks for each in measured}) == 1:
        rows = rows[:, :2]
    rows /= np.array([each.seconds for each in measured])[:, None]
    scale = np.linalg.norm(rows, axis=0)
    if np.linalg.matrix_rank(rows / scale) < rows.shape[1]:
        raise StemdlError(
            "these all-reduces cannot tell latency from bandwidth",
            found=measured,
            remedy="measure more sizes, and more numbers of ranks",
        )
    solution, _ = nnls(rows / scale, np.ones(len(rows)))
    latency, inverse_bandwidth, *fixed = solution / scale
    error = float(np.sqrt(np.mean((rows @ (solution / scale) - 1.0) ** 2)))
    return Fit(
        algorithm,
        Link(float(latency), 1.0 / float(inverse_bandwidth) if inverse_bandwidth else math.inf),
        float(fixed[0]) if fixed else 0.0,
        error,
    )


def best_fit(measured: Sequence[Measured]) -> Fit:
    """The fit of the algorithm that explains the times best. Raises what `fit_allreduce` raises."""
    return min((fit_allreduce(measured, name) for name in ALGORITHMS), key=lambda fit: fit.relative_error)


@dataclass(frozen=True)
class Step:
    """One training step of one rank.

    Attributes
    ----------
    compute_seconds : forward, backward and update, without exchange; `backward_seconds` of it can hide an exchange.
    input_seconds : waiting for the batch.
    gradient_bytes : that each rank exchanges.
    overlap : the share of the exchange, 0 to 1, that happens during the backward pass, as far as that lasts.
    spread : standard deviation of the ranks' compute times, as a share of their mean.
    fixed_seconds : that an exchange takes whatever its size, such as the library's time until it looks.
    """

    compute_seconds: float
    backward_seconds: float
    input_seconds: float
    gradient_bytes: float
    overlap: float
    spread: float = 0.0
    fixed_seconds: float = 0.0

    def __post_init__(self) -> None:
        if not (
            0.0 <= self.backward_seconds <= self.compute_seconds
            and self.compute_seconds > 0.0
            and self.input_seconds >= 0.0
            and self.gradient_bytes >= 0.0
            and 0.0 <= self.overlap <= 1.0
            and self.spread >= 0.0
            and self.fixed_seconds >= 0.0
        ):
            raise StemdlError(
                "a step of such parts cannot be",
                found=self,
                expected="0 <= backward <= compute, overlap from 0 to 1, nothing negative",
            )


@dataclass(frozen=True)
class Prediction:
    """A step on `ranks` ranks: `waiting_seconds` for the slowest, `blocked_seconds` of exchange that nothing hides."""

    ranks: int
    exchange_seconds: float
    waiting_seconds: float
    blocked_seconds: float
    step_seconds: float
    efficiency: float


def predict(step: Step, ranks: int, cluster: ModelCluster) -> Prediction:
    """The step on `ranks` >= 1; its efficiency, in (0, 1], is the time of one rank's step by the time of theirs."""
    if ranks < 1:
        raise StemdlError("a job has at least one rank", found=ranks)
    alone = step.compute_seconds + step.input_seconds
    waiting = step.compute_seconds * step.spread * largest_of_normals(ranks)
    exchange = cluster_allreduce_seconds(step.gradient_bytes, ranks, cluster) + (
        step.fixed_seconds if ranks > 1 else 0.0
    )
    blocked = exchange - min(step.overlap * exchange, step.backward_seconds)
    together = alone + waiting + blocked
    return Prediction(ranks, exchange, waiting, blocked, together, alone / together)


def largest_of_normals(count: int) -> float:
    """The expected largest of `count` standard normal numbers, 0 for one, by Blom's formula (1958); within 0.02."""
    return NormalDist().inv_cdf((count - 0.375) / (count + 0.25))


def overlap_of(exchange_seconds: float, blocked_seconds: float) -> float:
    """The share of an exchange, 0 to 1, that a step did not wait for."""
    return min(1.0, max(0.0, 1.0 - blocked_seconds / exchange_seconds))
