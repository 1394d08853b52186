"""Make, verify, describe and picture data."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from benchmark.cli import data_explore, data_import, data_split, data_verify
from benchmark.cli.output import add_format, next_step, print_json, print_table
from benchmark.cli.ranks import ranks_together

EXAMPLE = """Examples:
  stemdl data generate stemdl_mini -o data/stemdl_mini
  stemdl data generate stemdl_mini --structures crystals.npz -o data/real
  stemdl data import 1510313/ -o data/stemdl_olcf --pixels 128 --encoding log_uint8
  stemdl data split data/real
  stemdl data split data/real --folds 5
  stemdl data verify data/stemdl_mini
  stemdl data info data/stemdl_mini
  stemdl data explore data/stemdl_mini -o explore"""


def configure(parser: argparse.ArgumentParser) -> None:
    """The commands below `stemdl data`."""
    commands = parser.add_subparsers(dest="data_command", metavar="COMMAND", required=True)

    generate = commands.add_parser("generate", help="simulate a rung's data, or finish what was begun",
                                   description="Simulates a rung's data. Interrupted, it goes on where it stopped. "
                                   "Under an MPI launcher the ranks share the work.")
    generate.add_argument("rung")
    generate.add_argument("-o", "--output", type=Path, help="(default: data/<rung>)")
    generate.add_argument("--structures", type=Path, metavar="PATH",
                          help="take the crystals from a table (.npz) or a folder of CIF files, instead of drawing them")
    generate.add_argument("--ranks", type=int, help="processes of one thread each (default: one for each core)")
    generate.set_defaults(data_execute=_generate)

    info = commands.add_parser("info", help="what a data set holds")
    info.add_argument("folder", type=Path)
    info.set_defaults(data_execute=_info)

    for module, help_text in ((data_import, "other data, or ours for another storage"),
                              (data_split, "write down which material belongs to which split"),
                              (data_verify, "prove that data are sound and that nothing leaks"),
                              (data_explore, "a page of figures that shows what a data set holds")):
        command = commands.add_parser(module.__name__.rpartition("_")[2], help=help_text, description=module.__doc__)
        module.configure(command)
        command.set_defaults(data_execute=module.execute)

    for name, command in commands.choices.items():
        add_format(command)
        command.epilog = "\n".join(["Example:"] + [line for line in EXAMPLE.splitlines() if f"data {name}" in line])


def execute(arguments: argparse.Namespace) -> int:
    """Runs the command below `stemdl data`."""
    return arguments.data_execute(arguments)


def _generate(arguments: argparse.Namespace) -> int:
    from benchmark.data.generate import generate
    from benchmark.definition.benchmark import load_benchmark
    from benchmark.foundation.errors import StemdlError
    from benchmark.launch.launchers import usable_cores
    from benchmark.launch.rank import detect_rank

    rung = load_benchmark().rung(arguments.rung)
    folder = arguments.output or Path("data") / rung.name
    if arguments.ranks is not None and arguments.ranks < 1:
        raise StemdlError("at least one process is needed", where="--ranks", found=arguments.ranks)
    rank = detect_rank()
    if rank.size > 1:
        with ranks_together() as ranks:
            manifest = generate(rung, folder, structures_path=arguments.structures, ranks=ranks)
        if rank.rank != 0:
            return 0
    else:
        manifest = generate(rung, folder, structures_path=arguments.structures,
                            processes=arguments.ranks or usable_cores())
    _print_info(manifest, arguments.format)
    if arguments.format == "text":
        next_step(f"./run_benchmark.sh --rung {rung.name} --data {folder}")
    return 0


def _info(arguments: argparse.Namespace) -> int:
    from benchmark.data.manifest import read_manifest

    _print_info(read_manifest(arguments.folder), arguments.format)
    return 0


def _print_info(manifest: Any, output_format: str) -> None:
    splits = manifest.values["splits"]
    if output_format == "json":
        print_json({"folder": str(manifest.folder), "manifest_sha256": manifest.sha256,
                    **{key: value for key, value in manifest.values.items() if key != "shards"}})
        return
    source = manifest.values["source"]
    origin = {"drawn": "drawn crystals", "structures": f"crystals from {source.get('name')}",
              "imported": f"imported from {source.get('name')}"}[source["kind"]]
    print(f"{manifest.folder}: {manifest.rung}, {origin}: " + ("" if manifest.standard else "not ")
          + "the rung's own data")
    print(f"manifest {manifest.sha256}")
    selection = (manifest.values["selection"] or {}).get("groups", {})
    columns = ["group", "train", "dev", "test"] + (["found", "dropped"] if selection else [])
    rows = []
    for group in map(str, manifest.space_groups):
        row = [group, *(str(splits[split]["groups"][group]) for split in ("train", "dev", "test"))]
        if selection:
            dropped = "; ".join(f"{count} {reason}" for reason, count in selection[group]["dropped"].items())
            row += [str(selection[group]["found"]), dropped]
        rows.append(row)
    rows.append(["all", *(str(splits[split]["samples"]) for split in ("train", "dev", "test"))]
                + (["", ""] if selection else []))
    print_table(columns, rows)
    for reason, count in (manifest.values["selection"] or {}).get("outside", {}).items():
        print(f"left out: {count} ({reason})")
