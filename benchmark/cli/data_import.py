"""Imports data that others made, as the task reads them, or data of ours for another storage.

Which form SRC has is found out. What was repaired, dropped and skipped is listed, with reasons. Interrupted, it goes on
where it stopped. Under an MPI launcher the ranks share the work.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from benchmark.cli.arguments import count, place
from benchmark.cli.output import next_step, print_json, print_table
from benchmark.cli.ranks import ranks_together
from benchmark.definition.rung import ENCODINGS, FILTERS
from benchmark.foundation.text import typed

if TYPE_CHECKING:
    from benchmark.definition.finder import TaskPlace


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of `stemdl data import`."""
    parser.add_argument("source", type=place, metavar="SRC", help="a folder or a single file")
    parser.add_argument("-o", "--output", type=place, required=True, metavar="DIR")
    parser.add_argument("--task", metavar="NAME", help="whose data they are (default: by SRC, --rung, or the only one)")
    parser.add_argument("--rung", help="what the data go by (default: as the task has it, or as data of ours go by)")
    parser.add_argument("--pixels", type=int, help="reduce patterns to so many, in whole blocks (default: as they are)")
    parser.add_argument("--encoding", choices=ENCODINGS, help="(default: float32, which loses nothing)")
    parser.add_argument("--filter", choices=FILTERS, help="lossless compression (default: none)")
    parser.add_argument("--ranks", type=count, help="processes (default: one for each core)")
    parser.add_argument("--oversubscribe", action="store_true", help="allow more ranks than cores")


def execute(arguments: argparse.Namespace) -> int:
    """0 when the import is finished, whatever was dropped; nothing to import is an error."""
    from benchmark.definition.finder import IMPORTER
    from benchmark.definition.rung import Storage
    from benchmark.launch.cores import affordable_cores, require_cores
    from benchmark.launch.rank import detect_rank, require_asked

    told = {name: value for name in ("pixels", "encoding", "filter") if (value := getattr(arguments, name)) is not None}
    import_data = _task(arguments).function(IMPORTER, "import_data")
    options = {"storage": Storage(**told) if told else None, "rung": arguments.rung}
    rank = detect_rank()
    if rank.size > 1:
        require_asked(rank, arguments.ranks)
    elif arguments.ranks:
        require_cores(arguments.ranks, where="--ranks", oversubscribe=arguments.oversubscribe)
    if rank.size > 1:
        with ranks_together(rank) as ranks:
            imported = import_data(arguments.source, arguments.output, ranks=ranks, **options)
        if rank.rank != 0:
            return 0
    else:
        imported = import_data(
            arguments.source, arguments.output, processes=arguments.ranks or affordable_cores(), **options
        )
    tally, manifest = imported.tally.as_json(), imported.manifest
    if arguments.format == "json":
        print_json(tally)
        return 0
    print(f"{manifest.folder}: {manifest.rung}, " + ("" if manifest.standard else "not ") + "the rung's own data")
    print(f"manifest {manifest.sha256}")
    print(f"imported {tally['imported']} samples, of which repaired {tally['repaired']}; dropped {tally['dropped']}")
    if tally["reasons"]:
        print_table(("samples", "what and why"), [(str(count), reason) for reason, count in tally["reasons"].items()])
    next_step(f"stemdl data verify {typed(manifest.folder)}")
    return 0


def _task(arguments: argparse.Namespace) -> TaskPlace:
    """The task whose importer is asked: the named one, that of the rung or of our own data, or the only one that has an
    importer. Raises StemdlError where that leaves more than one."""
    from benchmark.data.manifest import MANIFEST, read_manifest
    from benchmark.definition.finder import IMPORTER, benchmark_of, find_task, places
    from benchmark.foundation.errors import StemdlError

    if arguments.task is not None:
        return find_task(arguments.task)
    if arguments.rung is not None:
        return find_task(benchmark_of(arguments.rung).task)
    if (arguments.source / MANIFEST).is_file():
        return find_task(read_manifest(arguments.source).task)
    having = [found for found in places().values() if found.brings(IMPORTER)]
    if len(having) != 1:
        names = ", ".join(found.name for found in having)
        raise StemdlError("whose data are these?", where="--task", expected=names, remedy="stemdl data import --task")
    return having[0]
