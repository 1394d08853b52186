"""Questions are answered several at once, in their order, whatever was refused among them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from benchmark.cli import asked as module
from benchmark.cli.asked import MOST_AT_ONCE, asked
from benchmark.definition.question import Question
from benchmark.foundation.errors import StemdlError

Arrays = Mapping[str, NDArray[Any]]


def question(number: int, length: int = 3) -> Question:
    return Question(str(number), Path(f"{number}.cif"), {"pattern": np.full(length, number, np.float32)})


def sums(inputs: Arrays) -> Arrays:
    return {"group": inputs["pattern"].sum(axis=1)}


@given(st.lists(st.booleans(), max_size=3 * MOST_AT_ONCE))
def test_each_question_has_its_own_answer(refused: list[bool]) -> None:
    told = [StemdlError(str(k)) if bad else question(k) for k, bad in enumerate(refused)]
    found = list(asked(told, sums))
    assert len(found) == len(told)
    for number, (one, answered) in enumerate(zip(told, found, strict=True)):
        if isinstance(answered, StemdlError):
            assert answered is one
        else:
            assert answered[0] is one
            assert answered[1] == {"group": 3 * number}


def test_large_questions_are_asked_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_BYTES", 100)
    together: list[int] = []

    def answer(inputs: Arrays) -> Arrays:
        together.append(len(inputs["pattern"]))
        return sums(inputs)

    found = list(asked([question(k, 40) for k in range(3)], answer))
    assert len(found) == 3
    assert together == [1, 1, 1]


def test_no_more_are_held_than_are_asked_at_once() -> None:
    read: list[int] = []

    def questions() -> Any:
        for number in range(4 * MOST_AT_ONCE):
            read.append(number)
            yield question(number)

    next(asked(questions(), sums))
    assert len(read) == MOST_AT_ONCE + 1
