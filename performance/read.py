"""How fast samples are read, against one NPZ file per sample, and whether training ever waits for them.

    python performance/read.py [--pixels 64 128 512] [--storage float32 log_uint8+lz4] [--folder DIR]

Writes random patterns of each size twice: as our shards in each storage, and as the public reference of this data set
has them
(github mlcommons/science, benchmarks/stemdl: np.savez of `data` and `label`, read back by np.load in a Dataset, in
batches by a torch DataLoader). Then reads both in random order on one thread, in turns: with the caches of the
operating system dropped before, and from them. Ours includes opening and searching the shards when cold; theirs has no
worker processes, which is the kinder setting where cores are counted. Last, the reference trains on one synthetic batch
again and again, and on batches streamed from shards whose caches were dropped, in turns.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import DataLoader, Dataset

from benchmark.crystals import cbed_stack
from benchmark.crystals.cbed_stack import space_groups_of
from benchmark.data import layout
from benchmark.data.manifest import Manifest, WrittenShard, read_manifest, write_manifest
from benchmark.data.reader import Part
from benchmark.definition.finder import load_benchmark
from benchmark.definition.rung import Storage
from benchmark.definition.settings import read_settings
from benchmark.launch.system import drop_caches
from benchmark.simulation import cbed_fields
from benchmark.simulation.cbed import CbedRung
from reference.comm import Solo
from reference.input import TrainingSamples
from reference.optimizer import make_optimizer
from reference.samples import SamplesStreamed
from reference.step import step
from reference.task import Batch
from reference.tasks.space_group.task import make_task

RUNG = "stemdl_mini"
DIFFERENT = 50
"""Patterns that are simulated for a set; the others are these, moved."""
DOSE_ELECTRONS = 1e6
SAMPLES_PER_SHARD = 50
BYTES_OF_A_SET = 400 * 2**20
MOST_SAMPLES = 3500
"""The mini rung's training split; of larger patterns as many as fit into the bytes above."""


class NpzFiles(Dataset):
    """One file per sample, opened when it is asked for."""

    def __init__(self, folder: Path) -> None:
        self._files = sorted(folder.glob("*.npz"))

    def __len__(self) -> int:
        return len(self._files)

    def __getitem__(self, number: int) -> tuple[torch.Tensor, np.int64]:
        sample = np.load(self._files[number])
        return torch.from_numpy(sample["data"]), sample["label"][0]


def samples_of_size(pixels: int, count: int) -> Iterator[NDArray[np.float32]]:
    """Stacks of disks of counted electrons on a dark ground, which compress as those of the rungs do."""
    generator = np.random.default_rng(0)
    y, x = np.mgrid[:pixels, :pixels] % (pixels // 8) - pixels // 16
    disks = np.where(x**2 + y**2 < (pixels // 20) ** 2, 1.0, 1e-5)
    made = []
    for number in range(count):
        if number < DIFFERENT:
            expected = disks * generator.exponential(size=(3, pixels, pixels))
            expected /= expected.sum(axis=(1, 2), keepdims=True)
            made.append((generator.poisson(DOSE_ELECTRONS * expected) / DOSE_ELECTRONS).astype(np.float32))
        yield np.roll(made[number % DIFFERENT], number // DIFFERENT, axis=2)


def count_of_size(pixels: int) -> int:
    return min(MOST_SAMPLES, BYTES_OF_A_SET // (12 * pixels**2))


def write_npz(folder: Path, pixels: int) -> None:
    """One file per sample."""
    groups = CbedRung.of(load_benchmark("space_group").rung(RUNG)).space_groups
    folder.mkdir(parents=True)
    for number, patterns in enumerate(samples_of_size(pixels, count_of_size(pixels))):
        np.savez(folder / f"sample-{number}.npz", data=patterns, label=np.asarray([groups[number % len(groups)]]))


def write_shards(folder: Path, pixels: int, count: int, storage: Storage) -> Manifest:
    """The first `count` of the same patterns as shards, with a manifest."""
    groups = CbedRung.of(load_benchmark("space_group").rung(RUNG)).space_groups
    three, written = np.ones(3), []
    patterns = samples_of_size(pixels, count)
    for shard, first in enumerate(range(0, count, SAMPLES_PER_SHARD)):
        numbers = range(first, min(first + SAMPLES_PER_SHARD, count))
        labels = [groups[number % len(groups)] for number in numbers]
        with layout.new_shard(folder, "train", shard) as file:
            for number, group in zip(numbers, labels, strict=True):
                cbed_stack.write_stack(
                    file,
                    number,
                    0,
                    cbed_stack.Stack(
                        next(patterns),
                        group,
                        f"mp-{number}",
                        100.0,
                        "Na",
                        np.eye(3, dtype=np.int64),
                        np.eye(3),
                        three,
                        three,
                        three,
                        three,
                        {"thickness_angstrom": np.array(100.0)},
                    ),
                    storage,
                )
        written.append(WrittenShard("train", shard, labels))
    write_manifest(
        folder,
        rung=RUNG,
        standard=False,
        recipe_sha256="",
        source={},
        schema=cbed_fields.sample_schema(storage.pixels or pixels, groups),
        shards=written,
        about={},
    )
    return read_manifest(folder)


def make_cold(folder: Path) -> str:
    """Take the folder's files out of the page cache, by whichever way is permitted; its name."""
    if drop_caches():
        return "drop_caches"
    os.sync()
    for path in folder.rglob("*.*"):
        descriptor = os.open(path, os.O_RDONLY)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(descriptor)
    return "posix_fadvise"


def our_epoch(part: Part, batch: int) -> int:
    """Every sample once, in random order and in batches, on this thread."""
    order = np.random.default_rng(1).permutation(len(part))
    arrays = part.empty(batch)  # used again, as when streaming
    for first in range(0, len(order), batch):
        chosen = order[first : first + batch]
        part.read(chosen, {name: array[: len(chosen)] for name, array in arrays.items()})
    return len(order)


def their_epoch(npz: Path, batch: int) -> int:
    return sum(len(labels) for _, labels in DataLoader(NpzFiles(npz), batch_size=batch, shuffle=True))


def rate(epoch: Callable[[], int]) -> tuple[float, float]:
    """Samples per second of processor time, and of the clock."""
    wall, processor = time.perf_counter(), time.process_time()
    samples = epoch()
    return samples / (time.process_time() - processor), samples / (time.perf_counter() - wall)


def compare_reading(manifest: Manifest, npz: Path, batch: int, repeats: int) -> Iterator[str]:
    """A line for the cold and one for the warm cache: medians over the repeats, which take turns."""
    results: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for _ in range(repeats):
        part = None
        for cache in ("cold", "warm"):
            for who in ("npz", "ours"):
                if cache == "cold":
                    make_cold(npz if who == "npz" else manifest.folder)
                if who == "npz":
                    found = rate(partial(their_epoch, npz, batch))
                else:
                    part = Part(manifest, "train") if cache == "cold" else part
                    found = rate(partial(our_epoch, part, batch))
                results.setdefault((cache, who), []).append(found)
            if cache == "cold":
                their_epoch(npz, batch), our_epoch(Part(manifest, "train"), batch)
    for cache in ("cold", "warm"):
        ours, theirs = (list(map(statistics.median, zip(*results[cache, who], strict=True))) for who in ("ours", "npz"))
        yield (
            f"{cache}   {theirs[0]:9.0f} {ours[0]:9.0f} {ours[0] / theirs[0]:6.1f} x    "
            f"{theirs[1]:9.0f} {ours[1]:9.0f} {ours[1] / theirs[1]:6.1f} x"
        )


def compare_training(manifest: Manifest, pixels: int, batch: int, repeats: int, seconds: float) -> str:
    """Trained samples per second on batches streamed from cold caches, against those on a batch that is there; flips,
    of the streamed alone, count as reading. Medians over the repeats, which take turns."""
    config = read_settings(load_benchmark("space_group"), RUNG)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    task = make_task(manifest.schema, config.to_dict())
    model, optimizer = Solo().distribute(task.model.to(device), make_optimizer(task.model, config))
    there = {
        "cbed_stack": torch.rand(batch, 3, pixels, pixels, device=device) / pixels**2,
        "space_group": torch.arange(batch, device=device) % len(space_groups_of(manifest)),
    }

    def run(batches: Iterable[Batch]) -> float:
        started = time.perf_counter()
        steps = 0
        for each in batches:
            step(task, model, optimizer, each).item()
            steps += 1
        return steps * batch / (time.perf_counter() - started)

    step_seconds = batch / run([there] * 3)
    steps = max(2, min(len(Part(manifest, "train")) // batch, round(seconds / step_seconds)))
    synthetic, streamed = [], []
    for epoch in range(1, repeats + 1):
        synthetic.append(run([there] * steps))
        make_cold(manifest.folder)
        samples = TrainingSamples(SamplesStreamed(Part(manifest, "train"), device), manifest.schema, task.augment, 0, 0)
        streamed.append(run(samples.batches(epoch, batch, steps)))
    best, ours = map(statistics.median, (synthetic, streamed))
    return f"{device.type:4} {best:9.1f} {ours:9.1f} {100 * ours / best:8.1f} %"


def storage_of(text: str) -> Storage:
    """A storage from `encoding` or `encoding+filter`."""
    encoding, _, name = text.partition("+")
    return Storage(encoding=encoding, filter=name or "none")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pixels", type=int, nargs="+", default=[64, 128, 512])
    parser.add_argument(
        "--storage",
        nargs="+",
        default=["float32"],
        metavar="ENCODING[+FILTER]",
        help="float32, float16, log_uint8; none, gzip, lz4, zstd, bitshuffle",
    )
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3.0, help="of training at a time")
    parser.add_argument("--folder", type=Path, help="on the disk to be measured (default: a temporary one)")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory(dir=arguments.folder) as scratch:
        for pixels in arguments.pixels:
            write_npz(Path(scratch) / f"npz_{pixels}", pixels)
        manifests = {
            (pixels, storage): write_shards(
                Path(scratch) / f"{pixels}_{storage}", pixels, count_of_size(pixels), storage_of(storage)
            )
            for pixels in arguments.pixels
            for storage in arguments.storage
        }
        print(
            f"one thread, batches of {arguments.batch}, medians of {arguments.repeats}; cold: "
            f"{make_cold(Path(scratch))} before every epoch\n"
        )
        print(f"{'':34}samples/s of processor time      samples/s of the clock")
        print("pixels  storage                  cache        NPZ      ours   ratio          NPZ      ours   ratio")
        for (pixels, storage), manifest in manifests.items():
            stored = sum(entry["bytes"] for entry in manifest.shards) / manifest.samples["train"] / 1e3
            for line in compare_reading(manifest, Path(scratch) / f"npz_{pixels}", arguments.batch, arguments.repeats):
                print(f"{pixels:6}  {storage:13} {stored:6.0f} kB  {line}", flush=True)
        print("\n        training samples/s on one batch, and streamed from cold shards")
        print("pixels  storage               device      one  streamed      ratio")
        for (pixels, storage), manifest in manifests.items():
            print(
                f"{pixels:6}  {storage:20}  "
                + compare_training(manifest, pixels, arguments.batch, arguments.repeats, arguments.seconds),
                flush=True,
            )


if __name__ == "__main__":
    main()
