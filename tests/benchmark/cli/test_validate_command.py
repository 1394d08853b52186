"""`stemdl validate` and `stemdl rules` as they are typed."""

from __future__ import annotations

import json
import re

import pytest
from corpus import RESULTS, Tree
from mutations import MUTATIONS

from benchmark.cli.main import main

BAD = next(mutation for mutation in MUTATIONS if mutation.name == "a wider network and a missing log")


@pytest.mark.parametrize(
    ("tree", "code", "says"),
    [(Tree.valid("closed"), 0, "CLOSED"), (Tree.valid("open"), 0, "OPEN"), (BAD.tree(), 1, "INVALID")],
)
def test_the_verdict_is_the_exit_code(tmp_path, capsys, tree, code, says):
    folder = tree.write(tmp_path / "S")
    assert main(["validate", "--no-official", str(folder)]) == code
    out = capsys.readouterr().out
    assert says in out
    if code:
        assert (
            "ERROR R5.1" in out
            and re.search(
                r"^  and 3 more of this kind, in (result_\d\.txt(, )?){3}   \(--all shows them\)$", out, re.MULTILINE
            )
            and "expected: 16" in out
            and "found:    64" in out
        )


def test_wrong_use_is_2(tmp_path, capsys):
    assert main(["validate", str(tmp_path / "absent")]) == 2
    assert "there is nothing here" in capsys.readouterr().err
    assert main(["rules", "R77.1"]) == 2


@pytest.mark.parametrize("output", ["json", "sarif"])
def test_machines_get_one_object(tmp_path, capsys, output):
    folder = BAD.tree().write(tmp_path / "S")
    assert main(["validate", "--no-official", "--format", output, str(folder)]) == 1
    values = json.loads(capsys.readouterr().out)
    if output == "json":
        assert values["verdict"] == "INVALID"
        assert set(values["findings"][0]) == {
            "rule",
            "severity",
            "file",
            "line",
            "message",
            "expected",
            "found",
            "hint",
        }
        assert values["judged"] == [
            {"path": str(folder), "kind": "submission", "logs": 4, "whole": True, "ruleset": None, "verdict": "INVALID"}
        ]
    else:
        assert values["runs"][0]["results"]


def test_rules_are_listed_and_printed(capsys):
    assert main(["rules"]) == 0
    listed = capsys.readouterr().out
    assert "R2.3" in listed and "data_recognised" in listed
    assert main(["rules", "R2.3"]) == 0
    assert capsys.readouterr().out.startswith("**R2.3 Manifest and golden figures.** ")
    assert main(["rules", "R6", "--format", "json"]) == 0
    assert [rule["id"] for rule in json.loads(capsys.readouterr().out)] == ["R6.1", "R6.2"]


def test_closed_is_said_of_whole_submissions_alone(tmp_path, capsys):
    """Of a part no division is granted, in words or for machines: what lies around it may be against it."""
    folder = Tree.valid().write(tmp_path / "S")
    results = folder / RESULTS
    said = {}
    for path in (folder, folder / "results", results, results / "result_0.txt"):
        assert main(["validate", "--no-official", str(path)]) == 0
        said[path] = capsys.readouterr().out.splitlines()[0]
        assert main(["validate", "--no-official", "--format", "json", str(path)]) == 0
        report = json.loads(capsys.readouterr().out)
        assert report["verdict"] == report["judged"][0]["verdict"] == said[path].split()[0]
    assert said[folder].startswith("CLOSED ")
    assert all(said[path].startswith("VALID ") for path in (folder / "results", results, results / "result_0.txt"))
    assert "without the submission around them" in said[results]
    assert said[results / "result_0.txt"].endswith("(1 log alone)")
    (results / "result_4.txt").unlink()
    assert main(["validate", "--no-official", str(results)]) == 1
    out = capsys.readouterr().out
    assert "CLOSED" not in out and "the number of runs is not the one that a score is made of" in out
