"""Inputs whose answers are known, for `stemdl evaluate --labels`: how often the right class was among the likeliest."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.foundation.errors import StemdlError

if TYPE_CHECKING:
    from numpy.typing import NDArray

INPUT = "input"


def read_labels(path: Path, target: str, class_of: Callable[[str], str]) -> dict[str, str]:
    """The class of each input by the name of its file, from a table with the columns `input` and the target's name.

    `class_of` says which class a text stands for. Raises StemdlError with the line of what is not a label.
    """
    found: dict[str, str] = {}
    try:
        with open(path, newline="", encoding="utf-8-sig") as handle:
            reader = csv.DictReader(handle)
            if missing := {INPUT, target} - set(reader.fieldnames or ()):
                raise StemdlError(
                    "the labels have other columns",
                    where=path,
                    expected=f"{INPUT},{target}",
                    found=f"no {', '.join(sorted(missing))}",
                )
            for row in reader:
                where = f"{path}:{reader.line_num}"
                name, text = (str(row[each] or "").strip() for each in (INPUT, target))
                if not name or not text:
                    raise StemdlError("an input has no label", where=where, expected=f"{INPUT},{target}")
                if name in found:
                    raise StemdlError("an input has two labels", where=where, found=name)
                try:
                    found[name] = class_of(text)
                except StemdlError as error:
                    raise StemdlError(error.what, where=where, expected=error.expected, found=error.found) from error
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise StemdlError("the labels cannot be read", where=path, found=error) from error
    if not found:
        raise StemdlError("the table of labels is empty", where=path)
    return found


def scores_of(answers: Sequence[tuple[str, NDArray[Any]]], labels: Mapping[str, str], classes: Sequence[str]) -> Any:
    """How good the answers are that have a label, each the name of an input and scores (classes,): how many there are,
    how many of these are of a class that the rung has not, and of the others top-1, top-3, top-5 and macro-F1."""
    import numpy as np

    from benchmark.metrics.ranking import Ranking

    labelled = [(scores, labels[name]) for name, scores in answers if name in labels]
    known = [(scores, classes.index(label)) for scores, label in labelled if label in classes]
    counts = {"labelled": len(labelled), "of_other_classes": len(labelled) - len(known)}
    if not known:
        return counts
    metric = Ranking("class", len(classes), ("known",))
    found, true = (np.stack(each) for each in zip(*known, strict=True))
    found = found if found.ndim > 1 else found.astype(np.int64)  # of a model that names one class
    return counts | metric.by_part(metric.tally({"class": found}, {"class": true}))["known"]


def without_input(labels: Iterable[str], inputs: Iterable[str]) -> list[str]:
    """Labels whose name is not that of an input's file; an input may be a place in a file, `file:place`."""
    names = {Path(each).name for each in inputs}
    return sorted(label for label in labels if not any(f"{name}:".startswith(f"{label}:") for name in names))


def in_words(scores: Mapping[str, Any]) -> str:
    """The scores in a line."""
    if not scores["labelled"]:
        return "no input that was answered has a label"
    shares = "   ".join(f"{name} {value:.4f}" for name, value in scores.items() if isinstance(value, float))
    known = scores["labelled"] - scores["of_other_classes"]
    rest = f"; {scores['of_other_classes']} more are of classes that the rung has not"
    return f"of {known} labelled inputs: {shares or 'no score'}" + (rest if scores["of_other_classes"] else "")


def as_sentence(scores: Mapping[str, Any]) -> str:
    """The same as a sentence, whose names keep their capitals."""
    words = in_words(scores)
    return f"{words[0].upper()}{words[1:]}."
