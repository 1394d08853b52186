"""Make, verify, describe and picture data."""

from __future__ import annotations

import argparse

from benchmark.cli import data_explore, data_generate, data_import, data_info, data_split, data_verify
from benchmark.cli.output import add_format

EXAMPLE = """Examples:
  stemdl data generate stemdl_mini -o data/stemdl_mini
  stemdl data generate stemdl_small -o data/stemdl_small --dry-run
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

    for module, help_text in (
        (data_generate, "simulate a rung's data, or finish what was begun"),
        (data_import, "other data, or ours for another storage"),
        (data_info, "what a data set holds"),
        (data_split, "write down which unit belongs to which split"),
        (data_verify, "prove that data are sound and that nothing leaks"),
        (data_explore, "a page of figures that shows what a data set holds"),
    ):
        command = commands.add_parser(module.__name__.rpartition("_")[2], help=help_text, description=module.__doc__)
        module.configure(command)
        command.set_defaults(data_execute=module.execute)

    for name, command in commands.choices.items():
        add_format(command)
        command.epilog = "\n".join(["Example:"] + [line for line in EXAMPLE.splitlines() if f"data {name}" in line])


def execute(arguments: argparse.Namespace) -> int:
    """Runs the command below `stemdl data`."""
    return arguments.data_execute(arguments)
