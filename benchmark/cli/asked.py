"""Questions that are put to a trained model: several at once, since a network takes about as long for one."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from benchmark.foundation.errors import StemdlError
from benchmark.foundation.progress import progress

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from benchmark.definition.question import Question

    Arrays = Mapping[str, NDArray[Any]]

MOST_AT_ONCE, MOST_BYTES = 50, 2**26


def asked(
    questions: Iterable[Question | StemdlError], answer: Callable[[Arrays], Arrays]
) -> Iterator[tuple[Question, Arrays] | StemdlError]:
    """Each question with what the model predicts of each target, in their order; inputs that were refused stay as they
    are. At most `MOST_AT_ONCE` questions are held, of `MOST_BYTES` together or one alone."""
    done = itertools.count(1)
    with progress("Asking", None, "inputs", last=False) as advance:
        held: list[Question | StemdlError] = []
        for question in itertools.chain(questions, (None,)):
            size = sum(map(_bytes, held)) + _bytes(question)
            if held and (question is None or len(held) == MOST_AT_ONCE or size > MOST_BYTES):
                for answered in _answered(held, answer):
                    yield answered
                    advance(next(done))
                held = []
            if question is not None:
                held.append(question)


def _bytes(question: Question | StemdlError | None) -> int:
    inputs = getattr(question, "inputs", {})
    return sum(each.nbytes for each in inputs.values())


def _answered(
    held: Sequence[Question | StemdlError], answer: Callable[[Arrays], Arrays]
) -> Iterator[tuple[Question, Arrays] | StemdlError]:
    import numpy as np

    whole = [each for each in held if not isinstance(each, StemdlError)]
    names = whole[0].inputs if whole else ()
    outputs = answer({name: np.stack([each.inputs[name] for each in whole]) for name in names}) if whole else {}
    place = itertools.count()
    for each in held:
        if isinstance(each, StemdlError):
            yield each
        else:
            at = next(place)
            yield each, {name: values[at] for name, values in outputs.items()}
