"""Horovod built with NCCL on one rank: its sums on the card, and whether a run by it is the run without."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterator
from functools import partial

from performance.gpu.generation import data_of, name_of, rung_of
from performance.gpu.step import Figures, Item, Step, StepSetting, command
from performance.gpu.training import run

SUMS = """
import json, sys, time
import torch
import horovod.torch as hvd
hvd.init()
device = sys.argv[1]
found = {"ranks": hvd.size(), "built with NCCL": bool(hvd.nccl_built()), "built with MPI": bool(hvd.mpi_built())}
for dtype in (torch.float32, torch.float64, torch.int64):
    values = torch.arange(1000, device=device).to(dtype)
    assert torch.equal(hvd.allreduce(values, op=hvd.Sum), values * hvd.size()), dtype
for size in json.loads(sys.argv[2]):
    values = torch.ones(size // 4, device=device)
    taken = []
    for _ in range(20):
        started = time.perf_counter()
        hvd.allreduce(values, op=hvd.Sum)
        if device != "cpu": torch.cuda.synchronize()
        taken.append(time.perf_counter() - started)
    found[f"ms of an all-reduce of {size} bytes"] = 1e3 * sorted(taken)[len(taken) // 2]
print(json.dumps(found))
"""


def _sums(setting: StepSetting) -> Figures:
    sizes = setting.pick([4096, 2**20, 2**26], [4096])
    told = command(setting, "-c", SUMS, setting.kind, json.dumps(sizes))
    return json.loads(told.splitlines()[-1])


def _same_run(setting: StepSetting) -> Figures:
    """Two runs of one seed. On one rank an exchange changes no gradient; a card's own sums may change the last bits."""
    found: dict[str, float | int | str] = {}
    for comm in setting.pick(("solo", "horovod"), ("horovod",)):
        answer = run(
            setting,
            rung_of(setting),
            data_of(setting),
            comm,
            f"comm={comm}",
            *setting.pick((), ("max_epochs=1",)),
            more=("--seed", "1"),
        )
        record = answer["records"][0]
        found |= {
            f"dev F1 by epoch, {comm}": ", ".join(f"{each:.4f}" for each in record["evaluations"].values()),
            f"samples/s, {comm}": record["samples_per_second"],
        }
    return found


def items(setting: StepSetting) -> Iterator[Item]:
    yield Item("sums on one rank", 20, partial(_sums, setting))
    yield Item(f"{name_of(setting)}, with and without", 60, partial(_same_run, setting))


def lacks(setting: StepSetting) -> str:
    if importlib.util.find_spec("horovod") is None:
        return "this environment has no Horovod: ./performance/gpu/run.sh --horovod"
    return ""


STEP = Step("horovod", "Horovod with NCCL, one rank", 45, items, lacks)
