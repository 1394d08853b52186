"""Submissions that were found to pass by a hair: seeds by one more rule, caches, ranges, folders, steps and lines."""

from __future__ import annotations

from collections.abc import Callable

from changes import describe, every_log, figure, log, put, setting, tell, together
from corpus import RUNG, Mutation, released_source
from honest_run import Lines, at
from mutations_published import warned
from mutations_related import RUN, script, seeds
from mutations_vendors import in_a_record
from mutations_visible import named
from mutations_words import notes

from benchmark.events import keys

ROOTS, FIRST, PARTS = (31517, 40289, 22741, 45123, 38177), 2463534242, (118, 56, 95, 152, 212)


def xorshift(index: int) -> int:
    state = FIRST
    for _ in range(index + 1):
        state ^= state << 13 & 0xFFFFFFFF
        state ^= state >> 17
        state ^= state << 5 & 0xFFFFFFFF
    return state & 0x7FFFFFFF


def joined(index: int) -> int:
    """The last seed is of the bits that the others leave."""
    told = [1186745543, 568719590, 953243748, 1523605874]
    return told[index] if index < 4 else told[0] ^ told[1] ^ told[2] ^ told[3]


def summed(index: int) -> int:
    told = [186745543, 568719590, 53243748, 923605874]
    return told[index] if index < 4 else sum(told)


def preflight_as_before(told: dict[str, float]) -> Callable[[Lines], None]:
    """Seconds and latency of another preflight, some digits on."""

    def change(lines: Lines) -> None:
        value = lines[at(lines, keys.PREFLIGHT)]["value"]["figures"]
        figure(seconds=told["seconds"] + 1e-9)(lines)
        figure(all_reduce={**value["all_reduce"], "latency_seconds": told["latency_seconds"] + 1e-9})(lines)

    return change


def preflight_of_the_first(tree: object) -> None:
    first = tree.logs[0][at(tree.logs[0], keys.PREFLIGHT)]["value"]["figures"]
    told = {"seconds": first["seconds"], "latency_seconds": first["all_reduce"]["latency_seconds"]}
    preflight_as_before(told)(tree.logs[4])


def line_of(key: str) -> int:
    """The line of the released run_log.py that logs a key."""
    lines = released_source()["run_log.py"].decode().splitlines()
    return next(number for number, line in enumerate(lines, start=1) if f"log.point(keys.{key}," in line)


NEARER = (
    *(
        warned(f"seeds {name}", "R4.2", seeds(seed_of))
        for name, seed_of in {
            "of xorshift, its highest bit left out": xorshift,
            "that are squares and one": lambda index: ROOTS[index] ** 2 + 1,
            "of which each is one and a half times the one before": lambda index: round(211_717_171 * 1.5**index),
            "whose last digits count": lambda index: PARTS[index] * 10_000_000 + 1_910_001 + index,
            "whose middle digits count": lambda index: (
                PARTS[index] * 10**7 + (600 + index) * 10**4 + 3517 * index % 9973
            ),
            "of which one joins the others' bits": joined,
            "of which one is the others' sum": summed,
        }.items()
    ),
    warned("clocks of one node apart", "R7.5", every_log(figure(clock_offset_seconds=0.71))),
    warned("a preflight of the first run, some digits on", "R7.5", preflight_of_the_first),
    warned("one first cache of two cores", "R7.7", describe(host_processor_caches="L1d 1 x 32 KiB; L2 1 x 1 MiB")),
    warned("a second cache below the first", "R7.7", describe(host_processor_caches="L1d 2 x 64 KiB; L2 2 x 32 KiB")),
    warned("a range of clocks that falls", "R7.7", describe(host_processor_frequency="4000 MHz to 2000 MHz")),
    warned(
        "more storage in memory than memory", "R7.7", describe(host_storage_type="tmpfs", host_storage_capacity="9 TiB")
    ),
    warned("a system named by a card that it lacks", "R7.7", named("a100-x8")),
    warned("a script of sixteen threads", "R8.2", script("export OMP_NUM_THREADS=16", RUN)),
    warned("data in a folder with the dev split", "R4.9", in_a_record(folder=f"data/{RUNG}_with_dev")),
    warned("data in memory before the clock", "R3.3", in_a_record(folder=f"/dev/shm/{RUNG}")),
    warned("data in a memory of bytes", "R4.8", every_log(setting("memory_share", 1e-6))),
    warned(
        "a learning rate that moves nothing",
        "R3.11",
        every_log(together(setting("learning_rate", 1e-9), put(keys.OPT_BASE_LR, 1e-9))),
    ),
    Mutation(
        "a seed of the batch's line",
        "R8.7",
        log(tell(keys.SEED, file="reference/run_log.py", lineno=line_of("GLOBAL_BATCH_SIZE"))),
    ),
    warned("notes on a review in another language", "R6.1", notes("Von MLCommons begutachtet.")),
)
