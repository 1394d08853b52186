"""What a network learns of real crystals from ones that were made up: the table of training sets, tested on real ones.

    .venv/bin/python performance/transfer.py --structures crystals.npz --prototypes prototypes.json -o transfer

Makes data of stemdl_mini's groups and optics from crystals drawn by the rung's own recipe, by the realistic one, from
prototypes and from real structures, trains the reference on each and on them together, as many steps each, and prints
the macro-F1 on the test split of the real ones, with the pair of groups that the metadata of a training set tell apart
best (0.5 is chance). What is in the folder `transfer` already is kept, so that the command can be run again to go on.
Without --prototypes those rows are left out. The real dev split is looked at, but chooses nothing.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import h5py
from leaks import worst_pairs, written

from benchmark.cli.output import print_table
from benchmark.crystals import cbed_stack
from benchmark.data import layout
from benchmark.data.generate import generate
from benchmark.data.manifest import WrittenShard, read_manifest, write_manifest
from benchmark.definition.finder import load_benchmark
from benchmark.definition.request import RunRequest
from benchmark.foundation.files import write_json
from benchmark.launch.cores import usable_cores
from benchmark.simulation.cbed import CbedRung

RUNG = "stemdl_mini"
RECIPE = "realistic"
STEPS = 2600
ROWS = (
    ("drawn",),
    ("prototypes",),
    ("drawn", "prototypes"),
    ("real",),
    ("drawn", "prototypes", "real"),
    ("own recipe",),
)


def make(kind: str, rung: CbedRung, folder: Path, arguments: argparse.Namespace) -> Path:
    """The data of one kind, made where they are not there yet."""
    made_up = dataclasses.replace(rung, materials_per_group={"train": arguments.materials, "dev": 1, "test": 1})
    where = folder / kind.replace(" ", "_")
    processes = arguments.processes or usable_cores()
    if kind == "real":
        generate(rung, where, structures=arguments.structures, processes=processes)
    elif kind == "prototypes":
        generate(made_up, where, prototypes=arguments.prototypes, crystals=RECIPE, processes=processes)
    elif kind == "drawn":
        generate(made_up, where, crystals=RECIPE, processes=processes)
    else:
        generate(made_up, where, processes=processes)
    return where


def together(parts: Sequence[Path], real: Path, folder: Path) -> int:
    """A data set whose train split is that of all parts, dev and test those of the real crystals; its train samples."""
    shutil.rmtree(folder, ignore_errors=True)
    sources = [(part, "train") for part in parts] + [(real, "dev"), (real, "test")]
    shards: list[WrittenShard] = []
    for part, split in sources:
        for path in layout.shards_of(part, split):
            number = sum(shard.split == split for shard in shards)
            target = layout.shard_path(folder, split, number)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
            with h5py.File(target, "r") as shard:
                groups = [cbed_stack.read_label(shard[name]) for name in layout.sample_names(shard)]
            shards.append(WrittenShard(split, number, groups))
    manifest = read_manifest(real)
    write_manifest(
        folder,
        rung=RUNG,
        standard=False,
        recipe_sha256=manifest.recipe_sha256,
        source={"kind": "structures", "name": " + ".join(part.name for part in parts)},
        schema=manifest.schema,
        shards=shards,
        about={"selection": None},
    )
    return sum(len(shard.strata) for shard in shards if shard.split == "train")


def score(rung: CbedRung, data: Path, output: Path, samples: int, arguments: argparse.Namespace) -> tuple[float, float]:
    """Macro-F1 on the real dev and test splits of the reference, trained for a number of steps without a target."""
    from benchmark.definition.settings import read_settings
    from reference.train import train

    benchmark = load_benchmark("space_group")
    endless = dataclasses.replace(benchmark, goal=dataclasses.replace(benchmark.goal, target=1.0))
    epochs = max(
        1, round(arguments.steps * read_settings(load_benchmark("space_group"), RUNG).global_batch_size / samples)
    )
    shutil.rmtree(output, ignore_errors=True)
    output.mkdir(parents=True)
    settings = [f"max_epochs={epochs}", "checkpoint=false", f"threads_per_rank={arguments.threads}"]
    request = RunRequest(endless, rung, data, output, seed=arguments.seed, overrides=tuple(settings))
    train(request)
    lines = [
        json.loads(line.removeprefix(":::MLLOG "))
        for line in request.log.read_text().splitlines()
        if line.startswith(":::MLLOG ")
    ]
    last = {line["key"]: line["value"] for line in lines}
    return last[benchmark.goal.log_key], last[benchmark.goal.test_key]


def measure(parts: Sequence[Path], real: Path, rung: CbedRung, arguments: argparse.Namespace) -> dict[str, Any]:
    """One row of the table: trained on these parts together. What was measured before is read."""
    name = "+".join(part.name for part in parts)
    result = arguments.output / "results" / f"{name}_{arguments.steps}_{arguments.seed}.json"
    if not result.is_file():
        data = arguments.output / "together"
        samples = together(parts, real, data)
        pair, accuracy = worst_pairs(written(data, ("train",)), measured=arguments.pairs)[0]
        dev, test = score(rung, data, arguments.output / "runs" / name, samples, arguments)
        write_json(result, {"materials": samples, "dev": dev, "test": test, "leak": accuracy, "pair": pair})
    return json.loads(result.read_text())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--structures", type=Path, required=True, help="real crystals, as stemdl data generate takes them"
    )
    parser.add_argument("--prototypes", type=Path, help="prototypes, likewise")
    parser.add_argument("-o", "--output", type=Path, default=Path("transfer"))
    parser.add_argument("--materials", type=int, default=240, help="made up for each group (default: %(default)s)")
    parser.add_argument("--steps", type=int, default=STEPS, help="of training (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=0, help="of the training (default: one for each core)")
    parser.add_argument("--processes", type=int, help="of the simulation (default: one for each core)")
    parser.add_argument(
        "--pairs", type=int, default=40, help="of groups whose leaks are measured (default: %(default)s)"
    )
    arguments = parser.parse_args()
    rung = CbedRung.of(load_benchmark("space_group").rung(RUNG))
    rows = [row for row in ROWS if arguments.prototypes or row != ("prototypes",)]
    rows = [tuple(kind for kind in row if arguments.prototypes or kind != "prototypes") for row in rows]
    table = []
    real = make("real", rung, arguments.output, arguments)
    for row in dict.fromkeys(rows):
        parts = [make(kind, rung, arguments.output, arguments) for kind in row]
        found = measure(parts, real, rung, arguments)
        table.append(
            (
                " + ".join(row),
                str(found["materials"]),
                f"{found['dev']:.3f}",
                f"{found['test']:.3f}",
                f"{found['leak']:.3f} ({found['pair'][0]} and {found['pair'][1]})",
            )
        )
        print(*table[-1], file=sys.stderr, flush=True)
    print_table(("trained on", "materials", "dev F1", "test F1", "worst leak"), table)


if __name__ == "__main__":
    main()
