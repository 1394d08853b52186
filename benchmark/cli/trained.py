"""The trained model of a run: which rung it is of, and all that its trainer needs to ask it again."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.cli.arguments import place
from benchmark.foundation.errors import StemdlError

if TYPE_CHECKING:
    from benchmark.definition.benchmark import Benchmark
    from benchmark.definition.sample import SampleSchema


def add_trained(parser: argparse.ArgumentParser) -> None:
    """The options that say of a run what its folder does not."""
    parser.add_argument("--rung", type=place, help="the file of the run's rung, where it is one of your own")
    parser.add_argument("--trainer", help="of the run, where it was not the benchmark's: FILE.py:make_task")


def require_inputs(paths: Iterable[Path]) -> None:
    """Raises StemdlError where nothing is at one of the paths, before others are asked about, which may take hours."""
    if missing := [str(path) for path in paths if not path.exists()]:
        raise StemdlError("nothing is here", where=", ".join(missing), expected="files, or folders of them")


def rung_of(run: Path, file: Path | None) -> tuple[Benchmark, Any]:
    """The benchmark and the rung of a run, as its log has them."""
    from benchmark.definition.own_rung import find_rung
    from benchmark.definition.request import LOG
    from benchmark.events import keys
    from benchmark.events.reader import iter_events

    logs = sorted(run.glob(LOG.format(index="*"))) if run.is_dir() else []
    if not logs:
        raise StemdlError(
            "there is no run here", where=run, expected="a folder with a log and a checkpoint", remedy="stemdl list"
        )
    name = next((event.value for event in iter_events(logs[0]) if event.key == keys.SUBMISSION_BENCHMARK), None)
    if name is None:
        raise StemdlError(
            "the log does not say which rung the run is of",
            where=logs[0],
            expected=f"an event {keys.SUBMISSION_BENCHMARK}",
            remedy="ask another run: stemdl list",
        )
    benchmark, rung, _ = find_rung(str(file) if file else str(name))
    if rung.name != name:
        raise StemdlError("the run is of another rung", where=logs[0], expected=rung.name, found=name)
    return benchmark, rung


def model_of(run: Path, benchmark: Benchmark, schema: SampleSchema, trainer: str | None) -> tuple[Any, ...]:
    """The benchmark's trainer, and what its `answerer` and `explainer` take: a run's checkpoint, the benchmark, the
    schema, the run's settings, and the `make_task` that --trainer names. Raises StemdlError for a run that another
    trainer made."""
    from benchmark.definition.request import CHECKPOINT, CONFIG
    from benchmark.definition.settings import Settings, settings_of
    from benchmark.definition.trainer import Trainer
    from benchmark.foundation.files import read_yaml_mapping

    config = read_yaml_mapping(run / CONFIG, "the run's configuration")
    made_by = config.get("trainer", benchmark.trainer)
    if made_by != (trainer or benchmark.trainer):
        raise StemdlError("the run was made by another trainer", where=run, remedy=f"--trainer {made_by}")
    known = settings_of(benchmark)
    values = {name: known[name].checked(value, str(run / CONFIG)) for name, value in config.items() if name in known}
    settings = Settings.of({name: each.default for name, each in known.items()} | values)
    make_task = Trainer.named(trainer).load() if trainer else None
    return Trainer.named(benchmark.trainer), run / CHECKPOINT, benchmark, schema, settings, make_task
