"""What a step of training is made of on ranks here, measured; for performance/scaling.py."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from step_time import Measured, best_fit

from benchmark.foundation.errors import StemdlError
from benchmark.launch.cores import usable_cores
from benchmark.launch.launchers import Job, get_launcher

RANK_SCRIPT = Path(__file__).with_name("scaling_rank.py")

TUNING: dict[str, tuple[str, ...]] = {
    "horovod": ("comm=horovod",),
    "torch, gloo": ("comm=torch",),
    "horovod cycle_ms=1": ("comm=horovod", "cycle_ms=1"),
    "horovod cycle_ms=20": ("comm=horovod", "cycle_ms=20"),
    "horovod fusion_mib=0": ("comm=horovod", "fusion_mib=0"),
    "horovod gradient_groups=1": ("comm=horovod", "gradient_groups=1"),
    "horovod gradient_groups=4": ("comm=horovod", "gradient_groups=4"),
    "horovod fp16": ("comm=horovod", "gradient_compression=fp16"),
    "horovod autotune": ("comm=horovod", "autotune=true"),
    "horovod timeline": ("comm=horovod", "timeline=true"),
    "torch fusion_mib=0": ("comm=torch", "fusion_mib=0"),
    "torch fp16": ("comm=torch", "gradient_compression=fp16"),
}


@dataclass(frozen=True)
class Measurement:
    """Median times of a step on so many ranks, in seconds, means over the ranks."""

    ranks: int
    parts: dict[str, float]
    alone_seconds: float
    together_seconds: float
    spread: float
    gradient_bytes: int
    allreduces: tuple[Measured, ...]

    @property
    def allreduce_seconds(self) -> float:
        """Of the gradients, without a step around it; 0 on one rank, which has nothing to exchange."""
        return next((each.seconds for each in self.allreduces if each.size_bytes == self.gradient_bytes), 0.0)

    @property
    def blocked_seconds(self) -> float:
        """By how much a step with exchange is longer."""
        return self.together_seconds - self.alone_seconds


def measure(data: Path, ranks: int, batch: int, steps: int, settings: tuple[str, ...]) -> Measurement:
    """Run the ranks; raises StemdlError when they fail."""
    with tempfile.TemporaryDirectory() as scratch:
        command = (sys.executable, str(RANK_SCRIPT), str(data.absolute()), str(batch), str(steps), scratch, *settings)
        path = os.pathsep.join(filter(None, [str(RANK_SCRIPT.parents[1]), os.environ.get("PYTHONPATH")]))
        environment = {"PYTHONPATH": path, "OMP_NUM_THREADS": "1"}
        done = subprocess.run(
            get_launcher("mpirun").argv(Job(ranks, command, environment=environment)),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise StemdlError("the ranks failed", found=f"exit code {done.returncode}\n{done.stderr}")
        found = [json.loads((Path(scratch) / f"{rank}.json").read_text()) for rank in range(ranks)]
    computing = [[sum(step.values()) - step["input"] for step in each["alone"]] for each in found]
    typical = [statistics.median(times) for times in computing]
    gradient_bytes = found[0]["gradient_bytes"]
    return Measurement(
        ranks=ranks,
        parts={
            name: _mean_of_medians([[step[name] for step in each["alone"]] for each in found])
            for name in found[0]["alone"][0]
        },
        alone_seconds=statistics.fmean(typical),
        together_seconds=_mean_of_medians(
            [[sum(step.values()) - step["input"] for step in each["together"]] for each in found]
        ),
        spread=statistics.pstdev(typical) / statistics.fmean(typical),
        gradient_bytes=gradient_bytes,
        allreduces=tuple(
            Measured(int(size), ranks, statistics.fmean(each["allreduce"][size] for each in found))
            for size in found[0]["allreduce"]
        )
        if ranks > 1
        else (),
    )


def _mean_of_medians(times: list[list[float]]) -> float:
    return statistics.fmean(map(statistics.median, times))


def print_measurements(measurements: list[Measurement]) -> float:
    """The table of steps, and the fit of the all-reduces, whose fixed cost is returned, in seconds."""
    cores, one = usable_cores(), measurements[0]
    print(
        f"\nms of a step, {one.gradient_bytes / 1e6:.2f} MB of gradients; {cores} cores here, "
        f"load {os.getloadavg()[0]:.1f}"
    )
    print("ranks  input  forward  backward  update  computing  with exchange  blocked  all-reduce alone  without/with")
    for each in measurements:
        parts = "".join(
            f"{1e3 * each.parts[name]:{width}.2f}"
            for name, width in (("input", 7), ("forward", 9), ("backward", 10), ("update", 8))
        )
        print(
            f"{each.ranks:5}{parts}{1e3 * each.alone_seconds:11.2f}{1e3 * each.together_seconds:15.2f}"
            f"{1e3 * each.blocked_seconds:9.2f}{1e3 * each.allreduce_seconds:18.2f}"
            f"{each.alone_seconds / each.together_seconds:16.2f}"
            + ("   oversubscribed: ranks share cores" if each.ranks > cores else "")
        )
    timed = [measured for each in measurements for measured in each.allreduces]
    if not timed:
        return 0.0
    fit = best_fit(timed)
    print(
        f"all-reduces here, {fit.algorithm}: {1e6 * fit.link.latency_seconds:.1f} us per message, "
        f"{fit.link.bytes_per_second / 1e9:.2f} GB/s, {1e3 * fit.fixed_seconds:.2f} ms fixed; "
        f"{100 * fit.relative_error:.0f} % off in the mean"
    )
    for each in timed:
        print(
            f"  {each.ranks:3} ranks {each.size_bytes / 1024:8.0f} KiB   measured {1e3 * each.seconds:8.2f} ms   "
            f"fitted {1e3 * fit.seconds(each.size_bytes, each.ranks):8.2f} ms"
        )
    return fit.fixed_seconds


def print_tuning(data: Path, ranks: int, batch: int, steps: int, rounds: int) -> None:
    """Each setting's step against that of plain Horovod in the same round."""
    ratios: dict[str, list[tuple[float, float]]] = {name: [] for name in TUNING}
    for number in range(rounds):
        found = {}
        for name, settings in TUNING.items():
            found[name] = measure(data, ranks, batch, steps, settings)
            print(
                f"round {number + 1} of {rounds}: {name}: {1e3 * found[name].together_seconds:.1f} ms per step, "
                f"{1e3 * found[name].alone_seconds:.1f} without exchange",
                file=sys.stderr,
                flush=True,
            )
        base = found["horovod"]
        for name, each in found.items():
            ratios[name].append(
                (each.together_seconds / base.together_seconds, each.together_seconds / each.alone_seconds)
            )
    print(
        f"\n{ranks} ranks, {usable_cores()} cores, load {os.getloadavg()[0]:.1f}; medians of {rounds} rounds of "
        f"{steps} steps"
    )
    print("                            step / horovod's   (from ... to)   step / step without exchange")
    for name, found_ratios in ratios.items():
        to_base, to_alone = zip(*found_ratios, strict=True)
        print(
            f"{name:28}{statistics.median(to_base):16.2f}   ({min(to_base):.2f} ... {max(to_base):.2f})"
            f"{statistics.median(to_alone):30.2f}"
        )
