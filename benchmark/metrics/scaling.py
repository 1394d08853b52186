"""How a training step's time grows with the ranks when each keeps its batch: computing, waiting, exchanging."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

from benchmark.foundation.errors import StemdlError
from benchmark.metrics.allreduce import Cluster, cluster_allreduce_seconds


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


def predict(step: Step, ranks: int, cluster: Cluster) -> Prediction:
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
