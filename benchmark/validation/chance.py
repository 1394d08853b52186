"""How likely it is that honest times are as alike as those of a set."""

from __future__ import annotations

import math

DOUBTFUL = 1e-6
"""A reader asks about what so few honest sets show by chance."""


def of_one_length(count: int, deviation_ms: float, span_ms: int = 0) -> float:
    """The chance, at most, that `count` intervals which vary by `deviation_ms` (normal) lie within `span_ms`, as whole
    milliseconds, of both ends of each.

    An interval of T ms is logged as k where its start lies so within a millisecond: by a chance of 1 - |T - k|. The
    mean of min(1, c - |T|), c = 1 + span / 2, over a normal T is the integral of erf(u / (s sqrt 2)) from c - 1 to c.
    """
    width = deviation_ms * math.sqrt(2)

    def integral(u: float) -> float:
        return u * math.erf(u / width) + width / math.sqrt(math.pi) * math.exp(-((u / width) ** 2))

    most = 1 + span_ms / 2
    return (1 + span_ms) * min(1.0, integral(most) - integral(most - 1)) ** (count - 1)
