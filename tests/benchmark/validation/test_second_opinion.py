"""The official checkers are asked too, with bounds; where they and we differ is reported, and they run nothing
foreign."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path

import pytest
import yaml
from corpus import RESULTS, Tree
from honest_run import SYSTEM, at, log_lines
from mutations import MUTATIONS

import benchmark.validation.second_opinion as bridge
from benchmark.events import keys
from benchmark.validation.finding import Severity, Verdict
from benchmark.validation.limits import Limits
from benchmark.validation.second_opinion import CheckerQuestion, second_opinion
from benchmark.validation.standard import standards
from benchmark.validation.subjects import Log
from benchmark.validation.tree import read_submission, result_sets
from benchmark.validation.validate import validate


def about(tree: Tree, folder: Path, errors: int = 0) -> CheckerQuestion:
    (results,) = result_sets(read_submission(tree.write(folder), "S", Limits()), Limits())
    return CheckerQuestion.about_set(results, errors, Limits())


def test_they_pass_what_we_pass(tmp_path):
    report = validate([Tree.valid().write(tmp_path / "S")])
    assert (report.verdict, report.findings) == (Verdict.CLOSED, [])


def test_where_they_object_and_we_do_not_it_is_an_error_and_the_other_way_round_a_note(tmp_path):
    """Mutations that both see, told to the bridge as if we had seen nothing; and one that they do not see."""
    named = {mutation.name: mutation for mutation in MUTATIONS}
    asked = [
        ("the target missed by all runs", 0),
        ("one seed for two runs", 0),
        ("a field left out", 0),
        ("an aborted run", 1),
        ("a second taken out of an epoch", 1),
    ]
    answers = second_opinion([about(named[name].tree(), tmp_path / name, errors) for name, errors in asked], Limits())
    said = [[(finding.rule, finding.severity, finding.message) for finding in answer] for answer in answers]
    for tool, answer in zip(("compliance_checker", "seed_checker", "system_desc_checker"), said[:3], strict=True):
        ((rule, severity, message),) = answer
        assert (rule, severity) == ("R9.4", Severity.ERROR) and tool in message
    assert said[3] == []
    assert said[4][0][1] is Severity.NOTE and "pass this; we found 1 error" in said[4][0][2]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (keys.SUBMISSION_DIVISION, "../../../../../../../../../{folder}/evil"),
        ("scheduler_type", "../{folder}/evil"),
        (keys.SUBMISSION_DIVISION, ["closed"]),
    ],
)
def test_a_log_cannot_have_them_load_rules_of_its_own(tmp_path, key, value):
    """Rule files hold Python, and the official ones are named by what a log says. A log that names its own is not
    given to them: the first of these would have been run."""
    mark = tmp_path / "ran"
    (tmp_path / "evil_common.yaml").write_text(yaml.safe_dump([{"BEGIN": {"CODE": f"open({str(mark)!r}, 'w')"}}]))
    lines = log_lines()
    lines[at(lines, keys.SUBMISSION_BENCHMARK)]["value"] = "deepcam"
    value = value.format(folder=tmp_path) if isinstance(value, str) else value
    lines.insert(4, {**lines[3], "key": key, "value": value})
    tree = Tree.valid()
    tree.logs[0] = lines
    tree.write(tmp_path / "S")
    path = tmp_path / "S" / RESULTS / "result_0.txt"
    question = CheckerQuestion.about_log(Log.read(path, "x", Limits()), 0, Limits())
    assert "name of a rule file" in question.unasked
    ((finding,),) = second_opinion([question], Limits())
    assert "not asked" in finding.message and not mark.exists()


def test_what_they_could_not_bear_is_not_given_to_them(tmp_path):
    tree = Tree.valid()
    tree.raw[0] = lambda text: text + b"x\n" * 200_000
    question = about(tree, tmp_path / "S")
    assert not question.unasked
    (results,) = result_sets(read_submission(tmp_path / "S", "S", Limits()), Limits())
    assert "too large" in CheckerQuestion.about_set(results, 0, Limits(official_log_bytes=100_000)).unasked
    for name in ("an empty log", "two events in a line", "a log that is a link to another"):
        mutation = next(each for each in MUTATIONS if each.name == name)
        assert about(mutation.tree(), tmp_path / name).unasked


def test_a_checker_that_hangs_or_dies_is_told(tmp_path, monkeypatch):
    question = about(Tree.valid(), tmp_path / "S")
    for code in ("import time; time.sleep(60)", "import os; os.kill(os.getpid(), 9)"):
        monkeypatch.setattr(bridge.sys, "executable", str(_fake(tmp_path / "python", code)))
        ((finding,),) = second_opinion([question], Limits(official_seconds=1))
        assert (finding.severity, "did not answer in time" in finding.message) == (Severity.WARNING, True)


PYTHON = sys.executable


def _fake(path: Path, code: str) -> Path:
    path.write_text(f"#!{PYTHON}\n{code}\n")
    path.chmod(0o755)
    return path


def test_without_mlperf_logging_they_are_not_asked(tmp_path, monkeypatch):
    monkeypatch.setattr(bridge.importlib.util, "find_spec", lambda name: None)
    report = validate([Tree.valid().write(tmp_path / "S")])
    assert report.verdict is Verdict.CLOSED
    assert ["pip install mlperf-logging" in finding.message for finding in report.findings] == [True]


def test_they_leave_nothing_behind(tmp_path):
    folder = Tree.valid().write(tmp_path / "S")
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    validate([folder])
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_the_standards_of_mlperf_hpc_are_those_of_its_rule_files():
    """Each key that must be there once, and each value that is fixed, read from the official files again."""
    import mlperf_logging.compliance_checker as checker

    others = [standard for standard in standards().values() if not standard.ours]
    assert {standard.name for standard in others} == {"cosmoflow", "deepcam", "oc20", "openfold"}
    for standard in others:
        path = Path(checker.__file__).parent / "hpc_3.0.0" / f"closed_{standard.name}.yaml"
        records = {each["KEY"]["NAME"]: each["KEY"] for each in yaml.safe_load(path.read_text())}
        once = {name for name, record in records.items() if record.get("REQ") == "EXACTLY_ONE"}
        assert {*standard.required, *({keys.TRAIN_SAMPLES, keys.EVAL_SAMPLES} if standard.samples else ())} == once
        fixed = {
            **standard.fixed,
            **(
                {keys.TRAIN_SAMPLES: (standard.samples["train"],), keys.EVAL_SAMPLES: (standard.samples["dev"],)}
                if standard.samples
                else {}
            ),
        }
        for name, record in records.items():
            test = str(record.get("CHECK", ""))
            decides = (
                any(sign in test for sign in ("==", " in ", "isclose"))
                and "epoch_num" not in test
                and ("len(" not in test)
            )
            assert (name in fixed) == decides, name
            for value in fixed.get(name, ()):
                assert eval(test, {"v": {"value": value}, "math": math})
                assert not eval(test, {"v": {"value": 12.5}, "math": math})


def test_the_system_is_found_by_its_folder(tmp_path):
    question = about(Tree.valid(), tmp_path / "S")
    assert Path(question.system).name == f"{SYSTEM}.json" and question.seeds and len(question.logs) == 5
    json.dumps([*question.logs, question.rules])
