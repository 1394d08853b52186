"""What several folders of tests share: folders made once in a session, the smoke rung's data, commands and ranks."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from patience import HANG_SECONDS
from slow_first import SlowFirst
from warm import Warm

ROOT = Path(__file__).resolve().parents[1]
TOYS = ROOT / "tests" / "toy_task" / "tasks"
settings.register_profile("explore", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("anywhere", settings.get_profile("explore"), derandomize=True, max_examples=40)
settings.register_profile("nightly", settings.get_profile("explore"), max_examples=1000)
settings.load_profile("anywhere")  # the same examples on every machine, however slow; the others draw new ones

Once = Callable[[str, Callable[[Path], None]], Path]
Command = Callable[..., subprocess.CompletedProcess]


def pytest_configure(config: pytest.Config) -> None:
    for name in ("STEMDL_VENV", "STEMDL_TASKS", "STEMDL_SITE", "STEMDL_TRACEBACK", "STEMDL_GPUS_PER_RANK"):
        os.environ.pop(name, None)  # what the user of the checkout chose is not what is tested
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell takes it from what it starts with &
    config.pluginmanager.register(SlowFirst(config))


@pytest.fixture(scope="session", autouse=True)
def one_thread_per_worker() -> None:
    """Workers share the cores already: threads of their numerical libraries would only wait for each other."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        import scipy.linalg  # noqa: F401  has a BLAS besides numpy's
        import torch
        from threadpoolctl import threadpool_limits

        torch.set_num_threads(1)
        threadpool_limits(1)


@pytest.fixture(scope="session")
def once(tmp_path_factory: pytest.TempPathFactory) -> Once:
    """`once(name, make)`: the folder that `make(folder)` made, once in a session, whichever worker asks first."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base

    def folder(name: str, make: Callable[[Path], None]) -> Path:
        path, done = shared / name, shared / f"{name}.done"
        with open(shared / f"{name}.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not done.exists():
                shutil.rmtree(path, ignore_errors=True)
                make(path)
                done.touch()
        return path

    return folder


@pytest.fixture(scope="session")
def environment() -> dict[str, str]:
    """What processes of a test inherit: the benchmark is found from every folder, and no launcher is pretended."""
    path = os.pathsep.join(filter(None, [str(ROOT), str(ROOT / "tests/helpers"), os.environ.get("PYTHONPATH")]))
    return os.environ | {"PYTHONPATH": path}


@pytest.fixture(scope="session")
def python(environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The interpreter, to be called like sys.executable, with libraries loaded already; see helpers/warm.py."""
    warm = Warm(environment, tmp_path_factory.mktemp("warm"))
    yield warm.python
    warm.close()


def finished(argv: list[str], cwd: Path, environment: dict[str, str]) -> subprocess.CompletedProcess:
    """A program that has nothing to read, when it has ended; what it printed is kept."""
    return subprocess.run(
        argv,
        cwd=cwd,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=HANG_SECONDS,
        check=False,
    )


@pytest.fixture(scope="session")
def stemdl(python: Path, environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Command:
    """`stemdl(*arguments)`: the command line in a process of its own, in an empty folder or in `cwd`; the
    finished process."""
    folder = tmp_path_factory.mktemp("cwd")

    def run(*arguments: object, cwd: Path = folder) -> subprocess.CompletedProcess:
        return finished([str(python), "-m", "benchmark", *map(str, arguments)], cwd, environment)

    return run


@pytest.fixture(scope="session")
def mpirun(environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Command:
    """`mpirun(ranks, *command, **variables)`: real MPI ranks on this host; the finished process of mpirun."""
    from benchmark.launch.launchers import Job, get_launcher

    folder = tmp_path_factory.mktemp("cwd")

    def run(ranks: int, *command: object, **variables: str) -> subprocess.CompletedProcess:
        argv = get_launcher("mpirun").argv(Job(ranks, tuple(map(str, command)), environment=variables))
        return finished(argv, folder, environment)

    return run


@pytest.fixture(scope="session")
def smoke_data(once: Once, stemdl: Command) -> Path:
    """The smoke rung's data, about 15 s of work. Copy the folder before changing anything in it."""

    def make(folder: Path) -> None:
        done = stemdl("data", "generate", "stemdl_smoke", "-o", folder)
        assert done.returncode == 0, done.stderr

    return once("smoke_data", make)


@pytest.fixture(scope="session")
def toy_data(once: Once, stemdl: Command) -> Path:
    """The data of tests/toy_task's straight lines: for runs of which launchers, ranks and files are what is tested, and
    which are over in a moment. To be read only."""

    def make(folder: Path) -> None:
        done = stemdl("--tasks", TOYS, "data", "generate", "toy_line_60", "-o", folder)
        assert done.returncode == 0, done.stderr

    return once("toy_data", make)


@pytest.fixture
def toys_known(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What has this process find the toys; the variables, for the environment of others."""
    monkeypatch.setenv("STEMDL_TASKS", str(TOYS))
    return {"STEMDL_TASKS": str(TOYS)}


@pytest.fixture(scope="session")
def run_once(once: Once, stemdl: Command, smoke_data: Path) -> Callable[..., Path]:
    """`run_once(name, *options, code=0)`: the folder of a run of the smoke rung with these options of `stemdl run`,
    made once in a session; `runs.printed(folder)` is what it printed. To be read only."""

    def run(name: str, *options: object, code: int = 0) -> Path:
        def make(folder: Path) -> None:
            done = stemdl("run", "--rung", "stemdl_smoke", "--data", smoke_data, "--output", folder, *options)
            assert done.returncode == code, done.stderr
            said = {"code": done.returncode, "out": done.stdout, "err": done.stderr}
            folder.with_name(f"{name}.printed").write_text(json.dumps(said), encoding="utf-8")

        return once(name, make)

    return run


@pytest.fixture(scope="session")
def smoke_run(run_once: Callable[..., Path]) -> Path:
    """A run of the smoke rung on one rank with seed 7, which reaches the target. To be read only."""
    alike = ("--seed", 7, "--set", "threads_per_rank=1", "--set", "org=Somewhere")
    return run_once("smoke_run", "--ranks", 1, *alike)


@pytest.fixture
def ready_environment(tmp_path: Path, environment: dict[str, str]) -> dict[str, str]:
    """With STEMDL_VENV: this interpreter's environment where the set-up made it, else one that stands for it."""
    venv = Path(sys.prefix)
    if not (venv / "stemdl.ready").is_file():
        venv = tmp_path / "venv"
        (venv / "bin").mkdir(parents=True)
        (venv / "stemdl.ready").touch()
        (venv / "bin" / "stemdl").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m benchmark "$@"\n')
        (venv / "bin" / "stemdl").chmod(0o755)
    return environment | {"STEMDL_VENV": str(venv)}
