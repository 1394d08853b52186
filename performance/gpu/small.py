"""The second rung as a whole, made and trained on the card: where the estimate says that there is time for it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from benchmark.data.manifest import read_manifest
from benchmark.foundation.errors import StemdlError
from performance.gpu.generation import TOY, WORKERS_OF_A_CARD, estimate_seconds
from performance.gpu.step import Failed, Figures, Item, Step, StepSetting, command
from performance.gpu.training import figures_of, flops_of_a_sample, run

MOST_SECONDS = 900.0
"""That making the data may take by the estimate."""


def _rung(setting: StepSetting) -> str:
    return setting.pick("stemdl_small", str(TOY))


def _made(setting: StepSetting) -> Figures:
    """By whichever of the card and the cores is the faster; a call that is cut off is gone on with by the next."""
    here = setting.kind
    estimates = {device: estimate_seconds(setting, _rung(setting), device) for device in dict.fromkeys((here, "cpu"))}
    device = min(estimates, key=estimates.__getitem__)
    found: dict[str, float | int | str] = {f"seconds estimated by {name}": each for name, each in estimates.items()}
    if estimates[device] > MOST_SECONDS:
        return found | {"made": f"no: more than {MOST_SECONDS:.0f} s"}
    folder = setting.work / Path(_rung(setting)).stem
    started = time.perf_counter()
    command(
        setting,
        "-m",
        "benchmark",
        "data",
        "generate",
        _rung(setting),
        "--output",
        folder,
        "--device",
        device,
        "--ranks",
        setting.cores if device == "cpu" else min(setting.cores, WORKERS_OF_A_CARD),
    )
    return found | {
        "made": f"by {device}",
        "seconds of the last call": time.perf_counter() - started,
        "samples": sum(read_manifest(folder).samples.values()),
    }


def _trained(setting: StepSetting, precision: str) -> Figures:
    folder = setting.work / Path(_rung(setting)).stem
    try:
        read_manifest(folder)
    except StemdlError as error:
        raise Failed("its data are not made") from error
    answer = run(
        setting,
        _rung(setting),
        folder,
        f"small-{precision}",
        f"precision={precision}",
        *setting.pick((), ("max_epochs=1",)),
        more=("--seed", "1"),
    )
    return figures_of(answer) | {"Mflop of a sample": flops_of_a_sample(_rung(setting)) / 1e6}


def items(setting: StepSetting) -> Iterator[Item]:
    rung = Path(_rung(setting)).stem
    yield Item(f"{rung}, made", 60, partial(_made, setting))
    for precision in setting.pick(("bf16", "fp32"), ("bf16",)):
        yield Item(f"{rung}, trained, {precision}", 60, partial(_trained, setting, precision))


STEP = Step("small", "The second rung, made and trained", 240, items)
