"""Ranks that are not fit to train are found before the clock starts, and named."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from shown import shape, shown

from benchmark.foundation.errors import StemdlError
from benchmark.launch import preflight_checks
from benchmark.launch.check import CheckResult
from benchmark.launch.exchange import Exchange
from benchmark.launch.network import MpiReducer
from benchmark.launch.preflight import PreflightLimits, PreflightResult, preflight
from benchmark.launch.rank_report import DiskNeed, RankReport, Subject, accelerators_of_node

SCRIPT = Path(__file__).with_name("preflight_script.py")

EXPECTED = {
    "commit": ("commit", "rank 1 on node1 has 0000000000000000 instead of "),
    "source": ("source", "rank 1 on node1 has reference ffffffffffffffff instead of "),
    "versions": ("versions", "rank 1 on node1 has torch 1.13.0 instead of "),
    "configuration": ("configuration", "rank 1 on node1 has learning_rate 0.5 instead of 0.004"),
    "manifest": ("manifest", "rank 1 on node1 has eeeeeeeeeeeeeeee instead of aaaaaaaaaaaaaaaa"),
    "clock ahead": ("clocks", "ahead of rank 0, 100 s allowed"),
    "listing lacks": ("listing", "rank 1 on node1 lacks shards/b.h5"),
    "listing has": ("listing", "rank 1 on node1 has zz.h5 more than rank 0"),
    "folder not shared": ("shared folder", "rank 1 on node1: not seen in "),
    "all-reduce wrong": ("all-reduce", "rank 1 on node1: 1 number summed to 4 instead of 3"),
    "all-reduce fails": ("all-reduce", "rank 1 on node1: RuntimeError: ncclSystemError"),
    "no device": ("device", "rank 1 on node1 sees none of its node's accelerators (6)"),
    "shared device": ("device", "ranks 0, 1 on node0 share one of 2"),
    "full disk": ("disk", "rank 1 on node1 has 0.0 MiB free in "),
    "too little memory": ("memory", "rank 1 on node1 has 102.4 MiB free, its ranks need 256.0 MiB"),
    "unreadable data": ("listing", "rank 1 on node1 cannot tell: PermissionError"),
    "all-reduce late": ("all-reduce", "not done within {limit:g} s on rank 1 on node1"),
    "stuck": ("ranks", "rank 1 on node1 did not answer within {limit:g} s"),
}
"""For each fault the check that fails, and what it says."""


@pytest.fixture(scope="module")
def results(mpirun: Callable, python: Path, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """What two real ranks found of each fault that was planted on one of them; by rank."""
    folder = tmp_path_factory.mktemp("planted")
    (folder / "data" / "shards").mkdir(parents=True)
    for name in ("a.h5", "b.h5"):
        (folder / "data" / "shards" / name).write_text(name)
    (folder / "out").mkdir()
    done = mpirun(2, python, SCRIPT, folder / "out", folder / "data")
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in (folder / "out").iterdir()) == ["rank0.json", "rank1.json"], "no token is left"
    return [json.loads((folder / "out" / f"rank{rank}.json").read_text()) for rank in range(2)]


@pytest.mark.mpi
class TestTwoRanks:
    """Planted faults on one of two real ranks, one after another in one job."""

    def test_sound_ranks_pass_every_check(self, results: list[dict[str, Any]]) -> None:
        told = results[0]["none"]
        assert told["ok"] and told["message"] == ""
        assert [check["name"] for check in told["checks"]] == [
            "ranks",
            "device",
            "commit",
            "source",
            "versions",
            "configuration",
            "manifest",
            "shared folder",
            "listing",
            "disk",
            "memory",
            "load",
            "clocks",
            "all-reduce",
        ]
        network = told["figures"]["all_reduce"]
        assert network["by"] == "MPI" and network["message_bytes"] == 1 << 16 and network["wrong"] == ""
        assert network["latency_seconds"] > 0 and network["bandwidth_bytes_per_second"] > 0
        assert told["figures"]["clock_offset_seconds"] < 50.0, "one machine has one clock"
        assert "2 ranks on 2 nodes answered" in told["checks"][0]["detail"]

    @pytest.mark.parametrize("fault", EXPECTED)
    def test_a_fault_is_found_by_its_check_alone_and_its_rank_is_named(self, results: list[dict], fault: str) -> None:
        told = results[0][fault]
        name, words = EXPECTED[fault]
        words = words.format(limit=told["limit"])
        failed = [check for check in told["checks"] if not check["ok"]]
        assert [check["name"] for check in failed] == [name]
        assert words in failed[0]["detail"] and failed[0]["remedy"]
        assert not told["ok"] and words in told["message"] and failed[0]["remedy"] in told["message"]

    def test_the_document_shows_what_is_said(self, results: list[dict[str, Any]]) -> None:
        planted = ("source", "clock ahead", "no device", "folder not shared", "stuck")
        failed = [check for fault in planted for check in results[0][fault]["checks"] if not check["ok"]]
        said = "\n".join(f"FAILED {check['name']} {check['detail']}" for check in failed)
        assert shape(shown("docs/scale.md", "FAILED")) == shape(said)

    @pytest.mark.parametrize("fault", ["commit", "clock ahead", "all-reduce late"])
    def test_every_rank_knows_and_one_says_why(self, results: list[dict[str, Any]], fault: str) -> None:
        first, other = (told[fault] for told in results)
        assert other["checks"] == first["checks"] and other["figures"] == first["figures"]
        assert "rank 0 says why" in other["message"] and "node1" not in other["message"]

    def test_a_clock_within_the_limit_passes_and_its_offset_is_told(self, results: list[dict[str, Any]]) -> None:
        told = results[0]["clock slightly off"]
        assert told["ok"] and told["figures"]["clock_offset_seconds"] == pytest.approx(50.0, abs=25.0)

    def test_without_all_ranks_the_later_checks_are_not_tried(self, results: list[dict[str, Any]]) -> None:
        names = [check["name"] for check in results[0]["stuck"]["checks"]]
        assert "clocks" not in names and "all-reduce" not in names and "commit" in names
        assert results[1]["stuck"]["checks"] == results[0]["stuck"]["checks"], "it learns of it when it comes back"


def alone(folder: Path, **changed: Any) -> PreflightResult:
    subject = Subject(folder, (), folder, device="cpu", **changed)
    return preflight(RankReport(subject), Exchange(0, 1, None), MpiReducer, PreflightLimits(seconds=1))


def test_one_rank_alone_passes(tmp_path: Path) -> None:
    result = alone(tmp_path)
    assert result.ok and list(tmp_path.iterdir()) == []
    details = {check.name: check.detail for check in result.checks}
    assert details["ranks"] == "1 rank on 1 node answered"
    assert details["clocks"] == "one node, one clock" and details["all-reduce"] == "one rank, nothing to sum"
    result.raise_on_failure(0)


def test_rank_0_finds_its_own_faults(tmp_path: Path) -> None:
    def failed(**changed: Any) -> dict[str, str]:
        return {check.name: check.detail for check in alone(tmp_path, **changed).checks if not check.ok}

    assert failed(memory_bytes=1 << 60).keys() == {"memory"}
    assert failed(disk_needs=(DiskNeed("the run", tmp_path / "not" / "made", 1 << 60),)).keys() == {"disk"}
    (tmp_path / "file").write_text("")
    subject = Subject(tmp_path, (), tmp_path / "file", device="cpu")
    result = preflight(RankReport(subject), Exchange(0, 1, None), MpiReducer)
    (failed_check,) = [check for check in result.checks if not check.ok]
    assert failed_check.name == "shared folder" and failed_check.detail.startswith("rank 0 on ")
    with pytest.raises(StemdlError, match="not fit to train:\nFAILED  shared folder") as raised:
        result.raise_on_failure(0)
    assert raised.value.exit_code == 2


def test_the_log_tells_what_failed_and_no_folders(tmp_path: Path) -> None:
    sound = alone(tmp_path).to_log()
    assert sound["ok"] and sound["failed"] == [] and "shared folder" in sound["checks"]
    assert str(tmp_path) not in json.dumps(sound)
    broken = PreflightResult(
        (CheckResult("a", True, "x"), CheckResult("b", False, "y", "z")), {"seconds": 1.0}
    ).to_log()
    assert broken == {
        "ok": False,
        "checks": ["a", "b"],
        "warnings": [],
        "figures": {"seconds": 1.0},
        "failed": [{"name": "b", "ok": False, "detail": "y", "remedy": "z"}],
    }


def seen(*devices: dict[str, Any]) -> dict[int, dict[str, Any]]:
    """Ranks of one node and their devices."""
    default = {"kind": "cuda", "name": "V100", "identity": "", "on_node": 2}
    return {
        rank: {"host": "node0", "leads": rank == 0, "device": default | device} for rank, device in enumerate(devices)
    }


@pytest.mark.parametrize(
    ("devices", "wanted", "ok", "words"),
    [
        (({"identity": "a"}, {"identity": "b"}), "auto", True, "2 x V100"),
        (({"identity": "a"}, {"identity": "a"}, {"identity": "b"}), "auto", True, "3 x V100, shared by ranks"),
        (({"identity": "a"}, {"identity": "a"}), "auto", False, "ranks 0, 1 on node0 share one of 2"),
        (({}, {"kind": "cpu", "name": ""}), "auto", False, "rank 1 on node0 sees none of its node's accelerators (2)"),
        (
            ({}, {"kind": "cpu", "name": "", "on_node": 0}),
            "auto",
            False,
            "rank 1 on node0 computes on cpu, rank 0 on cuda",
        ),
        (({"kind": "cpu", "name": "", "on_node": 0},) * 2, "cuda", False, "sees none"),
        (({"kind": "cpu", "name": ""},) * 2, "cpu", True, "2 x cpu"),
        (({}, {"fault": "RuntimeError: driver"}), "auto", False, "rank 1 on node0: RuntimeError: driver"),
    ],
)
def test_devices(devices: tuple, wanted: str, ok: bool, words: str) -> None:
    answers = seen(*devices)
    for answer in answers.values():
        if "fault" in answer["device"]:
            answer["device"] = {"fault": answer["device"]["fault"]}
    check = preflight_checks.devices(answers, wanted)
    assert check.ok is ok and words in check.detail and bool(check.remedy) is not ok


def test_of_many_ranks_a_few_are_named() -> None:
    check = preflight_checks.all_answered({0: {"host": "a"}}, {0: "a", 2: "b"}, 27_600, 60)
    assert check.detail == "rank 1; rank 2 on b; rank 3 and 27596 more did not answer within 60 s"


def test_a_clock_fails_only_where_it_is_surely_off() -> None:
    answers = seen({}, {})
    assert preflight_checks.clocks({1: (1.4, 0.5)}, answers, 1.0).ok
    late = preflight_checks.clocks({1: (-1.6, 0.5)}, answers, 1.0)
    assert not late.ok and "rank 1 on node0 is 1.600000 s (+- 0.500000 s) behind rank 0" in late.detail
    assert "stopped answering" in preflight_checks.clocks({1: None}, answers, 1.0).detail


def test_accelerators_of_a_node_are_counted_whatever_this_process_may_use(tmp_path: Path) -> None:
    assert accelerators_of_node(tmp_path) == 0
    for gpu in ("0000:07:00.0", "0000:0f:00.0"):
        (tmp_path / "proc/driver/nvidia/gpus" / gpu).mkdir(parents=True)
    (tmp_path / "dev").mkdir()
    for name in ("nvidia0", "nvidia1", "nvidiactl", "nvidia-uvm"):
        (tmp_path / "dev" / name).write_text("")
    assert accelerators_of_node(tmp_path) == 2
    for node, gpu_id in (("0", "0"), ("1", "51297"), ("2", "4098")):  # a processor and two GPUs
        (tmp_path / "sys/class/kfd/kfd/topology/nodes" / node).mkdir(parents=True)
        (tmp_path / "sys/class/kfd/kfd/topology/nodes" / node / "gpu_id").write_text(gpu_id + "\n")
    assert accelerators_of_node(tmp_path) == 4
