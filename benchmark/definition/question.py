"""What a trained model is asked from outside its data set: measured inputs, as a task's `evaluate.py` reads them.

That module of a task's folder has

- `OPTIONS`, names of options and what each says, for what a file may leave open;
- `read_inputs(paths, rung, options)`, which yields for each input a `Question`, or a StemdlError that says why it is
  not one;
- `picture(question, outputs, schema, path)`, which draws one with what the model gave for each target;
- if it likes, `measured(question, outputs)`, numbers by name that are known of an answer, such as its error where the
  input came with the truth.
- if it likes, `overall(asked)`, sentences on all answers together, each of `asked` a question without its inputs and
  what `measured` gave of it;
- if it likes, `remarks(question, outputs, schema)`, sentences on an input and its answer, for people.
- `class_of(text)`, where a label of `--labels` may be another text than the name of a class.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from benchmark.definition.sample import SampleSchema
from benchmark.foundation.errors import StemdlError

if TYPE_CHECKING:
    from numpy.typing import NDArray


LONGEST_NAME = 100
"""The characters of a picture's name at most: file systems end names at 255 bytes, and a file in the making has some
more."""


@dataclass(frozen=True, eq=False)
class Question:
    """An input without its answer.

    Attributes
    ----------
    name : of its picture, without what a file's name may not have. path : what it was read from.
    inputs : the schema's inputs by name, each of its shape and type.
    notes : what was mended or assumed, in words.
    known : the class of a target by its name, where the input itself says it.
    """

    name: str
    path: Path
    inputs: Mapping[str, NDArray[Any]]
    notes: tuple[str, ...] = field(default=())
    known: Mapping[str, str] = field(default_factory=dict)


class PictureNames:
    """Names of pictures after those of inputs: no two alike, and each one that a file may have."""

    def __init__(self) -> None:
        self._given: Counter[str] = Counter()

    def of(self, text: str) -> str:
        """The next one, of any text."""
        name = re.sub(r"[^A-Za-z0-9._-]+", "_", text).lstrip(".")[:LONGEST_NAME] or "input"
        self._given[name] += 1
        return name if self._given[name] == 1 else f"{name}~{self._given[name]}"


class EvaluateModule(Protocol):
    """The module `evaluate` of a task."""

    OPTIONS: Mapping[str, str]

    def read_inputs(
        self, paths: Sequence[Path], rung: Any, options: Mapping[str, str]
    ) -> Iterator[Question | StemdlError]:
        """The questions of files, and of all inputs in folders. Raises StemdlError for wrong options."""

    def picture(
        self, question: Question, outputs: Mapping[str, NDArray[Any]], schema: SampleSchema, path: Path
    ) -> None:
        """Write a PNG; `outputs` has of each target what the task predicts for this question."""
