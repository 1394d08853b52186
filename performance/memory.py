"""The memory that streaming takes, against the size of the data.

    python performance/memory.py [--pixels 512] [--megabytes 100 200 400] [--storage float32 log_uint8+lz4]

Writes sets of each size. Each is streamed whole, in random order and in batches, by a process of its own, as training
does where the data do not fit into memory (`SamplesStreamed`). Printed is by how much the largest memory of that
process (VmHWM) lies above what it had before the data were opened. That of a bounded reader is the same for all
sizes but for what threads happen to hold at once: batches read ahead, copies of them, and the index of the samples.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"

import torch
from read import storage_of, write_shards

from benchmark.data.manifest import read_manifest
from benchmark.data.reader import Part
from benchmark.definition.finder import load_benchmark
from benchmark.definition.settings import read_settings
from reference.input import TrainingSamples
from reference.samples import SamplesStreamed
from reference.tasks.space_group.task import make_task


def peak_megabytes() -> float:
    """The most that this process has had resident so far. (ru_maxrss begins with its parent's.)"""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024 / 1e6


def stream(folder: Path, batch: int) -> None:
    """Print by how many megabytes one epoch raises this process's peak."""
    pixels = Part(read_manifest(folder), "train").schema.inputs[0].shape[-1]
    for _ in range(3):  # what flipping a batch takes, and libraries at their first use, are not the reader's
        patterns = torch.rand(batch, 3, pixels, pixels)
        torch.where(torch.rand(batch, 3, 1, 1) < 0.5, patterns.flip(-1), patterns)
    before = peak_megabytes()
    part = Part(read_manifest(folder), "train")
    task = make_task(part.schema, read_settings(load_benchmark("space_group"), "stemdl_mini").to_dict())
    samples = TrainingSamples(SamplesStreamed(part, torch.device("cpu")), part.schema, task.augment, 0, 0)
    seen = sum(len(each["space_group"]) for each in samples.batches(1, batch, len(part) // batch))
    print(seen, peak_megabytes() - before)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pixels", type=int, default=512)
    parser.add_argument("--megabytes", type=int, nargs="+", default=[100, 200, 400], help="of float32 patterns")
    parser.add_argument("--storage", nargs="+", default=["float32", "log_uint8+lz4"], metavar="ENCODING[+FILTER]")
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--stream", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.stream:
        stream(arguments.stream, arguments.batch)
        return
    sample_megabytes = 12e-6 * arguments.pixels**2
    print(
        f"{arguments.pixels} x {arguments.pixels} pixels, batches of {arguments.batch}, of "
        f"{arguments.batch * sample_megabytes:.0f} MB"
    )
    print("storage          patterns / MB   stored / MB   samples   peak above start / MB")
    for storage in arguments.storage:
        for megabytes in arguments.megabytes:
            with tempfile.TemporaryDirectory() as scratch:
                manifest = write_shards(
                    Path(scratch), arguments.pixels, round(megabytes / sample_megabytes), storage_of(storage)
                )
                stored = sum(entry["bytes"] for entry in manifest.shards) / 1e6
                done = subprocess.run(
                    [sys.executable, __file__, "--stream", scratch, "--batch", str(arguments.batch)],
                    stdout=subprocess.PIPE,
                    text=True,
                    check=True,
                )
            seen, peak = done.stdout.split()
            print(f"{storage:15}  {megabytes:13}   {stored:11.1f}   {seen:>7}   {float(peak):21.1f}", flush=True)


if __name__ == "__main__":
    main()
