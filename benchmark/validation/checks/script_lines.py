"""What the lines of the packed scripts do: set up, make the data, make the runs. Whatever else is shown to a reader."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from benchmark.definition.request import CONFIG
from benchmark.foundation.reading import Unreadable, read_bytes
from benchmark.validation.checks.scripts import own_scripts, readmes
from benchmark.validation.finding import Fault, Severity, shown
from benchmark.validation.limits import Limits
from benchmark.validation.registry import check
from benchmark.validation.subjects import ResultSet

CHANGE_NOTHING = frozenset(
    "cd echo printf date hostname pwd mkdir module ml set shopt ulimit sync sleep exit true then else fi lscpu "
    "nvidia-smi rocm-smi umask wait [ [[ test if ls df free uname numactl time".split()
)
"""Commands that make, change and take away no run, and no code."""
BEFORE_A_COMMAND = frozenset(
    "time nice numactl taskset exec srun mpirun mpiexec jsrun flux sudo env ionice chrt".split()
)
"""Programs that start another, with options of their own."""
OF_THE_PROGRAM = {
    "run": {"rung", "ranks", "runs", "data", "config", "set", "instances", "launcher", "profile", "ranks-per-node"}
    | {"hosts", "output", "power", "format", "oversubscribe"},
    "launch": {"nodes", "ranks", "launcher", "profile", "ranks-per-node", "rung", "runs", "data", "config", "set"}
    | {"hosts", "time", "partition", "account", "output", "power", "format", "dry-run"},
    "data": {"output", "ranks", "format"},
    "doctor": {"rung", "ranks", "nodes", "profile", "format"},
}
"""The options of commands of `stemdl` that the logs, or the checks of scripts, hold to what ran; and those that say
where things lie."""
OTHER_PROGRAMS = re.compile(
    r"git (clone|fetch) .*|git (checkout|switch)( -[\w-]+)* [\w./-]+"
    r"|git submodule update.*|(\./|bash )?scripts/setup_env\.sh|cpupower .*"
    r"|(source|\.) (?!\.\./)\S*\b(activate|module\w*|\w*profile\w*)(\.sh)?"
    r"|tee( -a)? \S+\.(txt|log|out)"
    r"|cat( -\w+)*( /(proc|sys|etc)/\S+| \S+\.(txt|log|out|md|yaml))+( >>? \S+\.(txt|log|out))?"
)
SET_BY_HAND = re.compile(
    r"(?!(?:LD_PRELOAD|LD_AUDIT|PYTHON\w+|PIP_(?!INDEX_URL|CACHE_DIR)\w+|UV_\w+|GIT_\w+|PATH|STEMDL_\w+|BASH_ENV|ENV|IFS|HOME"
    r"|PS4|ZE_\w+|ONEAPI_\w+|SYCL_\w+|HOROVOD_(?:CYCLE|FUSION|AUTOTUNE|HIERARCHICAL|CACHE|COMPRESS)\w*|\w*(?:FPMATH|TF32|FP16|BF16|FAST_?MATH|REDUCED_PRECISION)\w*)=)[A-Za-z_]\w*=\S*"
)
"""Variables but for those that put other code in the place of the program, compute with fewer bits than its log says,
or on devices that it does not name, or are what its settings say. A site's own index of packages is none of
them: the versions are those of the logs, and who serves other code under them needs no script to do so."""
_PINNED = re.compile(
    r"(pip|pip3|python3? -m pip|uv pip) install( -[qU]| --quiet)* (-r|--requirement)[ =](\S*/)?([\w.-]+\.txt)"
)
"""Installs the packages that a file beside the script lists; that file is read too."""
_A_PIN = re.compile(r"\s*([\w.\[\]-]+\s*==\s*[\w.+!*-]+(\s*;[^#]*)?)?\s*(#.*)?")
_KNOWN_OUTPUT = re.compile(
    r"\$\((dirname|pwd|nproc|date|hostname|basename|realpath|readlink)\b[^()`]*\)|\$\{?[A-Z_]+DIR\}?"
)
_FOLDER = r"[\"']?([\w./${}-]+)[\"']?(?=\s|$)"
_DATA_MADE = re.compile(rf"\bstemdl\s+data\s+generate\b.*?\s(?:-o|--output)[\s=]+{_FOLDER}")
_DATA_TAKEN = re.compile(rf"\s--data[\s=]+{_FOLDER}")
_BELOW_A_VARIABLE = re.compile(r"\$(\{[A-Z_]+\}|[A-Z_]+)/[\w./-]+")
_OF_FOLDERS = {"-o", "--output", "--data"}
"""The options whose values may lie below a folder that a site names by a variable."""
_WRITTEN = re.compile(r">\s*([^\s&>]+)")
_MAY_BE_WRITTEN = re.compile(r"^/dev/|/drop_caches$|\.(txt|log|out|err|csv)[\"']?$")
"""Files that a line may write which runs nothing: what it says of the machine."""
_SHELL = re.compile(r"#! ?(/usr/local|/usr)?/bin/(env (-S )?)?(ba|da|z|k)?sh\b( -\w+)*\s*$", re.MULTILINE)
_SEPARATED = re.compile(r"\s*(?:&&|\|\||[;|])\s*")


@check("R8.2", of=ResultSet, ours_alone=True)
def script_lines_are_known(results: ResultSet) -> Iterator[Fault]:
    """A script's lines set up the software, make the data and the runs, or change nothing of them; others are shown."""
    trainer = bool(results.read) and "trainer" in results.read[0].settings()
    for path, file, text in own_scripts(results):
        odd = [(line, each) for line, each in _unknown(text, trainer) if not _installs_pins(each, path.parent)]
        if odd:
            yield Fault(
                "the script has lines of which the logs do not say what they do",
                file=file,
                line=odd[0][0],
                found=shown(odd[0][1]) + (f", and {len(odd) - 1} more" if len(odd) > 1 else ""),
                expected="the software at the commit of the logs, the data, and the runs",
                severity=Severity.WARNING,
                hint="a reviewer reads them",
            )


@check("R8.2", of=ResultSet, ours_alone=True)
def readme_has_the_command(results: ResultSet) -> Iterator[Fault]:
    """A README of the implementations says by which command, or packed script, the runs are made again."""
    if not results.submitted or not results.read:
        return
    scripts = {path.name for path, _, _ in own_scripts(results)} | {"stemdl run", "stemdl launch", "./run_benchmark.sh"}
    if not any(name in text for _, _, text in readmes(results) for name in scripts):
        yield Fault(
            "no README says how the runs are made again",
            file=f"{results.file.rsplit('/results/', 1)[0]}/benchmarks/{results.benchmark}/implementations",
            expected="README.md with the command, or the name of a script that is packed",
            severity=Severity.WARNING,
        )


def _unknown(text: str, trainer: bool) -> Iterator[tuple[int, str]]:
    """The lines of which it is not known what they do, with their numbers."""
    number = 1
    if text.startswith("#!") and not _SHELL.match(text):
        yield number, text.partition("\n")[0]
    for line in re.split(r"(?<!\\)\n", text):
        plain = _KNOWN_OUTPUT.sub("x", line.replace("\\\n", " ").strip())
        commands = [] if plain.startswith("#") else _SEPARATED.split(re.sub(r"\s#.*", "", plain))
        if not all(_is_known(each.strip(), trainer) for each in commands):
            yield number, line.strip()
        number += 1 + line.count("\n")


def _installs_pins(line: str, folder: Path) -> bool:
    """Whether a line installs what a file beside the script names, each package with its version and none by an
    address."""
    told = _PINNED.fullmatch(re.sub("[\"']", "", _KNOWN_OUTPUT.sub("x", line.replace('"$0"', "$0"))))
    try:
        text = read_bytes(folder / told[5], Limits().text_bytes).decode("utf-8") if told else "-e ."
    except (Unreadable, UnicodeDecodeError):
        return False
    return all(_A_PIN.fullmatch(each) for each in text.splitlines())


def _is_known(command: str, trainer: bool) -> bool:
    try:
        words = shlex.split(command.removeprefix("then ").removeprefix("else "))
    except ValueError:
        return False
    exports = words[:1] == ["export"]
    while words and (words[0] == "export" or SET_BY_HAND.fullmatch(words[0])):
        if len(words) == 1 or "$(" in words[0] or "`" in words[0]:
            return "$(" not in words[0] and "`" not in words[0]
        del words[0]
    if exports:  # of the variables that are left one is none that may be set
        return all(re.fullmatch(r"\w+", each) for each in words)
    if not words or OTHER_PROGRAMS.fullmatch(" ".join(words)):
        return True
    if any(mark in command for mark in ("$(", "`", "<(", ">(", "$'")) or command.endswith("&"):
        return False
    if "stemdl" in words and all(not _runs(each) for each in words[: words.index("stemdl")][1:]):
        at = words.index("stemdl")
        return (at == 0 or words[0] in BEFORE_A_COMMAND) and _is_of_the_program(words[at + 1 :], trainer)
    if words[0] in BEFORE_A_COMMAND:
        return words[0] == "sudo" and bool(OTHER_PROGRAMS.fullmatch(" ".join(words[1:])))
    written = [each for each in _WRITTEN.findall(command) if not _MAY_BE_WRITTEN.search(each)]
    return words[0] in CHANGE_NOTHING and not written and not (words[0] == "ulimit" and "-t" in words)


def _runs(word: str) -> bool:
    """Whether a word before the program may be another program."""
    return PurePosixPath(word).suffix in (".sh", ".py") or word in ("bash", "sh", "python", "python3", "timeout")


def _is_of_the_program(words: list[str], trainer: bool) -> bool:
    known = OF_THE_PROGRAM.get(words[0]) if words else None
    if known is None or (words[0] == "data" and words[1:2] not in (["generate"], ["verify"])):
        return False
    for above, word, value in zip(["", *words], words, [*words[1:], ""], strict=False):
        name, _, given = word.removeprefix("--").partition("=")
        below = above in _OF_FOLDERS and _BELOW_A_VARIABLE.fullmatch(word)
        if not word.isascii() or (word.startswith("$") and not below):
            return False
        if word.startswith("--") and name and name not in known and not (trainer and name == "trainer"):
            return False
        if word.startswith("--") and name == "config" and PurePosixPath(given or value).name != "config.yaml":
            return False
    return True


@check("R8.2", of=ResultSet, ours_alone=True)
def scripts_go_together(results: ResultSet) -> Iterator[Fault]:
    """The scripts of a set take each other up: the software is set up at a commit, runs take the settings and the data
    that are packed and made."""
    made: set[str] = set()
    taken: list[tuple[str, str]] = []
    for path, file, text in own_scripts(results):
        lines = [re.sub(r"(^|\s)#.*", "", line) for line in text.replace("\\\n", " ").splitlines()]
        plain = "\n".join(lines)
        faults = []
        if "setup_env.sh" in plain and not re.search(r"\bgit (checkout|switch|clone)\b", plain):
            faults.append(("sets up the software at no commit", "git checkout <commit>"))
        for line in lines:
            runs = re.search(r"\bstemdl\s+(run|launch)\b", line)
            if runs and (path.parent / CONFIG).is_file() and "--config" not in line:
                faults.append(("makes runs without the settings beside it", f"--config {CONFIG}"))
            made.update(_DATA_MADE.findall(line))
            taken += [(file, each) for each in _DATA_TAKEN.findall(line) if runs]
        asked = [line for line in lines if re.search(r"\bstemdl\s+run\b", line) and "--instances" not in line]
        if sum(len(re.findall(r"\bstemdl\s+run\b", line)) for line in asked) > 1:
            faults.append(("makes the runs more than once", "one command for all runs of the set"))
        beside = re.search(r"\bcd\s+[\"']?\$\(dirname", plain) is not None
        if not beside and re.search(rf"--config[\s=]+[\"']?(\./)?{re.escape(CONFIG)}\b", plain):
            faults.append(("takes its settings from the folder that it is called in", f"{CONFIG} beside the script"))
        for name in re.findall(r"--profile[\s=]+[\"']?([\w./-]+\.ya?ml)\b", plain):
            if not (path.parent / PurePosixPath(name).name).is_file():
                faults.append((f"takes a profile that is not packed, {shown(name)}", "a profile beside the script"))
        if any(line.count("--config") > 1 for line in lines):
            faults.append(("gives the settings twice", f"--config {CONFIG}"))
        if not any(line.strip() and not line.strip().startswith("set ") for line in lines):
            faults.append(("does nothing", "commands"))
        if text.startswith("#!") and not re.match(r"#!\s*\S*/(env\s+)?(\w*sh)\b", text):
            faults.append(("is run by no shell", "#!/usr/bin/env bash"))
        for what, expected in faults:
            yield Fault(f"a script {what}", file=file, expected=expected, severity=Severity.WARNING)
    for file, folder in taken:
        if made and folder not in made:
            yield Fault(
                "a script trains on other data than the scripts make",
                file=file,
                expected=" or ".join(sorted(made)),
                found=shown(folder),
                severity=Severity.WARNING,
            )
