"""The engine on the card: patterns per second by how many zones go together, memory, the limit, and all cores."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context

import numpy as np
import torch

from benchmark.crystals.simulate import View, ideal_patterns
from benchmark.definition.finder import load_benchmark
from benchmark.simulation.cbed import CbedRung
from performance.engine import counted_operations, views_of
from performance.gpu.rates import product_tflops
from performance.gpu.step import Figures, Item, Step, StepSetting
from performance.gpu.timing import busy, median_seconds, peak_mib


@dataclass(frozen=True)
class Extent:
    """How much of a rung is simulated: zones together, and crystals (of three zones each) for a CPU's comparison."""

    batches: tuple[int, ...]
    compared: int
    of_a_core: int
    seconds: float


EXTENTS = {
    "stemdl_mini": Extent((1, 16, 64, 256), 10, 4, 15.0),
    "stemdl_small": Extent((1, 16, 64), 4, 2, 25.0),
    "stemdl_full": Extent((1, 4, 16), 1, 1, 45.0),
}
TOY = {"stemdl_mini": Extent((1, 3), 1, 1, 1.0)}


def _views(rung: CbedRung, crystals: int) -> list[View]:
    return views_of(rung, rung.optics, crystals, 1)


def _batch(setting: StepSetting, rung: CbedRung, batch: int) -> Figures:
    """The rate counts drawing potentials and pictures, which the host does; the limit knows the products alone."""
    views = _views(rung, -(-batch // 3))[:batch]
    simulate = partial(ideal_patterns, views, rung.optics, device=setting.device, together=batch)
    operations: list[float] = []
    with counted_operations(operations):
        memory = peak_mib(simulate, setting.device)
    seconds = median_seconds(simulate, setting.device, warm=1 if batch == 1 else 0, repeats=5)
    rate = 1e12 * product_tflops(setting, torch.complex64, False, setting.pick(4096, 64))
    return {
        "patterns/s": batch / seconds,
        "Gflop per pattern": operations[0] / batch / 1e9,
        "share of the limit of complex products": operations[0] / rate / seconds,
        **memory,
    }


def _busy(setting: StepSetting, rung: CbedRung, batch: int) -> Figures:
    views = _views(rung, -(-batch // 3))[:batch]
    return busy(partial(ideal_patterns, views, rung.optics, device=setting.device, together=batch), setting.device)


def _errors(setting: StepSetting, rung: CbedRung, crystals: int) -> Figures:
    """R1 = sum |I - I'| / sum I' and the relative L2 of the card's patterns against the CPU's."""
    views = _views(rung, crystals)
    here = ideal_patterns(views, rung.optics, device=setting.device)
    right = ideal_patterns(views, rung.optics)
    pairs = [(one[0], other[0]) for one, other in zip(here, right, strict=True)]
    r1 = [np.abs(one - other).sum() / other.sum() for one, other in pairs]
    l2 = [np.linalg.norm(one - other) / np.linalg.norm(other) for one, other in pairs]
    if not np.isfinite(r1).all():
        raise ValueError("a pattern is not finite")
    again = ideal_patterns(views, rung.optics, device=setting.device)
    same = sum(np.array_equal(one, other) for one, other in zip(here, again, strict=True))
    return {
        "patterns": len(pairs),
        "R1, worst": max(r1),
        "R1, mean": float(np.mean(r1)),
        "L2, worst": max(l2),
        "patterns with the same bytes when made again": same,
    }


def _crystals_of_a_core(rung_name: str, crystals: int) -> float:
    """Seconds that one process takes, on one thread, after its libraries have started."""
    torch.set_num_threads(1)
    rung = CbedRung.of(load_benchmark("space_group").rung(rung_name))
    ideal_patterns(_views(rung, 1)[:1], rung.optics)
    views = _views(rung, crystals)
    started = time.perf_counter()
    for view in views:
        ideal_patterns([view], rung.optics)
    return time.perf_counter() - started


def _cores(setting: StepSetting, rung: CbedRung, crystals: int) -> Figures:
    """All cores at once, a process each, on the same crystals."""
    with ProcessPoolExecutor(setting.cores, mp_context=get_context("spawn")) as pool:
        taken = list(pool.map(partial(_crystals_of_a_core, rung.name), [crystals] * setting.cores))
    return {"cores": setting.cores, "patterns/s of all": sum(3 * crystals / seconds for seconds in taken)}


def items(setting: StepSetting) -> Iterator[Item]:
    for name, extent in setting.pick(EXTENTS, TOY).items():
        rung = CbedRung.of(load_benchmark("space_group").rung(name))
        yield Item(f"{name}, against the CPU", extent.seconds, partial(_errors, setting, rung, extent.compared))
        for batch in extent.batches:
            yield Item(f"{name}, {batch} zones together", extent.seconds, partial(_batch, setting, rung, batch))
        yield Item(f"{name}, where the time goes", extent.seconds, partial(_busy, setting, rung, extent.batches[-2]))
        yield Item(f"{name}, all cores", extent.seconds, partial(_cores, setting, rung, extent.of_a_core))


STEP = Step("simulation", "Simulating patterns", 150, items)
