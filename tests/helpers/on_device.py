"""A small model's state, a batch and views of crystals, on any device."""

from __future__ import annotations

import numpy as np
import torch
from space_groups import SCHEMA, smoke_task
from torch import Tensor

from benchmark.crystals.simulate import View, atoms_of
from benchmark.definition.finder import load_benchmark
from benchmark.definition.settings import Settings, read_settings
from benchmark.simulation.cbed import CbedRung
from benchmark.simulation.draw import draw_crystal
from benchmark.simulation.zone import CONVENTIONAL_AXES, DETECTOR_RIGHT, project
from reference.average import average_of
from reference.checkpoint import State, zero_on
from reference.optimizer import make_optimizer
from reference.warm_up import synthetic


def views(rung_name: str, crystals: int) -> list[View]:
    """Of as many crystals of a rung, each along the three conventional axes."""
    rung = CbedRung.of(load_benchmark("space_group").rung(rung_name))
    found = []
    for number in range(crystals):
        crystal = draw_crystal(rung.space_groups[-1 - number], rung.crystals, np.random.default_rng(number))
        found += [
            View(
                project(crystal, axis, DETECTOR_RIGHT[axis]),
                atoms_of(crystal, rung.optics),
                rung.optics.energies_kev[0],
                (50.0,),
                (1.0, -2.0),
                3.0,
            )
            for axis in CONVENTIONAL_AXES
        ]
    return found


def state_on(device: torch.device, *settings: str) -> tuple[State, Settings]:
    """A run's state before its first step, and the settings that it is of."""
    config = read_settings(load_benchmark("space_group"), "stemdl_smoke", None, settings)
    torch.manual_seed(1)
    model = smoke_task(*settings).model.to(device)
    averaged = average_of(model, config.weight_averaging)
    return State(model, averaged, make_optimizer(model, config), 1, loss_sum=zero_on(device)), config


def batch_on(device: torch.device, count: int) -> dict[str, Tensor]:
    """As many samples of the smoke rung's schema, made up."""
    return dict(synthetic(SCHEMA, count, device))
