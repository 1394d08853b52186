"""The reviewer's bundle: it says what the checks found, what differs, and no more of the code than can be known."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
from corpus import LATER_SETTINGS, Tree, write_runs
from honest_run import F1, ORG, RUNG, log_lines

from benchmark.cli.main import main
from benchmark.foundation.source import source_sha256
from benchmark.report.code_review import commit_in_words, packed_code
from benchmark.report.review import Review, review
from benchmark.report.review_page import AGAIN, DATA, OBJECTIONS, PAGE, write_review
from benchmark.submission.ledger_entry import ROOT
from benchmark.validation.rulebook import read_rules

REFERENCE = ROOT / "reference"
DEFAULTS = {**LATER_SETTINGS, **log_lines()[6]["value"], "learning_rate": 0.002}
CODE = f"{ORG}/benchmarks/{RUNG}/implementations"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A valid submission as `stemdl submit` makes it. To be copied before it is changed."""
    folder = tmp_path_factory.mktemp("review")
    runs = write_runs(folder / "runs", {index: log_lines(index) for index in range(5)}, source_sha256(REFERENCE))
    assert main(["submit", str(runs), "-o", str(folder / "tree"), "--system", "two-cores"]) == 0
    return folder / "tree"


@pytest.fixture
def tree(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "tree"))


def reviewed(path: Path) -> Review:
    return review(path, "this version", lambda rung: DEFAULTS, official=False)


def test_a_good_submission(made: Path):
    made_of = reviewed(made)
    (the_set,) = made_of.sets
    assert made_of.report.verdict.value == "CLOSED" and the_set.target == 0.9
    assert [(run.file, run.status, len(run.curve)) for run in the_set.runs] == [
        (f"result_{index}.txt", "success", 3) for index in range(5)
    ]
    first = the_set.runs[0]
    assert first.curve[-2][1] == F1[-2] and 0 < first.curve[0][0] < first.curve[-1][0] <= first.minutes
    assert [
        (setting.name, setting.kind, setting.reference, setting.values)
        for setting in the_set.settings
        if setting.differs
    ] == [("learning_rate", "tuned", "0.002", ("0.004",))]
    assert the_set.packed[0].differences == () and len(the_set.ledger.runs) == 5
    assert "The source that is packed is what the ledger says ran." in the_set.code
    states = {item.rule.id: item.state for item in made_of.checklist}
    assert list(states) == list(read_rules()) and set(states.values()) == {"kept", "to review"}
    assert states["R4.2"] == "kept" and states["R2.4"] == states["R6.2"] == "to review"


def test_code_that_was_changed_is_shown_line_by_line(tree: Path):
    (code,) = (tree / CODE).glob("reference-*/reference")
    (code / "warm_up.py").write_text((code / "warm_up.py").read_text().replace("STEPS = 3", "STEPS = 4"))
    (code / "comm.py").unlink()
    (code / "more.py").write_text("x = 1\n")
    (the_set,) = reviewed(tree).sets
    by_state = {each.state: each for each in the_set.packed[0].differences}
    assert {state: each.file for state, each in by_state.items()} == {
        "changed": "warm_up.py",
        "missing": "comm.py",
        "added": "more.py",
    }
    assert "-STEPS = 3\n+STEPS = 4" in by_state["changed"].diff
    assert any("None of the source that is packed is what the ledger says ran" in said for said in the_set.code)


def test_published_runs_are_of_released_versions(tmp_path: Path):
    made_of = reviewed(ROOT / "results" / "reference")
    for the_set in made_of.sets:
        assert sum("the one released as" in said for said in the_set.code) == 2, "of the trainer and of the harness"
    page = write_review(made_of, tmp_path / "review")[0].read_text()
    assert f"{len(made_of.sets[0].packed[0].differences)} files are not as in this version" in page


def test_errors_are_on_the_page_in_the_checklist_and_among_the_objections(tree: Path, tmp_path: Path):
    path = tree / ORG / "systems" / "two-cores.json"
    path.write_text(path.read_text().replace('"cooling": "a kind of cooling"', '"cooling": "unknown"'))
    page, data, objections, picture = write_review(reviewed(tree), tmp_path / "review")
    assert (page.name, data.name, objections.name) == (PAGE, DATA, OBJECTIONS)
    assert "the field cooling says nothing" in page.read_text() and "INVALID" in page.read_text()
    assert "## 1. R7.2: the field cooling says nothing" in objections.read_text()
    values = json.loads(data.read_text())
    assert [item for item in values["checklist"] if item["state"] == "broken"] == [
        {"rule": "R7.2", "title": "Meaning", "state": "broken", "findings": 1, "held_by": "system_meaningful"}
    ]
    assert values["sets"][0]["score"]["score_minutes"] and picture.read_bytes().startswith(b"\x89PNG")
    assert not re.search(r'src="(?!data:)', page.read_text())  # one file that needs no other
    linked = set(re.findall(r'href="(?!#)([^"]+)"', page.read_text()))
    assert {(page.parent / address).resolve() for address in linked} == {*tree.rglob("result_?.txt"), path}, (
        "it links logs, and the files of findings"
    )
    rules = set(re.findall(r'href="#(R[\d.]+)"', page.read_text()))
    assert rules == {"R7.2"} and 'id="R7.2"' in page.read_text() and read_rules()["R7.2"].text[:30] in page.read_text()


def test_what_a_submitter_writes_is_no_part_of_the_page_s_code(tree: Path, tmp_path: Path):
    evil = "<script>alert(1)</script>"
    for log in tree.rglob("result_0.txt"):
        log.write_text(
            log.read_text()
            .replace('"value": "reference"', f'"value": "{evil}"')
            .replace('"platform": "two cores"', f'"platform": "{evil}"')
        )
    (code,) = (tree / CODE).glob("reference-*/reference")
    (code / "train.py").write_text(evil)
    page = write_review(reviewed(tree), tmp_path / "review")[0].read_text()
    assert evil not in page and "&lt;script&gt;" in page


def test_bad_logs_and_missing_files_have_a_review_too(tmp_path: Path):
    tree = Tree.valid()
    tree.raw[1] = lambda text: b"\xff\x00" + text[:3000]
    tree.raw[2] = lambda text: text.replace(b'"eval_accuracy", "value": 0.', b'"eval_accuracy", "value": "0.', 1)
    folder = tree.write(tmp_path / "tree" / ORG)
    (folder / "results/two-cores/strong/stemdl_mini/ledger.jsonl").unlink()
    shutil.rmtree(folder / "benchmarks")
    made_of = reviewed(tmp_path / "tree")
    *_, objections = write_review(made_of, tmp_path / "review")[:3]
    assert write_review(made_of, tmp_path / "review")[2] == objections
    objections.write_text("filled in")
    assert write_review(made_of, tmp_path / "review")[2].name == AGAIN and objections.read_text() == "filled in"
    objections.unlink()
    write_review(made_of, tmp_path / "review")
    (the_set,) = made_of.sets
    assert made_of.report.verdict.value == "INVALID" and the_set.ledger is None and len(the_set.runs) == 5
    assert "There is no ledger, which would have the hash of the code that ran." in the_set.code


def test_links_in_the_code_are_not_followed(tree: Path, tmp_path: Path):
    (tmp_path / "secret.py").write_text("SECRET\n")
    (code,) = (tree / CODE).glob("reference-*/reference")
    (code / "link.py").symlink_to(tmp_path / "secret.py")
    (packed,) = packed_code(tree / ORG, RUNG, REFERENCE)
    assert packed.differences == ()
    shutil.move(tree / ORG / "benchmarks", tmp_path / "elsewhere")
    (tree / ORG / "benchmarks").symlink_to(tmp_path / "elsewhere")
    assert packed_code(tree / ORG, RUNG, REFERENCE) == []


@pytest.mark.parametrize(
    ("commit", "said"),
    [
        (None, "names no commit"),
        ("unknown", "names no commit"),
        ("--output=/tmp/x", "names no commit"),
        ("f" * 40, "does not have the commit"),
        ("f" * 40 + "-dirty", "does not say what ran"),
    ],
)
def test_what_is_said_of_a_commit(commit: str | None, said: str):
    assert said in commit_in_words(commit, ROOT)


def test_runs_that_were_not_packed_are_reviewed(tmp_path: Path, capsys: pytest.CaptureFixture):
    runs = write_runs(tmp_path / "runs", {index: log_lines(index) for index in range(5)}, source_sha256(REFERENCE))
    assert main(["review", str(runs), "-o", str(tmp_path / "review"), "--no-official"]) == 0
    out = capsys.readouterr()
    assert "1 sets of runs" in out.out and "Next: open" in out.err
    assert len(json.loads((tmp_path / "review" / DATA).read_text())["sets"][0]["ledger"]) == 5
    with pytest.raises(SystemExit, match="2"):
        main(["review", str(tmp_path / "nowhere"), "-o", str(tmp_path / "review")])
