"""Many runs: how often, how soon and how well the reference reaches the target.

    python performance/runs.py --data data/stemdl_mini --ranks 1 2 4 --runs 10 [--set symmetry=false ...]

Every run takes a fresh seed and is a whole job (`stemdl run`). Prints a table; with --csv also one line per run.
"""

from __future__ import annotations

import argparse
import csv
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path


def one_run(rung: str, data: Path, ranks: int, settings: list[str], folder: Path) -> dict:
    """The record of one run, whether or not it reached the target."""
    command = [
        sys.executable,
        "-m",
        "benchmark",
        "run",
        "--rung",
        rung,
        "--data",
        str(data),
        "--ranks",
        str(ranks),
        "--oversubscribe",
        "--output",
        str(folder),
        "--format",
        "json",
    ]
    command += [part for setting in settings for part in ("--set", setting)]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False)
    if done.returncode not in (0, 1):
        sys.exit(f"exit code {done.returncode}: {' '.join(command)}")
    answer = json.loads(done.stdout)
    return answer["records"][0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rung", default="stemdl_mini")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--ranks", type=int, nargs="+", default=[2])
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--set", action="append", default=[])
    parser.add_argument("--csv", type=Path)
    arguments = parser.parse_args()
    rows = []
    print("ranks  run  status   epochs  seconds  samples/s  dev F1  test F1  checker", flush=True)
    for ranks in arguments.ranks:
        for number in range(arguments.runs):
            with tempfile.TemporaryDirectory() as scratch:
                record = one_run(arguments.rung, arguments.data, ranks, arguments.set, Path(scratch) / "run")
            dev = list(record["evaluations"].values())[-1]
            rows.append(
                {
                    "ranks": ranks,
                    "seed": record["seed"],
                    "status": record["status"],
                    "epochs": record["epochs"],
                    "seconds": record["time_to_train_seconds"],
                    "samples_per_second": record["samples_per_second"],
                    "dev_f1": dev,
                    "test_f1": record["test"],
                    "compliant": record["compliant"],
                }
            )
            print(
                f"{ranks:5}  {number:3}  {record['status']:7}  {record['epochs']:6}  "
                f"{record['time_to_train_seconds']:7.2f}  {record['samples_per_second']:9.0f}  {dev:.4f}  "
                f"{record['test']:.4f}   {'SUCCESS' if record['compliant'] else 'FAILED'}",
                flush=True,
            )
    for ranks in arguments.ranks:
        mine = [row for row in rows if row["ranks"] == ranks]
        seconds = sorted(row["seconds"] for row in mine)
        reached = sum(row["status"] == "success" for row in mine)
        print(
            f"{ranks} ranks: {reached} of {len(mine)} reached the target; seconds {seconds[0]:.2f} to {seconds[-1]:.2f}"
            f", median {statistics.median(seconds):.2f}; epochs {min(row['epochs'] for row in mine)} to "
            f"{max(row['epochs'] for row in mine)}; test F1 {min(row['test_f1'] for row in mine):.4f} to "
            f"{max(row['test_f1'] for row in mine):.4f}, mean {statistics.fmean(row['test_f1'] for row in mine):.4f}"
        )
    if arguments.csv:
        with open(arguments.csv, "w", newline="") as handle:
            writer = csv.DictWriter(handle, rows[0])
            writer.writeheader()
            writer.writerows(rows)


if __name__ == "__main__":
    main()
