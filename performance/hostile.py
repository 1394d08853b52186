"""Time and memory that each command takes for what somebody hostile wrote.

    .venv/bin/python performance/hostile.py [--only COMMAND] [--kind KIND]

The published submission is copied, as a submission and as a folder of runs; one thing in it is made hostile, and each
command that reads it is run in a process of its own. A row has the seconds of a processor and the MiB that the process
took at most, the exit code, and the last line that it said. The exit code is 1 where a command took more than 30 s or
1 GiB, wrote what steers a terminal, or ended in a traceback.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmark.cli.output import print_table
from benchmark.foundation.files import canonical_json
from benchmark.submission.ledger import LEDGER
from benchmark.submission.run_record import RUN

SETS = "results/*/strong/*"
MOST_SECONDS, MOST_MIB, WAITED_SECONDS = 30.0, 1024.0, 1800
COMMANDS = {
    "validate": ("validate", "{submission}"),
    "score": ("score", "{submission}"),
    "review": ("review", "{submission}", "-o", "{output}/review"),
    "compare": ("compare", "{submission}", "{good}"),
    "report": ("report", "{submission}", "-o", "{output}/report"),
    "rcp": ("rcp", "record", "{submission}", "-o", "{output}/points.json"),
    "list": ("list", "{runs}"),
    "show": ("show", "{runs}/run_0"),
    "watch": ("watch", "{runs}", "--once"),
    "ledger": ("ledger", "{submission}/{set}"),
}
STEERS = "\x1b[2J\u202e"


def sparse(path: Path, size: int, begin: bytes = b"") -> None:
    path.unlink()
    path.write_bytes(begin)
    os.truncate(path, size)


def pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def endless(path: Path) -> None:
    path.unlink()
    path.symlink_to("/dev/zero")


def many_runs(path: Path, runs: int = 30_000) -> None:
    """A ledger of so many more runs, whole, after those that it has. Written line by line: what this process takes
    would count as the commands', which it starts."""
    lines = path.read_bytes().splitlines()
    start, end = (json.loads(line) for line in lines[:2])
    previous = hashlib.sha256(lines[-1]).hexdigest()
    with open(path, "ab") as ledger:
        for number in range(runs):
            for entry in ({**start, "folder": f"more/run_{number}"}, {**end, "log_sha256": f"{number:064x}"}):
                begun = {"start": previous} if "start" in entry else {}
                line = canonical_json({**entry, **begun, "previous": previous}).encode()
                previous = hashlib.sha256(line).hexdigest()
                ledger.write(line + b"\n")


def in_each_log(change: Callable[[str], str]) -> Callable[[Path], None]:
    return lambda path: [each.write_text(change(each.read_text())) for each in path.parent.glob("result_*.txt")][:0]


def in_the_log(change: Callable[[Path], None]) -> Callable[[Path, Path], None]:
    def both(of_set: Path, run: Path) -> None:
        change(of_set / "result_0.txt")
        change(run / "result_0.txt")

    return both


def in_the_record(change: Callable[[Path], None]) -> Callable[[Path, Path], None]:
    def both(of_set: Path, run: Path) -> None:
        change(of_set / "result_0.json")
        change(run / RUN)

    return both


def named_in_bytes(of_set: Path, run: Path) -> None:
    for folder in (of_set, run):
        (Path(os.fsdecode(os.fsencode(folder) + b"/\xff\xfe.txt"))).write_bytes(b"x")


KINDS: dict[str, Callable[[Path, Path], None]] = {
    "as it is": lambda of_set, run: None,
    "a log of 10 GB": in_the_log(lambda path: sparse(path, 10 * 2**30)),
    "a line of 1 GB": in_the_log(lambda path: sparse(path, 2**30, b':::MLLOG {"key": "')),
    "a log that is a pipe": in_the_log(pipe),
    "a log that is /dev/zero": in_the_log(endless),
    "names of bytes": named_in_bytes,
    "a record of 200,000 brackets": in_the_record(lambda path: path.write_text("[" * 200_000) and None),
    "a record of other types": in_the_record(
        lambda path: path.write_text(json.dumps({name: [1] for name in json.loads(path.read_text())})) and None
    ),
    "a record that is a pipe": in_the_record(pipe),
    "names that steer a terminal": lambda of_set, run: [
        in_each_log(lambda text: text.replace('"value": "reference"', f'"value": {json.dumps(STEERS)}'))(each / "x")
        for each in (of_set, run)
    ][:0],
    "a ledger of 30,000 runs": lambda of_set, run: many_runs(of_set / LEDGER),
    "a ledger of 10 GB": lambda of_set, run: sparse(of_set / LEDGER, 10 * 2**30),
    "a ledger that is a pipe": lambda of_set, run: pipe(of_set / LEDGER),
    "a ledger that is /dev/zero": lambda of_set, run: endless(of_set / LEDGER),
}


def measured(command: tuple[str, ...], folder: Path) -> tuple[float, float, int | str, str]:
    """Seconds of a processor, MiB, exit code and the output of a command."""
    with open(folder / "said", "w+b") as said:
        process = subprocess.Popen(
            ["timeout", "-s", "KILL", str(WAITED_SECONDS), sys.executable, "-m", "benchmark", *command],
            stdout=said,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        said.seek(0)
        text = said.read(2**20).decode("utf-8", "replace")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, process.returncode, text


def main() -> int:
    """Prints the rows; 1 where one is beyond the bounds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=COMMANDS, help="one command")
    parser.add_argument("--kind", choices=KINDS, help="one kind of input")
    parser.add_argument("--tree", type=Path, default=ROOT / "results" / "reference")
    arguments = parser.parse_args()
    rows, bad = [], 0
    for kind in [arguments.kind] if arguments.kind else KINDS:
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch)
            submission = folder / "submission"
            shutil.copytree(arguments.tree, submission)
            of_set = next(iter(submission.glob(SETS)))
            run = folder / "runs" / "run_0"
            run.mkdir(parents=True)
            shutil.copy(of_set / "result_0.txt", run / "result_0.txt")
            shutil.copy(of_set / "result_0.json", run / RUN)
            KINDS[kind](of_set, run)
            places = {
                "submission": submission,
                "good": arguments.tree.resolve(),
                "output": folder,
                "runs": folder / "runs",
                "set": of_set.relative_to(submission),
            }
            for name, words in COMMANDS.items():
                if arguments.only not in (None, name):
                    continue
                seconds, mib, code, text = measured(tuple(word.format(**places) for word in words), folder)
                steers = any(not each.isprintable() and each != "\n" for each in text)
                broken = (
                    "Traceback" in text or steers or seconds > MOST_SECONDS or mib > MOST_MIB or code not in (0, 1, 2)
                )
                bad += broken
                last = next((line for line in reversed(text.splitlines()) if line.strip()), "")
                rows.append((kind, name, f"{seconds:.1f}", f"{mib:.0f}", str(code), "BAD" if broken else "", last[:70]))
                print(*rows[-1], sep=" | ", flush=True)
    print_table(("input", "command", "seconds", "MiB", "exit", "", "last line"), rows)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
