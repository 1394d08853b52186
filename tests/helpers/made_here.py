"""Data made in the test's own process, whose libraries are loaded already; a worker would load them again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import pytest
import torch

from benchmark.data import generate as generate_module
from benchmark.data.workers import Workers


@contextmanager
def made_here() -> Iterator[None]:
    """Meanwhile what one worker would make is made here, on one thread as there; several are processes all the same."""
    workers, threads = generate_module.workers, torch.get_num_threads()

    def here(processes: int = 1, ranks: Any = None, **options: Any) -> AbstractContextManager[Workers]:
        if processes == 1 and ranks is None:
            return nullcontext(Workers(None, None))
        return workers(processes, ranks, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(generate_module, "workers", here)
        torch.set_num_threads(1)
        try:
            yield
        finally:
            torch.set_num_threads(threads)
