"""A rung's set that the rules refuse has no score."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from benchmark.scoring.score import score_paths

REFERENCE = Path(__file__).resolve().parents[3] / "results" / "reference"


@pytest.mark.parametrize(
    ("old", "new", "rule"),
    [
        (b'"status": "success"', b'"status": "aborted"', "R4.5"),
        (b'"key": "global_batch_size", "value": 32', b'"key": "global_batch_size", "value": 64', "R4.10"),
    ],
)
def test_one_run_that_breaks_a_rule_leaves_the_set_without_a_score(tmp_path, old, new, rule):
    tree = shutil.copytree(REFERENCE, tmp_path / "tree")
    (log,) = tree.glob("results/*/strong/*/result_2.txt")
    content = log.read_bytes()
    assert content.count(old) == 1
    log.write_bytes(content.replace(old, new))
    (row,) = score_paths([tree])
    assert row.score_minutes is None and any(rule in warning for warning in row.warnings)
    (whole,) = score_paths([REFERENCE])
    assert whole.score_minutes is not None
