"""The corpus of bad submissions: what is wrong with the runs of a set together, each of them good."""

from __future__ import annotations

from changes import (
    converged_after_one_epoch,
    every_log,
    log,
    one_run_more,
    put,
    same_run_an_hour_later,
    same_run_twice,
    setting,
    times_far_apart,
    together,
    with_batch,
)
from corpus import RESULTS, Mutation, Tree
from honest_run import as_text, log_lines

from benchmark.events import keys


def pruned(tree: Tree) -> None:
    """A sixth run, among the pruned results of strong scaling."""
    tree.files[f"{RESULTS}/pruned_results/result_0.txt"] = as_text(log_lines(5))


def seeds_from_one(tree: Tree) -> None:
    for index, lines in tree.logs.items():
        put(keys.SEED, 1 + index)(lines)


SETS = (
    Mutation("seeds from 1 to 5", "R4.2", seeds_from_one, invalid=False),
    Mutation("four runs", "R4.5", lambda tree: tree.logs.pop(4)),
    Mutation("six runs", "R4.5", one_run_more),
    Mutation("a number left out", "R4.5", lambda tree: tree.logs.update({7: tree.logs.pop(4)})),
    Mutation("a run given twice", "R4.6", same_run_twice),
    Mutation("a run given twice, with another seed and an hour later", "R4.6", same_run_an_hour_later),
    Mutation(
        "another batch in one run",
        "R4.10",
        log(together(put(keys.GLOBAL_BATCH_SIZE, 64), setting("global_batch_size", 64))),
    ),
    Mutation("another source in one run", "R4.10", log(put(keys.SUBMISSION_GITHUB_COMMIT_VERSION, "b" * 40))),
    Mutation("other software in one run", "R4.10", log(put(keys.VERSIONS, {"torch": "2.13.0+cpu", "python": "3.12"}))),
    Mutation("converged after one epoch", "R4.11", every_log(converged_after_one_epoch)),
    Mutation("a batch that the reference was never run with", "R4.11", with_batch(512)),
    Mutation("times that lie far apart", "R4.13", times_far_apart, invalid=False),
    Mutation("a slow run of strong scaling pruned", "R4.5", pruned),
)
