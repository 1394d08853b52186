"""The corpus of bad submissions: the ledger changed, and the chain of hashes made of what it then is."""

from __future__ import annotations

from changes import after, ledger, ledger_bytes, linked, more_run, of_the_other_division
from corpus import RESULTS, Mutation

from benchmark.submission.ledger import LEDGER

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
        "a ledger written anew with another time",
        "R4.12",
        ledger(lambda entries: entries[1].update(time_to_train_seconds=9.5)),
    ),
    Mutation(
        "a ledger written anew with another setting",
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
    Mutation("runs that were ended early", "R4.12", ledger(lambda entries: entries.append(entries[0])), invalid=False),
    Mutation("a seed given by hand", "R4.2", ledger(lambda entries: entries[2].update(seed_given=True))),
    Mutation("a ledger that is a link", "R4.12", after(lambda folder: linked(folder / RESULTS / LEDGER))),
    Mutation("a ledger of other bytes", "R4.12", ledger_bytes(lambda text: b"\xff\x00[[[[" + text)),
)
