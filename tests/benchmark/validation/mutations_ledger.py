"""The corpus of bad submissions: the ledger changed, and the chain of hashes made of what it then is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from changes import after, ledger, ledger_bytes, linked, more_run, of_the_other_division
from corpus import RESULTS, Mutation

from benchmark.submission.ledger import LEDGER

Entries = list[dict[str, Any]]


def start(number: int, **told: Any) -> Callable[[Entries], None]:
    """Other fields of an entry."""
    return lambda entries: entries[number].update(told)


def later(number: int, ms: int) -> Callable[[Entries], None]:
    """A run, both its lines, at another time, and all that come after it."""

    def change(entries: Entries) -> None:
        for entry in entries[number:]:
            entry["time_ms"] += ms

    return change


def later_all(ms: int) -> Callable[[Entries], None]:
    return later(0, ms)


def swapped(entries: Entries) -> None:
    """The second run before the first."""
    entries[:4] = [entries[2], {**entries[3], "start": 0}, entries[0], {**entries[1], "start": 2}]


def setting_of_all(**told: Any) -> Callable[[Entries], None]:
    """Settings of every run."""

    def change(entries: Entries) -> None:
        for entry in entries:
            if "settings" in entry:
                entry["settings"] = {**entry["settings"], **told}

    return change


def started_again(entries: Entries) -> None:
    """A run that the ledger has no end of."""
    entries.append({**entries[0], "time_ms": entries[-1]["time_ms"]})


def same_log_again(entries: Entries) -> None:
    more_run(entries, 99.0)
    entries[-1]["log_sha256"] = entries[1]["log_sha256"]


def more_runs(entries: Entries, **settings: Any) -> None:
    """A set of slow runs, with other settings."""
    for _ in range(5):
        more_run(entries, 40.0, settings={**entries[0]["settings"], **settings})


def searched(ways: int) -> Callable[[Entries], None]:
    """A run for each of so many learning rates."""

    def change(entries: Entries) -> None:
        for way in range(ways):
            more_run(entries, 40.0, settings={**entries[0]["settings"], "learning_rate": 0.1 * 2.0**-way})

    return change


LEDGERS = (
    Mutation("no ledger", "R4.12", after(lambda folder: (folder / RESULTS / LEDGER).unlink())),
    Mutation(
        "a line of the ledger taken out",
        "R4.12",
        ledger_bytes(lambda text: b"".join(text.splitlines(keepends=True)[2:])),
    ),
    Mutation(
        "a time in the ledger changed",
        "R4.12",
        ledger_bytes(lambda text: text.replace(b'"epochs": 3', b'"epochs": 2', 1)),
    ),
    Mutation("a ledger without one of the runs", "R4.12", ledger(lambda entries: entries.__delitem__(slice(8, 10)))),
    Mutation(
        "a ledger rewritten with another time",
        "R4.12",
        ledger(lambda entries: entries[1].update(time_to_train_seconds=9.5)),
    ),
    Mutation(
        "a ledger rewritten with another setting",
        "R4.12",
        ledger(lambda entries: entries[0].update(settings={**entries[0]["settings"], "learning_rate": 0.1})),
    ),
    Mutation("the fastest of eight runs", "R4.5", ledger(lambda entries: [more_run(entries, 40.0) for _ in range(3)])),
    Mutation(
        "a slow run left out between the others", "R4.5", ledger(lambda entries: more_run(entries, 99.0, place=4))
    ),
    Mutation(
        "a run that missed the target left out",
        "R4.5",
        ledger(lambda entries: more_run(entries, 60.0, place=4, status="aborted")),
    ),
    Mutation("a set made for the other division as well", "R4.12", ledger(of_the_other_division), invalid=False),
    Mutation(
        "runs that were ended early",
        "R4.12",
        ledger(started_again),
        invalid=False,
    ),
    Mutation("a seed given by hand", "R4.2", ledger(lambda entries: entries[2].update(seed_given=True))),
    Mutation("a ledger that is a link", "R4.12", after(lambda folder: linked(folder / RESULTS / LEDGER))),
    Mutation("a ledger of other bytes", "R4.12", ledger_bytes(lambda text: b"\xff\x00[[[[" + text)),
    # held to the logs
    Mutation("a run resumed, by the ledger alone", "R4.4", ledger(start(2, resumed=True))),
    Mutation("another partition in the ledger", "R4.12", ledger(start(0, partition="fold_1"))),
    Mutation("other epochs in the ledger", "R4.12", ledger(lambda entries: entries[1].update(epochs=2))),
    Mutation("two runs in one folder", "R4.12", ledger(start(2, folder="set/run_0", index=0))),
    Mutation("a run of another number than its folder", "R4.12", ledger(start(2, index=4))),
    Mutation("a log a year outside of its run", "R4.12", ledger(later(0, 31_536_000_000))),
    Mutation("all logs an hour before their runs", "R4.12", ledger(later_all(3_600_000))),
    Mutation("all runs three seconds after their logs", "R4.12", ledger(later_all(3_900)), invalid=False),
    Mutation("a run that ends while its log goes on", "R4.12", ledger(lambda entries: entries[1].update(time_ms=1))),
    Mutation("runs in another order than their times", "R4.12", ledger(swapped), invalid=False),
    Mutation(
        "a key twice in a line of the ledger",
        "R4.12",
        ledger_bytes(lambda text: text.replace(b'"ranks": 2', b'"ranks": 4, "ranks": 2', 1)),
    ),
    Mutation("an unknown field in the ledger", "R4.12", ledger(start(0, note="redone"))),
    Mutation("a field of the ledger left out", "R4.12", ledger(lambda entries: entries[0].pop("resumed"))),
    Mutation("a text for a number in the ledger", "R4.12", ledger(start(0, ranks="2"))),
    Mutation("a status that no run has", "R4.12", ledger(lambda entries: entries[1].update(status="lost"))),
    Mutation("a setting that the ledger alone has", "R4.12", ledger(setting_of_all(mixup=0.2))),
    Mutation("a device that the ledger alone has", "R4.12", ledger(setting_of_all(device="cuda"))),
    Mutation("a trainer that the ledger alone has", "R4.12", ledger(start(0, trainer="mine/train.py"))),
    Mutation("one log of two runs", "R4.12", ledger(same_log_again)),
    # choosing runs
    Mutation("more ways of tuning than may be tried", "R4.17", ledger(searched(21)), invalid=False),
    Mutation(
        "better runs chosen by how long a rank may wait",
        "R4.5",
        ledger(lambda entries: more_runs(entries, collective_timeout_seconds=90)),
    ),
    *(
        Mutation(
            f"slow runs with another {name}",
            "R4.12",
            ledger(lambda entries, told={name: value}: more_runs(entries, **told)),
            invalid=False,
        )
        for name, value in (("fusion_mib", 64.0), ("checkpoint_every_steps", 50), ("learning_rate", 0.0040001))
    ),
    Mutation(
        "slow runs by other code",
        "R4.12",
        ledger(lambda entries: more_run(entries, 99.0, source={"benchmark": "5" * 64, "reference": "6" * 64})),
        invalid=False,
    ),
    Mutation(
        "slow runs whose seed was given",
        "R4.12",
        ledger(lambda entries: more_run(entries, 99.0, seed_given=True)),
        invalid=False,
    ),
    Mutation(
        "slow runs that were resumed",
        "R4.12",
        ledger(lambda entries: more_run(entries, 99.0, resumed=True)),
        invalid=False,
    ),
    Mutation(
        "slow runs on another manifest",
        "R4.12",
        ledger(lambda entries: more_run(entries, 99.0, manifest_sha256="e" * 64)),
        invalid=False,
    ),
)
