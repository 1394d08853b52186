"""Training to the target on the card, and what share of the card's rate its arithmetic is."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmark.definition.own_rung import find_rung
from benchmark.definition.settings import read_settings
from benchmark.simulation.cbed import CbedRung
from performance.gpu.generation import data_of, name_of, rung_of
from performance.gpu.rates import product_tflops
from performance.gpu.step import Figures, Item, Step, StepSetting, command
from reference.tasks.space_group.model import SymmetryNet

SEEDS = (1, 2, 3)
PRECISIONS = {"fp32": torch.float32, "bf16": torch.bfloat16}


def flops_of_a_sample(rung_name: str) -> float:
    """Real operations of a training step for one sample, forward and backward, counted by torch (no card needed)."""
    benchmark, rung, _ = find_rung(rung_name)
    rung, config = CbedRung.of(rung), read_settings(benchmark, rung.name)
    with torch.device("meta"):
        model = SymmetryNet(rung.classes, config.task["width"], config.task["symmetry"])
        patterns = torch.rand(2, 3, rung.pixels, rung.pixels)
    with FlopCounterMode(display=False) as counter:
        model(patterns).sum().backward()
    return counter.get_total_flops() / len(patterns)


def run(
    setting: StepSetting, rung: str, data: Path, name: str, *settings: str, more: tuple[str, ...] = ()
) -> dict[str, Any]:
    """The answer of one whole run by `stemdl run`, with the wall's seconds; a target that was missed is an answer."""
    started = time.perf_counter()
    told = command(
        setting,
        "-m",
        "benchmark",
        "run",
        "--rung",
        rung,
        "--data",
        data,
        "--ranks",
        "1",
        "--format",
        "json",
        "--output",
        setting.work / "runs" / f"{name}-{time.time_ns()}",
        *(word for each in (f"device={setting.kind}", *settings) for word in ("--set", each)),
        *more,
        accepted=(0, 1),
    )
    return json.loads(told) | {"wall_seconds": time.perf_counter() - started}


def figures_of(answer: dict[str, Any]) -> dict[str, float | int | str]:
    """What a run's record says."""
    record = answer["records"][0]
    return {
        "target": record["status"],
        "seconds to the target": record["time_to_train_seconds"],
        "epochs": record["epochs"],
        "samples/s": record["samples_per_second"],
        "dev F1": list(record["evaluations"].values())[-1],
        "test F1": record["test"],
        "compliance checker": "SUCCESS" if record["compliant"] else "FAILED",
        "seconds of the whole command": answer["wall_seconds"],
    }


def _trained(setting: StepSetting, precision: str, seed: int, *settings: str) -> Figures:
    rung = rung_of(setting)
    shorter = setting.pick((), ("max_epochs=2",))
    answer = run(
        setting,
        rung,
        data_of(setting),
        f"{precision}-{seed}",
        f"precision={precision}",
        *settings,
        *shorter,
        more=("--seed", str(seed)),
    )
    found = figures_of(answer)
    size = setting.pick(8192, 64)
    rate = 1e12 * product_tflops(setting, PRECISIONS[precision], False, size)
    flops = flops_of_a_sample(rung)
    return found | {
        "Mflop of a sample": flops / 1e6,
        f"Tflop/s of {size} x {size} products": rate / 1e12,
        "model's share of it": flops * float(found["samples/s"]) / rate,
    }


def items(setting: StepSetting) -> Iterator[Item]:
    for seed in setting.pick(SEEDS, (1,)):
        for precision in setting.pick(PRECISIONS, {"bf16": torch.bfloat16}):
            yield Item(f"{name_of(setting)}, {precision}, seed {seed}", 45, partial(_trained, setting, precision, seed))
    for batch in setting.pick((128, 512), ()):
        yield Item(
            f"{rung_of(setting)}, bf16, global batch {batch}",
            45,
            partial(_trained, setting, "bf16", 1, f"global_batch_size={batch}"),
        )


STEP = Step("training", "Training to the target", 150, items)
