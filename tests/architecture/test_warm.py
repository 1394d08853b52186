"""What is forked by helpers/warm.py is what the interpreter would have started: the two are asked the same."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from patience import HANG_SECONDS, wait_until

TELLS = """
import atexit, json, os, resource, sys, threading, torch
OF_THE_SHELL = {"PWD", "OLDPWD", "SHLVL", "_"}
told = {
    "argv": sys.argv, "name": __name__, "cwd": os.getcwd(),
    "path": [each for each in sys.path if "lib/python" not in each],
    "variables": {name: os.environ[name] for name in os.environ if name not in OF_THE_SHELL},
    "umask": os.umask(0), "cores": sorted(os.sched_getaffinity(0)),
    "limit": resource.getrlimit(resource.RLIMIT_FSIZE), "threads": torch.get_num_threads(), "read": sys.stdin.read(),
    "streams": [sys.stdout.encoding, sys.stdout.errors, sys.stderr.errors, sys.stdout.write_through],
}
print(json.dumps(told, sort_keys=True))
print("to the other stream", file=sys.stderr)
atexit.register(print, "at its end")
threading.Timer(0.1, print, ["of a thread"]).start()
sys.exit(7)
"""
SAFE = pytest.mark.skipif(sys.version_info < (3, 11), reason="Python has no -P before")


def limited() -> None:
    import resource

    os.umask(0o027)
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:1])
    resource.setrlimit(resource.RLIMIT_FSIZE, (12345678, resource.RLIM_INFINITY))


@pytest.fixture
def script(tmp_path: Path) -> Path:
    (tmp_path / "tells.py").write_text(TELLS)
    return tmp_path / "tells.py"


@pytest.mark.parametrize("variables", [{}, {"OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1", "OWN": "é"}])
@pytest.mark.parametrize(
    "words",
    [
        pytest.param(("tells.py", "a", "--b"), id="script"),
        pytest.param(("-m", "tells", "c d"), id="module"),
        pytest.param(("-P", "tells.py", "e"), id="safe", marks=SAFE),
    ],
)
def test_a_forked_process_is_the_one_that_was_asked_for(
    words: tuple[str, ...], variables: dict[str, str], script: Path, python: Path, environment: dict[str, str]
) -> None:
    more = f"{environment['PYTHONPATH']}{os.pathsep}{script.parent / 'site'}"
    forked, started = (
        subprocess.run(
            [program, *words],
            cwd=script.parent,
            env=environment | variables | {"PYTHONPATH": more},
            preexec_fn=None if variables else limited,
            input="said",
            capture_output=True,
            text=True,
            check=False,
            timeout=HANG_SECONDS,
        )
        for program in (python, sys.executable)
    )
    assert (forked.returncode, forked.stderr) == (7, "to the other stream\n")
    (tells, *ending), (others, *others_ending) = forked.stdout.splitlines(), started.stdout.splitlines()
    assert json.loads(tells) == json.loads(others)
    assert ending == others_ending == ["of a thread", "at its end"]


def test_a_fault_is_shown_and_ends_with_1(python: Path, environment: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "fails.py").write_text("raise ValueError('as it was asked')\n")
    done = subprocess.run(
        [python, "fails.py"], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1 and done.stderr.endswith("ValueError: as it was asked\n")


@pytest.mark.parametrize("variables", [{"OPENBLAS_NUM_THREADS": "1"}, {"PYTHONPATH": "elsewhere"}])
def test_what_libraries_read_when_they_are_loaded_has_them_loaded_again(
    variables: dict[str, str], python: Path, environment: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "loaded.py").write_text("import sys; print('torch' in sys.modules)\n")

    def loaded(given: dict[str, str]) -> str:
        return subprocess.run(
            [python, "loaded.py"], cwd=tmp_path, env=given, capture_output=True, text=True, check=True
        ).stdout

    assert loaded(environment) == "True\n" and loaded(environment | variables) == "False\n"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_signals_reach_it_and_a_killed_caller_leaves_nothing(
    number: signal.Signals, python: Path, environment: dict[str, str], tmp_path: Path
) -> None:
    waiting = "print(os.getpid(), flush=True)\nwhile True: time.sleep(0.1)"
    (tmp_path / "waits.py").write_text(f"import os, time; {waiting}\n")
    with subprocess.Popen(
        [python, "waits.py"], cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as caller:
        waiting = psutil.Process(int(caller.stdout.readline()))
        caller.send_signal(number)
        assert caller.wait(HANG_SECONDS) == -number
        wait_until(lambda: not waiting.is_running() or waiting.status() == psutil.STATUS_ZOMBIE)


def test_a_caller_that_is_gone_before_it_has_asked_harms_nobody(
    python: Path, environment: dict[str, str], tmp_path: Path
) -> None:
    for told in (b"", b"\n", b'\n{"arguments"'):
        with socket.socket(socket.AF_UNIX) as caller:
            caller.connect(str(python.with_name("address")))
            caller.sendall(told)
    (tmp_path / "says.py").write_text("print('here')\n")
    assert subprocess.run([python, "says.py"], cwd=tmp_path, env=environment, capture_output=True).stdout == b"here\n"


def test_one_that_kills_itself_ends_its_caller_the_same_way(
    python: Path, environment: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "ends.py").write_text("import os, signal; os.kill(os.getpid(), signal.SIGKILL)\n")
    assert subprocess.run([python, "ends.py"], cwd=tmp_path, env=environment, check=False).returncode == -9
