"""Files beside the scripts and the source: a script or a README names each, and files that a README names exist."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from benchmark.definition.request import CONFIG
from benchmark.events import keys
from benchmark.foundation.source import OF_THE_SOURCE
from benchmark.submission.ledger import LEDGER
from benchmark.validation.checks.scripts import own_scripts, readmes
from benchmark.validation.finding import Fault, Severity, shown
from benchmark.validation.limits import Limits
from benchmark.validation.registry import check
from benchmark.validation.subjects import DataFile, ResultSet, Submission
from benchmark.validation.told import ledger_of, run_of
from benchmark.validation.tree import walk

README = "readme.md"
USUAL = re.compile(
    r"(licen[cs]e|notice|copying|authors|citation|changelog|requirements|constraints|environment|dockerfile)[\w-]*"
    r"(\.(md|txt|rst|cff|yaml|yml))?",
    re.IGNORECASE,
)
"""Files that need no word: everybody knows by their names what they are for."""
_NAMED = re.compile(r"(?<![\w./$<>*{}\[\]-])((?:\./|\.\./)?[\w.-]+\.(?:sh|yaml)|\.\./[\w.-]+)(?![\w/*-])")
"""Names of scripts, settings and folders in a README."""
_ACCELERATORS = re.compile(
    r"\b[1-9]\d*\s*(?:x\s*|\N{MULTIPLICATION SIGN}\s*)?(?:nvidia|amd instinct|tesla|gpus?\b|[ahb][12]00\b)",
    re.IGNORECASE,
)
"""So many of them."""
_HASH = re.compile(r"\b[0-9a-f]{64}\b")
_RUN_FILES = re.compile(r"result_\d+\.\w+|ledger\w*\.jsonl|scaling\.json")


@check("R8.2", of=ResultSet, ours_alone=True)
def files_are_named(results: ResultSet) -> Iterator[Fault]:
    """Each file beside the scripts, but for the source in the ledger, is named in a script or a README, where reviewers
    look."""
    ledger = ledger_of(results)
    if ledger is None or not results.read:
        return
    submission = results.folder.parents[3]
    above = f"benchmarks/{results.benchmark}/implementations"
    ran = [run for log in results.logs if (run := run_of(ledger, log)) is not None]
    packages = {str(name) for run in ran for name in run.source}
    texts = "\n".join(text for _, _, text in (*own_scripts(results), *readmes(results)))
    systems = {path.stem for path in (submission / "systems").glob("*.json")} - {results.system_id}
    names = []
    for entry in walk(submission / above, Limits())[0] if (submission / above).is_dir() else ():
        path = PurePosixPath(entry.file)
        own = len(path.parts) > 2 and path.parts[1] in packages
        if entry.kind != "file" or path.parts[0] in systems or (own and path.suffix in OF_THE_SOURCE):
            continue
        known = path.name.lower() == README or path.name == CONFIG or path.suffix == ".sh" or USUAL.fullmatch(path.name)
        facts = path.suffix == ".json" and path.name.startswith(f"{results.system_id}_")
        if not known and not facts and not re.search(rf"(?<![\w.-]){re.escape(path.name)}(?![\w-])", texts):
            names.append(entry.file)
    if names:
        yield Fault(
            "no script and no README names this file",
            file=f"{results.file.rsplit('/results/', 1)[0]}/{above}/{names[0]}",
            expected="the source as it ran, scripts, settings, and what these name",
            found=", ".join(map(shown, names[:6])) + (f", and {len(names) - 6} more" if len(names) > 6 else ""),
            severity=Severity.WARNING,
            hint="say in README.md what it is for, or leave it out",
        )


@check("R8.2", of=ResultSet, ours_alone=True)
def readmes_name_what_is_there(results: ResultSet) -> Iterator[Fault]:
    """The files that a README names exist, and each hash in it belongs to one of the runs."""
    if not results.read:
        return
    ledger = ledger_of(results)
    ran = [run for log in results.logs if ledger and (run := run_of(ledger, log)) is not None]
    known = {shown(each).strip('"') for run in ran for each in (*run.source.values(), run.log_sha256)}
    known |= {str(log.value(key)) for log in results.read for key in (keys.DATA_MANIFEST_SHA256, "data_recipe_sha256")}
    for path, file, text in readmes(results):
        if path.parent.name not in (results.system_id, results.scaling):
            continue
        for name in dict.fromkeys(_NAMED.findall(text)):
            if not (path.parent / name).exists() and PurePosixPath(name).name != LEDGER:
                yield Fault("a README names what is not there", file=file, found=shown(name), severity=Severity.WARNING)
        claimed = _ACCELERATORS.search(text)
        if claimed and not any(log.number(keys.ACCELERATORS_PER_NODE) for log in results.read):
            yield Fault(
                "a README counts accelerators, and no run had any",
                file=file,
                found=shown(claimed[0]),
                expected="what the logs say that the runs computed on",
                severity=Severity.WARNING,
            )
        for each in sorted(set(_HASH.findall(text)) - known):
            yield Fault(
                "a README has a hash that is none of the runs'",
                file=file,
                expected="the manifest of the data that the logs have",
                found=each,
                severity=Severity.WARNING,
            )
    submission = results.folder.parents[3] if results.submitted else results.folder
    above = submission / "benchmarks" / results.benchmark / "implementations"
    for path in (
        sorted((above / results.system_id).glob(f"{results.system_id}_*.json"))[:8] if results.submitted else ()
    ):
        told = (DataFile.read(path, path.name, Limits()).values or {}).get("implementation")
        if told is not None and not (
            isinstance(told, str) and re.fullmatch(r"[\w.-]+", told) and (above / told).is_dir()
        ):
            yield Fault(
                "the packed scripts are of an implementation that is not there",
                file=f"{results.file.rsplit('/results/', 1)[0]}/{path.relative_to(submission)}",
                found=shown(told),
                severity=Severity.WARNING,
            )


@check("R8.1", of=Submission)
def runs_lie_among_the_results(submission: Submission) -> Iterator[Fault]:
    """No log, record or ledger lies outside of the results, where nothing is held to it."""
    for entry in submission.entries if submission.ours else ():
        path = PurePosixPath(entry.file)
        if entry.kind != "file" or path.parts[0] == "results":
            continue
        described = path.parts[0] != "systems" or (len(path.parts) == 2 and path.suffix == ".json")
        if _RUN_FILES.fullmatch(path.name) or not described or _begins_as_a_log(entry.path):
            yield Fault(
                "runs lie where nothing reads them" if described else "this is no description of a system",
                file=f"{submission.file}/{entry.file}",
                expected="results/<system>/<strong or weak>/<benchmark>/result_<i>.txt",
                severity=Severity.WARNING,
            )


def _begins_as_a_log(path) -> bool:
    try:
        with open(path, "rb") as handle:
            return handle.read(8) == b":::MLLOG"
    except OSError:
        return False  # R8.6 says so
