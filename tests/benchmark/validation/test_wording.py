"""What honest submitters say of their runs has no finding."""

from __future__ import annotations

from pathlib import Path

import pytest
from corpus import Tree
from mutations_visible import readme
from mutations_words import comment, notes
from test_words import warnings

from benchmark.validation.checks.numerals import in_digits
from benchmark.validation.checks.texts import sentences

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
    "no GPU is used",
    "No NVIDIA GPU is in the machine",
    "Without a GPU; the GPU is not used",
    "A 300 W power supply; the processor is rated at 120 W, TDP 120 W, and capped at 90 W",
    "The node idles at 30 W",
    "No power was measured: the plug has no meter of watts",
    "Objections may be sent to us within two weeks, and will be answered",
    "The result is unverified: not verified by MLCommons, nor reviewed",
    "None of the other rates was faster than the one that was kept",
    "Run 3 was faster than the others, and the fastest result is dropped",
    "Half of the time is evaluation, as in the reference",
    "The rate is higher than the reference's 0.004, and converges faster than the reference's settings",
    "All five runs reached the target after three epochs, of at most 18",
    "A run needs 3 to 4 epochs; the schedule is of 18 epochs, its warm-up of one epoch",
    "The macro-F1 at the stop is from 0.90 to 0.92, and 0.92 on the test split",
    "The macro-F1 is 91 % and varies by 0.5 %, with a weight averaging of 0.98",
    "The macro-F1 of the best class is 0.99, that of training 0.97",
    "Target: a macro-F1 of 0.9",
    "The machine was booted before the first run, and never between the runs",
    "The runs followed each other at once, with no pause of minutes between runs",
    "The software also builds on aarch64, such as a Raspberry Pi",
    "The runs used Intel MPI and Intel MKL, with a grace period of 60 s",
    "The machine is an EPYC server of x86-64",
    "The data were generated on another machine, by the same recipe",
    "Another machine was tried first, and was too small",
    "Weights are initialised from the seed, and training starts with random weights",
    "The weights of the last epoch are loaded from the checkpoint for the test split",
    "Nothing was tuned on the test split, and nothing was changed between runs",
    "The settings are the reference's defaults; no setting was tuned",
    "The other settings are the defaults",
    "Patterns are simulated; the energy was not measured",
    "The times of patterns that are read were measured by the log's clock",
    "The patterns are simulated as if recorded with a microscope of 200 kV",
    "Memory runs at 3200 MHz, DDR4; the processor boosts up to 3.4 GHz",
    "The rung has 25 of the 230 space groups; which of the 230 space groups is the question",
    "The network tells the 25 space groups of the rung",
    "Five runs were made in a row, two runs were made before noon",
    "The five runs trained 200 models per hour, one after another",
    "Every run reaches the target within twenty seconds or fewer than a minute",
    "We thank the operators of the machine, who set up the best of our systems",
)


@pytest.mark.parametrize("text", HONEST)
@pytest.mark.parametrize("place", [notes, comment, lambda text: readme(f"{text}.\n".encode())])
def test_honest_words_have_no_finding(tmp_path: Path, place: object, text: str) -> None:
    tree = Tree.valid()
    place(text)(tree)
    assert warnings(tree, tmp_path) == []


def test_numbers_in_words_are_digits() -> None:
    assert in_digits("All Twenty runs, of forty-five; someone, ninety") == "All 20 runs, of 45; someone, 90"


def test_sentences_go_over_the_ends_of_lines() -> None:
    assert list(sentences("one\ntwo. Three; 3.5 s\n\n- four\n- five")) == [
        "one two",
        "Three",
        "3.5 s",
        "- four",
        "- five",
    ]
