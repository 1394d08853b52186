"""Attacks on a valid submission that nobody wrote by hand, and how many of them pass `stemdl validate`.

    .venv/bin/python performance/attacks.py [--count 3000] [--combine 300] [--seed 0] [--tree results/reference]

By grammar: every field of every file (log, record, ledger, description, code) times every way to change it (drop,
double, swap between runs, nudge, scale, extreme, another type, alike in all runs), in one run and in all; every event
of a log earlier or later with all that follow; every file of the code dropped, emptied, cut and added to, and a log or
record copied under the next number. Each is made at three depths, as by attackers who know ever more: the file alone;
a log with its record; a log with its record, the ledger's line and the chain of hashes. `--combine` adds pairs of
attacks on different fields.

An attack passes where the verdict is not INVALID and no finding is new. A survivor whose field is on the list of what
decides nothing (`HARMLESS`) is counted apart, with the reason; every other is a hole, shown with the score that it
leads to. The exit code is 1 where a survivor betters the score.

That the attacked runs are published ones is not looked at: every change of a log would be found by that alone, and
those of a submission of somebody else's would not.
"""

from __future__ import annotations

import argparse
import fnmatch
import random
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from attack_grammar import Attack, all_attacks, apply
from attack_tree import DEPTHS, Tree

from benchmark.cli.output import print_table
from benchmark.foundation.progress import progress
from benchmark.validation import across
from benchmark.validation.finding import Severity, Verdict
from benchmark.validation.judged_scores import judged_scores
from benchmark.validation.validate import validate

HARMLESS: dict[str, str] = {
    "log:*/metadata/file": "where in the trainer's source an event was logged; nothing is computed from it",
    "log:*/metadata/lineno": "where in the trainer's source an event was logged; nothing is computed from it",
    "log:*/namespace": "empty in all logs of mllog; one that says something is found, and one left out says nothing",
    "record:*": "next to the log, which decides; what is read of a record is held to the log",
}
"""Fields, as patterns of `file:path`, whose change alone decides nothing, and why."""


# ---- what comes of it


@dataclass(frozen=True)
class AttackOutcome:
    """`found`: INVALID, or a finding that the untouched submission does not have; `minutes`: the score of one
    that was not found."""

    found: bool
    minutes: float | None


def judged(folder: Path, known: frozenset[tuple[str, str]]) -> AttackOutcome:
    """What `validate` and `score` make of a tree."""
    report = validate([folder], official=False)
    new = [
        each for each in report.findings if each.severity >= Severity.WARNING and (each.rule, each.message) not in known
    ]
    found = report.verdict is Verdict.INVALID or bool(new)
    rows = [] if found else list(judged_scores([folder]))
    return AttackOutcome(found, rows[0].score_minutes if rows else None)


def harmless(attack: Attack) -> str | None:
    """Why the change of its field decides nothing; None where that is not known."""
    return next((why for pattern, why in HARMLESS.items() if fnmatch.fnmatchcase(attack.name, pattern)), None)


def made(tree: Tree, attacks: Sequence[Attack], folder: Path) -> bool:
    """The spoiled submission in `folder`; False where the attacks change nothing."""
    changed = [apply(tree, attack) for attack in attacks]
    if not all(changed):
        return False
    tree.write(folder, max((attack.depth for attack in attacks), key=DEPTHS.index))
    return True


def main() -> int:
    """Prints what survives, by field and way, and the shares."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tree", type=Path, default=ROOT / "results" / "reference")
    parser.add_argument("--count", type=int, default=3000, help="of attacks on one field, drawn from all")
    parser.add_argument("--combine", type=int, default=300, help="of pairs of attacks")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--all", action="store_true", help="every attack on one field")
    arguments = parser.parse_args()
    across.copies_of_recorded = across.seeds_of_recorded = lambda traces: iter(())
    generator = random.Random(arguments.seed)
    every = all_attacks(Tree(arguments.tree))
    singles = every if arguments.all else generator.sample(every, min(arguments.count, len(every)))
    drawn = [(attack,) for attack in singles] + [tuple(generator.sample(every, 2)) for _ in range(arguments.combine)]
    survivors: list[tuple[tuple[Attack, ...], AttackOutcome]] = []
    tried = 0
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "submission"
        shutil.copytree(arguments.tree, folder)
        good = judged(folder, frozenset())
        known = frozenset((each.rule, each.message) for each in validate([folder], official=False).findings)
        with progress("Attacking", len(drawn), "submissions") as advance:
            for done, attacks in enumerate(drawn, start=1):
                tree = Tree(arguments.tree)
                if made(tree, attacks, folder):
                    tried += 1
                    outcome = judged(folder, known)
                    if not outcome.found:
                        survivors.append((attacks, outcome))
                advance(done)
    return told(survivors, tried, len(every), good)


def told(
    survivors: Sequence[tuple[tuple[Attack, ...], AttackOutcome]], tried: int, every: int, good: AttackOutcome
) -> int:
    """Prints the survivors, the graver first; 1 where one betters the score."""
    excused = [pair for pair in survivors if all(harmless(attack) for attack in pair[0])]
    holes = [pair for pair in survivors if pair not in excused]
    better = [pair for pair in holes if good.minutes and (pair[1].minutes or 9e9) < good.minutes - 1e-9]
    counts = Counter(
        (" + ".join(f"{each.name} {each.way}" for each in attacks), " + ".join(each.depth for each in attacks))
        for attacks, _ in holes
    )
    scores = {" + ".join(f"{each.name} {each.way}" for each in attacks): outcome.minutes for attacks, outcome in holes}
    print_table(
        ("attack", "depth", "times", "score"),
        [
            (name, depth, str(times), f"{scores[name]:.4f}" if scores[name] else "-")
            for (name, depth), times in sorted(counts.items())
        ],
    )
    print(
        f"{tried} attacks of {every} and their pairs: {tried - len(survivors)} found, {len(excused)} harmless, "
        f"{len(holes)} pass ({len(holes) / max(1, tried):.1%}), {len(better)} of them with a better score than "
        f"{good.minutes:.4f} minutes"
    )
    for why, times in Counter(harmless(attack) for attacks, _ in excused for attack in attacks).items():
        print(f"  harmless, {times}: {why}")
    return 1 if better else 0


if __name__ == "__main__":
    sys.exit(main())
