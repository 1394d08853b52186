"""Options of `stemdl data generate` for recipes that make crystals: where these come from, and how they lie.

A recipe that does not take one refuses it; options of other recipes are given with `--set`.
"""

from __future__ import annotations

import argparse
from shlex import quote
from typing import Any

from benchmark.cli.arguments import place
from benchmark.foundation.errors import StemdlError
from benchmark.simulation.recipes import ORIENTATIONS

NAMES = ("structures", "prototypes", "crystals", "orientation")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Those of `NAMES`, and --no-splits."""
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


def given(arguments: argparse.Namespace) -> dict[str, Any]:
    """What was given of them, as keyword arguments of a recipe. Raises StemdlError for some that exclude each other."""
    if arguments.structures is not None and (arguments.crystals or arguments.prototypes) is not None:
        raise StemdlError(
            "crystals are either given or made up", where="--structures", expected="without --crystals and --prototypes"
        )
    if arguments.no_splits and arguments.structures is None:
        raise StemdlError("only given crystals need not be split", where="--no-splits", remedy="--structures PATH")
    found = {name: value for name in NAMES if (value := getattr(arguments, name)) is not None}
    return found | ({"split": False} if arguments.no_splits else {})


def verification(arguments: argparse.Namespace) -> str:
    """What `stemdl data verify` is to be given of them; empty where nothing."""
    return "" if arguments.structures is None else f" --structures {quote(str(arguments.structures))}"


def in_words(arguments: argparse.Namespace) -> list[str]:
    """The options as they were given."""
    words = [word for name in NAMES if (value := getattr(arguments, name)) is not None for word in (f"--{name}", value)]
    return [*map(str, words), *(["--no-splits"] if arguments.no_splits else [])]
