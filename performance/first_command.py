"""What a new user waits for: the first command in a fresh clone with an empty home, then the same command again.

    python performance/first_command.py [--rung stemdl_mini] [--tests] [--keep DIR]

Clones this checkout's last commit into an empty folder, gives it an empty HOME and no cache but pip's own settings, and
prints seconds and peak memory of each command (proportional set size of all its processes, sampled each second).
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import tempfile
import threading
import time
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parents[1]


def memory_bytes(pid: int) -> int:
    """Proportional set size of a process and all below it; what ended meanwhile counts nothing."""
    total = 0
    try:
        processes = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    except psutil.NoSuchProcess:
        return 0
    for process in processes:
        try:
            total += process.memory_full_info().pss
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return total


def measured(command: list[str], folder: Path, environment: dict[str, str], log: Path) -> tuple[int, float, int]:
    """Exit code, seconds and most bytes of a command; what it prints goes to `log`."""
    started = time.monotonic()
    with open(log, "wb") as output:
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
        )
        most, done = [0], threading.Event()

        def sample() -> None:
            while not done.wait(1.0):
                most[0] = max(most[0], memory_bytes(process.pid))

        sampler = threading.Thread(target=sample)
        sampler.start()
        code = process.wait()
        done.set()
        sampler.join()
    return code, time.monotonic() - started, most[0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rung", default="stemdl_mini")
    parser.add_argument("--tests", action="store_true", help="then also ./tests/run.sh")
    parser.add_argument("--keep", type=Path, help="work in this new folder and leave it there")
    arguments = parser.parse_args()
    place = arguments.keep or Path(tempfile.mkdtemp(prefix="stemdl-first-"))
    home, checkout = place / "home", place / "stemdl"
    home.mkdir(parents=True)
    environment = {
        name: value
        for name, value in os.environ.items()
        if name.startswith("PIP_") or name.lower().endswith("_proxy") or name in ("PATH", "LANG", "TERM")
    }
    environment |= {"HOME": str(home), "PIP_NO_CACHE_DIR": "1"}
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(checkout)], check=True)
    command = ["./run_benchmark.sh", "--rung", arguments.rung]
    for name, each in [("first", command), ("second", command), *([("tests", ["./tests/run.sh"])] * arguments.tests)]:
        log = place / f"{name}.log"
        code, seconds, most_bytes = measured(each, checkout, environment, log)
        print(f"{name:7} {' '.join(each)}: exit code {code}, {seconds:.1f} s, {most_bytes / 2**30:.2f} GiB", flush=True)
        print("".join(f"    {line}\n" for line in log.read_text(errors="replace").splitlines()[-12:]), flush=True)
    if arguments.keep is None:
        shutil.rmtree(place)


if __name__ == "__main__":
    main()
