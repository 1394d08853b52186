"""Set-ups from nothing on machines that lack one thing or another: how long, how much, and with which Horovod.

    python performance/setup_matrix.py [--case NAME ...] [--cpu-torch PIP_VARIABLE=VALUE] [--python PYTHON ...]

Each case clones this checkout's last commit, and calls scripts/setup_env.sh there with an empty HOME, no cache and of
the environment only a PATH, certificates and a proxy: pip finds its packages as a new user's does. Then it asks the
environment which Horovod it has. A case takes 2 to 20 minutes and up to 9 GB, which are removed after it.

--cpu-torch says how pip finds a torch for CPUs, such as PIP_FIND_LINKS=DIR; without it 'cpu torch' is left out.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
KEPT = ("SSL_CERT_FILE", "PIP_CERT", "LANG", "TMPDIR")
ASKS = """
import torch
try:
    import horovod.torch as hvd
    print(f"torch {torch.__version__}, Horovod with CUDA {hvd.cuda_built()}, with NCCL {hvd.nccl_built()}")
except ImportError:
    print(f"torch {torch.__version__}, no Horovod")
"""


def programs(folder: Path, *left_out: str) -> str:
    """The machine's programs but for some, as a PATH."""
    folder.mkdir()
    for place in ("/usr/local/bin", "/usr/bin", "/bin"):
        for program in Path(place).iterdir():
            link = folder / program.name
            if program.name not in left_out and not link.is_symlink() and not link.exists():
                link.symlink_to(program)
    return str(folder)


def broken_nvcc(folder: Path) -> str:
    """A PATH with an nvcc that compiles nothing."""
    path = programs(folder, "nvcc")
    nvcc = folder / "nvcc"
    nvcc.write_text("#!/bin/sh\necho 'nvcc fatal: no toolkit' >&2\nexit 1\n")
    nvcc.chmod(0o755)
    return path


CASES: dict[str, Callable[[Path], str]] = {
    "cpu torch": lambda folder: programs(folder, "nvcc"),
    "no nvcc": lambda folder: programs(folder, "nvcc"),
    "nvcc as it is here": lambda folder: programs(folder),
    "broken nvcc": broken_nvcc,
    "no compiler": lambda folder: programs(folder, "c++", "g++", "clang++", "nvcc"),
}


def try_case(name: str, python: str, cpu_torch: str | None) -> None:
    place = Path(tempfile.mkdtemp(prefix="stemdl-setup-"))
    try:
        (place / "home").mkdir()
        subprocess.run(["git", "clone", "--quiet", ROOT, place / "stemdl"], check=True)
        environment = {key: value for key, value in os.environ.items() if key in KEPT or key.lower().endswith("_proxy")}
        environment |= {
            "HOME": str(place / "home"),
            "PATH": CASES[name](place / "bin"),
            "STEMDL_PYTHON": python,
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_NO_CACHE_DIR": "1",
        }
        if name == "cpu torch":
            variable, _, value = cpu_torch.partition("=")
            environment[variable] = value
        started = time.monotonic()
        done = subprocess.run(
            ["scripts/setup_env.sh"],
            cwd=place / "stemdl",
            env=environment,
            text=True,
            stdin=subprocess.DEVNULL,
            capture_output=True,
        )
        seconds = time.monotonic() - started
        venv = place / "stemdl/.venv"
        size = sum(path.lstat().st_blocks * 512 for path in venv.rglob("*"))
        print(f"{name}, {python}: exit code {done.returncode}, {seconds:.0f} s, {size / 1e6:.0f} MB", flush=True)
        told = [line for line in done.stderr.splitlines() if "still" not in line]
        print("".join(f"    {line}\n" for line in told), end="", flush=True)
        if done.returncode == 0:
            has = subprocess.run([venv / "bin/python", "-c", ASKS], env=environment, capture_output=True, text=True)
            print(f"    {has.stdout.strip() or has.stderr.strip()}", flush=True)
    finally:
        shutil.rmtree(place)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--case", choices=CASES, action="append", help="(default: all)")
    parser.add_argument("--python", action="append", help="(default: this one's base)")
    parser.add_argument("--cpu-torch", metavar="PIP_VARIABLE=VALUE")
    arguments = parser.parse_args()
    base = os.path.realpath(sys.executable)
    for python in arguments.python or [base]:
        for name in arguments.case or CASES:
            if name != "cpu torch" or arguments.cpu_torch:
                try_case(name, python, arguments.cpu_torch)


if __name__ == "__main__":
    main()
