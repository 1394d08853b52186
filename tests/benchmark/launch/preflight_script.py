"""One of two ranks of test_preflight.py. Each rank plays a node of its own; for each fault in turn rank 1 sees what is
wrong and both are checked. Rank 0 leaves one JSON object: the verdict of each.

Arguments: folder for the results, folder of the data. Run it by hand to read the messages:
mpirun -n 2 python tests/benchmark/launch/preflight_script.py /tmp/out DATA --show
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmark.foundation.errors import StemdlError
from benchmark.launch.check import check_lines
from benchmark.launch.exchange import join
from benchmark.launch.network import Effort, MpiReducer
from benchmark.launch.preflight import Limits, preflight
from benchmark.launch.rank import detect_rank
from benchmark.launch.room import GIB
from benchmark.launch.witness import Device, Room, Subject, Witness

ROOT = Path(__file__).resolve().parents[3]
EFFORT = Effort(small_repeats=3, large_bytes=1 << 16, large_repeats=2)
FAULTS = ("none", "commit", "source", "versions", "configuration", "manifest", "clock ahead", "clock slightly off",
          "listing lacks", "listing has", "folder not shared", "all-reduce wrong", "all-reduce fails", "no device",
          "shared device", "full disk", "too little memory", "unreadable data",
          "all-reduce late", "stuck")
"""What rank 1 sees or does; the last one leaves an answer that nobody waits for."""


@dataclass(frozen=True)
class Planted(Witness):
    """A rank's eyes with one fault in them."""

    fault: str = "none"

    def clock(self) -> float:
        return super().clock() + {"clock ahead": 2.5, "clock slightly off": 0.5}.get(self.fault, 0.0)

    def commit(self) -> str:
        return "0" * 40 if self.fault == "commit" else super().commit()

    def source(self) -> dict[str, str]:
        return super().source() | ({"reference": "f" * 64} if self.fault == "source" else {})

    def versions(self) -> dict[str, str]:
        if self.fault == "stuck":
            time.sleep(2)
        return super().versions() | ({"torch": "1.13.0"} if self.fault == "versions" else {})

    def settings(self) -> dict[str, Any]:
        return super().settings() | ({"learning_rate": 0.5} if self.fault == "configuration" else {})

    def manifest(self) -> str:
        return "e" * 64 if self.fault == "manifest" else super().manifest()

    def listing(self) -> list[str]:
        if self.fault == "unreadable data":
            raise PermissionError(13, "Permission denied", "shards")
        names = super().listing()
        return names[:-1] if self.fault == "listing lacks" else names + ["zz.h5"] * (self.fault == "listing has")

    def sees(self, name: str, text: str, seconds: float = 3.0) -> bool:
        return super().sees("of-another-disk" if self.fault == "folder not shared" else name, text, 0.2)

    def device(self) -> Device:
        if self.fault == "shared device":  # here both play ranks of one node, which has two GPUs
            return Device("cuda", "NVIDIA V100", "GPU-0", on_node=2)
        return Device("cpu", on_node=6 if self.fault == "no device" else 0)

    def free_disk_bytes(self, folder: Path) -> int:
        return 1000 if self.fault == "full disk" else super().free_disk_bytes(folder)

    def free_memory_bytes(self) -> int:
        return GIB // 10 if self.fault == "too little memory" else 8 * GIB


class Wrong:
    """Sums of two ranks' 1 and 2 without asking anybody, wrong, failing or late where it is the fault."""

    name = "nobody"

    def __init__(self, fault: str) -> None:
        self.fault = fault

    def filled(self, value: float, count: int) -> Any:
        return np.full(count, value, np.float32)

    def sum(self, vector: Any) -> Any:
        if self.fault == "all-reduce fails":
            raise RuntimeError("ncclSystemError: no socket interface found")
        if self.fault == "all-reduce late":
            time.sleep(1.5)
        total = np.full_like(vector, 3.0)
        total[-1] += self.fault == "all-reduce wrong"
        return total

    def extremes(self, vector: Any) -> tuple[float, float]:
        return float(vector.min()), float(vector.max())


def main(output: Path, data: Path) -> None:
    rank = detect_rank()
    exchange = join(rank)
    verdicts: dict[str, Any] = {}
    for fault in FAULTS:
        mine = fault if rank.rank == 1 or fault == "shared device" else "none"
        device = "auto" if "device" in fault else "cpu"
        subject = Subject(ROOT, ("benchmark", "reference"), output, {"learning_rate": 0.004, "width": 16}, "a" * 64,
                          data, (Room("the run", output, 10 * 1024),), GIB // 4, device)
        host = "node0" if fault == "shared device" else f"node{rank.rank}"
        witness = Planted(subject, local_rank=0, host=host, fault=mine)
        limits = Limits(seconds=0.5 if fault in ("stuck", "all-reduce late") else 20.0)
        reducer = partial(Wrong, mine) if fault.startswith("all-reduce") else MpiReducer
        verdict = preflight(witness, exchange, reducer, limits, EFFORT)
        try:
            verdict.raise_on_failure(rank.rank)
            message = ""
        except StemdlError as error:
            message = str(error)
        verdicts[fault] = verdict.to_dict() | {"message": message}
        if rank.rank == 0 and "--show" in sys.argv:
            print(f"--- {fault}", *check_lines([check for check in verdict.checks if not check.ok or fault == "none"]),
                  sep="\n", flush=True)
    (output / f"rank{rank.rank}.json").write_text(json.dumps(verdicts))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
