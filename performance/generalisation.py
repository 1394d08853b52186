"""What is learnt on crystals of one source, tested on those of each: a matrix of macro-F1.

    .venv/bin/python performance/generalisation.py --structures crystals.npz --prototypes prototypes.json --cifs FOLDER

Sources are crystals drawn by stemdl_mini's own recipe ("small") and by the realistic one, prototypes with other
elements, and real structures; CIF files are tested on alone. All have the rung's groups and optics. The reference is
trained on each source's train split, as many steps each, with `--set` for its settings; a column is a source's test
split. What is in the output folder already is kept, so that the command goes on where it stopped.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np

from benchmark.cli.output import print_table
from benchmark.data.generate import generate
from benchmark.data.manifest import read_manifest
from benchmark.data.reader import Part
from benchmark.definition.finder import load_benchmark
from benchmark.definition.request import CHECKPOINT, RunRequest
from benchmark.definition.settings import read_settings
from benchmark.foundation.files import write_json
from benchmark.metrics.confusion import Confusion
from benchmark.simulation.cbed import CbedRung

RUNG = "stemdl_mini_v2"
SMALL, REALISTIC, PROTOTYPES, REAL, CIFS = "small", "realistic", "prototypes", "real", "CIF files"


def made(source: str, rung: CbedRung, arguments: argparse.Namespace) -> Path:
    """The data of a source, made where they are not there yet."""
    where = arguments.output / source.replace(" ", "_")
    options: dict[str, dict[str, Any]] = {
        SMALL: {},
        REALISTIC: {},
        PROTOTYPES: {"prototypes": arguments.prototypes},
        REAL: {"structures": arguments.structures},
        CIFS: {"structures": arguments.cifs, "split": False},
    }
    if source == SMALL:
        small = CbedRung.of(load_benchmark("space_group").rung("stemdl_mini"))
        rung = dataclasses.replace(rung, crystals=small.crystals)
    generate(rung, where, processes=arguments.processes, **options[source])
    return where


def trained(source: str, data: Path, rung: CbedRung, arguments: argparse.Namespace) -> Path:
    """The run on a source's train split, made where it is not there yet; its checkpoint."""
    from reference.train import train

    benchmark = load_benchmark("space_group")
    endless = {name: dataclasses.replace(goal, target=1.0) for name, goal in benchmark.goals.items()}
    benchmark = dataclasses.replace(benchmark, goal=dataclasses.replace(benchmark.goal, target=1.0), goals=endless)
    output = arguments.output / "runs" / source
    if not (output / "tallies.json").is_file():
        output.mkdir(parents=True, exist_ok=True)
        batch = read_settings(benchmark, RUNG, None, tuple(arguments.set)).global_batch_size
        epochs = max(1, round(arguments.steps * batch / read_manifest(data).samples["train"]))
        settings = (*arguments.set, f"max_epochs={epochs}")
        train(RunRequest(benchmark, rung, data, output, seed=arguments.seed, overrides=settings))
    return output / CHECKPOINT


def score(checkpoint: Path, data: Path, arguments: argparse.Namespace) -> tuple[float, int]:
    """The macro-F1 of a trained network on the test split of a source, and how many samples that has."""
    from reference.train import answerer

    benchmark, manifest = load_benchmark("space_group"), read_manifest(data)
    settings = read_settings(benchmark, RUNG, None, tuple(arguments.set))
    answer = answerer(checkpoint, benchmark, manifest.schema, settings)
    whole = Part(manifest, "test", 0, 1).read_whole()
    (stack,), (label,) = manifest.schema.inputs, manifest.schema.targets
    count = len(whole[label.name])
    parts = [answer({stack.name: whole[stack.name][at : at + 100]})[label.name] for at in range(0, count, 100)]
    found = np.concatenate(parts).argmax(axis=1)
    return Confusion.of(whole[label.name], found, len(manifest.schema.classes[label.name])).macro_f1(), count


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--structures", type=Path, help="real crystals, as stemdl data generate takes them")
    parser.add_argument("--prototypes", type=Path, help="prototypes, likewise")
    parser.add_argument("--cifs", type=Path, help="a folder of CIF files, to test on")
    parser.add_argument("-o", "--output", type=Path, default=Path("generalisation"))
    parser.add_argument("--train", type=int, default=40, help="materials of each group (default: %(default)s)")
    parser.add_argument("--test", type=int, default=20, help="materials of each group (default: %(default)s)")
    parser.add_argument("--steps", type=int, default=800, help="of training (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--processes", type=int, default=1, help="of the simulation (default: %(default)s)")
    arguments = parser.parse_args()
    rung = CbedRung.of(load_benchmark("space_group").rung(RUNG))
    rung = dataclasses.replace(rung, materials_per_group={"train": arguments.train, "dev": 4, "test": arguments.test})
    given = {PROTOTYPES: arguments.prototypes, REAL: arguments.structures}
    sources = [SMALL, REALISTIC, *(name for name, path in given.items() if path)]
    tests = [*sources, *([CIFS] if arguments.cifs else [])]
    data = {name: made(name, rung, arguments) for name in tests}
    table, kept = [], {}
    for source in sources:
        checkpoint = trained(source, data[source], rung, arguments)
        found = {name: score(checkpoint, data[name], arguments) for name in tests}
        kept[source] = {name: {"macro_f1": value, "samples": count} for name, (value, count) in found.items()}
        table.append((source, *(f"{value:.3f}" for value, _ in found.values())))
        print(*table[-1], file=sys.stderr, flush=True)
    print_table(("trained on", *tests), table)
    write_json(arguments.output / "matrix.json", kept)


if __name__ == "__main__":
    main()
