"""What the harness asks of a trainer: one run of one rung. The trainer answers with the log that it leaves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmark.definition.benchmark import Benchmark
from benchmark.definition.finder import load_benchmark
from benchmark.definition.rung import Rung
from benchmark.definition.trainer import Trainer, takes

LOG, CONFIG, CHECKPOINT = "result_{index}.txt", "config.yaml", "checkpoint.pt"
LAUNCH, BATCH_SCRIPT, BATCH_OUTPUT = LAUNCH_FILES = ("launch.json", "batch.sh", "batch.out")
"""How a run was started, which is in its folder before it begins."""


@dataclass(frozen=True)
class RunRequest:
    """One run, the same on every rank.

    Attributes
    ----------
    data : folder of the rung's data. output : the run's own folder.
    index : number of the run in its run set, from 0; it is in the log's name.
    seed : None takes a fresh one from the operating system.
    config_file, overrides : settings of the trainer, `key=value` each, on top of its defaults.
    resume : go on from the checkpoint in `output`. Such a run is not scorable.
    start_gate : folder of the gate that the run waits at before its clock starts; see launch/start_gate.py. None for a
        run that waits for no other.
    partition : name of the partition of the data to train by; empty for the split that they come in. Such a run is not
        scorable either.
    elastic : go on, even if the run had another number of ranks.
    rung_file : the file that the rung was read from; None for a shipped one.
    power : what measures each node's power, "rapl", "nvml" or "rapl+nvml", or a file of readings; None for nothing.
    """

    benchmark: Benchmark
    rung: Rung
    data: Path
    output: Path
    index: int = 0
    seed: int | None = None
    config_file: Path | None = None
    overrides: tuple[str, ...] = ()
    resume: bool = False
    start_gate: Path | None = None
    partition: str = ""
    elastic: bool = False
    power: str | None = None
    rung_file: Path | None = None

    @property
    def trainer(self) -> Trainer:
        """What makes the run: the reference's trainer, or a user's own."""
        return Trainer.named(self.benchmark.trainer)

    @property
    def loop(self) -> Trainer:
        """What is called with this request: the trainer, or the benchmark's where a user's own makes a task for it to
        train. Raises StemdlError as `Trainer.load` does."""
        return self.trainer if takes(self.trainer.load(), 1) else self._reference

    def load_trainer(self) -> Callable[[RunRequest], bool]:
        """The function that makes the run. Raises StemdlError as `Trainer.load` does."""
        own, loop = self.trainer.load(), self.loop
        return own if loop == self.trainer else partial(loop.load(), make_task=own)

    @property
    def _reference(self) -> Trainer:
        return Trainer.named(load_benchmark(self.benchmark.task).trainer)

    @property
    def own_trainer(self) -> bool:
        """Whether the trainer is not the one that the benchmark ships with."""
        return self.benchmark.trainer != load_benchmark(self.benchmark.task).trainer

    @property
    def own_rung(self) -> bool:
        """Whether the rung is not one that the benchmark ships with."""
        return load_benchmark(self.benchmark.task).rungs.get(self.rung.name) != self.rung

    @property
    def log(self) -> Path:
        """The file of the run's log."""
        return self.output / LOG.format(index=self.index)

    @property
    def checkpoint(self) -> Path:
        """The file of the run's checkpoint."""
        return self.output / CHECKPOINT
