"""How long a device works: seconds by its own clock, the share of time that its kernels run, its memory."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import torch

from performance.gpu.step import Figures

MIB = 2**20


def synchronize(device: str) -> None:
    """Returns when the device has done what it was given."""
    if device != "cpu":
        torch.cuda.synchronize(device)


BLOCKS = 5


def median_seconds(
    work: Callable[[], object], device: str, *, warm: int = 3, repeats: int = 20, limit_seconds: float = 6.0
) -> float:
    """Of one call, over five blocks of calls, or as many as were begun within the limit. On a GPU by events around a
    block, so that the host's gaps count as they do in use."""
    for _ in range(warm):
        work()
    synchronize(device)
    found: list[float] = []
    block = max(1, repeats // BLOCKS)
    ends = time.monotonic() + limit_seconds
    while len(found) < BLOCKS and (not found or time.monotonic() < ends):
        if device == "cpu":
            started = time.perf_counter()
            for _ in range(block):
                work()
            found.append((time.perf_counter() - started) / block)
            continue
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        for _ in range(block):
            work()
        end.record()
        end.synchronize()
        found.append(start.elapsed_time(end) / 1e3 / block)
    return statistics.median(found)


def peak_mib(work: Callable[[], object], device: str) -> Figures:
    """The most that torch's allocator held while it ran; of a CPU nothing is known."""
    if device == "cpu":
        work()
        return {}
    synchronize(device)
    torch.cuda.reset_peak_memory_stats(device)
    work()
    synchronize(device)
    return {"peak memory, MiB": round(torch.cuda.max_memory_allocated(device) / MIB, 1)}


def busy(work: Callable[[], object], device: str, *, kernels: int = 3) -> Figures:
    """The share of the time in which the device runs kernels, and the kernels that take most of it.

    The profiler slows the host down, so the share is a lower bound.
    """
    from torch.profiler import ProfilerActivity, profile

    activity = ProfilerActivity.CPU if device == "cpu" else ProfilerActivity.CUDA
    work()
    synchronize(device)
    with profile(activities=[activity]) as profiled:
        started = time.perf_counter()
        work()
        synchronize(device)
        seconds = time.perf_counter() - started
    name = "self_cpu_time_total" if device == "cpu" else "self_device_time_total"
    taken = sorted(((getattr(each, name), each.key) for each in profiled.key_averages()), reverse=True)
    total = sum(microseconds for microseconds, _ in taken)
    listed = ", ".join(f"{_short(key)} {microseconds / max(total, 1e-9):.0%}" for microseconds, key in taken[:kernels])
    return {"kernels' share of the time": round(total / 1e6 / seconds, 4), "kernels": len(taken), "most": listed}


def _short(kernel: str) -> str:
    """A kernel's name without its C++ arguments."""
    bare = kernel.removeprefix("void ").split("(")[0].split("<")[0]
    return bare.split("::")[-1][:48] or kernel[:48]
