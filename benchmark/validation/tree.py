"""What lies under a path: a log, run folders, or submissions. Bounded, and through no link."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from benchmark.definition.request import LOG
from benchmark.definition.scored import RULESETS
from benchmark.events import keys
from benchmark.validation.finding import printable
from benchmark.validation.limits import Limits
from benchmark.validation.log_reading import Budget, Judge, LogReader
from benchmark.validation.standard import standards
from benchmark.validation.subjects import SCALINGS, STRONG, WEAK, DataFile, Log, ResultSet, Submission, TreeEntry

LOG_BEGINS, LOG_ENDS = LOG.split("{index}")
RESULTS, PRUNED = "results", "pruned_results"
_RUN_FOLDER = re.compile(r"(run|instance)_(0|[1-9][0-9]*)")


def walk(folder: Path, limits: Limits) -> tuple[list[TreeEntry], str]:
    """Everything in and below a folder, sorted, and what of it was left out ("" for nothing). Links are listed and not
    followed."""
    entries: list[TreeEntry] = []
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


def _entry(each: os.DirEntry[str], above: str) -> TreeEntry:
    file = above + each.name
    try:
        status = each.stat(follow_symlinks=False)
    except OSError:
        return TreeEntry(Path(each.path), file, "special")
    kinds = ((stat.S_ISLNK, "link"), (stat.S_ISDIR, "folder"), (stat.S_ISREG, "file"))
    kind = next((kind for test, kind in kinds if test(status.st_mode)), "special")
    return TreeEntry(Path(each.path), file, kind, status.st_size if kind == "file" else 0)


def submissions_below(folder: Path, entries: list[TreeEntry]) -> list[str]:
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


def submission_around(folder: Path) -> tuple[Path, str] | None:
    """The submission that a folder is part of, and its name for the reader: above `results`, which has
    <system>/strong or weak below it. None for a folder of none."""
    whole = folder.absolute()
    for depth, above in enumerate((whole, *whole.parents)):
        if above.name == RESULTS and depth <= 3:
            if any(each.is_dir() for scaling in SCALINGS for each in above.glob(f"*/{scaling}")):
                return above.parent, str(above.parent)
    return None


def read_submission(folder: Path, file: str, limits: Limits) -> Submission:
    """The submission below a folder, its logs and descriptions not read yet: see `result_sets`."""
    entries, overflow = walk(folder, limits)
    submission = Submission(folder, file, entries, overflow)
    for entry in entries:
        parts = PurePosixPath(entry.file).parts
        if entry.kind == "file" and len(parts) == 2 and parts[0] == "systems" and parts[1].endswith(".json"):
            submission.systems.append(DataFile.read(entry.path, f"{file}/{entry.file}", limits))
    return submission


def result_sets(
    submission: Submission,
    limits: Limits,
    judge: Judge = lambda log: None,
    within: Path | None = None,
    ruleset: str = RULESETS[-1],
) -> Iterator[ResultSet]:
    """The sets of a submission one by one; those `within` a folder of it where one is given. Each log is given to
    `judge` whole, and is then kept with what is compared between logs alone."""
    of_tree = Budget(limits.tree_bytes)
    systems = {PurePosixPath(system.file).stem: system for system in submission.systems}
    files = {entry.file: entry for entry in submission.entries}  # a folder or a link named as a log is a bad log
    folders: dict[str, list[TreeEntry]] = {}
    for entry in files.values():
        folders.setdefault(str(PurePosixPath(entry.file).parent), []).append(entry)
    for entry in submission.entries:
        parts = PurePosixPath(entry.file).parts
        if entry.kind != "folder" or len(parts) != 4 or parts[0] != RESULTS or parts[2] not in SCALINGS:
            continue
        if within is not None and within.absolute() not in (entry.path.absolute(), *entry.path.absolute().parents):
            continue
        standard = standards().get(parts[3])
        reading = LogReader(limits, submission.file, files, of_tree, Budget(limits.set_bytes), judge, ruleset)
        reading.may_miss = standard is not None and standard.missed_runs > 0
        logs = [reading.log(each) for each in _logs(folders.get(entry.file, ()))]
        reading.judge = lambda log: None  # a pruned log is of no model that is scored
        pruned = [reading.log(each) for each in _logs(folders.get(f"{entry.file}/{PRUNED}", ()))]
        yield ResultSet(
            entry.path,
            f"{submission.file}/{entry.file}",
            parts[1],
            parts[2],
            parts[3],
            logs,
            pruned,
            systems.get(parts[1]),
        )


def _logs(entries: list[TreeEntry] | tuple[()]) -> list[TreeEntry]:
    """Those that are named as logs are, in the order of their numbers."""
    named = [
        entry for entry in entries if entry.path.name.startswith(LOG_BEGINS) and entry.path.name.endswith(LOG_ENDS)
    ]
    return sorted(named, key=lambda entry: (len(entry.path.name), entry.path.name))


def logs_below(
    top: Path,
    file: str,
    entries: list[TreeEntry],
    limits: Limits,
    judge: Judge = lambda log: None,
    ruleset: str = RULESETS[-1],
) -> Iterator[Log]:
    """The logs of run folders, each with the record and the description next to it, and judged as those of a set."""
    files = {entry.file: entry for entry in entries}
    budgets = Budget(limits.tree_bytes), Budget(limits.set_bytes)
    reading = LogReader(limits, file, files, *budgets, judge, ruleset, of_runs=True)
    return (reading.log(entry) for entry in _logs(list(files.values())))


def run_sets(logs: list[Log]) -> Iterator[ResultSet]:
    """The sets among logs that lie in no submission: those whose folders `run_<i>` lie side by side, as a run set's do,
    or `instance_<i>`, as those of weak scaling; otherwise those of one folder."""
    beside: dict[Path, list[Log]] = {}
    for log in logs:
        folder = log.path.parent
        beside.setdefault(folder.parent if _RUN_FOLDER.fullmatch(folder.name) else folder, []).append(log)
    for folder, each in beside.items():
        name = next((log.value(keys.SUBMISSION_BENCHMARK) for log in each if not log.unread), None)
        scaling = WEAK if all(log.path.parent.name.startswith("instance_") for log in each) else STRONG
        above = PurePosixPath(each[0].file).parents
        yield ResultSet(
            folder,
            str(above[0] if each[0].path.parent == folder else above[1]),
            "",
            scaling,
            name if isinstance(name, str) else "",
            each,
            [],
            None,
            submitted=False,
        )
