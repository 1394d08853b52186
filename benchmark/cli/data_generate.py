"""Simulates a rung's data. Interrupted, it goes on where it stopped.

The rung's recipe says what the data are. Where an option changes what the samples are, they are not the rung's own:
they can be trained on, but such runs are not scored. --device cuda changes no recipe, but the last bits
of intensities: known manifests are of CPUs, and so is the default, whatever GPU there is.

--ranks starts that many worker processes on this machine; under an MPI launcher (srun, mpirun) its ranks share the
work instead, over all nodes. With --dry-run nothing is written: it says how long it would take and how large it gets.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from shlex import quote
from tempfile import TemporaryDirectory
from typing import Any

from benchmark.cli import crystal_options
from benchmark.cli.arguments import count, place
from benchmark.cli.chosen import add_chosen, chosen
from benchmark.cli.output import next_step, print_json, print_table
from benchmark.cli.ranks import ranks_together


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of `stemdl data generate`."""
    parser.add_argument("rung", help="one of stemdl list --rungs, or a file of your own")
    parser.add_argument("-o", "--output", type=place, metavar="DIR", help="(default: data/<rung>)")
    crystal_options.add_options(parser)
    add_chosen(parser, "an option of the benchmark's recipe")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu", help="(default: %(default)s)")
    parser.add_argument("--ranks", type=count, help="processes of one thread each (default: one for each core)")
    parser.add_argument("--oversubscribe", action="store_true", help="allow more ranks than cores")
    parser.add_argument("--dry-run", action="store_true", help="time a few samples, say the size, write nothing")


def execute(arguments: argparse.Namespace) -> int:
    """0 when the data are there."""
    from benchmark.cli.data_info import print_info
    from benchmark.data.generate import generate, require_device
    from benchmark.data.plan import require_measurable, wanted_size
    from benchmark.data.recipe import recipe_of, source_of
    from benchmark.definition.own_rung import find_rung
    from benchmark.foundation.files import require_place
    from benchmark.launch.cores import affordable_cores, require_cores
    from benchmark.launch.rank import detect_rank, require_asked

    _, rung, _ = find_rung(arguments.rung)
    options = _options(rung, arguments)
    whole = options.get("split") is False
    source_of(recipe_of(rung, options))  # says at once what cannot be made
    require_measurable(rung)
    size = None if whole else wanted_size(rung)
    folder = arguments.output or Path("data") / rung.name
    rank = detect_rank()
    processes = rank.size if rank.size > 1 else arguments.ranks or affordable_cores()
    require_device(arguments.device)
    if rank.size > 1:
        require_asked(rank, arguments.ranks)
    elif arguments.ranks and not arguments.dry_run:
        require_cores(arguments.ranks, where="--ranks", oversubscribe=arguments.oversubscribe)
    require_place(folder)
    if arguments.dry_run:
        return _plan(rung, options, folder, arguments, processes) if rank.rank == 0 else 0
    if rank.rank == 0 and size is not None:
        print(f"{rung.name}: {_told(size, folder)}", file=sys.stderr, flush=True)
    if rank.size > 1:
        with ranks_together(rank) as ranks:
            manifest = generate(rung, folder, device=arguments.device, ranks=ranks, **options)
        if rank.rank != 0:
            return 0
    else:
        manifest = generate(rung, folder, device=arguments.device, processes=processes, **options)
    print_info(manifest, arguments.format)
    if arguments.format == "text":
        next_step(
            f"stemdl data verify {quote(str(folder))}{crystal_options.verification(arguments)}"
            if whole
            else f"stemdl run --rung {quote(arguments.rung)} --data {quote(str(folder))}"
        )
    return 0


def _options(rung: Any, arguments: argparse.Namespace) -> dict[str, Any]:
    """What the task's recipe is asked for besides the rung: what its `make_recipe` takes after the `*`."""
    from benchmark.definition.finder import RECIPE, find_task, options_of

    given = crystal_options.given(arguments)
    if arguments.set:
        takes = options_of(find_task(rung.task).function(RECIPE, "make_recipe"))
        known = [name for name in takes if name not in (*crystal_options.NAMES, "split")]
        given |= chosen(arguments.set, known, f"the data of the task {rung.task}")
    return given


def _told(size: Any, folder: Path) -> str:
    from benchmark.data.plan import free_bytes

    return (
        f"{size.units:,} units, {size.samples:,} samples in {size.shards:,} shards, "
        f"{size.bytes / 1e9:.2f} GB ({free_bytes(folder) / 1e9:.2f} GB free)"
    )


def _plan(rung: Any, options: dict[str, Any], folder: Path, arguments: argparse.Namespace, processes: int) -> int:
    """What --dry-run says. Of given structures that are to be split, enough of each group are assumed to be there."""
    from benchmark.data.cost import measure
    from benchmark.data.plan import free_bytes, plan_shards, sample_bytes, size_of
    from benchmark.data.recipe import ChosenRecipe, recipe_of
    from benchmark.data.workers import workers

    recipe = recipe_of(rung, options)
    units = recipe.units()
    if arguments.no_splits and isinstance(recipe, ChosenRecipe):
        with TemporaryDirectory() as scratch, workers(1, None) as work:
            units, _ = recipe.select(Path(scratch), work)
    size = size_of(recipe, rung.storage, plan_shards(units))
    cost = measure(recipe, rung, units, device=arguments.device)
    seconds, error = cost.seconds(size.samples, processes)
    bytes_per_sample = sample_bytes(recipe.schema(), rung.storage)
    if arguments.format == "json":
        print_json(
            {
                "rung": rung.name,
                "recipe_sha256": rung.recipe_sha256,
                "folder": str(folder),
                "strata": len({unit.stratum for unit in units}),
                "units": size.units,
                "samples": size.samples,
                "shards": size.shards,
                "bytes": size.bytes,
                "free_bytes": free_bytes(folder),
                "ranks": processes,
                "seconds": seconds,
                "seconds_standard_error": error,
                "core_seconds_per_sample": cost.seconds_per_sample,
                "samples_timed": cost.timed,
                "by_pieces": cost.by_pieces,
            }
        )
        return 0
    print(f"{rung.name}: {_told(size, folder)}")
    print(
        f"a sample takes {cost.seconds_per_sample:.3f} +- {cost.standard_error:.3f} s on one "
        f"{'core' if arguments.device == 'cpu' else 'core and its GPU'} "
        f"({cost.timed} timed{', by pieces of the work' if cost.by_pieces else ''}) and {bytes_per_sample / 1e6:.3f} MB"
    )
    counts = sorted({1, processes, 10 * processes, 100 * processes})
    print_table(
        ("ranks", "time", "+-"), [(str(ranks), *map(_duration, cost.seconds(size.samples, ranks))) for ranks in counts]
    )
    if rung.storage.filter == "none" and size.bytes > free_bytes(folder):
        print(f"{folder}: the disk has too little room")
    next_step(_command(folder, arguments))
    return 0


def _command(folder: Path, arguments: argparse.Namespace) -> str:
    """The command that makes what --dry-run has planned: the same one without it."""
    words = ["stemdl", "data", "generate", arguments.rung, "-o", folder, *crystal_options.in_words(arguments)]
    words += [word for each in arguments.set for word in ("--set", each)]
    words += ["--ranks", arguments.ranks] if arguments.ranks is not None else []
    words += ["--device", arguments.device] if arguments.device != "cpu" else []
    return " ".join(quote(str(word)) for word in words)


def _duration(seconds: float) -> str:
    for unit, length in (("days", 86400.0), ("hours", 3600.0), ("minutes", 60.0)):
        if seconds >= 2 * length:
            return f"{seconds / length:.1f} {unit}"
    return f"{seconds:.1f} s"
