"""What honest submitters say of their runs has no finding."""

from __future__ import annotations

from pathlib import Path

import pytest
from corpus import Tree
from mutations_visible import readme
from mutations_words import comment, notes
from test_words import warnings

from benchmark.validation.checks.texts import in_digits, sentences

HONEST = (
    "The fastest of the five runs took 11 s",
    "The score is the mean of 5 runs, the fastest and the slowest runs left out",
    "No runs were left out, and none were repeated",
    "All runs are in the ledger; nothing was deleted",
    "Weights are kept in fp32, losses summed in double precision",
    "The network is not pretrained; no other data were used",
    "Weights are drawn from the seed, with no checkpoint of an earlier run",
    "Each run takes a fresh seed from the operating system, seeds are 31 bits",
    "Seeds are not fixed",
    "Evaluation is of the whole dev split after every epoch, and takes a tenth of the time of an epoch",
    "The test split is read once the clock has stopped",
    "Hyperparameters were tuned on the dev split alone",
    "Caches were not dropped: we lack the rights",
    "Training data have a rotation jitter of three degrees",
    "Two ranks on two cores, one thread each",
    "The runs had both cores; the host has 64 cores",
    "No GPU is used; the network is that of the released commit of an earlier version",
    "Checkpoints are written to local disk, and the node was not restarted",
    "The best epoch of each run is its last",
    "We thank the operators of the machine, who set up the best of our systems",
)


@pytest.mark.parametrize("text", HONEST)
@pytest.mark.parametrize("place", [notes, comment, lambda text: readme(f"{text}.\n".encode())])
def test_honest_words_have_no_finding(tmp_path: Path, place: object, text: str) -> None:
    tree = Tree.valid()
    place(text)(tree)
    assert warnings(tree, tmp_path) == []


def test_numbers_in_words_are_digits() -> None:
    assert in_digits("All Twenty runs, of forty; someone") == "All 20 runs, of 40; someone"


def test_sentences_go_over_the_ends_of_lines() -> None:
    assert list(sentences("one\ntwo. Three; 3.5 s\n\n- four\n- five")) == [
        "one two",
        "Three",
        "3.5 s",
        "- four",
        "- five",
    ]
