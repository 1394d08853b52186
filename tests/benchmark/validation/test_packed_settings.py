"""What the referee knows of the trainer is what the trainer has."""

from __future__ import annotations

from benchmark.definition.trainer import ROOT
from benchmark.validation.checks.packed_settings import CYCLES_MS, NOT_FREE
from reference.comm_horovod import CYCLE_MS


def test_cycles_are_the_trainers() -> None:
    assert CYCLES_MS == CYCLE_MS


def test_files_that_are_not_free_are_there() -> None:
    assert [name for name in NOT_FREE if not (ROOT / "reference" / name).is_file()] == []
