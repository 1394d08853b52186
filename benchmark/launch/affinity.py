"""Which CPUs and which device each rank has: read, applied where the launcher left it open, and reported."""

from __future__ import annotations

import glob
import json
import os
import socket
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, replace

from benchmark.launch.cores import binding_works, physical_cores
from benchmark.launch.rank import Rank
from benchmark.launch.resources import GPUS_PER_RANK

VISIBLE_DEVICES = ("CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES", "ZE_AFFINITY_MASK")
"""Variables by which launchers tell ranks of NVIDIA, AMD (the next two) and Intel GPUs which are theirs."""

DEVICE_FILES = ("/dev/nvidia[0-9]*", "/dev/kfd")


@dataclass(frozen=True)
class Placement:
    """Where a rank runs.

    Attributes
    ----------
    cpus : logical CPUs that it may use, ascending.
    device : "cpu", "cuda:0", ... as the rank counts. visible : which devices its launcher shows it, as NAME=value.
    lacks_gpu : it has none, though it was asked for one or there are GPUs on its host.
    bindable : whether it may choose its CPUs itself.
    """

    rank: int
    host: str
    cpus: tuple[int, ...]
    device: str
    visible: str = ""
    lacks_gpu: bool = False
    bindable: bool = False

    def told(self) -> dict[str, object]:
        """Where the ranks run, as the log has it."""
        return {
            "rank": self.rank,
            "host": self.host,
            "cpus": ranges(self.cpus),
            "device": self.device,
            **({"visible": self.visible} if self.visible else {}),
        }


def place_ranks(
    rank: Rank,
    device: str,
    gather: Callable[[str], list[str]],
    *,
    wants_gpu: bool = True,
    environ: Mapping[str, str] = os.environ,
) -> list[Placement]:
    """Where every rank runs, in their order; called by all ranks, before they start threads.

    Ranks of one host that were all left the same CPUs divide them: each binds itself to an equal share of whole cores,
    neighbours in rank next to each other. They are left alone where there are fewer cores than ranks, or where
    processes may not choose.

    Parameters
    ----------
    device : what this rank computes on, such as "cpu" or "cuda:0".
    gather : gives every rank the texts of all, in their order.
    wants_gpu : False where the rank is to compute without one.
    """
    on_gpu = device != "cpu"
    asked = environ.get(GPUS_PER_RANK, "").isdecimal() and int(environ[GPUS_PER_RANK]) > 0
    own = Placement(
        rank=rank.rank,
        host=socket.gethostname(),
        cpus=tuple(sorted(os.sched_getaffinity(0))),
        device=device,
        visible=" ".join(f"{name}={environ[name]}" for name in VISIBLE_DEVICES if name in environ),
        lacks_gpu=wants_gpu and not on_gpu and (asked or any(glob.glob(pattern) for pattern in DEVICE_FILES)),
        bindable=binding_works(),
    )
    placements = [_read(text) for text in gather(json.dumps(asdict(own)))]
    sharing: dict[tuple[str, tuple[int, ...]], list[int]] = defaultdict(list)
    for each in placements:
        sharing[each.host, each.cpus].append(each.rank)
    mates = sharing[own.host, own.cpus]
    cores = physical_cores(own.cpus)
    if len(mates) > 1 and own.bindable and len(cores) >= len(mates):
        bind(share(cores, mates.index(own.rank), len(mates)))
    settled = replace(own, cpus=tuple(sorted(os.sched_getaffinity(0))))
    return [_read(text) for text in gather(json.dumps(asdict(settled)))]


def bind(cpus: set[int]) -> None:
    """Keep this process to these CPUs: the threads that it has, such as one that waits for messages, and those to
    come."""
    for thread in os.listdir("/proc/self/task"):
        with suppress(ProcessLookupError):  # one that ended meanwhile
            os.sched_setaffinity(int(thread), cpus)


def share(cores: list[tuple[int, ...]], place: int, places: int) -> set[int]:
    """The CPUs of the `place`-th of `places` equal runs of `cores`; cores that are left over stay with nobody."""
    each = len(cores) // places
    return {cpu for core in cores[place * each : (place + 1) * each] for cpu in core}


def _read(text: str) -> Placement:
    values = json.loads(text)
    return Placement(**{**values, "cpus": tuple(values["cpus"])})


def placement_warnings(placements: list[Placement]) -> list[str]:
    """What is wrong with where the ranks run: GPUs that ranks do not see, CPUs that several share. Empty when all is
    well."""
    warnings = []
    some_have = any(each.device != "cpu" for each in placements)
    without = [each for each in placements if each.lacks_gpu or (some_have and each.device == "cpu")]
    if without:
        warnings.append(
            f"NO GPU for {_ranks(without)}; bind one to each rank (as stemdl launch --gpus-per-rank 1 does), or "
            "--set device=cpu"
        )
    users: dict[tuple[str, int], list[Placement]] = defaultdict(list)
    for each in placements:
        for cpu in each.cpus:
            users[each.host, cpu].append(each)
    shared: dict[tuple[int, ...], list[int]] = defaultdict(list)
    for (_, cpu), of_it in users.items():
        if len(of_it) > 1:
            shared[tuple(each.rank for each in of_it)].append(cpu)
    for ranks, cpus in shared.items():
        of_it = [each for each in placements if each.rank in ranks]
        warnings.append(
            f"SHARED CPUs {ranges(cpus)} for {_ranks(of_it)}; give each rank cores of its own (as stemdl "
            "launch --cores-per-rank does), or start fewer ranks"
        )
    return warnings


def _ranks(placements: list[Placement]) -> str:
    """'ranks 0-2 on a, 3 on b'."""
    hosts: dict[str, list[int]] = defaultdict(list)
    for each in placements:
        hosts[each.host].append(each.rank)
    return ("rank " if len(placements) == 1 else "ranks ") + ", ".join(
        f"{ranges(ranks)} on {host}" for host, ranks in hosts.items()
    )


def ranges(numbers: Iterable[int]) -> str:
    """'0-3,8' for 0, 1, 2, 3 and 8."""
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ",".join(f"{first}-{last}" if last > first else str(first) for first, last in runs)
