"""How long an all-reduce takes: latency and bandwidth, by the algorithm that a library may choose."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

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
class Cluster:
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


def cluster_allreduce_seconds(size_bytes: float, ranks: int, cluster: Cluster) -> float:
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
