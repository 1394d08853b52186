"""Logs and trees made by program, such as MLPerf HPC's own checker accepts."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

WriteLog = Callable[..., Path]
_SETTINGS = {
    "opt_name": "sgd",
    "opt_base_learning_rate": 0.1,
    "opt_learning_rate_warmup_epochs": 1,
    "opt_learning_rate_warmup_factor": 1.0,
    "opt_learning_rate_decay_boundary_epochs": [4],
    "opt_learning_rate_decay_factor": 0.5,
}


def log_text(
    *,
    benchmark: str = "cosmoflow",
    metric: str = "eval_error",
    reached: float = 0.12,
    missed: float = 0.5,
    epochs: int = 3,
    start_ms: int = 1_000_000,
    run_ms: int = 60_000,
    seed: Any = 1,
    division: str = "closed",
    batch_size: Any = 512,
    nodes: int = 2,
    accelerators: int = 4,
    status: str = "success",
    more: tuple[tuple[str, Any], ...] = (),
) -> str:
    """A log of a run that reaches the target at its last epoch."""
    lines = []

    def add(time_ms: int, key: str, value: Any = None, **metadata: Any) -> None:
        kind = {"start": "INTERVAL_START", "stop": "INTERVAL_END"}.get(key.rpartition("_")[2], "POINT_IN_TIME")
        metadata = {"file": "train.py", "lineno": 1, **metadata}
        lines.append(
            ":::MLLOG "
            + json.dumps(
                {
                    "namespace": "",
                    "time_ms": time_ms,
                    "event_type": kind,
                    "key": key,
                    "value": value,
                    "metadata": metadata,
                }
            )
        )

    named = {
        "submission_benchmark": benchmark,
        "submission_org": "Somewhere",
        "submission_division": division,
        "submission_status": "onprem",
        "submission_platform": "x",
        "cache_clear": True,
        "seed": seed,
        "number_of_nodes": nodes,
        "accelerators_per_node": accelerators,
        "global_batch_size": batch_size,
        "train_samples": 1200,
        "eval_samples": 100,
        **_SETTINGS,
        **dict(more),
    }
    for key, value in named.items():
        add(start_ms - 900, key, value)
    add(start_ms - 800, "init_start")
    add(start_ms - 100, "init_stop")
    add(start_ms, "run_start")
    for epoch in range(1, epochs + 1):
        begin = start_ms + (epoch - 1) * run_ms // epochs
        end = start_ms + epoch * run_ms // epochs
        evaluation = end - (end - begin) // 4
        add(begin, "epoch_start", epoch_num=epoch)
        add(evaluation, "eval_start", epoch_num=epoch)
        add(end, "eval_stop", epoch_num=epoch)
        add(end, "epoch_stop", epoch_num=epoch)
        add(end, metric, reached if epoch == epochs else missed, epoch_num=epoch)
    add(start_ms + run_ms, "run_stop", status=status)
    return "\n".join(lines) + "\n"


@pytest.fixture
def write_log() -> WriteLog:
    """`write_log(path, **what)`: a log there; `what` as of `log_text`."""

    def write(path: Path, **what: Any) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(log_text(**what), encoding="utf-8")
        return path

    return write


@pytest.fixture
def write_set(tmp_path: Path, write_log: WriteLog) -> Callable[..., Path]:
    """`write_set(seconds, **what)`: a submission with a run of so many seconds each; the folder of its logs. What is
    a list has a value for each run."""

    def write(
        seconds: list[float],
        *,
        submitter: str = "Somewhere",
        system: str = "machine",
        scaling: str = "strong",
        benchmark: str = "cosmoflow",
        **what: Any,
    ) -> Path:
        folder = tmp_path / "tree" / submitter / "results" / system / scaling / benchmark
        for number, run_seconds in enumerate(seconds):
            each = {key: value[number] if isinstance(value, list) else value for key, value in what.items()}
            write_log(
                folder / f"result_{number}.txt",
                **{
                    "benchmark": benchmark,
                    "run_ms": round(run_seconds * 1000),
                    "seed": number,
                    "start_ms": 1_000_000 + 10_000_000 * number,
                    **each,
                },
            )
        return folder

    return write
