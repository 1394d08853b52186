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
import itertools
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
from attack_tree import DEPTHS, Tree, sets_of

from benchmark.cli.output import print_table
from benchmark.foundation.progress import progress
from benchmark.validation import across
from benchmark.validation.checks import relations
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
    """`found`: INVALID, or a finding that the untouched submission does not have; `minutes`: the scores of one that was
    not found, by where its logs lie."""

    found: bool
    minutes: dict[str, float]

    def betters(self, good: AttackOutcome) -> bool:
        """Whether one of the scores is better than the untouched submission's there, or, at a place that this has not,
        than its best of the same benchmark."""

        def best(where: str) -> float:
            named = [minutes for place, minutes in good.minutes.items() if Path(place).name == Path(where).name]
            return good.minutes.get(where, min(named, default=0.0))

        return any(minutes < best(where) - 1e-9 for where, minutes in self.minutes.items())


def judged(folder: Path, known: frozenset[tuple[str, str]]) -> AttackOutcome:
    """What `validate` and `score` make of a tree."""
    report = validate([folder], official=False)
    new = [
        each for each in report.findings if each.severity >= Severity.WARNING and (each.rule, each.message) not in known
    ]
    found = report.verdict is Verdict.INVALID or bool(new)
    rows = [] if found else judged_scores([folder])
    minutes = {str(each.folder.relative_to(folder)): each.score_minutes for each in rows if each.score_minutes}
    return AttackOutcome(found, minutes)


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
    relations.recorded_at = lambda log: ()
    generator = random.Random(arguments.seed)
    every = {results: all_attacks(Tree(arguments.tree, results)) for results in sets_of(arguments.tree)}
    on_one = [(results, (attack,)) for results, attacks in every.items() for attack in attacks]
    if not arguments.all:
        on_one = generator.sample(on_one, min(arguments.count, len(on_one)))
    on_two = [
        (results, tuple(generator.sample(every[results], 2)))
        for results in generator.choices(list(every), k=arguments.combine)
    ]
    survivors: list[tuple[tuple[Attack, ...], AttackOutcome]] = []
    tried = 0
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "submission"
        shutil.copytree(arguments.tree, folder)
        good = judged(folder, frozenset())
        known = frozenset((each.rule, each.message) for each in validate([folder], official=False).findings)
        for results, depth in itertools.product(every, DEPTHS):
            untouched = Tree(arguments.tree, results)
            untouched.sent = [""] * len(untouched.sent) if depth == DEPTHS[-1] else untouched.sent  # record anew
            untouched.write(folder, depth)
            if judged(folder, known).found:
                sys.exit(f"{results}, written {depth} as it is, has a finding: no attack could be told from it")
        drawn = [*on_one, *on_two]
        with progress("Attacking", len(drawn), "submissions") as advance:
            for done, (results, attacks) in enumerate(drawn, start=1):
                tree = Tree(arguments.tree, results)
                if made(tree, attacks, folder):
                    tried += 1
                    outcome = judged(folder, known)
                    if not outcome.found:
                        survivors.append((attacks, outcome))
                advance(done)
    return told(survivors, tried, sum(map(len, every.values())), good)


def told(
    survivors: Sequence[tuple[tuple[Attack, ...], AttackOutcome]], tried: int, every: int, good: AttackOutcome
) -> int:
    """Prints the survivors, the graver first; 1 where one betters the score."""
    excused = [pair for pair in survivors if all(harmless(attack) for attack in pair[0])]
    holes = [pair for pair in survivors if pair not in excused]
    better = [pair for pair in holes if pair[1].betters(good)]
    counts = Counter(
        (" + ".join(f"{each.name} {each.way}" for each in attacks), " + ".join(each.depth for each in attacks))
        for attacks, _ in holes
    )
    scores = {" + ".join(f"{each.name} {each.way}" for each in attacks): outcome.minutes for attacks, outcome in holes}
    print_table(
        ("attack", "depth", "times", "scores, minutes"),
        [
            (name, depth, str(times), " ".join(f"{minutes:.4f}" for minutes in scores[name].values()) or "-")
            for (name, depth), times in sorted(counts.items())
        ],
    )
    print(
        f"{tried} attacks of {every} and their pairs: {tried - len(survivors)} found, {len(excused)} harmless, "
        f"{len(holes)} pass ({len(holes) / max(1, tried):.1%}), {len(better)} of them with a better score than "
        + " and ".join(f"{minutes:.4f} minutes" for minutes in good.minutes.values())
    )
    for why, times in Counter(harmless(attack) for attacks, _ in excused for attack in attacks).items():
        print(f"  harmless, {times}: {why}")
    return 1 if better else 0


if __name__ == "__main__":
    sys.exit(main())
