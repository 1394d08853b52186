"""Whether this machine can run the benchmark: each check says what it saw and what to do about it.

Whatever may hang, crash or be slow (imports, MPI, files) runs in a process of its own under a time limit, and all
checks run at once, so that one that fails neither stops nor delays the others.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib import metadata, util
from pathlib import Path

from benchmark.foundation.errors import StemdlError
from benchmark.foundation.interpreter import python
from benchmark.launch.check import CheckResult, judged
from benchmark.launch.cores import usable_cores
from benchmark.launch.launchers import Job, get_launcher
from benchmark.launch.load import load_check, measure_load
from benchmark.launch.rank import detect_rank, under_launcher
from benchmark.launch.room import GIB, cgroup_cpus, free_disk_bytes, free_memory_bytes

OLDEST_PYTHON = (3, 10)
WITHOUT_HOROVOD = "stemdl.without_horovod"
"""The file of the environment that says why scripts/setup_env.sh could not build Horovod."""
SETUP = "run ./run_benchmark.sh once, or pip install -c constraints.txt ."

# What setup.cfg requires: the name it is installed by, and the module whose import proves it.
PACKAGES = {
    "gemmi": "gemmi",
    "h5py": "h5py",
    "jinja2": "jinja2",
    "matplotlib": "matplotlib",
    "mlperf-logging": "mlperf_logging.compliance_checker.mlp_compliance",
    "mpi4py": "mpi4py",
    "numpy": "numpy",
    "psutil": "psutil",
    "pyyaml": "yaml",
    "rich": "rich",
    "scikit-learn": "sklearn",
    "scipy": "scipy.stats",
    "spglib": "spglib",
    "threadpoolctl": "threadpoolctl",
    "torch": "torch",
}

TORCH = """
import json, os, torch
cuda = torch.cuda.is_available()  # also true with ROCm
square = torch.ones(8, 8, device="cuda" if cuda else "cpu")
assert square.matmul(square).sum().item() == 512, "the device multiplies wrongly"
print(json.dumps({
    "version": torch.__version__,
    "devices": [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())],
    "driver": os.path.exists("/dev/nvidia0") or os.path.exists("/dev/kfd"),
}))
"""
MPI4PY = """
from mpi4py import MPI
import json, numpy
world = MPI.COMM_WORLD
total = numpy.zeros(1)
world.Allreduce(numpy.full(1, 1.0 + world.rank), total)
if world.rank == 0:
    library = MPI.Get_library_version().split(",")[0]
    print(json.dumps({"size": world.size, "total": total[0], "by": f"mpi4py on {library}"}))
"""
HOROVOD = """
import horovod, horovod.torch as hvd, json, torch
built = hvd.mpi_built()
if built:
    hvd.init()
    total = hvd.allreduce(torch.full((1,), 1.0 + hvd.rank()), op=hvd.Sum).item()
    if hvd.rank() == 0:
        nccl = "with NCCL" if hvd.nccl_built() else "without NCCL"
        print(json.dumps({"size": hvd.size(), "total": total, "by": f"Horovod {horovod.__version__} with MPI, {nccl}"}))
else:
    print(json.dumps({"size": 0, "total": 0, "by": f"Horovod {horovod.__version__} built without MPI"}))
"""
HDF5 = """
import h5py, numpy, sys
with h5py.File(sys.argv[1], "w") as file:
    file["probe"] = numpy.arange(1000, dtype="float32").reshape(10, 100)
with h5py.File(sys.argv[1], "r") as file:
    assert (file["probe"][...].ravel() == numpy.arange(1000)).all(), "other values were read than were written"
print(h5py.version.hdf5_version)
"""


def run_checks(
    folder: Path = Path("."),
    *,
    free_disk_bytes: int = 2 * GIB,
    free_memory_bytes: int = 2 * GIB,
    limit_seconds: float = 60.0,
) -> list[CheckResult]:
    """All checks, in the order of the list below, whatever fails.

    Parameters
    ----------
    folder : where data and results are to be written; it is there.
    free_disk_bytes, free_memory_bytes : what must be free there and in memory.
    limit_seconds : time limit of each check that runs in a process of its own.
    """
    load = _guarded("load", lambda: load_check(measure_load()))  # while nothing of ours runs yet
    checks: dict[str, Callable[[], CheckResult]] = {"python": _python}
    checks |= {
        name: partial(_package, name, module, limit_seconds) for name, module in PACKAGES.items() if name != "torch"
    }
    checks |= {
        "torch": partial(_torch, limit_seconds),
        "mpi": partial(_mpi, limit_seconds),
        "horovod": partial(_horovod, limit_seconds),
        "cores": _cores,
        "load": lambda: load,
        "memory": partial(_memory, free_memory_bytes),
        "disk": partial(_disk, folder, free_disk_bytes),
        "hdf5": partial(_hdf5, folder, limit_seconds),
    }
    with ThreadPoolExecutor(max_workers=max(2, min(4, usable_cores()))) as pool:
        # the slow ones are started first
        order = sorted(checks, key=lambda name: name not in ("horovod", "torch", "mpi"))
        running = {name: pool.submit(_guarded, name, checks[name]) for name in order}
        return [running[name].result() for name in checks]


def _guarded(name: str, check: Callable[[], CheckResult]) -> CheckResult:
    """A check whose failure is a finding, not the end of the others."""
    try:
        return check()
    except StemdlError as error:
        found = f" (found: {error.found})" if error.found is not None else ""
        return CheckResult(name, False, f"{error.what}{found}", error.remedy or "")
    except ImportError as error:
        return CheckResult(name, False, str(error), SETUP)
    except Exception as error:  # noqa: BLE001 - reported, whatever it is
        return CheckResult(
            name, False, f"the check itself failed: {error!r}", "report this as a defect of stemdl doctor"
        )


def _python() -> CheckResult:
    wanted = ".".join(map(str, OLDEST_PYTHON))
    found = ".".join(map(str, sys.version_info[:3]))
    return judged(
        "python",
        sys.version_info[:2] >= OLDEST_PYTHON,
        f"Python {found} ({sys.executable})",
        f"use Python {wanted} or newer",
    )


def _package(name: str, module: str, limit_seconds: float) -> CheckResult:
    try:
        version = metadata.version(name)
    except metadata.PackageNotFoundError:
        return CheckResult(name, False, "not installed", SETUP)
    _run_python(f"import {module}", limit_seconds=limit_seconds, remedy=f"pip install --force-reinstall {name}")
    return CheckResult(name, True, version)


def _torch(limit_seconds: float) -> CheckResult:
    told = json.loads(_run_python(TORCH, limit_seconds=limit_seconds, remedy=SETUP))
    if told["devices"]:
        return CheckResult("torch", True, f"{told['version']}, {len(told['devices'])} x {told['devices'][0]}")
    if told["driver"]:
        return CheckResult(
            "torch",
            False,
            f"{told['version']} does not see the accelerator of this machine",
            "install the torch that fits its driver; under a launcher, ask for a GPU for each rank",
        )
    return CheckResult("torch", True, f"{told['version']}, no accelerator: the CPU is used")


def _mpi(limit_seconds: float) -> CheckResult:
    return _allreduce("mpi", MPI4PY, limit_seconds)


def _horovod(limit_seconds: float) -> CheckResult:
    """Horovod may be absent: training then goes through torch.distributed. The set-up leaves the reason in a file."""
    if util.find_spec("horovod") is None:
        told = Path(sys.prefix, WITHOUT_HOROVOD)
        why = f" ({told.read_text(encoding='utf-8').strip()})" if told.is_file() else ""
        return CheckResult(
            "horovod",
            True,
            f"not built{why}: torch.distributed is used (comm=torch)",
            "STEMDL_WITHOUT_HOROVOD=0 ./scripts/setup_env.sh, which builds Horovod or says why it cannot",
        )
    return _allreduce("horovod", HOROVOD, limit_seconds)


def _allreduce(name: str, program: str, limit_seconds: float) -> CheckResult:
    """Two ranks sum rank + 1: the total must be 3."""
    if under_launcher():
        rank = detect_rank()
        return CheckResult(
            name,
            True,
            f"not tried: this is rank {rank.rank} of {rank.size} under {rank.launcher}",
            "run stemdl doctor outside the launcher to try it",
        )
    remedy = "mpirun, mpi4py and Horovod must be of one MPI: run ./run_benchmark.sh, or rebuild them on the site's MPI"
    argv = get_launcher("mpirun").argv(Job(ranks=2, command=(*python(), "-c", program)))
    told = json.loads(_run(argv, limit_seconds=limit_seconds, remedy=remedy).splitlines()[-1])
    if (told["size"], told["total"]) != (2, 3.0):
        seen = f"2 ranks saw {told['size']} and summed 1 + 2 to {told['total']:g}"
        return CheckResult(name, False, f"{told['by']}: {seen}", remedy)
    return CheckResult(name, True, f"{told['by']}: 2 ranks sum 1 + 2 to 3")


def _cores() -> CheckResult:
    quota = cgroup_cpus()
    cores = usable_cores()
    threads = len(os.sched_getaffinity(0))
    detail = f"{cores} cores ({threads} hardware threads)"
    if quota is not None and quota < cores:
        return CheckResult(
            "cores",
            True,
            f"{detail}, but the time of {quota:g} only",
            f"start at most {max(1, int(quota))} ranks here, or raise the container's CPU limit",
        )
    return CheckResult("cores", True, detail)


def _memory(needed_bytes: int) -> CheckResult:
    free = free_memory_bytes()
    return judged(
        "memory",
        free >= needed_bytes,
        f"{free / GIB:.1f} GiB free, {needed_bytes / GIB:.1f} GiB needed",
        "end other programs, or use a smaller batch or fewer ranks",
    )


def _disk(folder: Path, needed_bytes: int) -> CheckResult:
    if not folder.is_dir():
        return CheckResult("disk", False, f"{folder} is not a folder", "name another folder")
    free = free_disk_bytes(folder)
    return judged(
        "disk",
        free >= needed_bytes,
        f"{free / GIB:.1f} GiB free in {folder.resolve()}, {needed_bytes / GIB:.1f} GiB needed",
        "free some space, or name another folder",
    )


def _hdf5(folder: Path, limit_seconds: float) -> CheckResult:
    probe = folder / f".doctor.{os.getpid()}.h5"
    remedy = (
        f"name a folder that may be written ({folder.resolve()} was tried); on network file systems that refuse "
        "locks, export HDF5_USE_FILE_LOCKING=FALSE"
    )
    try:
        version = _run_python(HDF5, str(probe), limit_seconds=limit_seconds, remedy=remedy)
    finally:
        probe.unlink(missing_ok=True)
    return CheckResult("hdf5", True, f"HDF5 {version}: written and read back in {folder.resolve()}")


def _run_python(program: str, *arguments: str, limit_seconds: float, remedy: str) -> str:
    """Standard output of a Python program in a process of its own."""
    return _run([*python(), "-c", program, *arguments], limit_seconds=limit_seconds, remedy=remedy)


def _run(argv: list[str], *, limit_seconds: float, remedy: str) -> str:
    """Standard output of a command; raises StemdlError with its message when it fails or takes too long."""
    with subprocess.Popen(
        argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace"
    ) as process:
        try:
            output, errors = process.communicate(timeout=limit_seconds)
        except subprocess.TimeoutExpired:
            process.terminate()  # mpirun ends its ranks at this; killed at once, it would leave them spinning
            try:
                process.communicate(timeout=5)
            except subprocess.TimeoutExpired:
                process.kill()
            raise StemdlError(f"no answer within {limit_seconds:g} s", remedy=remedy) from None
    if process.returncode != 0:
        lines = [line.strip() for line in errors.splitlines() if any(map(str.isalpha, line))]
        # Python's own message is the last that names an exception; mpirun's remarks follow it.
        raised = [line for line in lines if line.split(":")[0].endswith(("Error", "Exception"))]
        message = (raised[-1:] or lines[:1] or ["nothing on stderr"])[0]
        raise StemdlError(f"failed with status {process.returncode}: {message}", remedy=remedy)
    return output.strip()
