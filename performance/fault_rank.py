"""One rank of a job of performance/faults.py whose input is at fault.

Arguments: KIND:RANK:STEP, then those of stemdl. At that step, counted over all epochs, the batch of that rank is not
a number (nan), or never comes while the rank's heart beats (stuck).
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from typing import Any

from benchmark.cli.main import main as stemdl
from benchmark.launch.rank import detect_rank
from reference.input import TrainingSamples

STUCK_SECONDS = 10_000


def main(plant: str, *arguments: str) -> int:
    kind, victim, at = plant.split(":")
    batches, count = TrainingSamples.batches, 0

    def planted(*place: Any, **more: Any) -> Iterator[Any]:
        nonlocal count
        for batch in batches(*place, **more):
            count += 1
            if detect_rank().rank == int(victim) and count == int(at):
                if kind == "stuck":
                    time.sleep(STUCK_SECONDS)
                batch = {
                    name: values * float("nan") if values.is_floating_point() else values
                    for name, values in batch.items()
                }
            yield batch

    TrainingSamples.batches = planted
    return stemdl(list(arguments))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
