"""Ranks that share the card, joined by gloo: what exchanging gradients costs a step. NCCL wants a card per rank."""

from __future__ import annotations

import json
import shutil
import statistics
from collections.abc import Iterator
from functools import partial

from performance.gpu.generation import data_of
from performance.gpu.step import Figures, Item, Step, StepSetting, command


def _ranks(setting: StepSetting, ranks: int) -> Figures:
    """Steps with and without exchange in turns; the slowest rank's median counts."""
    output = setting.work / f"ranks-{ranks}"
    shutil.rmtree(output, ignore_errors=True)
    output.mkdir(parents=True)
    batch, steps = setting.pick((32, 200), (2, 10))
    command(
        setting,
        "-m",
        "torch.distributed.run",
        "--standalone",
        "--nproc-per-node",
        ranks,
        "performance/scaling_rank.py",
        data_of(setting),
        batch,
        steps,
        output,
        "comm=torch",
        "torch_backend=gloo",
        f"device={setting.kind}",
    )
    told = [json.loads((output / f"{rank}.json").read_text()) for rank in range(ranks)]
    alone, together = (
        max(statistics.median(sum(step.values()) for step in each[kind]) for each in told)
        for kind in ("alone", "together")
    )
    found: dict[str, float | int | str] = {
        "ms per step without exchange": 1e3 * alone,
        "ms per step with it": 1e3 * together,
        "samples/s of all ranks": ranks * batch / together,
        "bytes of gradients": told[0]["gradient_bytes"],
    }
    return found | {
        f"ms of an all-reduce of {size} bytes": 1e3 * max(each["allreduce"][size] for each in told)
        for size in told[0]["allreduce"]
    }


def items(setting: StepSetting) -> Iterator[Item]:
    for ranks in setting.pick((1, 2, 4, 8), (2,)):
        yield Item(f"{ranks} ranks", 30, partial(_ranks, setting, ranks))


STEP = Step("ranks", "Ranks that share the card, by gloo", 60, items)
