"""How many processes run side by side here: one for each core, or fewer where a container has less time."""

from __future__ import annotations

import pytest

from benchmark.launch import cores
from benchmark.launch.room import cgroup_cpus


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch):
    """`machine(cores, quota)`: so many cores, of which a container has the time of `quota`; None without a limit."""

    def set_up(count: int, quota: float | None) -> None:
        monkeypatch.setattr(cores, "usable_cores", lambda: count)
        monkeypatch.setattr(cores, "cgroup_cpus", lambda: quota)

    return set_up


@pytest.mark.parametrize(
    ("count", "quota", "expected"), [(8, None, 8), (8, 2.0, 2), (8, 1.5, 2), (8, 0.2, 1), (2, 64.0, 2), (1, None, 1)]
)
def test_a_container_s_time_limits_the_cores(machine, count: int, quota: float | None, expected: int) -> None:
    machine(count, quota)
    assert cores.affordable_cores() == expected
    cores.require_cores(expected, where="--ranks", oversubscribe=False)
    cores.require_cores(expected + 1, where="--ranks", oversubscribe=True)
    with pytest.raises(cores.StemdlError, match="there are more ranks than cores") as caught:
        cores.require_cores(expected + 1, where="--ranks", oversubscribe=False)
    limited = quota is not None and expected < count
    assert (f"of which the container has the time of {quota:g}" in str(caught.value)) is limited if quota else True
    assert f"--ranks {expected}, or --oversubscribe" in caught.value.remedy


@pytest.mark.parametrize(
    ("text", "expected"), [("150000 100000\n", 1.5), ("max 100000\n", None), ("nonsense", None), (None, None)]
)
def test_the_quota_is_the_kernel_s(text: str | None, expected: float | None, tmp_path) -> None:
    if text is not None:
        (tmp_path / "cpu.max").write_text(text)
    assert cgroup_cpus(tmp_path) == expected
