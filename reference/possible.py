"""What can be known of a run's settings before anything is made for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmark.definition.settings import Settings
from reference.comm import backend_of
from reference.input import steps_per_epoch
from reference.interrupt import Notice
from reference.optimizer import require_optimizer


def require_possible(settings: Mapping[str, Any], train_samples: int, ranks: int) -> None:
    """Raises StemdlError for settings that so many samples and ranks cannot be trained by: what the ranks would find
    themselves, each on its own and with the data made already."""
    resolved = Settings.of(settings)
    steps_per_epoch(train_samples, resolved.global_batch_size, ranks)
    backend_of(resolved, ranks, torchrun=False, on_cpu=True)
    require_optimizer(resolved.optimizer)
    Notice(resolved.warning_signals)
