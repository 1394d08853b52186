"""Networks and losses side by side on one data set: the metric, macro-F1 of rare groups where it is counted, and
processor seconds.

    .venv/bin/python performance/training.py balance --rung performance/imbalanced.yaml DATA -o balance
    .venv/bin/python performance/training.py published --rung stemdl_smoke DATA -o published
    .venv/bin/python performance/training.py rotation --rung performance/any_rotation.yaml DATA -o rotation
    .venv/bin/python performance/training.py batches --rung stemdl_mini_v2 DATA -o batches
    .venv/bin/python performance/training.py targets --rung space_group_multi_smoke DATA -o targets
    .venv/bin/python performance/training.py real --rung performance/real_conditions.yaml DATA -o real
    .venv/bin/python performance/training.py compounds --rung performance/compounds.yaml DATA -o compounds

Trains each row of a table (`TABLES`) with several seeds on one rank, to the end of its epochs, and prints what came
out: after which epoch each seed met the rung's goal first, and means over the seeds with their standard deviation.
`--set` gives every row a setting. The rare groups are the half with fewest training samples. What is in the output
folder already is kept: the same command goes on where it stopped. The file `results.json` there has all figures, those
of each group and epoch too; with --groups they are printed.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, stdev
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
from numpy.typing import NDArray

from benchmark.cli.output import print_table
from benchmark.data.manifest import Manifest, read_manifest
from benchmark.data.reader import Part
from benchmark.definition.goal import Goal
from benchmark.definition.own_rung import find_rung
from benchmark.definition.request import CHECKPOINT, RunRequest
from benchmark.definition.settings import read_settings
from benchmark.events.reader import iter_events
from benchmark.foundation.files import write_json
from benchmark.metrics.confusion import Confusion
from benchmark.metrics.tallies import TALLIES, read_tallies

FILES = Path(__file__).resolve().parents[1] / "reference" / "tasks" / "space_group" / "recipes"


@dataclass(frozen=True)
class Row:
    """One configuration. `after`: it is the second stage of another row's runs."""

    name: str
    settings: tuple[str, ...] = ()
    file: str = ""
    after: str = ""


def scaled(size: int, rate: float = 0.004) -> tuple[str, ...]:
    """Settings for batches of another size than 32, whose rate is given: the rate grows by the square root (Malladi et
    al. 2022), and the running average forgets after as many samples (Busbridge et al. 2023)."""
    times = size / 32
    return f"global_batch_size={size}", f"learning_rate={rate * times**0.5:.4g}", f"weight_averaging={0.98**times:.4g}"


SECOND_STAGE = ("balance=sampling", "max_epochs=5", "learning_rate=0.002")
TABLES: dict[str, tuple[Row, ...]] = {
    "published": (
        Row("ours, folded", ("network=folded", "width=24")),
        Row("ours, late", ("network=late",)),
        Row("ours, early", ("network=early",)),
        Row("Pan 2020", file="pan_2020.yaml"),
        Row("Pan 2020, pairs", ("network=pan_2020_pairs",), "pan_2020.yaml"),
        Row("ORNL 2020", file="ornl_2020.yaml"),
    ),
    "balance": (
        Row("none"),
        *(Row(method, (f"balance={method}",)) for method in ("weights", "root_weights", "effective", "focal")),
        Row("logits", ("balance=logits",)),
        Row("sampling", ("balance=sampling",)),
        Row("two stages", SECOND_STAGE, after="none"),
    ),
    "rotation": (
        Row("late", ("network=late",)),
        Row("late, any rotation", ("network=late_any_rotation",)),
        Row("folded, any rotation", ("network=folded_any_rotation",)),
        Row("folded, any axes", ("network=folded_any_axes",)),
    ),
    "batches": (
        *(Row(str(size), scaled(size)) for size in (32, 64, 128, 256, 512)),
        *(Row(f"{size}, LAMB", ("optimizer=lamb", *scaled(size, 0.01))) for size in (32, 128, 512)),
    ),
    "real": (
        Row("ours", ("network=folded_any_axes",)),
        Row("ours, logits", ("network=folded_any_axes", "balance=logits")),
        Row("Pan 2020", file="pan_2020.yaml"),
        Row("ORNL 2020", file="ornl_2020.yaml"),
    ),
    "targets": (
        Row("the group alone", ("others=0",)),
        Row("all targets, 0.1", ("others=0.1",)),
        Row("all targets, 0.3"),
    ),
    "compounds": (
        Row("small"),
        Row("small, not varied", ("speckle=0", "damping=0", "zoom=0")),
        Row("published, not varied", ("network=published", "speckle=0", "damping=0", "zoom=0")),
    ),
}
COUNTED = ("macro_f1", "several")
"""Metrics whose tallies begin with confusion counts."""
ENSEMBLE = "none, ensemble of the seeds"


def trained(row: Row, seed: int, arguments: argparse.Namespace) -> dict[str, Any]:
    """One run: dev values by epoch, both splits' confusion counts, processor seconds. Read where it is known."""
    from reference.train import train

    output = arguments.output / f"{row.name.replace(' ', '_').replace(',', '')}_{seed}"
    known = output / "found.json"
    if known.is_file():
        found: dict[str, Any] = json.loads(known.read_text(encoding="utf-8"))
        return found
    benchmark, rung, _ = find_rung(arguments.rung)
    endless = {name: dataclasses.replace(goal, target=1.0) for name, goal in benchmark.goals.items()}
    benchmark = dataclasses.replace(benchmark, goal=dataclasses.replace(benchmark.goal, target=1.0), goals=endless)
    settings = [*arguments.set, *row.settings]
    if row.after:
        first = arguments.output / f"{row.after.replace(' ', '_')}_{seed}" / CHECKPOINT
        settings.append(f"head_of={first}")
    output.mkdir(parents=True, exist_ok=True)
    file = FILES / row.file if row.file else None
    request = RunRequest(
        benchmark, rung, arguments.data, output, seed=seed, config_file=file, overrides=tuple(settings)
    )
    started = time.process_time()
    train(request)
    seconds = time.process_time() - started
    goal, events = benchmark.goal, list(iter_events(request.log))
    found = {
        "dev": [event.value for event in events if event.key == goal.log_key],
        "test": next(event.value for event in events if event.key == goal.test_key),
        "seconds": seconds,
    }
    if benchmark.measured.metric in COUNTED:
        tallies = read_tallies(output / TALLIES)
        counts = {split: counted(tally, tallies.schema.classes) for split, tally in tallies.splits.items()}
        found["counts"] = {split: each.tolist() for split, each in counts.items()}
    write_json(known, found)
    return found


def counted(tally: NDArray[np.int64], classes: Any) -> NDArray[np.int64]:
    """The confusion counts of the first target, with which every tally of ours begins."""
    size = len(next(iter(classes.values())))
    return np.asarray(tally)[: size * size].reshape(size, size)


def ensemble(seeds: range, arguments: argparse.Namespace) -> NDArray[np.int64]:
    """The test split's confusion counts of the mean probabilities of the runs without balance."""
    from scipy.special import softmax

    from reference.train import answerer

    benchmark, rung, _ = find_rung(arguments.rung)
    manifest = read_manifest(arguments.data)
    settings = read_settings(benchmark, rung.name, None, tuple(arguments.set))
    whole = Part(manifest, "test", 0, 1).read_whole()
    (stack,), (label, *_) = manifest.schema.inputs, manifest.schema.targets
    shares: Any = 0.0
    for seed in seeds:
        answer = answerer(arguments.output / f"none_{seed}" / CHECKPOINT, benchmark, manifest.schema, settings)
        parts = [
            answer({stack.name: whole[stack.name][at : at + 100]})[label.name]
            for at in range(0, len(whole[stack.name]), 100)
        ]
        shares = shares + softmax(np.concatenate(parts), axis=1)
    return Confusion.of(whole[label.name], shares.argmax(axis=1), shares.shape[1]).counts


def training_counts(manifest: Manifest) -> NDArray[np.int64]:
    """How many training samples each class has."""
    label = manifest.schema.targets[0].name
    read = Counter(Part(manifest, "train", 0, 1).read_whole()[label].tolist())
    return np.array([read[index] for index in range(len(manifest.schema.classes[label]))])


def f1_of_groups(counts: Any) -> NDArray[np.float64]:
    """The F1 of each group; NaN of those that the split lacks."""
    return np.array(Confusion(np.asarray(counts)).per_class_f1(), float)


def of_groups(counts: Any, chosen: NDArray[np.bool_]) -> float | None:
    """The mean F1 of those of the chosen groups that the split has; None of none."""
    found = f1_of_groups(counts)[chosen]
    return float(np.nanmean(found)) if np.isfinite(found).any() else None


def right(counts: Any) -> float:
    """The share of the samples whose group is right."""
    return float(np.trace(counts) / np.sum(counts))


def spread(found: list[float | None]) -> str:
    """Mean and standard deviation."""
    values = [each for each in found if each is not None]
    if not values:
        return "-"
    return f"{mean(values):.3f}" + (f" +- {stdev(values):.3f}" if len(values) > 1 else "")


def until(values: list[float], goal: Goal) -> str:
    """The epoch whose value is the first to meet the goal."""
    return next((str(epoch) for epoch, value in enumerate(values, start=1) if goal.reached_by(value)), "-")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", choices=TABLES)
    parser.add_argument("data", type=Path)
    parser.add_argument("--rung", required=True, help="of the data: a name, or the file of one of your own")
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--rows", nargs="*", help="these rows alone")
    parser.add_argument("--groups", action="store_true", help="print the F1 of each group")
    arguments = parser.parse_args()
    seeds, manifest = range(1, arguments.seeds + 1), read_manifest(arguments.data)
    benchmark, rung, _ = find_rung(arguments.rung)
    goal = benchmark.goal_at(rung.name)
    size = training_counts(manifest)
    rare = size <= np.median(size)
    labels = next(iter(manifest.schema.classes.values()))
    table, groups, kept = [], {}, {}
    for row in TABLES[arguments.table]:
        if arguments.rows and row.name not in arguments.rows:
            continue
        runs = [trained(row, seed, arguments) for seed in seeds]
        kept[row.name] = runs
        counts = [run["counts"]["test"] for run in runs if "counts" in run]
        if counts:
            groups[row.name] = np.mean([f1_of_groups(each) for each in counts], axis=0)
        table.append(
            (
                row.name,
                str(len(runs[0]["dev"])),
                " ".join(until(run["dev"], goal) for run in runs),
                spread([max(run["dev"]) for run in runs]),
                spread([run["test"] for run in runs]),
                spread([right(each) for each in counts]),
                spread([of_groups(each, rare) for each in counts]),
                spread([of_groups(each, ~rare) for each in counts]),
                f"{mean(run['seconds'] for run in runs):.0f}",
            )
        )
        print(*table[-1], file=sys.stderr, flush=True)
    if arguments.table == "balance" and len(seeds) > 1 and "none" in kept:
        joint = ensemble(seeds, arguments)
        found = (of_groups(joint, size > 0), right(joint), of_groups(joint, rare), of_groups(joint, ~rare))
        table.append((ENSEMBLE, "", "", "", *(spread([value]) for value in found), ""))
    head = (
        "row",
        "epochs",
        f"until {goal.target:g}",
        "best dev",
        "test",
        "test, right",
        "test F1, rare",
        "test F1, others",
        "processor s",
    )
    print_table(head, table)
    if arguments.groups:
        print_table(
            ("group", "samples", *groups),
            [
                (labels[each], str(size[each]), *(f"{found[each]:.2f}" for found in groups.values()))
                for each in np.argsort(size)
            ],
        )
    write_json(
        arguments.output / "results.json", {"samples": dict(zip(labels, size.tolist(), strict=True)), "runs": kept}
    )


if __name__ == "__main__":
    main()
