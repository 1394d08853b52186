"""Which code ran: a released one, packed as it ran and readable, and named alike wherever it is named."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from benchmark.definition.request import CONFIG
from benchmark.definition.trainer import ROOT
from benchmark.events import keys
from benchmark.foundation.reading import Unreadable, read_bytes
from benchmark.foundation.source import digest_of, source_files
from benchmark.submission.ledger import LEDGER, LedgerRun
from benchmark.validation.finding import Fault, Severity, shown
from benchmark.validation.limits import Limits
from benchmark.validation.packed import Sources, logs_at, packed_sources
from benchmark.validation.registry import check
from benchmark.validation.releases import released, released_together, releases
from benchmark.validation.standard import trainer_of
from benchmark.validation.subjects import DataFile, Log, ResultSet, Submission
from benchmark.validation.told import read_ledger_of, run_of

HEAD_BYTES, LONGEST_LINE = 2**16, 20_000
"""The bytes of a file that are looked at to tell whether it is a text, whose lines somebody can read."""
COMPILED = frozenset(".so .pyc .pyo .pyd .dll .dylib .o .a .exe .whl .egg .jar .wasm .cubin".split())
"""Suffixes of code that runs and cannot be read."""
CONTROLS = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")
"""What no text has, and the head of most programs: all control characters but those that move a cursor, and escape."""
_COMMIT = re.compile(r"[0-9a-f]{40}(-dirty)?")
_NO_COMMIT = "unknown"
MOST_FACTS = 64
"""Files of facts beside the scripts: each implementation has one."""
FEWEST_DIGITS = 4
"""Different digits of a commit: that a hash of 40 has fewer happens once in 10^21."""
_IN_README = re.compile(r"\bcommit\s+`?([0-9a-f]{40})\b")
_OF_README = re.compile(r"\b(\d{1,6}) runs? of `.{1,200}?\bon\s+(\d{1,9}) ranks?\b", re.DOTALL)


@check("R8.2", of=Log, ours_alone=True)
def commit_names_the_code(log: Log) -> Iterator[Fault]:
    """The commit is one, and nothing was changed on top of it."""
    for event in log.of(keys.SUBMISSION_GITHUB_COMMIT_VERSION):
        commit = event.value
        sound = isinstance(commit, str) and (_COMMIT.fullmatch(commit) and len(set(commit[:40])) >= FEWEST_DIGITS)
        if commit != _NO_COMMIT and not sound:
            yield Fault(
                "the commit of the source is not a commit",
                line=event.line,
                expected="40 hexadecimal digits",
                found=shown(commit),
            )
        elif log.closed and (commit == _NO_COMMIT or commit.endswith("-dirty")):
            yield Fault(
                "the commit does not say what ran"
                + (": files were changed on top of it" if commit != _NO_COMMIT else ", it is not known"),
                line=event.line,
                found=commit,
                severity=Severity.WARNING,
                hint="the reviewer compares the packed source; the harness is not packed",
            )


@check("R8.7", of=ResultSet, ours_alone=True)
def code_was_released(results: ResultSet) -> Iterator[Fault]:
    """A closed submission's trainer and harness are of a released version, or what is different is shown."""
    if not results.submitted or not results.logs or not all(log.closed for log in results.logs):
        return
    ran, file = _ran(results), f"{results.file}/{LEDGER}"
    if not ran:
        return  # R4.12 says so
    trainer = trainer_of(results.standard)
    for run in ran:
        if run.trainer is not None:
            yield Fault(
                "a closed run was made by a trainer of one's own", file=file, line=run.line, found=shown(run.trainer)
            )
    packed = _packed(results)
    for package in (trainer, "benchmark"):
        told = {shown(run.source.get(package)).strip('"') for run in ran}
        unknown = sorted(told - released(package))
        if not unknown:
            continue
        different = _difference(packed, package, unknown) if package == trainer else ""
        yield Fault(
            f"the code of {package} that ran is of no released version",
            file=file,
            line=ran[0].line,
            expected="one of " + ", ".join(sorted(each[:8] for each in released(package))),
            found=", ".join(each[:64] for each in unknown[:3]) + different,
            severity=Severity.WARNING,
            hint="the closed division computes what the reference computes: compare the source",
        )
    pairs = released_together(trainer)
    for run in ran:
        told = tuple(shown(run.source.get(package)).strip('"') for package in (trainer, "benchmark"))
        if told not in pairs and all(each in {pair[at] for pair in pairs} for at, each in enumerate(told)):
            yield Fault(
                f"{trainer} and benchmark are of two releases",
                file=file,
                line=run.line,
                expected=" or ".join(" with ".join(each[:8] for each in pair) for pair in sorted(pairs)),
                found=" with ".join(each[:8] for each in told),
                severity=Severity.WARNING,
            )
            break


@check("R8.7", of=ResultSet, ours_alone=True)
def commit_has_the_code(results: ResultSet) -> Iterator[Fault]:
    """A run that names the commit of a released version ran its code."""
    trainer = trainer_of(results.standard)
    known = {one.get("commit"): one for one in releases() if trainer in one}
    for run in _ran(results):
        release = known.get(run.commit, {})
        for package in (trainer, "benchmark"):
            told = shown(run.source.get(package)).strip('"')
            if package in release and told != release[package]:
                yield Fault(
                    f"the code of {package} that ran is not that of the commit",
                    file=f"{results.file}/{LEDGER}",
                    line=run.line,
                    expected=f"{release[package][:8]}, of {str(run.commit)[:8]}",
                    found=told[:64],
                )
                return


@check("R8.7", of=ResultSet, ours_alone=True)
def source_is_packed(results: ResultSet) -> Iterator[Fault]:
    """The trainer's source lies in a closed submission, once for each that ran, and logged the events."""
    if not results.submitted or not results.logs or not all(log.closed for log in results.logs):
        return
    where = f"{results.file.rsplit('/results/', 1)[0]}/benchmarks/{results.benchmark}/implementations"
    trainer = trainer_of(results.standard)
    copies = {name: files for (name, package), files in _packed(results).items() if package == trainer}
    if not copies:
        yield Fault(
            f"the source of {trainer} is not packed",
            file=where,
            expected=f"<implementation>/{trainer}/, as it ran",
            hint="stemdl submit packs it",
        )
        return
    told = {shown(run.source.get(trainer)).strip('"') for run in _ran(results)}
    ran = [files for files in copies.values() if digest_of(files) in told]
    for log in results.logs:
        for event in log.events if ran else ():
            path, line = PurePosixPath(str(event.metadata.get("file"))), event.metadata.get("lineno")
            texts = [files[name] for files in ran if (name := "/".join(path.parts[1:])) in files]
            if not isinstance(line, int) or not any(logs_at(text, line, event.key, log.goal) for text in texts):
                yield Fault(
                    f"{shown(event.key)} was logged from a line of the packed source that does not log it",
                    file=log.file,
                    line=event.line,
                    found=f"{shown(event.metadata.get('file'))}, line {shown(line)}",
                    expected="a line that logs an event" if texts else f"a file of {trainer}/",
                )
                break


@check("R8.2", of=ResultSet, ours_alone=True)
def packed_facts_agree(results: ResultSet) -> Iterator[Fault]:
    """What the folder of the scripts says of the runs, and the settings that repeat them, is what the logs say."""
    ran = _ran(results)
    if not ran or not results.logs:
        return
    submission = results.folder.parents[3]
    scripts = submission / "benchmarks" / results.benchmark / "implementations" / results.system_id
    limits, first = Limits(), results.logs[0]
    said = {
        "commit": first.value(keys.SUBMISSION_GITHUB_COMMIT_VERSION),
        "versions": first.value(keys.VERSIONS),
        "ranks": first.settings().get("ranks"),
        "launcher": first.settings().get("launcher"),
        "manifest_sha256": first.value(keys.DATA_MANIFEST_SHA256),
        "settings": dict(ran[0].settings),
        "source": dict(ran[0].source),
    }
    if results.scaling != "strong":
        scripts = scripts / results.scaling
    told_by = sorted(scripts.glob("*.json")) if scripts.is_dir() and not scripts.is_symlink() else []
    if len(told_by) > MOST_FACTS:
        yield Fault("there are more files of facts than are read", file=results.file, expected=f"{MOST_FACTS} at most")
    for path in told_by[:MOST_FACTS]:
        facts = DataFile.read(path, f"{results.file}: {path.name}", limits)
        if facts.values is None:
            yield Fault("facts of the packed scripts cannot be read", file=facts.file, found=facts.fault)
        told = facts.values or {}
        more = sorted({*told} - {*said, "implementation"})
        if more and path.stem.startswith(f"{results.system_id}_"):
            yield _unlike(path, submission, results, "a fact", sorted({*said, "implementation"}), more)
        for name, value in said.items():
            if name in told and told[name] != value:
                yield _unlike(path, submission, results, name, value, told[name])
    yield from _readme(scripts / "README.md", submission, results, said["ranks"])
    config = scripts / CONFIG
    if config.is_file() and not config.is_symlink():
        settings = DataFile.read(config, config.name, limits).values
        if settings != said["settings"]:
            yield _unlike(config, submission, results, "settings", said["settings"], settings or {})


def _readme(path: Path, submission: Path, results: ResultSet, ranks: object) -> Iterator[Fault]:
    """The numbers of runs and ranks in the first lines of the scripts' README, as `stemdl submit` writes them."""
    try:
        text = read_bytes(path, Limits().text_bytes).decode("utf-8", "replace") if path.is_file() else ""
    except Unreadable:
        return  # R8.6 says so
    commit = str(results.logs[0].value(keys.SUBMISSION_GITHUB_COMMIT_VERSION)).removesuffix("-dirty")
    other = next((each for each in _IN_README.findall(text) if each != commit), None)
    if other is not None:
        yield _unlike(path, submission, results, "a commit in README.md", commit, other)
    told = _OF_README.search(text[:4000])
    logs = len(results.logs)
    if told and (told[1], told[2]) != (str(logs), str(ranks)):
        yield _unlike(path, submission, results, "README.md", f"{logs} runs on {ranks} ranks", f"{told[1]}, {told[2]}")


def _unlike(path: Path, submission: Path, results: ResultSet, name: str, logged: Any, told: Any) -> Fault:
    if isinstance(logged, dict) and isinstance(told, dict):
        odd = sorted({*logged, *told}, key=str)
        odd = [each for each in odd if logged.get(each) != told.get(each)]
        logged, told = ({each: side.get(each) for each in odd[:6]} for side in (logged, told))
    return Fault(
        f"{name} of the packed scripts is not what ran",
        file=f"{results.file.rsplit('/results/', 1)[0]}/{path.relative_to(submission)}",
        expected=shown(logged),
        found=shown(told),
    )


@check("R8.2", of=Submission)
def code_can_be_read(submission: Submission) -> Iterator[Fault]:
    """What lies next to the source is text: compiled code, weights and graphs compute what nobody can review."""
    for entry in submission.entries if submission.ours else ():
        parts = PurePosixPath(entry.file).parts
        if entry.kind != "file" or parts[0] != "benchmarks":
            continue
        compiled = PurePosixPath(entry.file).suffix.lower() in COMPILED
        if compiled or not _is_text(entry.path):
            yield Fault(
                "this is code that cannot be read" if compiled else "this is not text",
                file=f"{submission.file}/{entry.file}",
                expected="source and scripts",
                severity=Severity.ERROR if compiled else Severity.WARNING,
            )


def _is_text(path: Path) -> bool:
    try:
        with open(path, "rb") as handle:
            head = handle.read(HEAD_BYTES)
    except OSError:
        return True  # R8.6 says so
    try:
        head.decode("utf-8")
    except UnicodeDecodeError as error:
        if len(head) < HEAD_BYTES or error.start < len(head) - 4:
            return False
    return not CONTROLS.search(head) and max(map(len, head.split(b"\n"))) < LONGEST_LINE


def _ran(results: ResultSet) -> list[LedgerRun]:
    """The ledger's runs that the logs are of; none where there is no ledger."""
    try:
        ledger = read_ledger_of(results)
    except Unreadable:
        return []
    return [run for log in results.logs if (run := run_of(ledger, log)) is not None]


def _packed(results: ResultSet) -> Sources:
    return packed_sources(results.folder.parents[3], results.benchmark)


def _difference(packed: Sources, package: str, hashes: list[str]) -> str:
    """The files in which a packed copy differs from this version's, in words."""
    here: Mapping[str, bytes] = {name: path.read_bytes() for name, path in source_files(ROOT / package).items()}
    for (_, name), files in packed.items():
        if name == package and digest_of(files) in hashes:
            odd = [each for each in sorted({*here, *files}) if here.get(each) != files.get(each)]
            more = f" and {len(odd) - 6} more" if len(odd) > 6 else ""
            return f"; unlike this version's: {', '.join(odd[:6])}{more}"
    return "; its source is not packed"
