"""Good weak scaling next to a good strong set has no finding, and its score is that of its logs."""

from __future__ import annotations

from corpus import Tree
from mutations_related import script
from mutations_weak import INSTANCES, at_once

from benchmark.validation.finding import Verdict
from benchmark.validation.judged_scores import judged_scores
from benchmark.validation.validate import validate


def test_good_weak_scaling_has_no_finding(tmp_path):
    tree = Tree.valid()
    at_once()(tree)
    folder = tree.write(tmp_path / "Somewhere")
    report = validate([folder], official=False)
    assert (report.verdict, report.findings) == (Verdict.CLOSED, [])
    strong, weak = judged_scores([folder])
    assert strong.score_minutes and weak.total_minutes and weak.models == INSTANCES
    assert not strong.warnings + weak.warnings


def test_scripts_may_make_both_sets(tmp_path):
    tree = Tree.valid()
    at_once()(tree)
    runs = "stemdl run --rung stemdl_mini --ranks 2"
    script(f"{runs} --runs 5", f"{runs} \\\n  --instances {INSTANCES}")(tree)
    assert validate([tree.write(tmp_path / "Somewhere")], official=False).findings == []
    strong = Tree.valid()
    script(f"{runs} --runs 5", f"{runs} --instances {INSTANCES}")(strong)
    (found,) = validate([strong.write(tmp_path / "Else")], official=False).findings
    assert found.rule == "R8.2" and "the instances" in found.message
