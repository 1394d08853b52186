"""scripts/mpirun: the environment's mpirun from any shell, as root too, and never itself."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from fake_machine import assert_refused, run, tools, write_program

SHOWS = '#!/bin/bash\nprintf "%s|" "$0" "$@" "${OMPI_ALLOW_RUN_AS_ROOT:-no}" "${OMPI_ALLOW_RUN_AS_ROOT_CONFIRM:-no}"\n'
AS_ROOT = "1|1|" if os.geteuid() == 0 else "no|no|"


def test_without_an_environment_it_says_what_to_run(checkout: Path, machine: dict[str, str]) -> None:
    assert_refused(run(checkout, machine, "scripts/mpirun", "-n", "2", "x"), machine, "scripts/setup_env.sh")


def test_the_environments_own_is_taken_with_its_programs_on_the_path(
    checkout: Path, machine: dict[str, str], tmp_path: Path
) -> None:
    assert run(checkout, machine).returncode == 0
    write_program(checkout / ".venv/bin/mpirun", SHOWS)
    write_program(tmp_path / "bin/mpirun", "#!/bin/bash\necho another one\n")
    done = run(checkout, machine, "scripts/mpirun", "-n", "2", "a b")
    assert done.stdout == f"{checkout}/.venv/bin/mpirun|-n|2|a b|{AS_ROOT}", done.stderr
    link = tmp_path / "mpirun"
    link.symlink_to(checkout / "scripts/mpirun")
    assert run(checkout, machine, str(link), "x").stdout.startswith(f"{checkout}/.venv/bin/mpirun|x|")


@pytest.mark.parametrize("place", ["first", "last"])
def test_the_sites_own_is_taken_where_the_environment_has_none_and_never_itself(
    checkout: Path, machine: dict[str, str], tmp_path: Path, place: str
) -> None:
    assert run(checkout, machine).returncode == 0
    path = f"{tmp_path / 'bin'}:{tools(tmp_path / 'tools', 'mpirun')}"
    scripts = checkout / "scripts"
    machine |= {"PATH": f"{scripts}:{path}" if place == "first" else f"{path}:{scripts}"}
    lacking = run(checkout, machine, "mpirun", "-n", "2", "x")
    assert lacking.returncode == 2 and "there is no mpirun" in lacking.stderr and "what to do:" in lacking.stderr
    write_program(tmp_path / "bin/mpirun", SHOWS)
    done = run(checkout, machine, "scripts/mpirun", "-n", "2", "x")
    assert done.stdout == f"{tmp_path}/bin/mpirun|-n|2|x|{AS_ROOT}", done.stderr
