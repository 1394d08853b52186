"""What can be known of a run's settings before anything is made for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reference.comm import backend_of
from reference.config import Config
from reference.input import steps_per_epoch
from reference.interrupt import Notice


def require_possible(settings: Mapping[str, Any], train_samples: int, ranks: int) -> None:
    """Raises StemdlError for settings that so many samples and ranks cannot be trained by: what the ranks would find
    themselves, each on its own and with the data made already."""
    config = Config(**settings)
    steps_per_epoch(train_samples, config.global_batch_size, ranks)
    backend_of(config, ranks, torchrun=False, on_cpu=True)
    Notice(config.warning_signals)
