"""One judgement for both commands: a rung's set has a score exactly where the rules that a score rests on are kept."""

from __future__ import annotations

import shutil

import pytest
from corpus import REFERENCE, RESULTS, Tree
from mutations import MUTATIONS

from benchmark.validation.judged_scores import OF_A_SCORE, judged_scores
from benchmark.validation.standard import standards
from benchmark.validation.validate import validate


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
    (row,) = judged_scores([tree])
    assert row.score_minutes is None and any(rule in warning for warning in row.warnings)
    (whole,) = judged_scores([REFERENCE])
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


@pytest.mark.parametrize("part", [pytest.param(part, marks=() if part == 0 else pytest.mark.slow) for part in range(6)])
def test_a_set_has_a_score_exactly_where_the_rules_that_it_rests_on_are_kept(tmp_path, part):
    """Of all mutations, a sixth at a time; but for what lies in a folder of no benchmark."""
    for number, mutation in enumerate(MUTATIONS[part::6]):
        tree = mutation.tree().write(tmp_path / str(number) / "Somewhere")
        if not any((tree / RESULTS).parents[1].rglob("result_*.txt")):
            continue
        broken = {
            runs.folder.absolute()
            for judged in validate([tree], official=False).judged
            for runs in judged.sets
            if any(OF_A_SCORE.match(finding.rule) for finding in runs.findings)
        }
        for row in judged_scores([tree]):
            if row.benchmark in standards():
                assert row.complete == (row.folder not in broken), (mutation.name, row.warnings)
