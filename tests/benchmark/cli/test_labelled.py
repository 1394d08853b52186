"""`stemdl evaluate --labels`: labels are read or refused by line, and answers are scored by them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmark.cli.labelled import as_sentence, in_words, read_labels, scores_of, without_input
from benchmark.foundation.errors import StemdlError

CLASSES = ("cubic", "hexagonal", "triclinic")


def known(text: str) -> str:
    if text not in (*CLASSES, "monoclinic"):
        raise StemdlError("this is not a system", found=text)
    return text


def table(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_labels_are_read_by_columns(tmp_path: Path) -> None:
    path = table(tmp_path / "l.csv", "note,system,input\n,cubic,a.xy\nx, triclinic ,b c.xy\n")
    assert read_labels(path, "system", known) == {"a.xy": "cubic", "b c.xy": "triclinic"}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no input, system"),
        ("input,system\n", "empty"),
        ("input,group\na,cubic\n", "no system"),
        ("input,system\na,cubic\nb,\n", "l.csv:3: an input has no label"),
        ("input,system\na\n", "l.csv:2: an input has no label"),
        ("input,system\na,cubic\na,cubic\n", "l.csv:3: an input has two labels"),
        ("input,system\na,cubist\n", "l.csv:2: this is not a system"),
    ],
)
def test_what_is_not_a_label_is_refused_with_its_line(text: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(StemdlError, match=says):
        read_labels(table(tmp_path / "l.csv", text), "system", known)


def test_a_table_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    (tmp_path / "l.csv").write_bytes(b"\xff\xfe\x00")
    for path in (tmp_path / "l.csv", tmp_path / "none.csv", tmp_path):
        with pytest.raises(StemdlError, match="labels"):
            read_labels(path, "system", known)


def test_answers_are_scored_by_their_labels_alone() -> None:
    answers = [
        ("a", np.array([3.0, 2.0, 1.0])),
        ("b", np.array([3.0, 1.0, 2.0])),
        ("c", np.array([1.0, 2.0, 3.0])),
        ("unlabelled", np.array([1.0, 2.0, 3.0])),
    ]
    labels = {"a": "cubic", "b": "hexagonal", "c": "monoclinic", "elsewhere": "cubic"}
    found = scores_of(answers, labels, CLASSES)
    assert found["labelled"] == 3 and found["of_other_classes"] == 1
    assert (found["top-1"], found["top-3"]) == (0.5, 1.0) and found["macro-F1"] == pytest.approx((2 / 3 + 0) / 2)
    assert in_words(found).startswith("of 2 labelled inputs: top-1 0.5000   top-3 1.0000")
    assert as_sentence(found).startswith("Of 2 labelled inputs: ") and "macro-F1 " in as_sentence(found)
    assert in_words(found).endswith("; 1 more are of classes that the rung has not")
    only_others = scores_of(answers, {"c": "monoclinic"}, CLASSES)
    assert only_others == {"labelled": 1, "of_other_classes": 1} and "no score" in in_words(only_others)
    assert in_words(scores_of(answers, {"d": "cubic"}, CLASSES)) == "no input that was answered has a label"


def test_labels_of_inputs_that_are_not_here_are_named() -> None:
    inputs = ["here/a.xy", "there/b.h5:sample_1_0", "c.xy:12"]
    assert without_input(["a.xy", "b.h5", "c.xy", "a.x", "d.xy"], inputs) == ["a.x", "d.xy"]
