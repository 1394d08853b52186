"""The command line of each launcher, for a full job and for the least one; mpirun's are in test_launchers.py."""

from __future__ import annotations

import subprocess
import sys

import pytest
from patience import HANG_SECONDS

from benchmark.foundation.errors import StemdlError
from benchmark.foundation.interpreter import python
from benchmark.launch.launchers import Job, get_launcher
from benchmark.launch.machine import load_machine
from benchmark.launch.rank import Rank
from benchmark.launch.resources import Layout, lay_out

COMMAND = ("./run_benchmark.sh", "--rung", "stemdl_mini")
FOUR_BY_SIX = Layout(24, 4, 6, cores_per_rank=7, gpus_per_rank=1)
SET = {"OMP_NUM_THREADS": "7", "A": "b c"}
ALONE = "env RANK=0 WORLD_SIZE=1 LOCAL_RANK=0 LOCAL_WORLD_SIZE=1 STEMDL_LAUNCHER=local"
TORCHRUN = [*python(), "-m", "torch.distributed.run"]


@pytest.mark.parametrize(
    ("launcher", "job", "expected"),
    [
        (
            "jsrun",
            Job(24, COMMAND, layout=FOUR_BY_SIX),
            "jsrun -n 24 -r 6 -a 1 -c 7 -g 1 -b packed:7 -d packed".split(),
        ),
        (
            "jsrun",
            Job(24, COMMAND, SET, FOUR_BY_SIX, ("--smpiargs=-gpu",)),
            [
                *"jsrun -n 24 -r 6 -a 1 -c 7 -g 1 -b packed:7 -d packed --smpiargs=-gpu".split(),
                "-E",
                "OMP_NUM_THREADS=7",
                "-E",
                "A=b c",
            ],
        ),
        ("jsrun", Job(24, COMMAND), ["jsrun", "-n", "24"]),
        (
            "jsrun",
            Job(4, COMMAND, layout=Layout(4, 1, 4)),
            "jsrun -n 4 -r 4 -a 1 -c 1 -g 0 -b packed:1 -d packed".split(),
        ),
        (
            "srun",
            Job(24, COMMAND, layout=FOUR_BY_SIX),
            "srun --nodes=4 --ntasks=24 --kill-on-bad-exit=1 --ntasks-per-node=6 --distribution=block:block "
            "--cpus-per-task=7 --cpu-bind=cores --gpus-per-task=1".split(),
        ),
        (
            "srun",
            Job(24, COMMAND, SET, lay_out(load_machine("perlmutter"), nodes=6), ("--gpu-bind=none",)),
            [
                *"srun --nodes=6 --ntasks=24 --kill-on-bad-exit=1 --ntasks-per-node=4 --distribution=block:block "
                "--cpus-per-task=32 --cpu-bind=cores --gpus-per-task=1 --gpu-bind=none".split(),
                "--export=ALL,OMP_NUM_THREADS=7,A=b c",
            ],
        ),
        ("srun", Job(24, COMMAND), ["srun", "--ntasks=24", "--kill-on-bad-exit=1"]),
        (
            "flux",
            Job(24, COMMAND, layout=FOUR_BY_SIX),
            "flux run --ntasks=24 --nodes=4 --cores-per-task=7 --gpus-per-task=1 --setopt=gpu-affinity=per-task "
            "--setopt=cpu-affinity=per-task --setopt=exit-on-error".split(),
        ),
        (
            "flux",
            Job(4, COMMAND, {"A": "b c", "D": "$E"}, Layout(4, 2, 2), ("-opmi=cray-pals",)),
            [
                *"flux run --ntasks=4 --nodes=2 --exclusive --setopt=cpu-affinity=per-task --setopt=exit-on-error "
                "-opmi=cray-pals".split(),
                "--env=A=b c",
                "--env=D=$$E",
            ],
        ),
        ("flux", Job(2, COMMAND), "flux run --ntasks=2 --setopt=cpu-affinity=per-task --setopt=exit-on-error".split()),
        ("mpiexec", Job(24, COMMAND, layout=FOUR_BY_SIX), "mpiexec -n 24 --ppn 6 --depth 7 --cpu-bind depth".split()),
        (
            "mpiexec",
            Job(24, COMMAND, SET, lay_out(load_machine("aurora"), nodes=2)),
            [
                *"mpiexec -n 24 --ppn 12 --cpu-bind "
                "list:1-8:9-16:17-24:25-32:33-40:41-48:53-60:61-68:69-76:77-84:85-92:93-100".split(),
                "--env",
                "OMP_NUM_THREADS=7",
                "--env",
                "A=b c",
            ],
        ),
        ("mpiexec", Job(24, COMMAND), ["mpiexec", "-n", "24"]),
        (
            "torchrun",
            Job(2, COMMAND),
            [*TORCHRUN, "--nnodes=1", "--nproc-per-node=2", "--max-restarts=0", "--standalone", "--no-python"],
        ),
        (
            "torchrun",
            Job(24, COMMAND, SET, FOUR_BY_SIX),
            [
                *TORCHRUN,
                "--nnodes=4",
                "--nproc-per-node=6",
                "--max-restarts=0",
                "--rdzv-backend=c10d",
                "--rdzv-endpoint=node0:29500",
                "--rdzv-id=stemdl",
                "--no-python",
                "env",
                "OMP_NUM_THREADS=7",
                "A=b c",
            ],
        ),
        ("local", Job(1, COMMAND), ALONE.split()),
        ("local", Job(1, COMMAND, SET), [*ALONE.split(), "OMP_NUM_THREADS=7", "A=b c"]),
    ],
)
def test_argv(launcher: str, job: Job, expected: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MASTER_ADDR", "node0")
    monkeypatch.delenv("MASTER_PORT", raising=False)
    assert get_launcher(launcher).argv(job) == [*expected, *COMMAND]


def test_torchrun_must_know_where_nodes_meet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MASTER_ADDR", raising=False)
    with pytest.raises(StemdlError, match="MASTER_ADDR"):
        get_launcher("torchrun").argv(Job(24, COMMAND, layout=FOUR_BY_SIX))


def test_torchrun_starts_the_same_number_everywhere() -> None:
    with pytest.raises(StemdlError, match="same number of ranks on every node"):
        get_launcher("torchrun").argv(Job(22, COMMAND, layout=Layout(22, 4, 6)))


@pytest.mark.parametrize(
    ("job", "says"),
    [
        (Job(22, COMMAND, layout=Layout(22, 4, 6)), "same number of ranks on every node"),
        (Job(2, ("x", "--set", "org={{id}}")), "double braces"),
    ],
)
def test_what_flux_would_do_otherwise_is_refused(job: Job, says: str) -> None:
    with pytest.raises(StemdlError, match=says):
        get_launcher("flux").argv(job)


def test_local_starts_one_rank() -> None:
    with pytest.raises(StemdlError, match="local starts one rank"):
        get_launcher("local").argv(Job(2, COMMAND))


def test_srun_cannot_hand_on_a_comma() -> None:
    with pytest.raises(StemdlError, match="separates variables by commas"):
        get_launcher("srun").argv(Job(2, COMMAND, {"A": "b,c"}))


REPORT = """
import os, sys
from benchmark.launch.rank import detect_rank
sys.stdout.write(f"{detect_rank()} {os.environ['A']}\\n")
"""


@pytest.mark.parametrize(("launcher", "ranks"), [("torchrun", 2), ("local", 1)])
def test_started_for_real_the_ranks_know_who_they_are(launcher: str, ranks: int, environment: dict[str, str]) -> None:
    argv = get_launcher(launcher).argv(Job(ranks, (sys.executable, "-c", REPORT), {"A": "b c"}))
    done = subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=HANG_SECONDS, check=False)
    assert done.returncode == 0, done.stderr
    assert sorted(done.stdout.splitlines()) == [
        f"{Rank(rank, ranks, rank, ranks, launcher)} b c" for rank in range(ranks)
    ]
