"""Submissions that have what was counted: an honest one, and ones whose counts are not those of their logs."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from changes import metric, put
from corpus import RESULTS, Mutation, Tree

from benchmark.data.recipe import recipe_of
from benchmark.definition.finder import load_benchmark
from benchmark.events import keys
from benchmark.metrics.confusion import Confusion
from benchmark.validation.standard import standards

FILE = f"{RESULTS}/tallies/result_0.json"
CLASSES, SAMPLES, WRONG = standards()["stemdl_mini"].classes, 1000, 85
Spoil = Callable[[dict[str, Any]], Any]


def counts(seed: int | str) -> np.ndarray:
    """How often each class was taken for which, of the samples of a split: macro-F1 of about 0.91."""
    draw, found = random.Random(seed), np.zeros((CLASSES, CLASSES), dtype=np.int64)
    for sample in range(SAMPLES):
        found[sample % CLASSES, draw.randrange(CLASSES) if sample < WRONG else sample % CLASSES] += 1
    return found


def counted(spoil: Spoil = bool, without: tuple[int, ...] = ()) -> Callable[[Tree], None]:
    """Each run's counts, and what its log says by them; `spoil` changes the first's file, and some are left out."""

    def change(tree: Tree) -> None:
        for index, lines in tree.logs.items():
            splits = {"dev": counts(2 * index + 1), "test": counts(2 * index + 2)}
            metric(3, Confusion(splits["dev"]).macro_f1())(lines)
            put(keys.TEST_F1_MACRO, Confusion(splits["test"]).macro_f1())(lines)
            values = counts_of(splits)
            if index == 0:
                spoil(values)
            if index not in without:
                tree.files[FILE.replace("_0", f"_{index}")] = json.dumps(values).encode()

    return change


def counts_of(splits: dict[str, np.ndarray]) -> dict[str, Any]:
    """What a run leaves of its counts."""
    return {
        "format": 1,
        "schema": recipe_of(load_benchmark("space_group").rung("stemdl_mini")).schema().to_json(),
        "splits": {split: [*each.ravel().tolist(), SAMPLES] for split, each in splits.items()},
    }


def the_other_way_round(values: dict[str, Any]) -> None:
    """What each class was taken for, as if it were what was taken for it: the same F1, of other samples."""
    matrix = np.array(values["splits"]["dev"][:-1]).reshape(CLASSES, CLASSES)
    values["splits"]["dev"] = [*matrix.T.ravel().tolist(), SAMPLES]


def one_more_right(values: dict[str, Any]) -> None:
    """A sample that was found wrong in dev is right."""
    matrix = np.array(values["splits"]["dev"][:-1]).reshape(CLASSES, CLASSES)
    row, column = next((r, c) for r, c in zip(*matrix.nonzero(), strict=True) if r != c)
    matrix[row, column] -= 1
    matrix[row, row] += 1
    values["splits"]["dev"] = [*matrix.ravel().tolist(), SAMPLES]


def doubled(values: dict[str, Any], says: int) -> None:
    """Each sample twice, which has the same F1."""
    values["splits"]["test"] = [2 * each for each in values["splits"]["test"][:-1]] + [says]


def one_class_more(values: dict[str, Any]) -> None:
    """A class that no sample is of, and that nothing was taken for, which has the same F1."""
    values["schema"]["classes"]["space_group"].append("of one's own")
    for split, tally in values["splits"].items():
        wider = np.pad(np.array(tally[:-1]).reshape(CLASSES, CLASSES), ((0, 1), (0, 1)))
        values["splits"][split] = [*wider.ravel().tolist(), SAMPLES]


def linked(folder: Path) -> None:
    (folder / FILE).parent.mkdir()
    os.symlink("../result_0.json", folder / FILE)


TALLIED = (
    Mutation("counts with one more right", "R4.16", counted(one_more_right)),
    Mutation("counts of the other split", "R4.16", counted(lambda of: of["splits"].update(dev=of["splits"]["test"]))),
    Mutation("counts of each sample twice", "R4.16", counted(lambda of: doubled(of, 2 * SAMPLES))),
    Mutation("counts of each sample twice, said once", "R4.16", counted(lambda of: doubled(of, SAMPLES))),
    Mutation("counts in a class more", "R4.16", counted(one_class_more)),
    Mutation("counts of dev alone", "R4.16", counted(lambda of: of["splits"].pop("test"))),
    Mutation("counts of training samples", "R4.16", counted(lambda of: of["splits"].update(train=[1]))),
    Mutation("counts of another task", "R4.16", counted(lambda of: of["schema"].update(classes={}))),
    Mutation("counts that are too few", "R4.16", counted(lambda of: of["splits"].update(dev=[1, 2, 3]))),
    Mutation("counts that are shares", "R4.16", counted(lambda of: of["splits"].update(dev=[0.5] * 12))),
    Mutation("counts with rows for columns", "R4.16", counted(the_other_way_round)),
    Mutation("counts with a word more", "R4.16", counted(lambda of: of.update(note="the best run"))),
    Mutation(
        "counts of larger pictures", "R4.16", counted(lambda of: of["schema"]["inputs"][0].update(shape=[3, 128, 128]))
    ),
    Mutation("counts of four runs of five", "R4.16", counted(without=(2,)), invalid=False),
    Mutation("counts that are a link", "R4.16", lambda tree: tree.after.append(linked)),
)
