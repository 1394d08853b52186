"""The reference's task of the smoke rung, and how a network of it is scored outside of a run."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from benchmark.definition.finder import load_benchmark
from benchmark.definition.sample import Field, SampleSchema
from benchmark.definition.settings import Settings, read_settings
from benchmark.metrics.metric import make_metric
from benchmark.simulation.cbed import CbedRung
from reference.comm import Comm, Solo
from reference.evaluate import tally_of
from reference.samples import Samples
from reference.tasks.space_group.task import SpaceGroups, make_task

RECIPES = Path(__file__).resolve().parents[2] / "reference" / "tasks" / "space_group" / "recipes"
RUNG = CbedRung.of(load_benchmark("space_group").rung("stemdl_smoke"))
SCHEMA = SampleSchema(
    (Field("cbed_stack", (3, RUNG.pixels, RUNG.pixels)),),
    (Field("space_group", (), "int64"),),
    classes={"space_group": tuple(map(str, RUNG.space_groups))},
)


def smoke_task(*settings: str) -> SpaceGroups:
    """The task with settings `key=value` on top of the rung's."""
    return make_task(SCHEMA, read_settings(load_benchmark("space_group"), RUNG.name, None, settings).to_dict())


def counts_of(model: nn.Module, samples: Samples, comm: Comm | None = None, batch: int = 100) -> np.ndarray:
    """The confusion counts (classes, classes) of a network over all ranks' samples."""
    predict = partial(smoke_task().predict, model.eval())
    metric = make_metric("macro_f1", SCHEMA, ("space_group",))
    tally = tally_of(predict, samples, SCHEMA, metric, comm or Solo(), batch=batch)
    assert tally[-1] == tally[:-1].sum()
    return tally[:-1].reshape(RUNG.classes, RUNG.classes)


def stacks(count: int = 4, pixels: int = 32) -> dict[str, Tensor]:
    """A batch of noise."""
    x = torch.rand(count, 3, pixels, pixels, generator=torch.Generator().manual_seed(5))
    return {"cbed_stack": x / x.sum(dim=(-2, -1), keepdim=True), "space_group": torch.arange(count) % RUNG.classes}


def published_settings(name: str, *settings: str) -> Settings:
    """A published recipe as its file has it, for the smoke rung."""
    file = RECIPES / f"{name.removesuffix('_pairs')}.yaml"
    return read_settings(load_benchmark("space_group"), RUNG.name, file, (f"network={name}", *settings))
