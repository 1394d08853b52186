"""The site on disk: read, score and write each result by itself, in several processes; then the pages of them all.

A site is built in a folder of its own and takes the place of the one before when it is whole.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmark.comparison.result import read_result
from benchmark.data.manifest import Manifest, read_manifest
from benchmark.definition.scored import RULESETS
from benchmark.foundation.errors import StemdlError
from benchmark.foundation.files import require_place, sha256_of_file
from benchmark.report.site.entry import Entry, entry_of
from benchmark.report.site.naming import benchmark_file, submitter_file
from benchmark.report.site.pages import (
    TEMPLATES,
    address,
    benchmark_page,
    index_page,
    result_page,
    run_page,
    submitter_page,
)
from benchmark.report.site.ranks_of_results import ranked
from benchmark.report.tabular import as_csv, as_json
from benchmark.scoring.log_folders import LogFolder, find_log_folders

INDEX, MARK = "index.html", b"Made by <code>stemdl report</code>"
"""A site is known by what its first page says, which no name in it can: names are escaped."""
ASSETS = ("site.css", "site.js")
_OURS = re.compile(
    r"(index|(benchmark|submitter)-[^/]*|(results|runs)/[^/]*)\.html|logs/[^/]*\.txt|results|runs|logs|site\.(css|js)"
    r"|results\.(csv|json)"
)
"""Files and folders of a site, as they lie in it."""
RESULTS, RUNS, LOGS = "results", "runs", "logs"
_ALONE = 8
"""Up to so many results, processes cost more than they save."""


@dataclass(frozen=True)
class Place:
    """Where a site is written now, and where it will lie: addresses of logs are from there. `data` : manifests of the
    data at hand, by rung."""

    now: Path
    later: Path
    title: str
    ruleset: str
    with_logs: bool
    data: Mapping[str, Manifest]


def build_site(
    paths: Iterable[Path],
    output: Path,
    *,
    title: str = "Results",
    ruleset: str = RULESETS[-1],
    with_logs: bool = False,
    data: Iterable[Path] = (),
    processes: int = 1,
) -> list[Entry]:
    """Write the site of all results in and below the paths, and return what it shows, in its order. `with_logs` copies
    the logs into it, so that it can be moved to a web server; `data` are folders of data sets, of which pages of runs
    show samples.

    A site that is there is replaced. Raises StemdlError where something else is, and as `find_log_folders` does.
    """
    folders = find_log_folders(paths)
    manifests = _by_rung(data)
    with _instead_of(output) as now:
        place = Place(now, output.absolute(), title, ruleset, with_logs, manifests)
        for name in (RESULTS, RUNS, *([LOGS] if with_logs else [])):
            (now / name).mkdir()
        entries = ranked(_each(folders, place, processes))
        for unused in sorted(manifests.keys() - {entry.figures["benchmark"] for entry in entries}):
            raise StemdlError(
                f"no run here is of {unused}", where=manifests[unused].folder, remedy="leave it out of --data"
            )
        for name in ASSETS:
            shutil.copyfile(TEMPLATES / name, now / name)
        _write(now / INDEX, index_page(entries, title))
        of_one: dict[str, list[Entry]] = {}
        of_submitter: dict[str, list[Entry]] = {}
        for entry in entries:
            of_one.setdefault(entry.figures["benchmark"] or "", []).append(entry)
            of_submitter.setdefault(entry.submitter, []).append(entry)
        for name, several in of_one.items():
            _write(now / benchmark_file(name), benchmark_page(name, several, title))
        for name, several in of_submitter.items():
            _write(now / submitter_file(name), submitter_page(name, several, title))
        _write(now / "results.csv", as_csv(entries))
        _write(now / "results.json", as_json(entries))
    return entries


def _by_rung(folders: Iterable[Path]) -> dict[str, Manifest]:
    found: dict[str, Manifest] = {}
    for manifest in map(read_manifest, folders):
        if manifest.rung in found:
            raise StemdlError(
                f"two data sets are of {manifest.rung}",
                where="--data",
                found=f"{found[manifest.rung].folder} and {manifest.folder}",
                remedy="name one of them",
            )
        found[manifest.rung] = manifest
    return found


def _each(folders: Sequence[LogFolder], place: Place, processes: int) -> Iterator[Entry]:
    if processes < 2 or len(folders) <= _ALONE:
        yield from map(partial(_of_result, place), folders)
        return
    with ProcessPoolExecutor(processes) as pool:
        yield from pool.map(partial(_of_result, place), folders, chunksize=max(1, len(folders) // processes // 16))


def _of_result(place: Place, folder: LogFolder) -> Entry:
    """The pages of one result and its runs."""
    result = read_result(folder, place.ruleset)
    entry = entry_of(result)
    _write(place.now / RESULTS / entry.page, result_page(result, entry, place.title))
    for run, kept in zip(result.runs, entry.runs, strict=True):
        log, sha256 = run.scored.log, sha256_of_file(run.scored.log) if run.values else ""
        if place.with_logs and run.values:
            name = f"{Path(kept.page).stem}.txt"
            shutil.copyfile(log, place.now / LOGS / name)
            log = place.later / LOGS / name
        where = address(log, place.later / RUNS / kept.page)
        manifest = place.data.get(run.scored.benchmark or "")
        page = run_page(run, kept, entry, place.title, where, sha256, manifest)
        _write(place.now / RUNS / kept.page, page)
    return entry


@contextmanager
def _instead_of(output: Path) -> Iterator[Path]:
    """A new folder that takes the place of `output` when the block ends well, and is removed when it does not."""
    output = Path(os.path.realpath(output))  # what a link leads to is replaced, and the link stays
    if output.exists() and not output.is_dir():
        raise StemdlError("this is not a folder", where=output, remedy="choose another with -o")
    if output.is_dir() and (foreign := _foreign(output)) is not None:
        raise StemdlError(
            "the folder holds something else than a site",
            where=output,
            found=foreign,
            remedy="choose another with -o, or move that out of it",
        )
    if Path.cwd().is_relative_to(output):
        raise StemdlError("a site cannot take the place of the folder that you are in", where=output, remedy="-o site")
    require_place(output.parent)
    now, before = (output.with_name(f".{output.name}.{os.getpid()}.{name}") for name in ("part", "before"))
    try:
        now.mkdir()
        yield now
        if output.exists():
            output.rename(before)
        now.rename(output)
    finally:
        if before.exists() and not output.exists():  # something came between the two
            before.rename(output)
        shutil.rmtree(now, ignore_errors=True)
        shutil.rmtree(before, ignore_errors=True)


def _foreign(folder: Path) -> Path | None:
    """Something in a folder that `stemdl report` does not write, as a path in it; None in a site, and where nothing
    is."""
    first = folder / INDEX
    if not (first.is_file() and MARK in first.read_bytes()):
        return next((path.relative_to(folder) for path in sorted(folder.iterdir())), None)
    held = (path.relative_to(folder) for path in folder.rglob("*"))
    return next((path for path in held if not _OURS.fullmatch(path.as_posix())), None)


def _write(path: Path, text: str) -> None:
    """Without the care of `write_text`: nobody reads the folder before it is whole."""
    path.write_text(text, encoding="utf-8", errors="backslashreplace")
