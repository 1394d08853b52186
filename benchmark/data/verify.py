"""Proves that data are what their manifest and recipe say, and that nothing leaks from one split into another.

Each check is a function of `Data`: those of any data here, and those that the recipe of their task has as `CHECKS`.
None stops another.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from benchmark.data.examined import Data, Skipped, sees
from benchmark.data.faults import READING_ERRORS, DataFault
from benchmark.data.file_checks import files, recipe
from benchmark.data.general_checks import counts, samples, units
from benchmark.data.hdf5_errors import require_unlocked
from benchmark.data.manifest import Manifest, read_manifest
from benchmark.data.recognise import GoldenComparison
from benchmark.data.recognition import keep, rung_claimed
from benchmark.definition.finder import RECIPE, find_task
from benchmark.foundation.errors import StemdlError

DataCheck = Callable[[Data], Iterator[DataFault]]
MOST_FAULTS = 20
"""Faults that are shown of one check; how many more there are is said."""


@dataclass
class Verification:
    """What the checks found.

    Attributes
    ----------
    faults : of all checks, at most `MOST_FAULTS` of each and one that counts the others.
    notes : what is worth saying though it is not a fault.
    checked : the names of the checks. skipped : why a check could not be made, by its name.
    """

    faults: list[DataFault] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    checked: list[str] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)


def verify(folder: Path, *, quick: bool = False, table: Path | None = None) -> Verification:
    """Every check of a data set; with `quick` whether the files are the manifest's and the rung's own.

    Parameters
    ----------
    table : what the data were made from where units were given, to find their labels again.

    Raises StemdlError where there are no data, a `table` is given of drawn ones, their manifest cannot be read, or
    another process has a shard open for writing.
    """
    report = Verification()
    data = Data(read_manifest(folder), table, report.notes)
    if table is not None and data.manifest.values["source"]["kind"] == "drawn":
        raise StemdlError(
            "the data were drawn, not made from structures", where=folder, found=table, remedy="leave --structures out"
        )
    if not quick:
        require_unlocked(path for shard in data.manifest.shards if (path := folder / shard["path"]).is_file())
    checks = {name: check for name, check in _checks_of(data.manifest, report).items() if not quick or check in QUICK}
    data.expect(checks.values())
    for name, check in checks.items():
        if check is golden and any(fault.check == "files" for fault in report.faults):
            report.skipped[name] = "the files are not the manifest's"
            continue
        try:
            found = list(check(data))
        except Skipped as why:
            report.skipped[name] = str(why)
            continue
        except READING_ERRORS as error:
            found = [DataFault(name, str(folder), "the check could not be made", "", str(error).splitlines()[0])]
        report.checked.append(name)
        report.faults += found[:MOST_FAULTS]
        if len(found) > MOST_FAULTS:
            report.faults.append(DataFault(name, str(folder), f"and {len(found) - MOST_FAULTS} more of this check"))
    return report


@sees(GoldenComparison)
def golden(data: Data) -> Iterator[DataFault]:
    """A rung's own data are that, by its golden figures: each sample, label and unit."""
    if rung_claimed(data.manifest) is None:
        raise Skipped("these do not claim to be a rung's own data")
    try:
        recognition, faults = data.once(GoldenComparison).result()
    except (OSError, StemdlError) as error:
        raise Skipped(f"{error}".splitlines()[0]) from error
    assert recognition is not None
    if not recognition.golden_sha256:
        raise Skipped(f"there are no golden figures for {data.manifest.rung}")
    keep(data.manifest, recognition)
    data.notes.append(recognition.in_words)
    yield from faults


GENERAL: Mapping[str, DataCheck] = {
    "files": files,
    "recipe": recipe,
    "samples": samples,
    "counts": counts,
    "golden": golden,
    "units": units,
}
"""The checks of any data, in the order in which they are made and reported."""
QUICK = (files, recipe, golden)


def _checks_of(manifest: Manifest, report: Verification) -> Mapping[str, DataCheck]:
    """The checks of any data, and those of their task where its code is installed."""
    try:
        own = getattr(find_task(manifest.task).code(RECIPE), "CHECKS", {})
    except StemdlError as error:
        report.skipped[manifest.task] = f"{error}".splitlines()[0]
        return GENERAL
    return {name: check for name, check in GENERAL.items() if name != "units" or not own} | dict(own)
