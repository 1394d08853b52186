"""A scaling study: a run set for each number of ranks, in one folder, and what they come to against the smallest one.

The global batch is the same at each (strong scaling): the same training, spread over more ranks.
"""

from __future__ import annotations

import re
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmark.definition.request import RunRequest
from benchmark.foundation.errors import StemdlError
from benchmark.foundation.files import write_json
from benchmark.foundation.reading import MOST_BYTES, NESTING, Unreadable, read_object
from benchmark.submission.run_driver import Outcome, RunDriver
from benchmark.submission.run_set import make_runs, runs_there, summarise_runs

SCALING, FORMAT = "scaling.json", 1
_SET = re.compile(r"ranks_[1-9][0-9]*")


def set_of_schedule(request: RunRequest, ranks: int) -> RunRequest:
    """The set on so many ranks."""
    return replace(request, output=request.output / f"ranks_{ranks}")


def refuse_other_folder(request: RunRequest, scales: Sequence[int]) -> None:
    """Raises StemdlError where the folder of the schedule, or of a set of it, holds something else."""
    folder = request.output
    names = [path.name for path in folder.iterdir()] if folder.exists() else []
    if names and not any(_SET.fullmatch(name) for name in names):
        raise StemdlError(
            "the folder is not empty, and holds no scaling study", where=folder, remedy="choose another with --output"
        )
    for ranks in scales:
        runs_there(set_of_schedule(request, ranks))


def make_schedule(
    request: RunRequest, scales: Sequence[int], runs: int, driver: RunDriver, cores: int, say: Callable[[str], None]
) -> list[Outcome]:
    """A set of `runs` runs on each number of ranks, the smallest first, less what is there already; and scaling.json,
    written again after each. `cores` are those that the ranks have, for the reader. Raises as `make_runs` does."""
    outcomes: dict[int, list[Outcome]] = {}
    for ranks in sorted(set(scales)):
        outcomes[ranks] = make_runs(set_of_schedule(request, ranks), runs, replace(driver, ranks=ranks), say)
        write_json(request.output / SCALING, summarise_schedule(outcomes, request.rung.name, cores))
    return [outcome for made in outcomes.values() for outcome in made]


def summarise_schedule(outcomes: Mapping[int, Sequence[Outcome]], rung: str, cores: int) -> dict[str, Any]:
    """Time to target and throughput by number of ranks, and their ratios to the smallest number's.

    Of a point: `seconds` is the olympic mean of its runs where all (three or more) reached the target, else the mean of
    those that did; `samples_per_second` the mean of the runs' training throughput, and `steps_per_second` that divided
    by the global batch. `speedup` is time to target of the smallest by that of this point, `throughput_speedup` the
    same of throughput; efficiency is speedup by ratio of ranks, 1 for the ideal. Time to target has the chance of the
    number of epochs in it, throughput has not. None is what no run of a point, or of the smallest, can say.
    """
    points = [_point(ranks, made, cores) for ranks, made in sorted(outcomes.items())]
    for point in points:
        of_ranks = point["ranks"] / points[0]["ranks"]
        for name, speedup in (
            ("", _ratio(points[0]["seconds"], point["seconds"])),
            ("throughput_", _ratio(point["samples_per_second"], points[0]["samples_per_second"])),
        ):
            point[f"{name}speedup"] = speedup
            point[f"{name}efficiency"] = None if speedup is None else speedup / of_ranks
    batches = {outcome.record["global_batch_size"] for made in outcomes.values() for outcome in made if outcome.record}
    return {
        "format": FORMAT,
        "rung": rung,
        "global_batch_size": batches.pop() if len(batches) == 1 else None,
        "cores": cores,
        "points": points,
    }


def read_schedule(folder: Path) -> dict[str, Any] | None:
    """The figures that `make_schedule` left in a folder; None where there are none. A submission's scaling.json, which
    holds a factor for its score, is another thing."""
    path = folder / SCALING
    if not path.is_file():
        return None
    try:
        summary = read_object(path, MOST_BYTES, NESTING, links=True)
    except Unreadable as error:
        raise StemdlError("the scaling study cannot be read", where=path, found=error) from error
    return summary if "points" in summary else None


def _point(ranks: int, made: Sequence[Outcome], cores: int) -> dict[str, Any]:
    of_set = summarise_runs(made)
    reached = [outcome.record for outcome in made if outcome.finished and outcome.reached]
    finished = [outcome.record for outcome in made if outcome.finished and outcome.record["samples_per_second"]]
    throughput = statistics.fmean(record["samples_per_second"] for record in finished) if finished else None
    return {
        "ranks": ranks,
        "oversubscribed": ranks > cores,
        "runs": of_set["runs"],
        "reached": of_set["reached"],
        "unfinished": of_set["unfinished"],
        "seconds": of_set["olympic_mean_seconds"] or _mean(reached, "time_to_train_seconds"),
        "seconds_of_runs": [record["time_to_train_seconds"] for record in reached],
        "epochs": _mean(reached, "epochs"),
        "samples_per_second": throughput,
        "steps_per_second": throughput / finished[0]["global_batch_size"] if throughput else None,
    }


def _mean(records: Sequence[dict[str, Any]], name: str) -> float | None:
    return statistics.fmean(record[name] for record in records) if records else None


def _ratio(above: float | None, below: float | None) -> float | None:
    return above / below if above and below else None
