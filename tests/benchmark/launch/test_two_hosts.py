"""One mpirun over two hosts: network namespaces with host names of their own, joined by a pair of virtual cards.

mpirun starts its daemon on the other host through an agent as it would through ssh. Needs root and the program `ip`;
where the machine forbids any of it, the tests skip and say why.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from patience import HANG_SECONDS

from benchmark.events import keys
from benchmark.events.reader import read_events
from benchmark.events.timeline import Timeline
from benchmark.launch.launchers import Job, get_launcher
from benchmark.launch.resources import Layout

pytestmark = pytest.mark.mpi
HOSTS = ("stemdla", "stemdlb")
ROOT = Path(__file__).resolve().parents[3]

AGENT = """#!/bin/bash
# In place of ssh: {agent} [options] HOST COMMAND...
while [[ $1 == -* ]]; do shift; done
host=$1
shift
exec ip netns exec "$host" unshare --uts -- bash -c 'hostname "$0" && exec bash -c "$1"' "$host" "$*"
"""

REPORT = """
import json, os, socket, sys
from mpi4py import MPI
from benchmark.launch.rank import detect_rank
world = MPI.COMM_WORLD
seen = {"host": socket.gethostname(), "read": list(vars(detect_rank()).values()), "sum": world.allreduce(world.rank)}
sys.stdout.write(json.dumps(seen) + chr(10))
"""


def _ip(words: str) -> None:
    done = subprocess.run(["ip", *words.split()], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"this machine makes no second host: ip {words}: {done.stderr.strip()}")


@pytest.fixture(scope="module")
def across(tmp_path_factory: pytest.TempPathFactory, environment: dict[str, str]) -> Iterator[Callable]:
    """`across(job)`: the finished mpirun, called on the first of two hosts that have two slots each."""
    if os.geteuid() != 0:
        pytest.skip("only root makes hosts of network namespaces")
    for program in ("ip", "unshare", "mount", "hostname"):
        if subprocess.run(["bash", "-c", f"command -v {program}"], capture_output=True, check=False).returncode:
            pytest.skip(f"there is no program '{program}', which two hosts are made with")
    folder = tmp_path_factory.mktemp("hosts")
    names = tuple(f"{host}{os.getpid()}" for host in HOSTS)
    cards = tuple(f"sv{side}{os.getpid()}" for side in "ab")  # a card's name has 15 characters at most
    try:
        for name in names:
            _ip(f"netns add {name}")
        _ip(f"link add {cards[0]} type veth peer name {cards[1]}")
        for number, (name, card) in enumerate(zip(names, cards, strict=True), start=1):
            _ip(f"link set {card} netns {name}")
            _ip(f"-n {name} addr add 10.93.7.{number}/24 dev {card}")
            _ip(f"-n {name} link set {card} up")
            _ip(f"-n {name} link set lo up")
        (folder / "known").write_text(
            "127.0.0.1 localhost\n"
            + "".join(f"10.93.7.{number} {name}\n" for number, name in enumerate(names, start=1))
        )
        (folder / "hostfile").write_text("".join(f"{name} slots=2\n" for name in names))
        (folder / "agent").write_text(AGENT)
        (folder / "agent").chmod(0o755)

        def on_the_first(argv: list[str]) -> subprocess.CompletedProcess[str]:
            inside = f"hostname {names[0]} && mount --bind {folder / 'known'} /etc/hosts && exec {shlex.join(argv)}"
            return subprocess.run(
                ["ip", "netns", "exec", names[0], "unshare", "--uts", "--mount", "--", "bash", "-c", inside],
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
                timeout=HANG_SECONDS,
            )

        # What the machine allows is seen without mpirun, whose failure is one of ours.
        knock = ["bash", "-c", f"ip netns exec {names[1]} true && grep -q . /sys/class/net/{cards[0]}/address"]
        allowed = on_the_first(knock)
        if allowed.returncode != 0:
            pytest.skip(f"this machine lets no host have a name of its own: {allowed.stderr.strip()}")

        def run(job: Job) -> subprocess.CompletedProcess[str]:
            mpirun, *words = get_launcher("mpirun").argv(job)
            return on_the_first(
                [
                    mpirun,
                    "--hostfile",
                    str(folder / "hostfile"),
                    "--prtemca",
                    "plm_ssh_agent",
                    str(folder / "agent"),
                    *words,
                ]
            )

        run.hosts = names
        yield run
    finally:
        for name in names:
            subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False)
        subprocess.run(["ip", "link", "del", cards[0]], capture_output=True, check=False)


def test_four_ranks_are_two_on_each_host(across: Callable) -> None:
    done = across(Job(4, (sys.executable, "-c", REPORT), layout=Layout(4, 2, 2)))
    assert done.returncode == 0, done.stderr
    seen = sorted((json.loads(line) for line in done.stdout.splitlines()), key=lambda told: told["read"])
    assert [told["host"] for told in seen] == [across.hosts[0]] * 2 + [across.hosts[1]] * 2
    assert [told["read"] for told in seen] == [[rank, 4, rank % 2, 2, "mpirun"] for rank in range(4)]
    assert {told["sum"] for told in seen} == {6}


@pytest.mark.slow
def test_the_benchmark_trains_across_two_hosts(
    across: Callable, toys_known: dict[str, str], toy_data: Path, tmp_path: Path
) -> None:
    """One rank on each, which both have all CPUs of this machine: on two hosts they share nothing."""
    folder = tmp_path / "run"
    command = (
        sys.executable,
        "-m",
        "benchmark",
        "--tasks",
        toys_known["STEMDL_TASKS"],
        "run",
        "--rung",
        "toy_line_60",
        "--data",
        str(toy_data),
        "--output",
        str(folder),
        "--set",
        "threads_per_rank=1",
    )
    done = across(Job(2, command, layout=Layout(2, 2, 1)))
    assert done.returncode == 0, done.stderr
    timeline = Timeline.of(read_events(folder / "result_0.txt"))
    assert [told["host"] for told in timeline.value(keys.PLACEMENT)] == list(across.hosts)
    assert timeline.value(keys.NUMBER_OF_NODES) == 2
    assert "SHARED CPUs" not in done.stderr


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="hosts that wait for each other need a core each")
def test_the_doctor_checks_two_hosts_and_names_the_one_that_shares_no_folder(across: Callable, tmp_path: Path) -> None:
    doctor = (
        sys.executable,
        "-m",
        "benchmark",
        "doctor",
        "--folder",
        str(tmp_path),
        "--set",
        "device=cpu",
        "--format",
        "json",
    )
    done = across(Job(2, doctor, layout=Layout(2, 2, 1)))
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads(done.stdout)
    details = {check["name"]: check["detail"] for check in told["checks"]}
    assert told["ok"] and details["ranks"] == "2 ranks on 2 nodes answered"
    assert details["clocks"].startswith("within ") and told["figures"]["clock_offset_seconds"] < 1, "one clock"

    own = f'[ "$OMPI_COMM_WORLD_RANK" = 1 ] && mount -t tmpfs none {tmp_path}; exec "$0" "$@"'
    done = across(Job(2, ("unshare", "--mount", "bash", "-c", own, *doctor), layout=Layout(2, 2, 1)))
    assert done.returncode == 1, done.stderr
    failed = [check for check in json.loads(done.stdout)["checks"] if not check["ok"]]
    assert [check["name"] for check in failed] == ["shared folder"]
    assert f"rank 1 on {across.hosts[1]}: not seen in {tmp_path}" in failed[0]["detail"]
