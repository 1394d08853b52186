"""What the tests of the scripts share: a machine that is not this one, and what was asked of it. Not a test."""

from __future__ import annotations

import subprocess
from pathlib import Path

from patience import HANG_SECONDS

SHIM = r"""#!/bin/bash
# The last argument of '-m venv' is the directory; 'pip' notes when it starts and ends: once the file PIP_ENDS is there.
case "$*" in
    "-m venv "*) mkdir -p "${!#}/bin" "${!#}/lib"; cp "$0" "${!#}/bin/python"; echo "venv" >>"$TRACE" ;;
    "-m pip "*)
        echo "start ${*:3}" >>"$TRACE"
        until [[ -z ${PIP_ENDS:-} || -e $PIP_ENDS ]]; do sleep 0.02; done
        [[ -z ${PIP_SAYS:-} ]] || { echo "$PIP_SAYS"; exit 1; }
        echo "end" >>"$TRACE" ;;
    *"import benchmark"*) ;;
    *"import pip, sys"*) exit "${PIP_IS_OLD:-0}" ;;
    *setup_plan.py*)
        [[ -z ${PLAN_FAILS:-} ]] || { echo "${PLAN_SAYS:-}"; exit "$PLAN_FAILS"; }
        echo "${PLAN_SAYS:-67 2862 5417}" ;;
    *torch.version.cuda*) exit "${TORCH_WITHOUT_CUDA:-1}" ;;
    *"import horovod.torch"*) [[ -z ${HOROVOD_LOADS_NOT:-} ]] ;;
    *) exec "$REAL_PYTHON" "$@" ;;
esac
"""


def write_program(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)


def tools(directory: Path, *left_out: str) -> str:
    """A directory that holds the machine's programs but for some, to be a PATH of its own."""
    directory.mkdir()
    for place in ("/bin", "/usr/bin"):
        for program in Path(place).iterdir():
            link = directory / program.name
            if program.name not in left_out and not program.name.startswith("python") and not link.is_symlink():
                link.symlink_to(program)
    return str(directory)


def run(checkout: Path, environment: dict[str, str], *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command or ["scripts/setup_env.sh"],
        cwd=checkout,
        env=environment,
        capture_output=True,
        text=True,
        timeout=HANG_SECONDS,
    )


def trace(machine: dict[str, str]) -> list[str]:
    path = Path(machine["TRACE"])
    return path.read_text().splitlines() if path.exists() else []


def assert_refused(result: subprocess.CompletedProcess[str], machine: dict[str, str], *words: str) -> None:
    """Exit code 2, a message with these words and a remedy, and no step begun."""
    assert result.returncode == 2, result.stderr
    assert result.stdout == ""
    assert trace(machine) == []
    assert "what to do:" in result.stderr
    for word in words:
        assert word in result.stderr
