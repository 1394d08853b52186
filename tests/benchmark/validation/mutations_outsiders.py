"""What a vendor tried who had read the rules alone: rhythms of other runs, seeds and figures that somebody wrote,
machines that do not fit themselves."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from changes import Change, add, describe, every_log, log, shift_from
from corpus import CODE, Mutation, Tree
from honest_run import SYSTEM, Lines, at
from mutations_published import stats_of, warned
from mutations_related import script, seeds
from mutations_vendors import preflight_lasts

from benchmark.events import keys

RUNS = 5
FEW, PRIMES = (122313, 312213, 231123, 133212, 211332), (1186845551, 568731967, 953286709, 1523606539, 2123808079)
DECIMALS = (314159265, 1453259525, 776667946, 1888891242, 648961014)


def of_a_text(index: int) -> int:
    """The higher 31 of the first 32 bits of a hash."""
    return int(hashlib.sha256(f"run_{index}".encode()).hexdigest()[:8], 16) >> 1


def higher_bits(index: int) -> int:
    """Those of the states of a generator of 32 bits."""
    state = 77777
    for _ in range(index + 1):
        state = (1664525 * state + 1013904223) % 2**32
    return state >> 1


def each_run(change: Callable[[Lines, int], None]) -> Change:
    """A change that depends on the run's number."""
    return lambda tree: [change(lines, index) for index, lines in tree.logs.items()]


def network(lines: Lines, index: int) -> None:
    figures = lines[at(lines, keys.PREFLIGHT)]["value"]["figures"]["all_reduce"]
    figures.update(latency_seconds=0.005 + 0.0001 * index**2)


def rates(made: Callable[[float], float]) -> Change:
    def change(lines: Lines) -> None:
        for epoch in range(sum(line["key"] == keys.TRACKED_STATS for line in lines)):
            told = stats_of(lines, epoch)
            told["throughput"] = made(told["throughput"])

    return every_log(change)


def readme(text: bytes) -> Change:
    return add(f"{CODE.replace('reference', SYSTEM)}/README.md", b"stemdl run --rung stemdl_mini --runs 5\n" + text)


def prepared_for(ms: int) -> Callable[[Lines], None]:
    return shift_from(keys.SEED, ms)


def on_two_nodes(tree: Tree) -> None:
    """The ranks of one node, of whose clock there is nothing to compare."""
    describe(host_networking_topology="fat tree", number_of_nodes="2")(tree)
    for lines in tree.logs.values():
        lines[at(lines, keys.NUMBER_OF_NODES)]["value"] = 2
        for place in lines[at(lines, keys.PLACEMENT)]["value"]:
            place.update(host=f"node{place['rank']}")
        lines[at(lines, keys.PREFLIGHT)]["value"]["figures"].update(clock_offset_seconds=0.0)


def quick_network(lines: Lines, index: int) -> None:
    figures = lines[at(lines, keys.PREFLIGHT)]["value"]["figures"]["all_reduce"]
    figures.update(latency_seconds=figures["latency_seconds"] * 1e-4, bandwidth_bytes_per_second=4.1e11 + 1.7e9 * index)


def prepared_but_for_one(lines: Lines, index: int) -> None:
    prepared_for(39_000 + 731 * index if index else 0)(lines)


def nodes_of_one(tree: Tree) -> None:
    describe(host_networking_topology="N/A: a single node", number_of_nodes="2")(tree)


OUTSIDERS = (
    warned("seeds that are sha256 of the run's name", "R4.2", seeds(of_a_text)),
    warned("seeds of the higher bits of a generator", "R4.2", seeds(higher_bits)),
    warned("seeds of three digits", "R4.2", seeds(lambda index: FEW[index] * 1000 + 111 * (index % 3 + 1))),
    warned("seeds that are squares", "R4.2", seeds(lambda index: (23456 + 4321 * index) ** 2)),
    warned("seeds that are cubes", "R4.2", seeds(lambda index: (789 + 97 * index) ** 3)),
    warned("seeds of the digits of pi", "R4.2", seeds(lambda index: DECIMALS[index])),
    warned("a run that is prepared for 30 s", "R3.2", log(prepared_for(30_000), 2)),
    warned("samples/s of ten digits", "R4.6", rates(lambda value: float(f"{value:.10g}"))),
    warned("preflights of few digits", "R7.5", each_run(network)),
    warned(
        "preflights that last longer by one step",
        "R7.5",
        each_run(lambda lines, index: preflight_lasts(0.4687312345678912 + 0.001 * index)(lines)),
    ),
    warned("a variable behind another", "R8.2", script("export MKL_CBWR=AVX2 TORCH_ALLOW_TF32_CUBLAS_OVERRIDE=1")),
    warned("a setting that there is not", "R8.2", script("stemdl run --rung stemdl_mini --runs 5 --set seed=7")),
    warned("a README that claims a review", "R6.1", readme(b"The result is verified by MLCommons.\n")),
    warned("a description that claims a review", "R6.1", describe(hw_notes="certified by MLPerf")),
    warned("memory of other modules", "R7.7", describe(host_memory_configuration="2 x 640 GiB DDR5")),
    warned("a kernel older than the C library", "R7.7", describe(operating_system="Debian 12, kernel 2.4.20")),
    warned("more first caches than threads", "R7.7", describe(host_processor_caches="L1d 4096 x 32 KiB")),
    Mutation(
        "a cache larger than the memory",
        "R7.7",
        describe(host_processor_caches="L3 1 x 8 GiB", host_memory_capacity="24 GiB"),
    ),
    warned("storage of 1 KiB", "R7.7", describe(host_storage_capacity="1 KiB")),
    warned("a least clock above the most", "R7.7", describe(host_processor_frequency="3000 MHz (min), 2000 MHz (max)")),
    Mutation("nodes that are joined as one", "R7.7", nodes_of_one),
    warned("runs that are prepared for 40 s but for one", "R3.2", each_run(prepared_but_for_one)),
    warned("two nodes of one clock", "R7.5", on_two_nodes),
    warned("sums that wait for no cycle", "R7.5", each_run(quick_network)),
)
