"""What the packed trainer would have logged or computed by itself, and what lies in its package that is no source."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from benchmark.definition.trainer import ROOT
from benchmark.events import keys
from benchmark.foundation.source import OF_THE_SOURCE, digest_of, source_files
from benchmark.validation.finding import Fault, Severity, shown
from benchmark.validation.packed import packed_sources
from benchmark.validation.registry import check
from benchmark.validation.releases import released
from benchmark.validation.standard import trainer_of
from benchmark.validation.subjects import ResultSet, Submission, as_number
from benchmark.validation.told import ledger_of, run_of

_SETTING = rb"[\"']%s[\"']\s*:\s*\(|\b(?:settings|config)\.%s\b"
"""A setting in a table of them, or one that is asked for."""
NOT_FREE = ("evaluate.py", "fit.py", "input.py", "run.py", "run_log.py", "samples.py", "session.py", "train.py")
"""Files of the trainer that read the data, hold the clock, evaluate and log."""
CYCLES_MS = {"cpu": 5.0, "cuda": 1.0}
"""What the trainer makes of a cycle_ms of 0 (`reference/comm_horovod.py`)."""
BESIDE_THE_SOURCE = {"README.md", "LICENSE", "NOTICE", "py.typed"}


@check("R5.1", of=ResultSet, ours_alone=True)
def packed_settings_are_logged(results: ResultSet) -> Iterator[Fault]:
    """A setting that older trainers lacked is logged where the packed one has it."""
    standard = results.standard
    if standard is None or not results.submitted or not all(log.closed for log in results.read):
        return
    trainer, sources = trainer_of(standard), packed_sources(results.folder.parents[3], results.benchmark)
    source = b"\n".join(
        text for (_, package), files in sources.items() if package == trainer for text in files.values()
    )
    for log in results.read:
        for name in standard.implied_by_older_logs if log.settings() and "trainer" not in log.settings() else ():
            if (
                name not in log.settings()
                and not log.of(name)
                and re.search(_SETTING % (name.encode(), name.encode()), source)
            ):
                yield Fault(
                    f"config does not say {name}, which the packed trainer has",
                    file=log.file,
                    expected="every setting of the trainer",
                    severity=Severity.WARNING,
                )


@check("R7.4", of=ResultSet, ours_alone=True)
def cycles_are_of_the_device(results: ResultSet) -> Iterator[Fault]:
    """A cycle that the settings leave to the trainer is the one that it takes on such a device."""
    ledger = ledger_of(results)
    for log in results.read if ledger is not None else ():
        run, settings = run_of(ledger, log), log.settings()
        cycle, usual = as_number(settings.get("cycle_ms")), CYCLES_MS.get(str(settings.get("device")).partition(":")[0])
        if run is None or run.settings.get("cycle_ms") != 0 or cycle is None or usual is None:
            continue
        if settings.get("comm") == "horovod" and not settings.get("autotune") and cycle not in (0, usual):
            yield Fault(
                "the cycle of Horovod is not the one that the trainer takes on this device",
                file=log.file,
                line=log.of(keys.CONFIG)[0].line,
                expected=f"{usual:g} ms, as the ledger's cycle_ms is 0",
                found=shown(cycle),
                severity=Severity.WARNING,
            )


@check("R8.2", of=Submission)
def packages_are_of_source(submission: Submission) -> Iterator[Fault]:
    """A packed package holds source, of which the ledger has the hash, and nothing that it leaves out."""
    packages = {
        PurePosixPath(entry.file).parent
        for entry in submission.entries
        if entry.kind == "file" and entry.file.startswith("benchmarks/") and entry.file.endswith("/__init__.py")
    }
    for entry in submission.entries if submission.ours else ():
        path = PurePosixPath(entry.file)
        if entry.kind != "file" or path.suffix in OF_THE_SOURCE or path.name in BESIDE_THE_SOURCE:
            continue
        if packages & {*path.parents}:
            yield Fault(
                "a package holds a file that is not of its source, and that no hash is of",
                file=f"{submission.file}/{entry.file}",
                expected=f"files of {', '.join(sorted(OF_THE_SOURCE))}",
                found=shown(path.name),
                severity=Severity.WARNING,
            )


@check("R5.2", of=ResultSet, ours_alone=True)
def open_trainers_keep_the_rest(results: ResultSet) -> Iterator[Fault]:
    """Data, clock, metric and evaluation are not free in the open division: where its trainer is of no released
    version, those of its files that hold them are named."""
    logs = [log for log in results.read if not log.closed]
    ledger = ledger_of(results)
    if not results.submitted or not logs or ledger is None or results.standard is None:
        return
    trainer = trainer_of(results.standard)
    told = {shown(run.source.get(trainer)).strip('"') for log in logs if (run := run_of(ledger, log)) is not None}
    unknown = told - released(trainer)
    here = {name: path.read_bytes() for name, path in source_files(ROOT / trainer).items()}
    for (_, package), files in packed_sources(results.folder.parents[3], results.benchmark).items():
        if package != trainer or digest_of(files) not in unknown:
            continue
        odd = [name for name in NOT_FREE if name in files and files[name] != here.get(name)]
        if odd:
            yield Fault(
                f"the open division's {trainer} is of no released version, and changes more than a model",
                file=results.file,
                expected="the data, clock, metric and evaluation of a release",
                found=", ".join(odd),
                severity=Severity.WARNING,
                hint="a model of one's own needs no other trainer: stemdl run --trainer FILE.py:make_task",
            )
