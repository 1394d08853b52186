"""One of two ranks of test_preflight.py. Each rank plays a node of its own; for each fault in turn rank 1 sees what is
wrong and both are checked. Rank 0 leaves one JSON object: the result of each.

Arguments: folder for the results, folder of the data. Run it by hand to read the messages:
mpirun -n 2 python tests/benchmark/launch/preflight_script.py /tmp/out DATA --show
"""

from __future__ import annotations

import json
import sys
import threading
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmark.foundation.errors import StemdlError
from benchmark.launch.check import CheckResult, check_lines
from benchmark.launch.exchange import Exchange, join
from benchmark.launch.network import Effort, MpiReducer
from benchmark.launch.preflight import PreflightLimits, preflight
from benchmark.launch.rank import detect_rank
from benchmark.launch.rank_report import Device, DiskNeed, RankReport, Subject
from benchmark.launch.room import GIB

ROOT = Path(__file__).resolve().parents[3]
EFFORT = Effort(small_repeats=3, large_bytes=1 << 16, large_repeats=2)
FAULTS = (
    "none",
    "commit",
    "source",
    "versions",
    "configuration",
    "manifest",
    "clock ahead",
    "clock slightly off",
    "listing lacks",
    "listing has",
    "folder not shared",
    "all-reduce wrong",
    "all-reduce fails",
    "no device",
    "shared device",
    "full disk",
    "too little memory",
    "unreadable data",
    "all-reduce late",
    "stuck",
)
"""What rank 1 sees or does; the last one leaves an answer that nobody waits for."""
PATIENCE_SECONDS = 600.0
LIMITS = {"all-reduce late": (1.0, 8.0, 64.0), "stuck": (3.0,)}
"""When a wait has to end: by the first limit within which the ranks answer on this machine."""


@dataclass(frozen=True)
class Planted(RankReport):
    """A rank's eyes with one fault in them."""

    fault: str = "none"
    judged: Path = Path()

    def clock(self) -> float:
        return super().clock() + {"clock ahead": 250.0, "clock slightly off": 50.0}.get(self.fault, 0.0)

    def commit(self) -> str:
        return "0" * 40 if self.fault == "commit" else super().commit()

    def source(self) -> dict[str, str]:
        return super().source() | ({"reference": "f" * 64} if self.fault == "source" else {})

    def versions(self) -> dict[str, str]:
        if self.fault == "stuck":
            while not self.judged.exists():
                time.sleep(0.02)
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


class Telling(Exchange):
    """Says by a file that rank 0 has gathered all the answers that it waits for, as those of a rank that is stuck."""

    def __init__(self, exchange: Exchange, judged: Path) -> None:
        super().__init__(exchange.rank, exchange.size, exchange._link)
        self.judged, self.gathered = judged, 0

    def gather(self, *arguments: Any) -> dict[int, Any]:
        found = super().gather(*arguments)
        self.gathered += 1
        if self.rank == 0 and self.gathered == 2:  # hosts, and then answers
            self.judged.touch()
        return found


class Wrong:
    """Sums of two ranks' 1 and 2 without asking anybody, wrong, failing or late where it is the fault."""

    name = "nobody"

    def __init__(self, fault: str, over: threading.Event) -> None:
        self.fault, self.over = fault, over

    def filled(self, value: float, count: int) -> Any:
        return np.full(count, value, np.float32)

    def sum(self, vector: Any) -> Any:
        if self.fault == "all-reduce fails":
            raise RuntimeError("ncclSystemError: no socket interface found")
        if self.fault == "all-reduce late":
            self.over.wait()
        total = np.full_like(vector, 3.0)
        total[-1] += self.fault == "all-reduce wrong"
        return total

    def extremes(self, vector: Any) -> tuple[float, float]:
        return float(vector.min()), float(vector.max())


def verdict_of(fault: str, seconds: float, rank: int, exchange: Exchange, output: Path, data: Path) -> dict[str, Any]:
    """What this rank hears of the fault, where each rank waits so long for the other."""
    mine = fault if rank == 1 or fault == "shared device" else "none"
    device = "auto" if "device" in fault else "cpu"
    subject = Subject(
        ROOT,
        ("benchmark", "reference"),
        output,
        {"learning_rate": 0.004, "width": 16},
        "a" * 64,
        data,
        (DiskNeed("the run", output, 10 * 1024),),
        GIB // 4,
        device,
    )
    host = "node0" if fault == "shared device" else f"node{rank}"
    over, judged = threading.Event(), output.parent / "judged"
    report = Planted(subject, local_rank=0, host=host, fault=mine, judged=judged)
    reducer = partial(Wrong, mine, over) if fault.startswith("all-reduce") else MpiReducer
    if rank == 0:
        judged.unlink(missing_ok=True)
    exchange.share("begin" if rank == 0 else None, PATIENCE_SECONDS)
    result = preflight(
        report, Telling(exchange, judged), reducer, PreflightLimits(seconds, clock_skew_seconds=100.0), EFFORT
    )
    over.set()
    try:
        result.raise_on_failure(rank)
        message = ""
    except StemdlError as error:
        message = str(error)
    return result.to_dict() | {"message": message, "limit": seconds}


def main(output: Path, data: Path) -> None:
    rank = detect_rank().rank
    exchange = join(detect_rank())
    results: dict[str, Any] = {}
    for fault in FAULTS:
        for seconds in LIMITS.get(fault, (PATIENCE_SECONDS,)):
            results[fault] = told = verdict_of(fault, seconds, rank, exchange, output, data)
            if all(check["ok"] for check in told["checks"] if check["name"] == "ranks"):
                break
        if rank == 0 and "--show" in sys.argv:
            lines = check_lines(
                [CheckResult(**check) for check in told["checks"] if not check["ok"] or fault == "none"]
            )
            print(f"--- {fault}", *lines, sep="\n", flush=True)
    (output / f"rank{rank}.json").write_text(json.dumps(results))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
