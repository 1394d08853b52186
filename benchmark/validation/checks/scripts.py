"""What the packed scripts do when they are run: what the logs say, and nothing before it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from benchmark.foundation.reading import Unreadable, parse_yaml, read_bytes
from benchmark.validation.finding import Fault, Severity, shown
from benchmark.validation.limits import Limits
from benchmark.validation.registry import check
from benchmark.validation.subjects import ResultSet, Submission

BY_THEMSELVES = {"sitecustomize.py", "usercustomize.py"}
"""Modules that Python imports before any other where it finds them."""
PATHS = ".pth"
"""The suffix of files whose lines Python runs at its start."""
MOST_SCRIPTS = 64
_SET = re.compile(r"--set(?:=|[ \t]+)[\"']?([a-z_]+)=([^\s\"'\\$]+)(?=[\s\"'\\]|$)", re.MULTILINE)


@check("R8.2", of=ResultSet, ours_alone=True)
def scripts_set_what_ran(results: ResultSet) -> Iterator[Fault]:
    """A setting that a shell script of the implementation gives is the one that the logs have."""
    if not results.submitted or not results.read:
        return
    submission, settings = results.folder.parents[3], results.read[0].settings()
    folder = submission / "benchmarks" / results.benchmark / "implementations"
    systems = {path.stem for path in (submission / "systems").glob("*.json")}
    for path in _scripts(folder):
        own = path.relative_to(folder).parts[0]
        if own in systems and own != results.system_id:
            continue
        try:
            text = read_bytes(path, Limits().text_bytes).decode("utf-8", "replace")
        except Unreadable:
            continue  # R8.6 says so
        for name, given in _SET.findall(text):
            if name in settings and not _same(given, settings[name]):
                yield Fault(
                    f"a script sets {name} to what no log says",
                    file=f"{results.file.rsplit('/results/', 1)[0]}/{path.relative_to(submission)}",
                    found=f"--set {name}={given}",
                    expected=shown(settings[name]),
                    severity=Severity.WARNING,
                )


def _scripts(folder: Path) -> list[Path]:
    if not folder.is_dir() or folder.is_symlink():
        return []
    found = (path for path in folder.rglob("*.sh") if path.is_file() and not path.is_symlink())
    return sorted(found)[:MOST_SCRIPTS]


def _same(given: str, logged: object) -> bool:
    try:
        return given == str(logged) or parse_yaml(given) == logged
    except Unreadable:
        return False


@check("R8.2", of=Submission)
def nothing_runs_by_itself(submission: Submission) -> Iterator[Fault]:
    """Next to the source lies no file that Python runs before it, though nothing imports it."""
    for entry in submission.entries if submission.ours else ():
        path = PurePosixPath(entry.file)
        if path.parts[0] == "benchmarks" and (path.name in BY_THEMSELVES or path.suffix == PATHS):
            yield Fault(
                "Python runs this file by itself, before the program",
                file=f"{submission.file}/{entry.file}",
                expected="source that the trainer imports",
            )
