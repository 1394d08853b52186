"""Simulates a rung's data. Interrupted, it goes on where it stopped.

The rung's recipe says what the data are. Data made with --structures, --prototypes, --crystals or --orientation are not
the rung's own: they can be trained on, but such runs are not scored. --device cuda changes no recipe, but the last bits
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

from benchmark.cli.arguments import count, place
from benchmark.cli.output import next_step, print_json, print_table
from benchmark.cli.ranks import ranks_together
from benchmark.simulation.recipes import ORIENTATIONS


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of `stemdl data generate`."""
    parser.add_argument("rung", help="one of stemdl list --rungs, or a file of your own")
    parser.add_argument("-o", "--output", type=place, metavar="DIR", help="(default: data/<rung>)")
    parser.add_argument(
        "--structures",
        type=place,
        metavar="PATH",
        help="take the crystals from a table (.npz, .csv, .parquet), a folder of CIF files, or the "
        "Materials Project ('mp:mp-149,mp-66', 'mp:chemsys=Sr-Ti-O'; needs MP_API_KEY)",
    )
    parser.add_argument(
        "--no-splits",
        action="store_true",
        help="with --structures: all crystals in one split, test, however few they are, to judge a trained network on",
    )
    parser.add_argument(
        "--prototypes",
        type=place,
        metavar="PATH",
        help="take known structures (of the same sources, or .json) and exchange their elements",
    )
    parser.add_argument(
        "--crystals",
        metavar="RECIPE",
        help="draw the crystals by another recipe of the benchmark's: "
        "'realistic' ones stand in for real ones. Such data are not the rung's own",
    )
    parser.add_argument(
        "--orientation",
        choices=ORIENTATIONS,
        help="other zone axes than the rung's: 'olcf' are the "
        "real set's choice, 'olcf_as_made' with the distortion that it has. Such data are not the "
        "rung's own",
    )
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu", help="(default: %(default)s)")
    parser.add_argument("--ranks", type=count, help="processes of one thread each (default: one for each core)")
    parser.add_argument("--oversubscribe", action="store_true", help="allow more ranks than cores")
    parser.add_argument("--dry-run", action="store_true", help="time a few crystals, tell the size, write nothing")


def execute(arguments: argparse.Namespace) -> int:
    """0 when the data are there."""
    from benchmark.cli.data_info import print_info
    from benchmark.data.generate import generate, require_device
    from benchmark.data.plan import wanted_size
    from benchmark.data.recipe import recipe_of, source_of
    from benchmark.definition.own_rung import find_rung
    from benchmark.foundation.errors import StemdlError
    from benchmark.foundation.files import require_place
    from benchmark.launch.cores import affordable_cores, require_cores
    from benchmark.launch.rank import detect_rank, require_asked

    _, rung, _ = find_rung(arguments.rung)
    if arguments.structures is not None and (arguments.crystals or arguments.prototypes) is not None:
        raise StemdlError(
            "crystals are either given or made up", where="--structures", expected="without --crystals and --prototypes"
        )
    if arguments.no_splits and arguments.structures is None:
        raise StemdlError("only given crystals need not be split", where="--no-splits", remedy="--structures PATH")
    options = _options(arguments)
    source_of(recipe_of(rung, options))  # says at once what cannot be made
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
        return _plan(rung, folder, arguments, processes) if rank.rank == 0 else 0
    if rank.rank == 0 and not arguments.no_splits:
        print(f"{rung.name}: {_told(wanted_size(rung), folder)}", file=sys.stderr, flush=True)
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
            f"stemdl data verify {quote(str(folder))} --structures {quote(str(arguments.structures))}"
            if arguments.no_splits
            else f"./run_benchmark.sh --rung {arguments.rung} --data {quote(str(folder))}"
        )
    return 0


def _options(arguments: argparse.Namespace) -> dict[str, Any]:
    """What the task's recipe is asked for besides the rung."""
    names = ("structures", "prototypes", "crystals", "orientation")
    given = {name: value for name in names if (value := getattr(arguments, name)) is not None}
    return given | ({"split": False} if arguments.no_splits else {})


def _told(size: Any, folder: Path) -> str:
    from benchmark.data.plan import free_bytes

    return (
        f"{size.units:,} units, {size.samples:,} samples in {size.shards:,} shards, "
        f"{size.bytes / 1e9:.2f} GB ({free_bytes(folder) / 1e9:.2f} GB free)"
    )


def _plan(rung: Any, folder: Path, arguments: argparse.Namespace, processes: int) -> int:
    """What --dry-run says. Of given structures that are to be split, enough of each group are assumed to be there."""
    from benchmark.data.cost import measure
    from benchmark.data.plan import free_bytes, plan_shards, sample_bytes, size_of
    from benchmark.data.recipe import ChosenRecipe, recipe_of
    from benchmark.data.workers import workers

    recipe = recipe_of(rung, _options(arguments))
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
            }
        )
        return 0
    print(f"{rung.name}: {_told(size, folder)}")
    print(
        f"a sample takes {cost.seconds_per_sample:.3f} +- {cost.standard_error:.3f} s on one "
        f"{'core' if arguments.device == 'cpu' else 'core and its GPU'} "
        f"({cost.timed} timed) and {bytes_per_sample / 1e6:.3f} MB"
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
    given = [
        (f"--{name}", value)
        for name in ("structures", "prototypes", "crystals", "orientation", "ranks")
        if (value := getattr(arguments, name)) is not None
    ]
    given += [("--device", arguments.device)] if arguments.device != "cpu" else []
    words = ["stemdl", "data", "generate", arguments.rung, "-o", folder, *(word for pair in given for word in pair)]
    return " ".join(quote(str(word)) for word in words) + (" --no-splits" if arguments.no_splits else "")


def _duration(seconds: float) -> str:
    for unit, length in (("days", 86400.0), ("hours", 3600.0), ("minutes", 60.0)):
        if seconds >= 2 * length:
            return f"{seconds / length:.1f} {unit}"
    return f"{seconds:.1f} s"
