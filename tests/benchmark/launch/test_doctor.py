"""The doctor: finds what is broken, says what to do, and is not stopped by it."""

from __future__ import annotations

import configparser
import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from patience import HANG_SECONDS, wait_until

from benchmark.foundation.errors import StemdlError
from benchmark.launch import doctor
from benchmark.launch.check import CheckResult
from benchmark.launch.doctor import PACKAGES, run_checks

ROOT = Path(__file__).parents[3]


@pytest.mark.mpi
def test_a_sound_machine_passes(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    checks = {
        check.name: check
        for check in run_checks(tmp_path / "data", free_disk_bytes=1, free_memory_bytes=1, limit_seconds=HANG_SECONDS)
    }
    assert {"python", "torch", "mpi", "horovod", "cores", "load", "memory", "disk", "hdf5"} | set(PACKAGES) == set(
        checks
    )
    assert [check for check in checks.values() if not check.ok] == []
    assert checks["mpi"].detail.endswith("2 ranks sum 1 + 2 to 3")
    horovod = checks["horovod"].detail
    assert "with MPI" in horovod or "torch.distributed is used" in horovod
    assert list((tmp_path / "data").iterdir()) == [], "the probe is removed"
    assert json.loads(json.dumps(checks["disk"].to_dict()))["ok"] is True


def test_packages_are_those_of_setup_cfg() -> None:
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    required = config["options"]["install_requires"].split("\n")
    assert {re.split("[<>=!~]", line)[0] for line in required if line} == set(PACKAGES)
    for module in PACKAGES.values():
        if module != "mpi4py":
            assert importlib.util.find_spec(module.split(".")[0]), module


def test_no_failure_stops_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def raises() -> CheckResult:
        raise ZeroDivisionError("boom")

    def no_mpirun() -> str:
        raise StemdlError("there is no mpirun", remedy="get one")

    monkeypatch.setattr(doctor, "_python", raises)
    monkeypatch.setattr("benchmark.launch.launchers.mpirun.find_mpirun", no_mpirun)
    monkeypatch.setattr(doctor, "PACKAGES", {"numpy": "numpy", "no-such-package": "none", "pyyaml": "no_such_module"})
    monkeypatch.setattr(doctor, "TORCH", "import os; os.abort()")
    monkeypatch.setattr(doctor.util, "find_spec", lambda name: None)
    (tmp_path / "file").write_text("")
    checks = {check.name: check for check in run_checks(tmp_path / "file", free_memory_bytes=2**60)}
    assert checks["numpy"].ok and checks["cores"].ok
    assert checks["horovod"] == CheckResult(
        "horovod", True, "not built: torch.distributed is used (comm=torch)", checks["horovod"].remedy
    )
    failed = {name: check for name, check in checks.items() if not check.ok}
    assert set(failed) == {"python", "no-such-package", "pyyaml", "torch", "mpi", "memory", "disk", "hdf5"}
    assert all(check.remedy for check in failed.values()), "each says what to do"
    assert "boom" in failed["python"].detail
    assert failed["mpi"].detail == "there is no mpirun" and failed["mpi"].remedy == "get one"
    assert "No module named 'no_such_module'" in failed["pyyaml"].detail


@pytest.mark.parametrize(
    ("told", "ok", "words"),
    [
        ({"version": "2", "devices": ["X", "X"], "driver": True}, True, "2 x X"),
        ({"version": "2", "devices": [], "driver": False}, True, "the CPU is used"),
        ({"version": "2", "devices": [], "driver": True}, False, "does not see the accelerator"),
    ],
)
def test_an_accelerator_that_torch_misses_is_a_failure(
    monkeypatch: pytest.MonkeyPatch, told: dict, ok: bool, words: str
) -> None:
    monkeypatch.setattr(doctor, "TORCH", f"print('''{json.dumps(told)}''')")
    check = doctor._torch(HANG_SECONDS)
    assert check.ok is ok and words in check.detail


@pytest.mark.mpi
@pytest.mark.parametrize(("size", "total", "ok"), [(2, 3.0, True), (1, 1.0, False), (2, 4.0, False)])
def test_a_wrong_sum_is_a_failure(size: int, total: float, ok: bool) -> None:
    told = json.dumps({"size": size, "total": total, "by": "an MPI"})
    program = f"import os; os.environ['OMPI_COMM_WORLD_RANK'] == '0' and print('''{told}''')"
    assert doctor._allreduce("mpi", program, HANG_SECONDS).ok is ok


@pytest.mark.mpi
def test_ranks_that_hang_are_ended(tmp_path: Path) -> None:
    """Within a limit that is doubled until both ranks have begun before it is over, however slow the machine."""
    program = f"import os, time; open({str(tmp_path)!r} + f'/{{os.getpid()}}', 'w').close(); time.sleep(100_000)"
    seconds, begun = 2, []
    while len(begun) < 2:
        for path in tmp_path.iterdir():
            path.unlink()
        with pytest.raises(StemdlError, match=f"no answer within {seconds} s"):
            doctor._allreduce("mpi", program, seconds)
        begun = [int(path.name) for path in tmp_path.iterdir()]
        wait_until(lambda ended=begun: not any(map(_is_alive, ended)))  # no rank is left behind
        seconds *= 2


def _is_alive(pid: int) -> bool:
    """Whether a process runs; one that has ended but was not yet waited for has no command line any more."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes() != b""
    except OSError:
        return False


def test_inside_a_launcher_no_ranks_are_started(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("RANK", "1"), ("WORLD_SIZE", "4"), ("LOCAL_RANK", "1"), ("LOCAL_WORLD_SIZE", "4")):
        monkeypatch.setenv(name, value)
    check = doctor._mpi(1)
    assert check.ok and "rank 1 of 4 under torchrun" in check.detail


def test_the_doctor_imports_nothing_heavy() -> None:
    program = (
        "import sys, benchmark.launch.doctor, benchmark.launch.system, benchmark.launch.preflight; "
        "import benchmark.launch.node, benchmark.launch.nodes, benchmark.launch.exchange; "
        "assert not {'torch', 'numpy', 'psutil', 'h5py', 'mpi4py'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True, cwd=ROOT, timeout=HANG_SECONDS)


def test_why_horovod_was_not_built_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / doctor.WITHOUT_HOROVOD).write_text("no C++ compiler\n")
    monkeypatch.setattr(doctor.sys, "prefix", str(tmp_path))
    monkeypatch.setattr(doctor.util, "find_spec", lambda name: None)
    told = doctor._horovod(1.0)
    assert told.ok and told.detail == "not built (no C++ compiler): torch.distributed is used (comm=torch)"
    assert "STEMDL_WITHOUT_HOROVOD=0 ./scripts/setup_env.sh" in told.remedy
