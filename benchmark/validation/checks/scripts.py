"""What the packed scripts do when they are run: what the logs say, and nothing before it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from benchmark.events import keys
from benchmark.foundation.reading import Unreadable, parse_yaml, read_bytes
from benchmark.validation.finding import Fault, Severity, shown
from benchmark.validation.limits import Limits
from benchmark.validation.registry import check
from benchmark.validation.subjects import STRONG, WEAK, ResultSet, Submission

BY_THEMSELVES = {"sitecustomize.py", "usercustomize.py"}
"""Modules that Python imports before any other where it finds them."""
IN_PLACE_OF = frozenset("torch horovod numpy h5py mpi4py mlperf_logging yaml scipy time random".split())
"""Libraries that a module of the same name next to the trainer's package would stand for."""
PATHS = ".pth"
"""The suffix of files whose lines Python runs at its start."""
MOST_SCRIPTS = 64
HIDDEN = "\u200b\u202a-\u202e\u2060-\u2069\ufeff"
"""Letters without a width, and those that turn the direction of a line around: a reader sees another line."""
_CHECKED_OUT = re.compile(
    r"^[^#\n]*\bgit\s+(?:checkout|switch|reset)\s+(?:-\S+\s+)*([^\s;&|$\"'-][^\s;&|]*)", re.MULTILINE
)
_SOURCED = re.compile(r"^[^#\n]*(?:^|\s|;)(?:source|\.)\s+((?!/)[\w./-]+\.sh)\b", re.MULTILINE)
_OWN_RUN = re.compile(r"\bstemdl\s+(run|launch)\b")
_WEAK_RUN = re.compile(r"[^\n]*\bstemdl\s+run\b[^\n]*--instances[^\n]*")
_SET = re.compile(r"--set(?:=|[ \t]+)[\"']?([a-z_]+)=([^\s\"'\\$]+)(?=[\s\"'\\]|$)", re.MULTILINE)


@check("R8.2", of=ResultSet, ours_alone=True)
def scripts_set_what_ran(results: ResultSet) -> Iterator[Fault]:
    """A setting that a shell script of the implementation gives is the one that the logs have, and so are the rung, the
    ranks, the runs and the commit; each run is asked for once, and takes its own seed."""
    for _, file, text in (*own_scripts(results), *readmes(results)):
        for what, given, logged in _said(results, text):
            yield Fault(
                f"a {'README' if file.endswith('.md') else 'script'} sets {what} to what no log says",
                file=file,
                found=given,
                expected=shown(logged),
                severity=Severity.WARNING,
            )


@check("R8.2", of=ResultSet, ours_alone=True)
def scripts_run_what_is_packed(results: ResultSet) -> Iterator[Fault]:
    """No script puts other code or another clock before the program, changes the source, fetches other data, or runs it
    again and again."""
    for path, file, text in own_scripts(results):
        matches = {what: re.search(pattern, text, re.MULTILINE) for pattern, what in _OTHER_CODE.items()}
        others = _SOURCED.finditer(text)
        matches["runs another that is not packed"] = next(
            (each for each in others if not _is_packed(path.parent / each[1], results.folder.parents[3])), None
        )
        for what, match in matches.items():
            if match is not None:
                yield Fault(
                    f"a script {what}",
                    file=file,
                    line=text.count("\n", 0, match.start()) + 1,
                    found=shown(match[0].strip()),
                    expected="what the logs and the packed source say, and nothing else",
                    severity=Severity.WARNING,
                )


_OTHER_CODE = {
    r"^[^#\n]*\b(LD_PRELOAD|LD_AUDIT|PYTHON(PATH|STARTUP|HOME)|STEMDL_TASKS)=\S*": "puts other code before the program",
    r"^[^#\n]*(\b(stemdl|python3?|mpirun|srun)\s*\(\)|\balias\s+(stemdl|python3?|mpirun|srun)=)": "renames the program",
    r"^[^#\n]*(\bfaketime\b|\bdate\s+(-s|--set)\b|\btimedatectl\s+set-|\bhwclock\b)": "changes the clock",
    r"^[^#\n]*(\bsed\s+(-\S+\s+)*(-i|--in-place)|\bgit\s+apply\b|\bpatch\s+-)": "changes the source",
    r"^[^#\n]*\b(curl|wget)\s+\S+": "fetches what nobody can review",
    r"^[^#\n]*\b(pip3?|uv)\s+(pip\s+)?install\b[^#\n]*(\s\.{0,2}/|\s-e\b|git\+|://)": "installs what is not packed",
    r"^[^#\n]*\bstemdl\s+data\s+generate\b[^#\n]*\s--(?!(output|ranks|format)\b)\w\S*": "makes other data",
    r"^[^#\n]*\b(rm|mv|unlink|shred)\b[^#\n]*(\bruns?/|ledger)": "takes runs away",
    r"^[^#\n]*\bstemdl\s+(run|launch)\b[^#\n]*\s--(resume|checkpoint|from)\b\S*": "goes on from a checkpoint",
    r"^\s*(for|while|until)\b[^#]*\bstemdl\s+(run|launch)\b": "makes runs again and again",
    r"^[^#\n]*\bstemdl\s+(run|launch)\b[^#\n]*\s--seed\b\S*": "gives the seed by hand",
    r"^[^#\n]*\bstemdl\s+(run|launch)\b[^#\n]*\s--output[\s=]\S*(RANDOM|\$\$|mktemp|uuidgen|\bdate\b|JOB_?ID)"
    r"(\s\S*\))?\S*/\S": "begins a ledger for each start",
    rf"[{HIDDEN}]|[^\r\n]\r(?!\n)|[\x00-\x08\x0b\x0e-\x1f\x7f]": "has letters that are not seen",
}
"""What in a shell script computes something else than the packed source, and how it is said."""


def own_scripts(results: ResultSet) -> Iterator[tuple[Path, str, str]]:
    """Path, name and text of each script of the implementation, but those of other systems."""
    return own_files(results, "*.sh")


def readmes(results: ResultSet) -> Iterator[tuple[Path, str, str]]:
    """The same of each README."""
    return own_files(results, "README.md")


def pinned(results: ResultSet) -> Iterator[tuple[Path, str, str]]:
    """The same of each list of packages."""
    for names in ("*.txt", "environment*.y*ml", "Dockerfile*"):
        yield from own_files(results, names)


def own_files(results: ResultSet, names: str) -> Iterator[tuple[Path, str, str]]:
    """The same of the files of these names."""
    if not results.submitted or not results.read:
        return
    submission = results.folder.parents[3]
    folder = submission / "benchmarks" / results.benchmark / "implementations"
    systems = {path.stem for path in (submission / "systems").glob("*.json")}
    for path in _files(folder, names):
        own = path.relative_to(folder).parts[0]
        if own in systems and own != results.system_id:
            continue
        try:
            text = read_bytes(path, Limits().text_bytes).decode("utf-8", "replace")
        except Unreadable:
            continue  # R8.6 says so
        yield path, f"{results.file.rsplit('/results/', 1)[0]}/{path.relative_to(submission)}", text


def _is_packed(path: Path, submission: Path) -> bool:
    inside = Path(os.path.normpath(path))
    return inside.is_relative_to(submission) and inside.is_file() and not inside.is_symlink()


def _said(results: ResultSet, text: str) -> Iterator[tuple[str, str, object]]:
    """What a script says otherwise than the logs: what, as it says it, and as they do."""
    log, text = results.read[0], re.sub("[\"']", "", text)  # the shell takes them off too
    if results.scaling == STRONG and any(_weak_set(results).glob("result_*.txt")):
        text = _WEAK_RUN.sub("", text.replace("\\\n", " "))
    settings = log.settings()
    for name, given in _SET.findall(text):
        if not _same(given, settings.get(name)):
            yield name, f"--set {name}={given}", settings.get(name, "no such setting")
    runs = len(results.logs) + len(results.pruned)
    commit = str(log.value(keys.SUBMISSION_GITHUB_COMMIT_VERSION)).removesuffix("-dirty")
    rungs = [*re.findall(r"\bstemdl\s+data\s+generate\s+([\w.-]+)", text), *_option("rung", text)]
    wanted: list[tuple[str, list[str], object]] = [
        ("the rung", rungs, results.benchmark),
        ("the commit", _CHECKED_OUT.findall(text), commit),
    ]
    if _OWN_RUN.search(text):
        wanted.append(("the ranks", _option("ranks", text), settings.get("ranks")))
        if results.scaling == STRONG:
            wanted.append(("the instances", _option("instances", text), 1))
            wanted.append(("the number of runs", _option("runs", text), runs))
    for what, told, logged in wanted:
        for given in told:
            if given != str(logged) and not (what == "the commit" and str(logged).startswith(given)):
                yield what, given, logged


def _weak_set(results: ResultSet) -> Path:
    """Where the same system's weak scaling of the benchmark lies, which may have its scripts next to these."""
    return results.folder.parents[1] / WEAK / results.benchmark


def _option(name: str, text: str) -> list[str]:
    """The values of an option of `stemdl run` or `launch`, lines that are continued taken as one."""
    lines = re.findall(r"\bstemdl\s+(?:run|launch)\b[^\n]*", text.replace("\\\n", " "))
    return [value for line in lines for value in re.findall(rf"--{name}[=\s]+([\w.-]+)(?=\s|$)", line)]


def _files(folder: Path, names: str) -> list[Path]:
    if not folder.is_dir() or folder.is_symlink():
        return []
    found = (path for path in folder.rglob(names) if path.is_file() and not path.is_symlink())
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
        if path.parts[0] != "benchmarks":
            continue
        if len(path.parts) == 5 and path.parts[4].removesuffix(".py") in IN_PLACE_OF:
            yield Fault(
                "Python imports this in the place of a library",
                file=f"{submission.file}/{entry.file}",
                expected="source of another name",
                severity=Severity.WARNING,
            )
        if path.name in BY_THEMSELVES or path.suffix == PATHS:
            yield Fault(
                "Python runs this file by itself, before the program",
                file=f"{submission.file}/{entry.file}",
                expected="source that the trainer imports",
            )
