"""Which results are held against which: those of one benchmark and scaling against one baseline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from benchmark.comparison.result import Result, read_results
from benchmark.foundation.errors import StemdlError, nearest


def read_each(paths: Sequence[Path], ruleset: str) -> list[Result]:
    """The results of each path for itself, so that two runs of one set can be told apart. Where two would have one name
    in a comparison, they take their folder's, or that of their log. Raises as `read_results` does."""
    results = [result for path in paths for result in read_results([path], ruleset)]
    for naming in (lambda each: str(each.folder.folder), lambda each: str(each.folder.logs[0].parent)):
        names = [(each.name, each.score.benchmark, each.folder.scaling) for each in results]
        results = [
            each if names.count(name) == 1 else _renamed(each, naming(each))
            for each, name in zip(results, names, strict=True)
        ]
    return results


def _renamed(result: Result, folder: str) -> Result:
    name = str(Path(folder).relative_to(Path.cwd())) if Path(folder).is_relative_to(Path.cwd()) else folder
    return replace(result, folder=replace(result.folder, submitter=None, system=name))


def grouped(results: Sequence[Result], named: str | None) -> list[tuple[Result, list[Result]]]:
    """The baseline and the others of each benchmark and scaling, in their order; groups of one are left out where
    there are larger ones. Where no two results are of one benchmark, all are one group, which tells why.

    `named` is a part of the baseline's name, or its folder. Raises StemdlError where it names none or several results
    of a group, or there are fewer than two results.
    """
    if len(results) < 2:
        raise StemdlError(
            "there is nothing to compare",
            expected="two results at least: runs, run sets or submissions",
            found=", ".join(each.name for each in results) or "none",
            remedy="stemdl compare PATH PATH, or stemdl show PATH for one",
        )
    groups: dict[tuple[str | None, str], list[Result]] = {}
    for each in results:
        groups.setdefault((each.score.benchmark, each.folder.scaling), []).append(each)
    several = [group for group in groups.values() if len(group) > 1] or [list(results)]
    if named is None:
        return [(group[0], group[1:]) for group in several]
    chosen = [
        (base, [each for each in group if each is not base]) for group in several if (base := _named(group, named))
    ]
    if not chosen:
        raise StemdlError(
            f"no result is called {named!r}", where="--baseline", remedy=nearest(named, [each.name for each in results])
        )
    return chosen


def _named(group: Sequence[Result], named: str) -> Result | None:
    exact = [each for each in group if named in (each.name, each.folder.system, str(each.folder.folder))]
    found = exact or [each for each in group if named in each.name]
    if len(found) > 1:
        raise StemdlError(
            f"several results are called {named!r}",
            where="--baseline",
            found=", ".join(each.name for each in found),
            remedy="name one of them",
        )
    return found[0] if found else None


def against(first: Result, second: Result) -> str:
    """Two results as the place of a message."""
    return f"{first.name} and {second.name}"
