"""How much memory and disk are free."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from benchmark.launch.room import cgroup_cpus, cgroup_memory_bytes, free_disk_bytes, free_memory_bytes


def test_a_containers_limits_are_seen(tmp_path: Path) -> None:
    assert cgroup_memory_bytes(tmp_path) is None and cgroup_cpus(tmp_path) is None
    (tmp_path / "memory.stat").write_text("anon 300\nfile 5000\n")
    (tmp_path / "memory.max").write_text("1000\n")
    (tmp_path / "cpu.max").write_text("150000 100000\n")
    assert cgroup_memory_bytes(tmp_path) == 700
    assert cgroup_cpus(tmp_path) == 1.5
    (tmp_path / "memory.max").write_text("max\n")
    (tmp_path / "cpu.max").write_text("max 100000\n")
    assert cgroup_memory_bytes(tmp_path) is None and cgroup_cpus(tmp_path) is None


def test_a_folder_that_is_not_made_yet_is_on_the_disk_above_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr("shutil.disk_usage", lambda path: asked.append(path) or SimpleNamespace(free=7))
    assert free_disk_bytes(tmp_path / "not" / "made") == 7 and asked == [tmp_path]
    assert not (tmp_path / "not").exists()


def test_free_memory_is_no_more_than_the_machine_has() -> None:
    assert 0 < free_memory_bytes() <= os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
