"""Reading and hashing shards with all cores, a process for each, as ranks do."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from benchmark.data.manifest import read_manifest
from benchmark.data.reader import Part
from benchmark.definition.rung import Storage
from performance.gpu.step import Figures, Item, Step, StepSetting
from performance.read import count_of_size, make_cold, write_shards

STORAGES = (("float32", "none"), ("log_uint8", "none"), ("log_uint8", "gzip"))


def _shards(setting: StepSetting, pixels: int, encoding: str, name: str) -> Path:
    folder = setting.work / f"shards-{pixels}-{encoding}-{name}"
    if not (folder / "manifest.json").exists():
        count = setting.pick(count_of_size(pixels), 100)
        write_shards(folder, pixels, count, Storage(encoding=encoding, filter=name))
    return folder


def _of_a_rank(folder: Path, ranks: int, rank: int) -> tuple[float, int, int]:
    """When a rank was done (Unix seconds), and its samples and bytes of memory."""
    part = Part(read_manifest(folder), "train", rank, ranks)
    part.read_whole()
    return time.time(), len(part), part.bytes_in_memory()


def _read(setting: StepSetting, pixels: int, encoding: str, name: str) -> Figures:
    """From the first rank's start to the last one's end; pools are started before."""
    folder = _shards(setting, pixels, encoding, name)
    size = sum(entry["bytes"] for entry in read_manifest(folder).shards)
    found: dict[str, float | int | str] = {"MB of files": round(size / 1e6, 1), "cores": setting.cores}
    for ranks in sorted({1, setting.cores}):
        with ProcessPoolExecutor(ranks, mp_context=get_context("spawn")) as pool:
            work = partial(_of_a_rank, folder, ranks)
            list(pool.map(work, range(ranks)))  # processes start, and the files come into the cache
            for cache in ("warm", "cold"):
                if cache == "cold":
                    make_cold(folder)
                started = time.time()
                done = list(pool.map(work, range(ranks)))
                seconds = max(when for when, _, _ in done) - started
                found[f"files' MB/s, {cache}, {ranks} ranks"] = size / 1e6 / seconds
                found[f"samples/s, {cache}, {ranks} ranks"] = sum(samples for _, samples, _ in done) / seconds
    return found


def items(setting: StepSetting) -> Iterator[Item]:
    for pixels in setting.pick((64, 512), (32,)):
        for encoding, name in setting.pick(STORAGES, STORAGES[:1]):
            yield Item(
                f"{pixels} pixels, {encoding} with filter {name}", 12, partial(_read, setting, pixels, encoding, name)
            )


STEP = Step("reading", "Reading and hashing", 60, items)
