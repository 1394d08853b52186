"""Commands of documents as they stand, in a folder that has what the documents take for granted, and what they say."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import pytest
from corpus import write_runs
from honest_run import log_lines
from made_logs import write_set, write_submission
from walks import commands_in, steps

from benchmark.cli.main import main
from benchmark.definition.trainer import ROOT as CODE
from benchmark.foundation.source import source_sha256

ROOT = Path(__file__).resolve().parents[2]
BEFORE, AFTER = (60.0, 61.0, 62.0, 63.0, 64.0), (50.0, 51.0, 52.0, 53.0, 54.0)

PRINTED = {
    command: text
    for path in (ROOT / "docs").glob("*.md")
    for command, text in re.findall(r"stemdl ([^\n]*)\n```\n\n```text\n(.*?)```", path.read_text(), re.DOTALL)
}
"""What documents say that a command prints; an … stands for what is another each time."""


def typed(document: str, *named: str) -> list[str]:
    """The commands of a document, of those that are `named`."""
    found = [each for name, text in steps(document) if not name for each in commands_in(text.splitlines())]
    return [each for each in found if each.split()[0] in named]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    shutil.copytree(ROOT / "results", "results")
    return tmp_path


def submittable(folder: Path) -> None:
    """A run set as it is submitted, in the folder `runs`."""
    write_runs(folder / "runs", {index: log_lines(index) for index in range(5)}, source_sha256(CODE / "reference"))


def test_results_are_compared_and_reported(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for system, seconds in (("eos_n64", BEFORE), ("eos_n128", AFTER)):
        write_submission(here / "hpc_results_v3.0", "NVIDIA", system, seconds)
    write_set(here / "runs" / "before", BEFORE)
    write_set(here / "runs" / "after", AFTER)
    submittable(here)  # the latest
    said = {}
    for command in typed("comparing.md", "compare", "report"):
        if "--data" in command:  # test_every_command.py has the data
            continue
        assert main(shlex.split(command)) == 0, f"{command}\n{capsys.readouterr().err}"
        said[command] = capsys.readouterr().out
    assert len(said) == 6 and "better" in said["compare runs/before runs/after"]
    assert "Somewhere/set" in Path("comparison.md").read_text() and len(list(Path("site/logs").iterdir())) == 25
    assert Path("leaderboard.md").read_text() == (ROOT / "results" / "leaderboard.md").read_text()


def test_a_submission_is_made_judged_and_scored(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    submittable(here)
    for command in typed("submitting.md", "submit", "validate", "score"):
        assert main(shlex.split(command)) == 0, f"{command}\n{capsys.readouterr().err}"
    assert "CLOSED" in capsys.readouterr().out and Path("submission/Somewhere/systems/NAME.json").is_file()


@pytest.mark.parametrize(("document", "runs"), [("../results/README.md", "runs/five"), ("your_own.md", "runs/mine")])
def test_other_documents_submit_sets_of_other_names(
    here: Path, document: str, runs: str, capsys: pytest.CaptureFixture[str]
) -> None:
    submittable(here)
    Path("runs", "set").rename(runs)
    shutil.rmtree("results/reference")  # as the document says before
    (command,) = typed(document, "submit")
    assert command.startswith(f"submit {runs} ")
    code = main(shlex.split(command))
    assert code == 0, f"{command}\n{capsys.readouterr().err}"
    written = Path(shlex.split(command)[3])
    assert main(["validate", str(written)]) == 0 and "CLOSED" in capsys.readouterr().out


def test_the_published_results_are_judged_reviewed_and_listed(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for command in typed("../results/README.md", "validate", "review", "report"):
        assert main(shlex.split(command)) == 0, f"{command}\n{capsys.readouterr().err}"
    assert Path("review/index.html").is_file()


@pytest.mark.parametrize(
    ("document", "command"), [(name, each) for name in ("running.md", "your_own.md") for each in typed(name, "launch")]
)
def test_a_dry_run_prints_what_the_document_says(
    here: Path, document: str, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(ROOT / "examples", "examples")
    assert main(shlex.split(command)) == 0
    printed = capsys.readouterr().out
    if command in PRINTED:
        words = PRINTED[command].split()
        assert re.fullmatch(r"\s+".join(re.escape(each).replace("…", r"\S*") for each in words), printed.strip())


def test_there_is_a_document_that_shows_what_is_printed() -> None:
    assert len(PRINTED) == 1
