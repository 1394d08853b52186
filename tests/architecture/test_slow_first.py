"""The slowest files come first, whole and in one order on all workers."""

from __future__ import annotations

from types import SimpleNamespace

from hypothesis import given
from hypothesis import strategies as st
from slow_first import SlowFirst, file_of, slow_first

FILES = ("a.py", "b.py", "c.py", "d.py")


def item(file: str, number: int = 0, *marks: str) -> SimpleNamespace:
    named = [SimpleNamespace(name=mark) for mark in marks]
    return SimpleNamespace(nodeid=f"{file}::test_{number}", iter_markers=lambda: named)


def files(items: list) -> list[str]:
    return list(dict.fromkeys(file_of(each.nodeid) for each in items))


def test_what_was_timed_goes_by_its_seconds_and_the_rest_by_its_marks() -> None:
    items = [item("a.py"), item("b.py", 0, "slow", "mpi"), item("c.py"), item("d.py")]
    assert files(slow_first(items, {})) == ["b.py", "a.py", "c.py", "d.py"]
    assert files(slow_first(items, {"d.py": 60.0, "c.py": 3.0})) == ["d.py", "b.py", "c.py", "a.py"]


@given(st.lists(st.sampled_from(FILES)), st.dictionaries(st.sampled_from(FILES), st.floats(0.0, 1e3)))
def test_a_file_stays_together_in_its_own_order_and_nothing_is_lost(names: list[str], seconds: dict) -> None:
    items = [item(name, number) for number, name in enumerate(names)]
    found = slow_first(items, seconds)
    assert sorted(each.nodeid for each in found) == sorted(each.nodeid for each in items)
    for name in FILES:
        mine = [each.nodeid for each in items if file_of(each.nodeid) == name]
        start = [file_of(each.nodeid) for each in found].index(name) if mine else 0
        assert [each.nodeid for each in found[start : start + len(mine)]] == mine


def test_what_files_took_is_kept_and_a_part_of_one_changes_nothing() -> None:
    kept = {"stemdl/seconds_of_files": {"a.py": 10.0, "b.py": 4.0}}
    cache = SimpleNamespace(get=kept.get, set=kept.__setitem__)
    plugin = SlowFirst(SimpleNamespace(cache=cache))
    for nodeid, seconds in (("a.py::test_0", 1.0), ("b.py::test_0", 2.0), ("b.py::test_1", 1.0), ("c.py::test_0", 7.0)):
        plugin.pytest_runtest_logreport(SimpleNamespace(nodeid=nodeid, duration=seconds))
    plugin.pytest_sessionfinish()
    assert kept["stemdl/seconds_of_files"] == {"a.py": 10.0, "b.py": 3.0, "c.py": 7.0}
    worker = SlowFirst(SimpleNamespace(cache=cache, workerinput={}))
    worker.pytest_runtest_logreport(SimpleNamespace(nodeid="a.py::test_0", duration=99.0))
    worker.pytest_sessionfinish()
    assert kept["stemdl/seconds_of_files"]["a.py"] == 10.0
