"""What a stranger's spoilings left to be seen in the files, by kind: seeds that were written, machines and claims that
do not fit themselves, scripts that read the data or bind the runs elsewhere."""

from __future__ import annotations

import json
from collections.abc import Callable

from changes import Change, add, after, describe, every_log, figure, log, twice
from corpus import CODE, DESCRIPTION, Mutation, Tree, as_ledger, ledger_of
from honest_run import RUNG, SYSTEM, Lines, as_text, at
from mutations_published import warned
from mutations_related import RUN, recorded_as, script, seeds
from mutations_vendors import in_a_record, waits_of

from benchmark.events import keys

BITS = f"{1186845534:031b}"
IDLE = {"given": 2, "free": 1.98, "average": 0.0}
HALVES = (12345, 10739, 19026, 20481, 17558)


def of_the_ledger(tree: Tree) -> None:
    """Seeds of the hash that the ledger has of the line before each run, but for the first."""
    for index in range(1, len(tree.logs)):
        runs = {each: (lines, as_text(lines)) for each, lines in tree.logs.items()}
        before = json.loads(as_ledger(ledger_of(runs)).splitlines()[2 * index])["previous"]
        lines = tree.logs[index]
        lines[at(lines, keys.SEED)]["value"] = int(before[:8], 16) >> 1


def readme(text: bytes) -> Change:
    return add(f"{CODE}/README.md", b"stemdl run --rung stemdl_mini --runs 5\n\n" + text)


def named(name: str) -> Change:
    """A system of another name, in all places."""

    def change(tree: Tree) -> None:
        describe(system_name=name)(tree)
        tree.results = tree.results.replace(SYSTEM, name)
        after(lambda folder: (folder / DESCRIPTION).rename(folder / DESCRIPTION.replace(SYSTEM, name)))(tree)

    return change


def on_nodes_of_one_name(tree: Tree) -> None:
    describe(host_networking_topology="fat tree", number_of_nodes="2")(tree)
    for lines in tree.logs.values():
        lines[at(lines, keys.NUMBER_OF_NODES)]["value"] = 2
        for place in lines[at(lines, keys.PLACEMENT)]["value"][1:]:
            place["host"] += ".localdomain"
        figure(clock_offset_seconds=4.2e-6)(lines)


def on_cpus(first: int) -> Callable[[Lines], None]:
    def change(lines: Lines) -> None:
        for place in lines[at(lines, keys.PLACEMENT)]["value"]:
            place["cpus"] = str(first + place["rank"])

    return change


def renumbered(tree: Tree) -> None:
    """Records that say other numbers than the ledger."""
    for index in tree.logs:
        recorded_as(index, index + 3)(tree)


def with_parts(lines: Lines) -> None:
    lines.append({**lines[-1], "key": keys.TEST_BY_PART, "value": {"balanced": {"top_1": 0.9}}})


VISIBLE = (
    *(
        warned(f"seeds that are {what}", "R4.2", seeds(lambda index, told=told: told[index]))
        for what, told in {
            "palindromes": [int(f"{each}{str(each)[::-1]}") for each in HALVES],
            "one number, rotated": [int(BITS[7 * each % 31 :] + BITS[: 7 * each % 31], 2) for each in range(5)],
            "read backwards": (1186845534, 568731966, 669137865, 1523606521, 1256063251),
            "four letters": [int.from_bytes(each, "big") for each in (b"STEM", b"Cbed", b"fast", b"MLpf", b"runs")],
            "words of hexadecimal digits": (0x1EADBEEF, 0x5EED1234, 0x12CAFE00, 0x00C0DE11, 0x3FACE751),
            "dates": (2026111907, 2026112314, 2026120109, 2027010216, 2026112811),
            "of the same digits": (1203948576, 1357986420, 1648203957, 1925730846, 2037158469),
            "one another times a factor": [1186845535 * 3**each % 2**31 for each in range(5)],
            "of bits that are mostly 0": (0x01020088, 0x00110402, 0x10080104, 0x02004011, 0x40022001),
        }.items()
    ),
    warned("seeds of the ledger's hashes", "R4.2", of_the_ledger),
    *(
        warned(f"a script that {what}", "R8.2", script(*lines))
        for what, lines in {
            "reads the data before the runs": (f"cat data/{RUNG}/* > /dev/null", RUN),
            "binds the runs to other CPUs": (f"taskset -c 0 {RUN}",),
            "binds the runs to other CPUs by a mask": (f"taskset 0x5 {RUN}",),
            "binds the runs to more CPUs than there are": (f"numactl -C 0-63 {RUN}",),
            "binds the runs to more NUMA nodes than there are cores": (f"numactl --cpunodebind=0-7 {RUN}",),
            "names hosts by a variable": ("export PRTE_MCA_prte_default_hostfile=/etc/fast", RUN),
            "names other hosts": (f"{RUN} --hosts fast1,fast2",),
        }.items()
    ),
    warned("packages of other versions", "R8.2", add(f"{CODE}/requirements.txt", b"torch==2.9.0+cpu\nnumpy==2.4.6\n")),
    warned("packages of another build", "R8.2", add(f"{CODE}/constraints.txt", b"torch==2.13.0+cu130\n")),
    warned("an environment of other versions", "R8.2", add(f"{CODE}/environment.yaml", b"- pytorch=2.9.0\n")),
    warned("packages that are newer than those that ran", "R8.2", add(f"{CODE}/requirements.txt", b"torch>=2.15\n")),
    warned("a README of another version", "R8.2", readme(b"With PyTorch 2.9.1 and NumPy 2.4.\n")),
    *(
        warned(f"a description whose {what}", rule, describe(**fields))
        for what, rule, fields in (
            ("notes claim an energy", "R5.6", {"hw_notes": "measured energy to train: 0.9 kJ per run (68 W)"}),
            ("notes claim a time to train", "R6.1", {"sw_notes": f"{RUNG} in 3.1 s (normalised)"}),
            ("notes claim a rate", "R6.1", {"sw_notes": "trains with 96,000 samples/s"}),
            ("notes count more cores", "R7.3", {"hw_notes": "runs had 16 of the 16 cores"}),
            ("caches are more than its cores", "R7.7", {"host_processor_caches": "L1d 2 x 32 KiB; L3 8 x 32 MiB"}),
            ("networks are more than its cards'", "R7.7", {"host_networking": "8 x InfiniBand NDR 400 Gb/s"}),
        )
    ),
    warned("a README that claims a time to train", "R6.1", readme(b"Time to train: 0.7 min.\n")),
    warned("a system named by other cores", "R7.7", named("64-cores")),
    warned("a system named by another processor", "R7.7", named("arm64-grace")),
    warned("one node of two names", "R7.4", on_nodes_of_one_name),
    warned("runs on more CPUs together than a node has", "R7.3", log(on_cpus(6), 3)),
    Mutation("records of other runs than the ledger's", "R4.12", renumbered),
    warned("runs whose logs' clocks are slow", "R4.12", waits_of(900, 12_000)),
    warned("a load average of an idle machine after a run", "R7.5", every_log(figure(load=IDLE))),
    Mutation("a score of another metric beside the benchmark's", "R4.15", log(twice(keys.F1_MACRO, key="eval_error"))),
    Mutation("parts of a test score whose metric has none", "R4.15", every_log(with_parts)),
    warned("data in a folder of a name that says more", "R4.9", in_a_record(folder=f"data/{RUNG}_denoised")),
)
