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
from dataclasses import replace
from pathlib import Path
from shlex import quote
from typing import Any

from benchmark.cli.arguments import count, place
from benchmark.cli.output import next_step, print_json, print_table
from benchmark.cli.ranks import ranks_together
from benchmark.definition.rung import ORIENTATIONS


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
    from benchmark.data.generate import generate, require_device, require_simulated
    from benchmark.data.plan import wanted_size
    from benchmark.definition.own_rung import find_rung
    from benchmark.foundation.errors import StemdlError
    from benchmark.foundation.files import require_place
    from benchmark.launch.cores import affordable_cores, require_cores
    from benchmark.launch.rank import detect_rank, require_asked

    benchmark, rung, _ = find_rung(arguments.rung)
    require_simulated(rung)
    if arguments.structures is not None and (arguments.crystals or arguments.prototypes) is not None:
        raise StemdlError(
            "crystals are either given or made up", where="--structures", expected="without --crystals and --prototypes"
        )
    if arguments.no_splits and arguments.structures is None:
        raise StemdlError("only given crystals need not be split", where="--no-splits", remedy="--structures PATH")
    if arguments.crystals is not None:
        rung = benchmark.with_crystals(rung, arguments.crystals)
    orientation = "" if arguments.orientation in (None, rung.orientation) else arguments.orientation
    if orientation:
        rung = replace(rung, orientation=orientation)
    folder = arguments.output or Path("data") / rung.name
    origin = {
        "structures_path": arguments.structures,
        "prototypes_path": arguments.prototypes,
        "split": not arguments.no_splits,
        "crystals": arguments.crystals or "",
        "orientation": orientation,
        "device": arguments.device,
    }
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
            manifest = generate(rung, folder, **origin, ranks=ranks)
        if rank.rank != 0:
            return 0
    else:
        manifest = generate(rung, folder, **origin, processes=processes)
    print_info(manifest, arguments.format)
    if arguments.format == "text":
        next_step(
            f"stemdl data verify {quote(str(folder))} --structures {quote(str(arguments.structures))}"
            if arguments.no_splits
            else f"./run_benchmark.sh --rung {arguments.rung} --data {quote(str(folder))}"
        )
    return 0


def _told(size: Any, folder: Path) -> str:
    from benchmark.data.plan import free_bytes
    from benchmark.data.schema import PROJECTIONS

    return (
        f"{size.materials:,} materials, {size.samples * PROJECTIONS:,} patterns in {size.shards:,} shards, "
        f"{size.bytes / 1e9:.2f} GB ({free_bytes(folder) / 1e9:.2f} GB free)"
    )


def _plan(rung: Any, folder: Path, arguments: argparse.Namespace, processes: int) -> int:
    """What --dry-run says. Of given structures that are to be split, enough of each group are assumed to be there."""
    from benchmark.data.cost import measure
    from benchmark.data.plan import drawn, free_bytes, plan_shards, sample_bytes, size_of
    from benchmark.data.schema import PROJECTIONS

    plans = (
        plan_shards(rung, _selected(rung, arguments.structures), split=False)
        if arguments.no_splits
        else plan_shards(rung, drawn(rung))
    )
    size = size_of(rung, plans)
    path = None if arguments.no_splits else arguments.structures or arguments.prototypes
    cost = measure(rung, _to_time(rung, plans, path), device=arguments.device)
    seconds, error = cost.seconds(size.samples, processes)
    if arguments.format == "json":
        print_json(
            {
                "rung": rung.name,
                "recipe_sha256": rung.recipe_sha256,
                "folder": str(folder),
                "groups": rung.classes,
                "materials": size.materials,
                "samples": size.samples,
                "patterns": size.samples * PROJECTIONS,
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
    print(f"{rung.name}: {rung.classes} groups, {_told(size, folder)}")
    print(
        f"a sample takes {cost.seconds_per_sample:.3f} +- {cost.standard_error:.3f} s on one "
        f"{'core' if arguments.device == 'cpu' else 'core and its GPU'} "
        f"({cost.timed} timed) and {sample_bytes(rung) / 1e6:.3f} MB"
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


def _selected(rung: Any, path: Path) -> dict:
    """The given crystals of the rung that are not to be split, by group."""
    from benchmark.data.sources import read_candidates
    from benchmark.data.structures import examine, select
    from benchmark.foundation.errors import StemdlError

    chosen = select(
        read_candidates(path), rung, lambda candidates: [examine(one, rung.limits) for one in candidates], split=False
    ).chosen
    if not any(chosen.values()):
        raise StemdlError("no crystal of the rung's groups was found", where=path)
    return chosen


def _to_time(rung: Any, plans: list, structures_path: Path | None) -> list:
    """Materials to time: the planned ones, or given crystals of the rung's groups from all over their source."""
    from random import Random

    from benchmark.data.cost import MOST_A_SYSTEM
    from benchmark.data.sources import read_candidates
    from benchmark.data.structures import examine
    from benchmark.foundation.errors import StemdlError

    materials = [material for plan in plans for material in plan.materials]
    if structures_path is None:
        return materials
    candidates = list(read_candidates(structures_path))
    found: list = []
    for candidate in Random(rung.seed).sample(candidates, min(len(candidates), 40 * MOST_A_SYSTEM)):
        crystal, fault = examine(candidate, rung.limits)
        if fault is None and crystal is not None and crystal.space_group in rung.space_groups:
            found.append(
                replace(materials[0], identifier=candidate.identifier, space_group=crystal.space_group, crystal=crystal)
            )
    if not found:
        raise StemdlError("no crystal of the rung's groups was found", where=structures_path)
    return found


def _duration(seconds: float) -> str:
    for unit, length in (("days", 86400.0), ("hours", 3600.0), ("minutes", 60.0)):
        if seconds >= 2 * length:
            return f"{seconds / length:.1f} {unit}"
    return f"{seconds:.1f} s"
