"""Results made by program: logs of runs whose times are known, in the folders of a submission or of `stemdl run`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

RECIPE = "0a6a47cd8c6f35cdcaf1afe56e0a5347165d1d04dc102905af4e3ca22aa0bce4"


def log_text(seconds: float, seed: int, *, start_ms: int = 1_795_000_000_000, epochs: int = 3, **said: Any) -> str:
    """A run of stemdl_mini that reaches 0.9 after so many seconds and epochs; `said` are further points of its log, or
    others than are there. With `reached=False` it misses the target."""
    reached = said.pop("reached", True)
    lines: list[str] = []

    def write(after_seconds: float, key: str, value: Any = None, **metadata: Any) -> None:
        kind = {"start": "INTERVAL_START", "stop": "INTERVAL_END"}.get(key.rpartition("_")[2], "POINT_IN_TIME")
        event = {
            "namespace": "",
            "time_ms": start_ms + round(1000 * after_seconds),
            "event_type": kind,
            "key": key,
            "value": value,
            "metadata": {"file": "train.py", "lineno": 1, **metadata},
        }
        lines.append(f":::MLLOG {json.dumps(event)}\n")

    points = {
        "submission_benchmark": "stemdl_mini",
        "submission_org": "Somewhere",
        "submission_platform": "made",
        "submission_division": "closed",
        "submission_status": "research",
        "submission_github_commit_version": "5" * 40,
        "config": {"precision": "fp32", "ranks": 2, "learning_rate": 0.004},
        "versions": {"stemdl-benchmark": "0.1.0", "torch": "2.13.0"},
        "devices": ["made"],
        "seed": seed,
        "global_batch_size": 32,
        "number_of_nodes": 1,
        "accelerators_per_node": 4,
        "data_recipe_sha256": RECIPE,
        "data_standard": True,
        "train_samples": 3500,
        "eval_samples": 1000,
    } | said
    for key, value in points.items():
        write(-1, key, value)
    write(-0.9, "init_start")
    write(-0.1, "init_stop")
    write(0, "run_start")
    each = seconds / epochs
    for epoch in range(1, epochs + 1):
        began = each * (epoch - 1)
        write(began, "epoch_start", epoch_num=epoch)
        write(began + 0.8 * each, "epoch_stop", epoch_num=epoch)
        write(began + 0.8 * each, "eval_start", epoch_num=epoch)
        value = 0.9 + 0.01 * (seed % 3) if epoch == epochs and reached else 0.89 * epoch / epochs
        write(began + each, "eval_accuracy", value, epoch_num=epoch)
        write(began + each, "eval_stop", epoch_num=epoch)
    write(seconds, "run_stop", status="success" if reached else "aborted")
    return "".join(lines)


def write_set(folder: Path, seconds: Sequence[float], **said: Any) -> Path:
    """A run set as `stemdl run` leaves it, without its records."""
    for index, each in enumerate(seconds):
        run = folder / f"run_{index}"
        run.mkdir(parents=True)
        (run / f"result_{index}.txt").write_text(_log(each, index, said))
    return folder


def write_submission(
    tree: Path, submitter: str, system: str, seconds: Sequence[float], *, benchmark: str = "stemdl_mini", **said: Any
) -> Path:
    """The logs and the description of a system in a submission; returns the submission."""
    top = tree / submitter
    logs = top / "results" / system / "strong" / benchmark
    logs.mkdir(parents=True)
    for index, each in enumerate(seconds):
        (logs / f"result_{index}.txt").write_text(
            _log(each, index, {"submission_org": submitter, "submission_benchmark": benchmark, **said})
        )
    (top / "systems").mkdir(exist_ok=True)
    (top / "systems" / f"{system}.json").write_text(
        json.dumps({"submitter": submitter, "system_name": system, "accelerator_model_name": "made"})
    )
    return top


def _log(seconds: float, index: int, said: dict[str, Any]) -> str:
    start = 1_795_000_000_000 + index * 10_000_000
    return log_text(abs(seconds), index + 1, start_ms=start, reached=seconds > 0, **said)
