"""The corpus of bad submissions: published runs under another name, numbers that no clock or seed gives, and scripts
that do what no log says."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

from changes import Change, add, after, describe, every_log, figure, ledger, log, put, shift_from
from corpus import Mutation, Tree
from honest_run import EPOCHS, RUNG, Lines, at
from mutations_between import SCRIPTS, preflight
from mutations_related import RUN, script, seeds
from mutations_weak import at_once

from benchmark.definition.curves import Curve
from benchmark.events import keys
from benchmark.validation.standard import standards

TIMES = {"epoch": (keys.EPOCH_START, keys.EPOCH_STOP), "evaluation": (keys.EVAL_START, keys.EVAL_STOP)}


def published() -> list[Curve]:
    """The recorded runs of the reference whose logs are published."""
    return [each for each in standards()[RUNG].curves if each.log_sha256]


def from_published(*kinds: str, by: float = 0.0, runs: tuple[int, ...] = (0, 1, 2, 3, 4)) -> Change:
    """Runs with the losses, or scores, of published ones, changed by a share of `by` to either side."""

    def change(tree: Tree) -> None:
        for index in runs:
            chance, lines, curve = random.Random(f"published {index}"), tree.logs[index], published()[index]
            for epoch in range(EPOCHS):
                loss, score = (told[epoch] * (1 + chance.uniform(-by, by)) for told in (curve.losses, curve.values))
                if "losses" in kinds:
                    lines[at(lines, keys.TRACKED_STATS, epoch)]["value"]["loss"] = loss
                for key in (keys.EVAL_ACCURACY, keys.F1_MACRO) if "scores" in kinds else ():
                    put(key, score, epoch)(lines)

    return change


def stats_of(lines: Lines, epoch: int) -> dict[str, float]:
    return lines[at(lines, keys.TRACKED_STATS, epoch)]["value"]


def one_number_of_another(tree: Tree) -> None:
    stats_of(tree.logs[3], 0)["loss"] = stats_of(tree.logs[1], 0)["loss"]


def rates_of_the_first(tree: Tree) -> None:
    """The samples/s of another run, at other epochs, and the times that they ask for."""
    lines = tree.logs[3]
    for epoch in range(EPOCHS):
        rate = stats_of(tree.logs[0], (epoch + 1) % EPOCHS)["throughput"]
        start, stop = (lines[at(lines, key, epoch)]["time_ms"] for key in TIMES["epoch"])
        shift_from(
            keys.EPOCH_STOP, round(stats_of(lines, epoch)["throughput"] / rate * (stop - start)) - (stop - start), epoch
        )(lines)
        stats_of(lines, epoch)["throughput"] = rate


def mixed_of_two(tree: Tree) -> None:
    for epoch in range(EPOCHS):
        stats_of(tree.logs[3], epoch)["loss"] = sum(stats_of(tree.logs[each], epoch)["loss"] for each in (1, 2)) / 2


def in_a_progression(tree: Tree) -> None:
    for index, lines in tree.logs.items():
        for key in (keys.EVAL_ACCURACY, keys.F1_MACRO):
            put(key, 0.9051234567891 + index / 1000)(lines)


def rounded(name: str, digits: int) -> Change:
    return every_log(
        lambda lines: [
            stats_of(lines, epoch).update({name: round(stats_of(lines, epoch)[name], digits)})
            for epoch in range(EPOCHS)
        ]
    )


def last_score_rounded(lines: Lines) -> None:
    for key in (keys.EVAL_ACCURACY, keys.F1_MACRO):
        put(key, round(lines[at(lines, key)]["value"], 3))(lines)


def lasting(ms_of: Callable[[int, int], float], what: str = "epoch", rates: bool = True) -> Change:
    """Intervals of other lengths, by their epoch and their milliseconds, and all later events with them."""

    def change(lines: Lines) -> None:
        for epoch in range(EPOCHS):
            start, stop = (lines[at(lines, key, epoch)]["time_ms"] for key in TIMES[what])
            length = round(ms_of(epoch, stop - start))
            shift_from(TIMES[what][1], length - (stop - start), epoch)(lines)
            if what == "epoch" and rates:
                stats_of(lines, epoch)["throughput"] *= (stop - start) / length

    return every_log(change)


def rates_of_the_log(lines: Lines) -> None:
    """Samples/s that were made of the log's own milliseconds."""
    for epoch in range(EPOCHS):
        start, stop = (lines[at(lines, key, epoch)]["time_ms"] for key in TIMES["epoch"])
        last = lines[at(lines, keys.F1_MACRO)]["metadata"][keys.SAMPLES_COUNT]
        stats_of(lines, epoch)["throughput"] = last / EPOCHS / (stop - start) * 1000


def runs_of_one_time(tree: Tree) -> None:
    for lines in tree.logs.values():
        taken = lines[at(lines, keys.RUN_STOP)]["time_ms"] - lines[at(lines, keys.RUN_START)]["time_ms"]
        start, stop = (lines[at(lines, key, 1)]["time_ms"] for key in TIMES["epoch"])
        shift_from(keys.EPOCH_STOP, 12_500 - taken, 1)(lines)
        stats_of(lines, 1)["throughput"] *= (stop - start) / (stop - start + 12_500 - taken)


def ended_late(entries: list[dict]) -> None:
    """The end of the second run 30 s after the start of the third, whose line stands below it."""
    entries[3]["time_ms"] = entries[4]["time_ms"] + 30_000


def placed(rank: int, **changes: str) -> Callable[[Lines], None]:
    return lambda lines: lines[at(lines, keys.PLACEMENT)]["value"][rank].update(changes)


def on_cores_of_nobody(index: int, lines: Lines) -> None:
    for place in lines[at(lines, keys.PLACEMENT)]["value"]:
        first = 12 * index + 4 * place["rank"]
        place["cpus"] = f"{first}-{first + 3}"


def without_load(value: dict) -> None:
    value["checks"].remove("load")
    value["figures"].pop("load")


def slow_network(lines: Lines) -> None:
    told = lines[at(lines, keys.PREFLIGHT)]["value"]["figures"]["all_reduce"]
    figure(all_reduce=told | {"bandwidth_bytes_per_second": 1.5})(lines)


def staged_before(lines: Lines) -> None:
    lines[at(lines, keys.CONFIG)]["value"]["stage"] = "/dev/shm"


def without_the_command(folder: Path) -> None:
    for path in folder.glob(f"benchmarks/{RUNG}/implementations/*/README.md"):
        path.write_text("# The source, as it ran\n")


def of_one_digit(lines: Lines) -> None:
    put(keys.SUBMISSION_GITHUB_COMMIT_VERSION, "0" * 40)(lines)


def warned(name: str, rule: str, change: Change) -> Mutation:
    return Mutation(name, rule, change, invalid=False)


LATE = {
    "enters its runs elsewhere": (f"{RUN} --ledger elsewhere.jsonl",),
    "takes other definitions": ("stemdl --tasks mine run",),
    "runs Python of its own": ('python -c "import reference.train"', RUN),
    "evaluates what cannot be read": ('eval "$(echo cm0gLXJm | base64 -d)"', RUN),
    "quotes an option": (f'{RUN} "--set" "learning_rate=0.01"',),
    "quotes an option as bash alone does": (f"{RUN} $'--seed' 7",),
    "writes an option with another dash": (f"stemdl run --rung {RUNG} \N{EN DASH}runs 5",),
    "passes options of the environment": (f"{RUN} $EXTRA",),
    "ends what is slow": (f"timeout 75 {RUN}",),
    "ends what is slow from beside": ("(sleep 14; kill $$) &", RUN),
    "changes files by Perl": ("perl -pi -e s/a/b/ runs/x", RUN),
    "copies a checkpoint": ("cp /best.pt runs/five/run_0/checkpoint.pt", RUN),
    "installs a package": ("pip install fast-torch", RUN),
    "installs by another program": ("conda install fast-torch", RUN),
    "merges a branch": ("git merge fast", RUN),
    "links other source": ("ln -sf /opt/fast/train.py reference/train.py", RUN),
    "takes other settings": (f"{RUN} --config other.yaml",),
    "searches programs elsewhere": ("export PATH=/opt/fast:$PATH", RUN),
    "makes no run": ("fast-train",),
}

PUBLISHED_RUNS = (
    Mutation("the losses and scores of published runs", "R4.6", from_published("losses", "scores")),
    Mutation("published runs in other digits", "R4.6", from_published("losses", "scores", by=1e-4)),
    Mutation("the losses of published runs", "R4.6", from_published("losses")),
    Mutation("the scores of published runs", "R4.6", from_published("scores")),
    Mutation("one published run among five", "R4.6", from_published("losses", "scores", runs=(2,))),
    warned("the seed of a published run", "R4.2", lambda tree: put(keys.SEED, published()[0].seed)(tree.logs[1])),
    warned("one loss of another run, to the last digit", "R4.6", one_number_of_another),
    Mutation("the samples/s of another run at other epochs", "R4.6", rates_of_the_first),
    warned("a run that is the mean of two", "R4.6", mixed_of_two),
    warned("scores in a progression", "R4.6", in_a_progression),
    warned("losses with four digits", "R4.6", rounded("loss", 3)),
    warned("samples/s with five digits", "R4.6", rounded("throughput", 2)),
    warned("a score with three digits", "R4.6", every_log(last_score_rounded)),
    warned("samples/s made of the log's times", "R3.9", every_log(rates_of_the_log)),
    warned("epochs of one time", "R3.9", lasting(lambda _epoch, _ms: 3_456)),
    warned("runs of one time", "R3.9", runs_of_one_time),
    warned(
        "a second epoch that is quick in all runs", "R3.9", lasting(lambda epoch, ms: 0.65 * ms if epoch == 1 else ms)
    ),
    warned(
        "a last evaluation that is quick in all runs",
        "R3.9",
        lasting(lambda epoch, ms: 0.5 * ms if epoch == EPOCHS - 1 else ms, "evaluation"),
    ),
    warned("an end in the ledger after the start below it", "R4.12", ledger(ended_late)),
    warned(
        "seeds that are nearly a progression", "R4.2", seeds(lambda index: 100_000_000 + 400_000_000 * index + index**2)
    ),
    warned(
        "a seed that is the sum of two",
        "R4.2",
        seeds(lambda index: (300_000_007, 400_111_009, 700_111_016, 1_100_999_025, 2_000_004_041)[index]),
    ),
    Mutation("a host with markup", "R7.4", every_log(placed(0, host="<b>node</b>"))),
    warned("CPUs of higher numbers than a node has", "R7.3", every_log(placed(1, cpus="512"))),
    warned("one run with more CPUs", "R4.10", log(placed(0, cpus="0-1"), 2)),
    warned(
        "a check of the preflight that no release has", "R7.5", preflight(lambda value: value["checks"].append("luck"))
    ),
    warned("a load that was left out by a release that measures it", "R7.5", preflight(without_load)),
    warned("an all-reduce without a figure", "R7.5", preflight(lambda value: value["figures"].pop("all_reduce"))),
    warned("an all-reduce that took longer than the preflight", "R7.5", every_log(slow_network)),
    Mutation("more memory than a node can have", "R7.7", describe(host_memory_capacity="24 EiB")),
    Mutation("32 threads of a core", "R7.7", describe(host_processor_core_count="2", host_processor_vcpu_count="64")),
    Mutation("a commit of one digit", "R8.2", every_log(of_one_digit)),
    warned(
        "a loss far above the reference's",
        "R3.11",
        every_log(lambda lines: stats_of(lines, 0).update(loss=9.0 + stats_of(lines, 0)["loss"] / 100)),
    ),
    warned("data that were copied before the clock", "R3.9", every_log(staged_before)),
    Mutation("instances on more CPUs than the system has", "R5.5", at_once(on_cores_of_nobody)),
    warned("no README with the command", "R8.2", after(without_the_command)),
    warned(
        "a README with other ranks", "R8.2", add(f"{SCRIPTS}/README.md", f"stemdl run --rung {RUNG} --ranks 7".encode())
    ),
    *(warned(f"a script that {name}", "R8.2", script(*lines)) for name, lines in LATE.items()),
)
