"""What a trained model looked at: the form in which a trainer gives it, and in which it is drawn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Marked:
    """One map of an input.

    Attributes
    ----------
    map : of the input's shape; what counts for the answer is above 0.
    left : by a share of the pixels that is deleted, the answer's probability without those that are marked most, and
        without others of as much intensity.
    """

    map: NDArray[Any]
    left: Mapping[float, tuple[float, float]]


@dataclass(frozen=True, eq=False)
class Explanation:
    """An answer, its `probability`, the `picture` (channels, rows, columns) that it is of, and its `maps` by name."""

    answer: str
    probability: float
    picture: NDArray[Any]
    maps: Mapping[str, Marked]
