"""Scoring a tree of MLPerf HPC: our time and memory against those of mlperf-logging's result_summarizer, in one run.

    python performance/score.py TREE [--ruleset 3.0.0] [--repeat 3]

TREE holds submissions (`<submitter>/{systems,results}`). The official tool works on a copy, since it writes into what
it scores; each repetition gets a fresh one. Times are the processes' own CPU seconds, start-up included.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def measure(command: list[str], folder: Path) -> tuple[float, float, float]:
    """CPU seconds, wall seconds and peak memory (MiB) of a process that must not crash."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))}
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    wrapped = [
        sys.executable,
        "-c",
        "import resource, subprocess, sys\n"
        "code = subprocess.call(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)\n"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, code)",
        *command,
    ]
    done = subprocess.run(wrapped, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    wall = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    kilobytes, code = map(int, done.stdout.split())
    if code not in (0, 1):
        sys.exit(f"exit code {code}: {' '.join(command)}")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return cpu, wall, kilobytes / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tree", type=Path)
    parser.add_argument("--ruleset", default="3.0.0")
    parser.add_argument("--repeat", type=int, default=3)
    arguments = parser.parse_args()
    tree = arguments.tree.resolve()
    logs = [path for path in tree.rglob("result_*.txt") if path.parent.name != "pruned_results"]
    ours, theirs = [], []
    for _ in range(arguments.repeat):
        with tempfile.TemporaryDirectory() as scratch:
            copy = shutil.copytree(tree, Path(scratch) / "tree")
            theirs.append(
                measure(
                    [
                        sys.executable,
                        "-m",
                        "mlperf_logging.result_summarizer",
                        f"{copy}/{{*}}",
                        "hpc",
                        arguments.ruleset,
                    ],
                    Path(scratch),
                )
            )
            ours.append(
                measure(
                    [
                        sys.executable,
                        "-m",
                        "benchmark",
                        "score",
                        str(tree),
                        "--ruleset",
                        arguments.ruleset,
                        "--format",
                        "json",
                    ],
                    Path(scratch),
                )
            )
    print(
        f"{len(logs)} logs, {sum(path.stat().st_size for path in logs) / 2**20:.1f} MiB, the largest "
        f"{max(path.stat().st_size for path in logs) / 2**20:.2f} MiB; median of {arguments.repeat}"
    )
    print("                     CPU s   wall s   peak MiB")
    for name, runs in (("result_summarizer", theirs), ("stemdl score", ours)):
        cpu, wall, memory = (statistics.median(values) for values in zip(*runs, strict=True))
        print(f"{name:18} {cpu:7.2f}  {wall:7.2f}  {memory:9.0f}")
    ratios = [their[0] / our[0] for their, our in zip(theirs, ours, strict=True)]
    print(f"stemdl score is {statistics.median(ratios):.1f} times faster (CPU; {min(ratios):.1f} to {max(ratios):.1f})")


if __name__ == "__main__":
    main()
