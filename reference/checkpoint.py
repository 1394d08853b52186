"""A run's state after an epoch, written whole or not at all, and read without running anything it holds."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer

from benchmark.foundation.errors import StemdlError
from benchmark.foundation.files import atomic_path


def save_checkpoint(path: Path, model: nn.Module, averaged: nn.Module, optimizer: Optimizer, **more: Any) -> None:
    """Write the weights, their running average, the optimizer's state and `more` (numbers and texts). Raises StemdlError when that fails."""
    try:
        with atomic_path(path) as temporary:
            states = {"model": model, "averaged": averaged, "optimizer": optimizer}
            torch.save({**{name: part.state_dict() for name, part in states.items()}, **more}, temporary)
    except (OSError, RuntimeError) as error:  # torch's writer reports a full disk as RuntimeError
        raise StemdlError("the checkpoint cannot be written", where=path, found=error,
                          remedy="make room, then --resume; the last whole checkpoint is still there") from error


def load_checkpoint(path: Path, model: nn.Module, averaged: nn.Module, optimizer: Optimizer) -> dict[str, Any]:
    """Restore all three and return what else was saved. Raises StemdlError when there is none, or one of another network."""
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        model.load_state_dict(state.pop("model"))
        averaged.load_state_dict(state.pop("averaged"))
        optimizer.load_state_dict(state.pop("optimizer"))
    except (OSError, EOFError, RuntimeError, ValueError, TypeError, AttributeError, KeyError,
            pickle.UnpicklingError) as error:  # each is how some file that is no checkpoint of ours shows
        raise StemdlError("the checkpoint cannot be restored", where=path, found=error,
                          remedy="resume with the configuration of the run that wrote it") from error
    return state
