"""Where the logs of a score are: submission trees of MLPerf HPC and of the Science working group, and the folders that
`stemdl run` leaves."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmark.events.power_log import POWER
from benchmark.foundation.errors import StemdlError
from benchmark.foundation.search import say_unread

STRONG, WEAK = SCALINGS = ("strong", "weak")
RESULTS, PRUNED = "results", "pruned_results"
LOG = re.compile(r"result_[^/]*\.txt")
SCIENCE_LOG = re.compile(r"result-[0-9]+\.txt")
_OF_A_SET = re.compile(r"(run|instance)_[0-9]+")


@dataclass(frozen=True)
class LogFolder:
    """The logs of one system on one benchmark.

    Attributes
    ----------
    folder : what holds them; of a run set, the folder of its runs.
    submitter, system, benchmark : names of folders. Outside a submission submitter and benchmark are None: the logs
        say them. In the Science group's the benchmark is, since its folders name the application and the experiment.
    logs : in the order of their numbers.
    """

    folder: Path
    submitter: str | None
    system: str
    scaling: str
    benchmark: str | None
    logs: tuple[Path, ...]


def find_log_folders(paths: Iterable[Path]) -> list[LogFolder]:
    """Every set of logs in and below the paths, each once, in the order of submitter, system, scaling and benchmark.

    Takes `<submitter>/results/<system>/{strong,weak}/<benchmark>/result_*.txt` (MLPerf HPC), the same without the
    scaling (version 0.7, read as strong), `<submitter>/<application>/<system>/<experiment>/result-*.txt` (Science
    working group, read as strong), and any other folder with `result_*.txt` as one that `stemdl run` left:
    `<set>/run_<i>` belong together, and so do `<set>/instance_<i>`, which are weak scaling. Pruned results are left
    out, links are not followed.
    Raises StemdlError where a path is not a folder, or holds no logs.
    """
    found: dict[Path, LogFolder] = {}
    for path in paths:
        if not path.is_dir():
            what = "this is not a folder" if os.path.lexists(path) else "there is nothing here"
            raise StemdlError(what, where=path, expected="the folder of a submission, of a tree of them, or of runs")
        here = list(_below(Path(os.path.abspath(path))))
        if not here:
            raise StemdlError(
                "there are no logs here",
                where=path,
                expected="files named result_*.txt or result-*.txt",
                remedy="stemdl score RUNS, or the folder above <submitter>/results",
            )
        for each in here:
            other = found.get(each.folder)
            logs = each.logs if other is None else tuple(sorted({*other.logs, *each.logs}, key=_in_order))
            found[each.folder] = LogFolder(each.folder, each.submitter, each.system, each.scaling, each.benchmark, logs)
    return sorted(
        found.values(),
        key=lambda each: (each.submitter or "", each.system, each.scaling, each.benchmark or "", str(each.folder)),
    )


def _below(top: Path) -> Iterator[LogFolder]:
    for name, folders, _ in os.walk(top, onerror=say_unread):
        folders[:] = [each for each in folders if each not in (PRUNED, POWER)]
        folder = Path(name)
        with os.scandir(folder) as entries:
            files = sorted(
                (folder / entry.name for entry in entries if entry.is_file(follow_symlinks=False)), key=_in_order
            )
        if logs := tuple(file for file in files if LOG.fullmatch(file.name)):
            yield _classified(folder, logs)
        elif (logs := tuple(file for file in files if SCIENCE_LOG.fullmatch(file.name))) and len(folder.parts) > 4:
            yield LogFolder(folder, folder.parts[-4], folder.parts[-2], STRONG, None, logs)


def _classified(folder: Path, logs: tuple[Path, ...]) -> LogFolder:
    parts = folder.parts
    if len(parts) > 5 and parts[-4] == RESULTS and parts[-2] in SCALINGS:
        return LogFolder(folder, parts[-5], parts[-3], parts[-2], parts[-1], logs)
    if len(parts) > 4 and parts[-3] == RESULTS:
        return LogFolder(folder, parts[-4], parts[-2], STRONG, parts[-1], logs)
    part = _OF_A_SET.fullmatch(folder.name)
    of_a_set = folder.parent if part else folder
    return LogFolder(of_a_set, None, of_a_set.name, WEAK if part and part[1] == "instance" else STRONG, None, logs)


def _in_order(path: Path) -> list[str | int]:
    """Names compare as texts, the numbers in them as numbers: result_10 comes after result_2."""
    return [int(piece) if piece.isdecimal() else piece for piece in re.split(r"([0-9]+)", str(path))]
