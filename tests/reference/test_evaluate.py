"""What an evaluation gives: a value, and of a metric that looks at parts of a split what it says of them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from benchmark.definition.sample import Field, SampleSchema
from benchmark.events import keys
from benchmark.metrics.metric import make_metric
from reference import evaluate as evaluating
from reference.evaluate import Evaluation, evaluate
from reference.session import record_test

TARGETS = {"group": np.array([0, 1, 2, 1]), "part": np.array([0, 0, 1, 1])}
SCHEMA = SampleSchema(
    (Field("x", (1,)),),
    (Field("group", (), "int64"), Field("part", (), "int64")),
    classes={"group": ("a", "b", "c"), "part": ("balanced", "unseen")},
)


def evaluated(metric: str, monkeypatch: pytest.MonkeyPatch) -> Evaluation:
    made = make_metric(metric, SCHEMA, ["group"])
    tally = made.tally({"group": np.array([0, 2, 2, 1])}, TARGETS)
    monkeypatch.setattr(evaluating, "tally_of", lambda *_, **__: tally)
    run: Any = SimpleNamespace(
        settings=SimpleNamespace(eval_batch_size=4, precision="fp32"),
        request=SimpleNamespace(benchmark=SimpleNamespace(measured=SimpleNamespace(of=("group",)))),
        manifest=SimpleNamespace(schema=SCHEMA, samples={"test": 4}),
        metric=made,
        comm=None,
        say=None,
        tallies={},
    )
    return evaluate(run, dict, [], "test")  # type: ignore[arg-type]


def test_parts_of_a_split_come_with_the_value(monkeypatch: pytest.MonkeyPatch) -> None:
    found = evaluated("ranking", monkeypatch)
    assert found.value == found.by_part["balanced"]["top-1"] == 0.5 and found.by_part["unseen"]["top-1"] == 1.0
    plain = evaluated("macro_f1", monkeypatch)
    assert plain.by_part == {} and 0.0 < plain.value < 1.0


def test_they_are_logged_after_the_test_score_where_there_are_any() -> None:
    points: list[tuple[str, Any]] = []
    run: Any = SimpleNamespace(
        log=SimpleNamespace(point=lambda key, value, **_: points.append((key, value))),
        goal=SimpleNamespace(test_key="test_accuracy"),
        manifest=SimpleNamespace(samples={"test": 4}),
        rank=SimpleNamespace(rank=1),
    )
    record_test(run, Evaluation(0.5, {}))
    parts = {"unseen": {"top-1": 0.25}}
    record_test(run, Evaluation(0.75, parts))
    assert points == [("test_accuracy", 0.5), ("test_accuracy", 0.75), (keys.TEST_BY_PART, parts)]
