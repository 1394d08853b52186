"""Probabilities that mean what they say: the temperature at which a model's scores fit its dev split best.

Scores are divided by one number before they become probabilities (Guo et al. 2017, arXiv 1706.04599): the order of
classes stays, and how sure the model is follows how often it is right.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.foundation.errors import StemdlError

if TYPE_CHECKING:
    from numpy.typing import NDArray

SPLIT, BINS, BATCH = "dev", 10, 100
HOTTEST = 20.0
"""The temperature at most, and its inverse at least."""


@dataclass(frozen=True)
class Calibration:
    """How sure a model is over a split, and how right.

    Attributes
    ----------
    temperature : by which scores are divided. samples : that it was found on.
    error_before, error_after : the mean distance of probabilities of the best class from how often it is right, over
        `BINS` bins of them (expected calibration error).
    """

    temperature: float
    samples: int
    error_before: float
    error_after: float

    def in_words(self) -> str:
        """The calibration in a line."""
        return (
            f"Scores divided by {self.temperature:.2f}, found on {self.samples} samples of {SPLIT}: there they "
            f"are off by {self.error_after:.3f} on average; before, by {self.error_before:.3f}."
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def calibrate(
    data: Path, rung: str, target: str, answer: Callable[[Mapping[str, NDArray[Any]]], Mapping[str, NDArray[Any]]]
) -> Calibration:
    """That of a model on the dev split of a data set. Raises StemdlError where it is of another rung, and for answers
    that are not scores of classes."""
    import numpy as np

    from benchmark.data.manifest import read_manifest
    from benchmark.data.reader import Part

    manifest = read_manifest(data)
    if manifest.rung != rung:
        raise StemdlError("the data are of another rung", where=data, expected=rung, found=manifest.rung)
    whole = Part(manifest, SPLIT, 0, 1).read_whole()
    inputs, true = [each.name for each in manifest.schema.inputs], whole[target]
    parts = [
        answer({name: whole[name][at : at + BATCH] for name in inputs})[target] for at in range(0, len(true), BATCH)
    ]
    scores = np.concatenate(parts).astype(np.float64) if parts else np.zeros((0, 0))
    if scores.ndim != 2 or not len(scores):
        raise StemdlError("the answers are not scores of classes", where="--calibrate", found=target)
    return fitted(scores, true)


def fitted(scores: NDArray[Any], true: NDArray[Any]) -> Calibration:
    """The temperature of the highest likelihood of labels (n,) under scores (n, classes)."""
    import numpy as np
    from scipy.optimize import minimize_scalar
    from scipy.special import log_softmax

    rows = np.arange(len(true))

    def surprise(logarithm: float) -> float:
        return float(-log_softmax(scores / np.exp(logarithm), axis=1)[rows, true].mean())

    most = np.log(HOTTEST)
    temperature = float(np.exp(minimize_scalar(surprise, bounds=(-most, most), method="bounded").x))
    before, after = (calibration_error(scores / each, true) for each in (1.0, temperature))
    return Calibration(temperature, len(true), before, after)


def calibration_error(scores: NDArray[Any], true: NDArray[Any]) -> float:
    """The expected calibration error of scores (n, classes), from 0 to 1."""
    import numpy as np
    from scipy.special import softmax

    shares = softmax(scores, axis=1)
    sure, right = shares.max(axis=1), shares.argmax(axis=1) == true
    bins = np.minimum((sure * BINS).astype(int), BINS - 1)
    gaps = [abs(sure[bins == each].sum() - right[bins == each].sum()) for each in range(BINS)]
    return float(sum(gaps) / len(true))
