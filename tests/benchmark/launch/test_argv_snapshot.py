"""Every launcher's command line on every machine, as in `argv_snapshot.json`: nothing changes one unnoticed.

`python tests/benchmark/launch/test_argv_snapshot.py` writes the file; the difference is then to be read, and meant.
"""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from unittest import mock

import pytest

from benchmark.foundation.errors import StemdlError
from benchmark.launch.launchers import Job, get_launcher, launcher_names
from benchmark.launch.machine import UNKNOWN, load_machine, profile_names
from benchmark.launch.resources import Layout, lay_out, rank_environment

SNAPSHOT = Path(__file__).with_name("argv_snapshot.json")
COMMAND = ("./run_benchmark.sh", "--rung", "two words")
HERE = {"HOME": "/h", "PATH": "/p", "LD_LIBRARY_PATH": "/l", "MASTER_ADDR": "node0"}


def jobs(launcher: str) -> Iterator[tuple[str, Job]]:
    """Bare jobs, jobs on a node of which nothing is known, and on one and two nodes of each machine."""
    for ranks in (1, 2, 9):
        yield f"{ranks} here", Job(ranks, COMMAND)
    yield "2 here, variables", Job(2, COMMAND, {"A": "b c", "D": "$E"})
    yield "24 on 4", Job(24, COMMAND, layout=lay_out(UNKNOWN, nodes=4, ranks=24, gpus_per_rank=1))
    yield "10 on 2", Job(10, COMMAND, layout=Layout(10, 2, 6, cores_per_rank=2))
    for name in profile_names():
        machine = load_machine(name)
        for nodes in (1, 2) if machine.nodes != 1 else (1,):
            layout = lay_out(machine, nodes=nodes)
            options = machine.binding.get(launcher, ())
            environment = rank_environment(machine, layout)
            yield f"{name}, {nodes}", Job(layout.ranks, COMMAND, environment, layout, options)


def command_lines(launcher: str) -> dict[str, str]:
    """As a shell would take them, on a host of 8 cores with enough shared memory; and what is refused."""
    module = sys.modules[type(get_launcher(launcher)).__module__]
    host = {"find_mpirun": lambda: "mpirun", "usable_cores": lambda: 8, "may_bind": lambda: True}
    host |= {"SHARED_MEMORY_BYTES_PER_RANK": 0}
    lines = {}
    with ExitStack() as patches:
        for name, value in host.items():
            if hasattr(module, name):
                patches.enter_context(mock.patch.object(module, name, value))
        patches.enter_context(mock.patch("os.geteuid", lambda: 1000))
        patches.enter_context(mock.patch("benchmark.launch.launchers.torchrun.python", lambda: ("python",)))
        patches.enter_context(mock.patch("sys.executable", "python"))
        patches.enter_context(mock.patch.dict("os.environ", HERE, clear=True))
        for title, job in jobs(launcher):
            try:
                lines[title] = shlex.join(get_launcher(launcher).argv(job))
            except StemdlError as error:
                lines[title] = f"refused: {error.what}"
    return lines


@pytest.mark.parametrize("launcher", launcher_names())
def test_command_lines_are_those_of_the_snapshot(launcher: str) -> None:
    assert command_lines(launcher) == json.loads(SNAPSHOT.read_text(encoding="utf-8"))[launcher]


if __name__ == "__main__":
    snapshot = {launcher: command_lines(launcher) for launcher in launcher_names()}
    SNAPSHOT.write_text(json.dumps(snapshot, indent=1) + "\n", encoding="utf-8")
