"""What a run answered: the parts of its page that its task makes out of what its last evaluations counted.

A task's `answers.py` has `answers(metric, tally, schema)`, which gives the parts of one split. They are shown where the
metric's value of the tally is what the log says; the page of a run whose counts are another run's says so instead.

Where the data are at hand, `examples(metric, tally, schema, manifest, split)`, if `answers.py` has it, gives further
parts: samples of what was found or missed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markupsafe import Markup

from benchmark.data.manifest import Manifest
from benchmark.definition.finder import ANSWERS, benchmark_with, find_task
from benchmark.foundation.errors import StemdlError
from benchmark.metrics.metric import make_metric
from benchmark.metrics.tallies import TALLIES, Tallies, read_tallies, tallies_of

Cell = str | int | float | None


@dataclass(frozen=True)
class AnswerPart:
    """A table, and a chart of the same numbers or none; or pictures alone.

    Attributes
    ----------
    said : what is shown, in a sentence or two. rows : texts and numbers; None where there is none.
    closed : whether the table is shown when it is asked for alone.
    """

    title: str
    said: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    chart: Markup | None = None
    closed: bool = False


@dataclass(frozen=True)
class Answers:
    """The parts of one split, or why there are none."""

    split: str
    parts: tuple[AnswerPart, ...] = ()
    problem: str = ""


def answers_of(
    log: Path, rung: str | None, logged: Mapping[str, Any], manifest: Manifest | None = None
) -> list[Answers]:
    """Those of the run that left a log, on a rung; none where nothing was kept, or its task shows nothing. `logged` has
    the value that the log gives of each split, `manifest` is of the rung's data where they are at hand."""
    path = tallies_of(log)
    benchmark = benchmark_with(rung) if rung and path is not None else None
    place = find_task(benchmark.task) if benchmark else None
    if path is None or benchmark is None or place is None or not place.brings(ANSWERS):
        return []
    try:
        hooks = place.function(ANSWERS, "answers"), getattr(place.code(ANSWERS), "examples", None)
        return list(_answers(read_tallies(path), benchmark.measured, hooks, logged, manifest))
    except (StemdlError, ValueError, TypeError, IndexError, KeyError, OverflowError) as error:  # of a foreign file
        return [Answers("", problem=f"{TALLIES} cannot be shown: {getattr(error, 'found', None) or error}")]


def _answers(
    tallies: Tallies,
    measured: Any,
    hooks: tuple[Callable[..., Any], Callable[..., Any] | None],
    logged: Mapping[str, Any],
    manifest: Manifest | None,
) -> Iterator[Answers]:
    answers, examples = hooks
    metric = make_metric(measured.metric, tallies.schema, measured.of)
    for split, tally in tallies.splits.items():
        value, said = metric.value(tally), logged.get(split)
        if value != said:
            yield Answers(split, problem=f"{TALLIES} comes to {value}, and the log says {said}: it is not shown")
            continue
        parts, problem = tuple(answers(metric, tally, tallies.schema)), ""
        if manifest is not None and examples is not None:
            try:
                parts += tuple(examples(metric, tally, tallies.schema, manifest, split))
            except (StemdlError, OSError) as error:
                problem = f"no samples are shown: {error}"
        yield Answers(split, parts, problem)
