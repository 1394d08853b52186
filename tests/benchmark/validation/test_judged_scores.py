"""One judgement for both commands: a rung's set has a score exactly where the rules that a score rests on are kept; of
all mutations, see test_validate.py."""

from __future__ import annotations

import pytest
from corpus import Tree
from recorded import copy_of_results

from benchmark.validation.judged_scores import judged_scores


@pytest.mark.parametrize(
    ("old", "new", "rule"),
    [
        (b'"status": "success"', b'"status": "aborted"', "R4.5"),
        (b'"key": "global_batch_size", "value": 32', b'"key": "global_batch_size", "value": 64', "R4.10"),
    ],
)
def test_one_run_that_breaks_a_rule_leaves_the_set_without_a_score(tmp_path, old, new, rule):
    tree = copy_of_results(tmp_path / "tree")
    (log,) = tree.glob("results/*/strong/*/result_2.txt")
    content = log.read_bytes()
    assert content.count(old) == 1
    log.write_bytes(content.replace(old, new))
    (row,) = judged_scores([tree])
    assert row.score_minutes is None and any(rule in warning for warning in row.warnings)
    (whole,) = judged_scores([copy_of_results(tmp_path / "whole")])
    assert whole.score_minutes is not None and not whole.warnings


def test_what_could_not_be_read_is_told_once_and_judged_as_nothing_else(tmp_path):
    tree = Tree.valid()
    tree.raw[2] = lambda text: b"\0" * 100
    (row,) = judged_scores([tree.write(tmp_path / "S")])
    about = [warning for warning in row.warnings if "result_2.txt" in warning]
    assert row.score_minutes is None and 1 <= len(about) <= 2
    assert not any(
        false in warning for warning in row.warnings for false in ("batch size", "did not converge", "target", "seed")
    )
