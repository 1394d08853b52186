"""Through emulated jsrun, srun and flux: what ranks see of the real flags, and training by real MPI ranks."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from patience import HANG_SECONDS

from benchmark.events import keys
from benchmark.events.reader import read_events
from benchmark.events.timeline import Timeline
from benchmark.launch.cores import physical_cores
from benchmark.validation.official import check_log

pytestmark = pytest.mark.mpi
ROOT = Path(__file__).resolve().parents[3]
EMULATORS = ROOT / "tests" / "emulators"
CPUS = sorted(os.sched_getaffinity(0))
PATIENT = ("--set", f"collective_timeout_seconds={HANG_SECONDS:.0f}")
"""On a busy machine one of several ranks on a core may not get its turn for a minute."""

REPORT = """
import json, os, sys
from mpi4py import MPI
from benchmark.launch.rank import detect_rank
world = MPI.COMM_WORLD
seen = {"mpi": [world.rank, world.size], "read": list(vars(detect_rank()).values()), "sum": world.allreduce(world.rank),
        "cpus": sorted(os.sched_getaffinity(0)), "gpus": os.environ.get("CUDA_VISIBLE_DEVICES"),
        "word": os.environ.get("WORD"), "omp": os.environ.get("OMP_NUM_THREADS"),
        "others": [name for name in os.environ if name.startswith(("OMPI_COMM_WORLD", "EMULATED_PLAN"))]}
sys.stdout.write(json.dumps(seen) + chr(10))
"""


def _call(words: str, *command: object, environment: dict[str, str], **node: int) -> subprocess.CompletedProcess[str]:
    variables = {f"EMULATED_{name.upper()}": str(value) for name, value in node.items()}
    path = f"{EMULATORS}:{Path(sys.executable).parent}:{environment['PATH']}"
    return subprocess.run(
        [*words.split(), *map(str, command)],
        env={**environment, **variables, "PATH": path},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=HANG_SECONDS,
        check=False,
    )


@pytest.fixture
def clean(environment: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if name not in ("OMP_NUM_THREADS", "WORD")}


@pytest.mark.parametrize(
    ("words", "node", "launcher", "local_ranks", "cores", "gpus"),
    [
        (
            "jsrun -n 4 -r 2 -a 1 -c 2 -g 1 -b packed:2 -d packed -E WORD=x",
            {"nodes": 2, "cores": 4, "gpus": 2},
            "jsrun",
            [(0, 2), (1, 2)] * 2,
            [(0, 1), (2, 3)] * 2,
            ["0", "1"] * 2,
        ),
        (
            "jsrun -n 3 -r 2 -c 1 -E WORD=x",
            {"nodes": 2},
            "jsrun",
            [(0, 2), (1, 2), (0, 1)],
            [(0,), (1,), (0,)],
            [None] * 3,
        ),
        (
            "jsrun -n 1 -a 2 -c 4 -g 2 -b rs -E WORD=x",
            {"gpus": 2},
            "jsrun",
            [(0, 2), (1, 2)],
            [(0, 1, 2, 3)] * 2,
            ["0,1"] * 2,
        ),
        (
            "srun --nodes=2 --ntasks=4 --kill-on-bad-exit=1 --ntasks-per-node=2 --distribution=block:block "
            "--cpus-per-task=2 --cpu-bind=cores --gpus-per-task=1 --export=ALL,WORD=x",
            {"nodes": 2, "cores": 4, "gpus": 2},
            "srun",
            [(0, 2), (1, 2)] * 2,
            [(0, 1), (2, 3)] * 2,
            ["0", "1"] * 2,
        ),
        (
            "srun --nodes=2 --ntasks=3 --ntasks-per-node=2 --gpus-per-task=1 --gpu-bind=none --export=ALL,WORD=x",
            {"nodes": 2, "gpus": 2},
            "srun",
            [(0, 2), (1, 2), (0, 1)],
            [(0,), (1,), (0,)],
            ["0,1", "0,1", "0"],
        ),
        (
            "flux run --ntasks=4 --nodes=2 --cores-per-task=2 --gpus-per-task=1 --setopt=gpu-affinity=per-task "
            "--setopt=cpu-affinity=per-task --setopt=exit-on-error --env=WORD=x",
            {"nodes": 2, "cores": 4, "gpus": 2},
            "flux",
            [(0, 2), (1, 2)] * 2,
            [(0, 1), (2, 3)] * 2,
            ["0", "1"] * 2,
        ),
        (
            "flux run -N1 -n2 -g1 --exclusive --env=WORD=x",
            {"gpus": 2},
            "flux",
            [(0, 2), (1, 2)],
            [(0, 1, 2, 3)] * 2,
            ["0,1"] * 2,
        ),
    ],
)
def test_ranks_see_what_the_flags_mean(
    words: str,
    node: dict[str, int],
    launcher: str,
    local_ranks: list[tuple[int, int]],
    cores: list[tuple[int, ...]],
    gpus: list[str | None],
    clean: dict[str, str],
) -> None:
    done = _call(words, sys.executable, "-c", REPORT, environment=clean, **node)
    assert done.returncode == 0 and done.stderr == ""
    seen = sorted((json.loads(line) for line in done.stdout.splitlines()), key=lambda told: told["mpi"])
    size = len(local_ranks)
    assert [told["read"] for told in seen] == [[rank, size, *local_ranks[rank], launcher] for rank in range(size)]
    assert [told["mpi"] for told in seen] == [[rank, size] for rank in range(size)]
    assert {told["sum"] for told in seen} == {size * (size - 1) // 2}
    assert [told["cpus"] for told in seen] == [sorted({CPUS[core % len(CPUS)] for core in own}) for own in cores]
    assert [told["gpus"] for told in seen] == gpus
    assert all(told["word"] == "x" and told["omp"] is None and told["others"] == [] for told in seen)


@pytest.mark.parametrize(
    ("words", "node"),
    [
        ("jsrun -n 5 -r 5 -c 1", {"cores": 4}),
        ("jsrun -n 4 -r 2 -c 2", {"cores": 4}),
        ("jsrun -n 1 -g 1", {"gpus": 0}),
        ("jsrun -n 2 -a 2 -c 1 -b packed:1", {}),
        ("srun -N 2 -n 2", {"nodes": 1}),
        ("srun -n 2 -c 3", {"cores": 4}),
        ("srun -n 1 --gpus-per-task=1", {}),
        ("flux run -N2 -n2", {"nodes": 1}),
        ("flux run -n2 -c3", {"cores": 4}),
        ("flux run -n1 -g1", {}),
        ("flux run -N2 -n1", {"nodes": 2}),
    ],
)
def test_what_does_not_fit_is_not_started(
    words: str, node: dict[str, int], clean: dict[str, str], tmp_path: Path
) -> None:
    done = _call(words, "touch", tmp_path / "started", environment=clean, **node)
    assert done.returncode != 0 and "error" in done.stderr
    assert not (tmp_path / "started").exists()


@pytest.mark.slow
def test_jsrun_trains_the_benchmark_on_four_ranks(
    ready_environment: dict[str, str], toys_known: dict[str, str], toy_data: Path, tmp_path: Path
):
    folder = tmp_path / "run"
    done = _call(
        "jsrun -n 4 -r 4 -a 1 -c 1 -g 0",
        ROOT / "run_benchmark.sh",
        "--rung",
        "toy_line_60",
        "--data",
        toy_data,
        "--output",
        folder,
        *PATIENT,
        environment=ready_environment | toys_known,
        cores=4,
    )
    _assert_trained(done, folder, "jsrun", 4)
    timeline = Timeline.of(read_events(folder / "result_0.txt"))
    told = timeline.value(keys.PLACEMENT)
    assert [(each["rank"], each["cpus"], each["device"]) for each in told] == [
        (rank, str(CPUS[rank % len(CPUS)]), "cpu") for rank in range(4)
    ]
    if len(CPUS) < 4:
        assert "WARNING: SHARED CPUs" in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("launcher", "variables", "begins"),
    [
        # unbound, as on a site without task binding: the ranks divide the cores themselves
        ("srun", {"SLURM_CPU_BIND": "none"}, ["srun", "--nodes=1", "--ntasks=2"]),
        ("flux", {}, ["flux", "run", "--ntasks=2", "--nodes=1"]),
    ],
)
def test_stemdl_launch_trains_the_benchmark(
    launcher: str,
    variables: dict[str, str],
    begins: list[str],
    ready_environment: dict[str, str],
    toys_known: dict[str, str],
    toy_data: Path,
    tmp_path: Path,
):
    folder = tmp_path / "run"
    done = _call(
        f"{sys.executable} -m benchmark launch --launcher {launcher} --nodes 1 --ranks-per-node 2 --",
        "--rung",
        "toy_line_60",
        "--data",
        toy_data,
        "--output",
        folder,
        *PATIENT,
        environment=ready_environment | toys_known | variables,
        cores=2,
    )
    _assert_trained(done, folder, launcher, 2)
    told = Timeline.of(read_events(folder / "result_0.txt")).value(keys.PLACEMENT)
    if len(physical_cores(CPUS[:2])) > 1:
        assert [each["cpus"] for each in told] == list(map(str, CPUS[:2])) and "SHARED" not in done.stderr
    kept = json.loads((folder / "launch.json").read_text())
    assert kept["argv"][: len(begins)] == begins and kept["layout"]["ranks"] == 2


def _assert_trained(done: subprocess.CompletedProcess[str], folder: Path, launcher: str, ranks: int) -> None:
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("official compliance checker: SUCCESS") == 1
    assert check_log(folder / "result_0.txt").passed
    record = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    assert (record["launcher"], record["ranks"], record["status"], record["scorable"]) == (
        launcher,
        ranks,
        "success",
        True,
    )
