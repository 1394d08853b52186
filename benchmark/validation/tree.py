"""What lies under a path: a log, run folders, or submissions. Bounded, and through no link."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from benchmark.definition.request import CONFIG, LOG
from benchmark.events import keys
from benchmark.submission.run_record import RUN, SYSTEM
from benchmark.validation.checks.result_set import index_of
from benchmark.validation.finding import Fault, printable
from benchmark.validation.limits import Limits
from benchmark.validation.standard import standards
from benchmark.validation.subjects import RECORD, SCALINGS, STRONG, WEAK, DataFile, Entry, Log, ResultSet, Submission

LOG_BEGINS, LOG_ENDS = LOG.split("{index}")
PRUNED = "pruned_results"
_RUN_FOLDER = re.compile(r"(run|instance)_(0|[1-9][0-9]*)")


class Budget:
    """Bytes that may still be read."""

    def __init__(self, *limits: int) -> None:
        self.left = min(limits)

    def take(self, size: int) -> bool:
        """Whether so many more may be read; they are then taken off."""
        if size > self.left:
            return False
        self.left -= size
        return True


def walk(folder: Path, limits: Limits) -> tuple[list[Entry], str]:
    """Everything in and below a folder, sorted, and what of it was left out ("" for nothing). Links are listed and not
    followed."""
    entries: list[Entry] = []
    left = [(folder, "")]
    overflow = ""
    while left:
        here, above = left.pop()
        if above.count("/") >= limits.depth:
            overflow = f"folders deeper than {limits.depth} were not looked into: {printable(above, 80)}"
            continue
        try:
            with os.scandir(here) as scan:
                for each in scan:
                    if len(entries) >= limits.entries:
                        return entries, f"there are more than {limits.entries} files; the others were not looked at"
                    entries.append(_entry(each, above))
                    if entries[-1].kind == "folder":
                        left.append((Path(each.path), entries[-1].file + "/"))
        except OSError as error:
            overflow = f"a folder cannot be read ({error.strerror}): {printable(above, 80)}"
    entries.sort(key=lambda entry: entry.file)
    return entries, overflow


def _entry(each: os.DirEntry[str], above: str) -> Entry:
    file = above + each.name
    try:
        status = each.stat(follow_symlinks=False)
    except OSError:
        return Entry(Path(each.path), file, "special")
    kinds = ((stat.S_ISLNK, "link"), (stat.S_ISDIR, "folder"), (stat.S_ISREG, "file"))
    kind = next((kind for test, kind in kinds if test(status.st_mode)), "special")
    return Entry(Path(each.path), file, kind, status.st_size if kind == "file" else 0)


def submissions_below(folder: Path, entries: list[Entry]) -> list[str]:
    """Where in a tree submissions begin, relative to it ("" for its top): above systems/ or results/*/strong|weak.

    Of two such places one within the other, the outer one.
    """
    begins: set[str] = set()
    for entry in entries:
        parts = PurePosixPath(entry.file).parts
        if entry.kind != "folder":
            continue
        if parts[-1] == "systems":
            begins.add("/".join(parts[:-1]))
        elif len(parts) >= 3 and parts[-1] in SCALINGS and parts[-3] == "results":
            begins.add("/".join(parts[:-3]))
    return sorted(each for each in begins if not any(other != each and _within(each, other) for other in begins))


def _within(file: str, folder: str) -> bool:
    return folder == "" or file == folder or file.startswith(folder + "/")


def read_submission(folder: Path, file: str, limits: Limits) -> Submission:
    """The submission below a folder, its logs and descriptions not read yet: see `result_sets`."""
    entries, overflow = walk(folder, limits)
    submission = Submission(folder, file, entries, overflow)
    for entry in entries:
        parts = PurePosixPath(entry.file).parts
        if entry.kind == "file" and len(parts) == 2 and parts[0] == "systems" and parts[1].endswith(".json"):
            submission.systems.append(DataFile.read(entry.path, f"{file}/{entry.file}", limits))
    return submission


def result_sets(submission: Submission, limits: Limits) -> Iterator[ResultSet]:
    """The sets of a submission one by one, so that no more logs are in memory than one set has."""
    of_tree = Budget(limits.tree_bytes)
    systems = {PurePosixPath(system.file).stem: system for system in submission.systems}
    files = {entry.file: entry for entry in submission.entries}  # a folder or a link named as a log is a bad log
    folders: dict[str, list[Entry]] = {}
    for entry in files.values():
        folders.setdefault(str(PurePosixPath(entry.file).parent), []).append(entry)
    for entry in submission.entries:
        parts = PurePosixPath(entry.file).parts
        if entry.kind != "folder" or len(parts) != 4 or parts[0] != "results" or parts[2] not in SCALINGS:
            continue
        budget = Budget(limits.set_bytes, of_tree.left)
        before = budget.left
        results = ResultSet(
            entry.path,
            f"{submission.file}/{entry.file}",
            parts[1],
            parts[2],
            parts[3],
            *(
                [_log(each, submission.file, files, limits, budget) for each in _logs(folders.get(name, ()))]
                for name in (entry.file, f"{entry.file}/{PRUNED}")
            ),
            systems.get(parts[1]),
        )
        of_tree.take(before - budget.left)
        standard = standards().get(parts[3])
        for log in results.logs + results.pruned:
            log.may_miss = standard is not None and standard.missed_runs > 0
        yield results


def _logs(entries: list[Entry] | tuple[()]) -> list[Entry]:
    """Those that are named as logs are, in the order of their numbers."""
    named = [
        entry for entry in entries if entry.path.name.startswith(LOG_BEGINS) and entry.path.name.endswith(LOG_ENDS)
    ]
    return sorted(named, key=lambda entry: (len(entry.path.name), entry.path.name))


def _log(entry: Entry, above: str, files: dict[str, Entry], limits: Limits, budget: Budget) -> Log:
    index = index_of(entry.path)
    record = files.get(str(PurePosixPath(entry.file).parent / RECORD.format(index=index)))
    log = _read_log(entry, above, limits, budget, record)
    log.record = DataFile.read(record.path, f"{above}/{record.file}", limits) if record and log.events else None
    return log


def _read_log(entry: Entry, above: str, limits: Limits, budget: Budget, *beside: Entry | None) -> Log:
    """A log; one without events and with a fault where it and what lies beside it are beyond the budget."""
    file = f"{above}/{entry.file}"
    if entry.size <= limits.log_bytes and not budget.take(sum(each.size for each in (entry, *beside) if each)):
        return Log(
            entry.path,
            file,
            [],
            [
                Fault(
                    "the log was not read: all that lie here have more bytes than are read",
                    rule="R8.6",
                    found=f"{entry.size} bytes",
                )
            ],
        )
    return Log.read(entry.path, file, limits)


def logs_below(folder: Path, file: str, entries: list[Entry], limits: Limits) -> Iterator[Log]:
    """The logs of run folders, each with the record and the description beside it."""
    files = {entry.file: entry for entry in entries}
    budget = Budget(limits.set_bytes)
    for entry in _logs(list(files.values())):
        beside = [files.get(str(PurePosixPath(entry.file).parent / name)) for name in (RUN, SYSTEM, CONFIG)]
        log = _read_log(entry, file, limits, budget, *beside)
        log.record, log.system, log.config = (
            DataFile.read(each.path, f"{file}/{each.file}", limits) if each and log.events else None for each in beside
        )
        yield log


def run_sets(logs: list[Log]) -> Iterator[ResultSet]:
    """The sets among the logs of run folders: those whose folders `run_<i>` lie side by side, as a run set's do, or
    `instance_<i>`, as those of weak scaling."""
    beside: dict[Path, list[Log]] = {}
    for log in logs:
        if _RUN_FOLDER.fullmatch(log.path.parent.name):
            beside.setdefault(log.path.parent.parent, []).append(log)
    for folder, each in beside.items():
        name = each[0].value(keys.SUBMISSION_BENCHMARK)
        scaling = WEAK if all(log.path.parent.name.startswith("instance_") for log in each) else STRONG
        yield ResultSet(
            folder,
            str(PurePosixPath(each[0].file).parents[1]),
            "",
            scaling,
            name if isinstance(name, str) else "",
            each,
            [],
            None,
            submitted=False,
        )
