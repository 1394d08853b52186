"""A plugin of pytest: files that took long the last time come first, so that at the end nobody waits for one of them.

How long is kept in pytest's cache, by file; of a file that was never timed its marks tell.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import pytest

KEY = "stemdl/seconds_of_files"
SECONDS_OF_MARKS = {"slow": 10.0, "mpi": 5.0}
"""What a test that bears them takes, about."""


def file_of(nodeid: str) -> str:
    return nodeid.partition("::")[0]


def slow_first(items: Sequence[pytest.Item], seconds: Mapping[str, float]) -> list[pytest.Item]:
    """The items file by file, those of the slowest file first; within a file, and between equals, as they were."""
    guessed: Counter[str] = Counter()
    for item in items:
        marks = {mark.name for mark in item.iter_markers()}
        guessed[file_of(item.nodeid)] += sum(SECONDS_OF_MARKS[name] for name in marks & set(SECONDS_OF_MARKS))
    places = {name: place for place, name in enumerate(dict.fromkeys(file_of(item.nodeid) for item in items))}

    def order(item: pytest.Item) -> tuple[float, int]:
        name = file_of(item.nodeid)
        return -seconds.get(name, guessed[name]), places[name]

    return sorted(items, key=order)


class SlowFirst:
    """Sorts what was collected, the same on all workers, and keeps what each file took."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._cache = getattr(config, "cache", None)
        self._before: dict[str, float] = self._cache.get(KEY, {}) if self._cache else {}
        self._took: Counter[str] = Counter()

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = slow_first(items, self._before)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._took[file_of(report.nodeid)] += report.duration

    def pytest_sessionfinish(self) -> None:
        """A file of which much less was seen than before keeps its figure: only some of its tests were run."""
        if self._cache is None or hasattr(self._config, "workerinput"):  # the workers' reports come together
            return
        longer = {name: took for name, took in self._took.items() if took > self._before.get(name, 0.0) / 2}
        self._cache.set(KEY, self._before | {name: round(took, 2) for name, took in longer.items()})
