"""Minerals of the American Mineralogist Crystal Structure Database as CIF files, for a network to be asked about.

    pip download xraylarch==0.9.80 --no-deps && unzip xraylarch-0.9.80-*.whl larch/xrd/amcsd_cif1.db
    .venv/bin/python performance/minerals.py larch/xrd/amcsd_cif1.db -o minerals

The database (Downs and Hall-Wallace, Am. Mineral. 88, 247, 2003) is read from the table that xraylarch packs: 9,275
measured structures, of which it has removed large ones and near copies. Of each name and space group one structure is
drawn that has no partial occupancy and whose labels name elements of its formula.
"""

from __future__ import annotations

import argparse
import base64
import json
import random
import re
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

PER_UNIT = 4e6
"""Coordinates and occupancies are whole numbers of this part, in 32 bits; 2 and 3 stand for what is unknown."""
UNKNOWN = 1.5
OCCUPIED = 0.01
NO_NAME = "<missing>"


def numbers(packed: str | None) -> NDArray[np.float64] | None:
    """Coordinates or occupancies of all sites; None where the table has none."""
    if packed in (None, "0"):
        return None
    return np.frombuffer(base64.b64decode(str(packed)), np.int32) / PER_UNIT


def element(label: str, formula: set[str]) -> str | None:
    """The element of the formula that a site's label begins with, the longer name first; None where there is none."""
    word = re.match("[A-Za-z]*", label)[0].capitalize()  # type: ignore[index]  # an empty word matches too
    return next((name for name in (word[:2], word[:1]) if name in formula), None)


def cif(row: sqlite3.Row) -> str | None:
    """The structure as a CIF file; None where a site is partial, or its element or place unknown."""
    labels = json.loads(row["atoms_sites"]) if row["atoms_sites"] != NO_NAME else []
    formula = set(re.findall("[A-Z][a-z]?", row["formula"]))
    elements = [element(label, formula) for label in labels]
    occupancies = numbers(row["atoms_occupancy"])
    axes = [axis for name in "xyz" if (axis := numbers(row[f"atoms_{name}"])) is not None]
    known = len(axes) == 3 and all(len(axis) == len(labels) and (axis < UNKNOWN).all() for axis in axes)
    partial = occupancies is not None and bool((np.abs(occupancies - 1) > OCCUPIED).any())
    if not labels or None in elements or not known or partial:
        return None
    edges = [re.sub(r"\(.*", "", str(row[name])) for name in ("a", "b", "c", "alpha", "beta", "gamma")]
    cell = [f"_cell_length_{name} {value}" for name, value in zip("abc", edges, strict=False)]
    cell += [f"_cell_angle_{name} {value}" for name, value in zip(("alpha", "beta", "gamma"), edges[3:], strict=True)]
    return "\n".join(
        [
            f"data_{row['id']:07d}",
            f"_chemical_formula_sum '{row['formula']}'",
            *cell,
            f"_space_group_name_H-M_alt '{row['hm_notation'].split('%')[0].strip()}'",
            "loop_",
            "_space_group_symop_operation_xyz",
            *(f"'{each}'" for each in json.loads(row["symmetry_xyz"])),
            "loop_",
            *(f"_atom_site_{name}" for name in ("label", "type_symbol", "fract_x", "fract_y", "fract_z")),
            *(
                f"{label} {name} {x:.6f} {y:.6f} {z:.6f}"
                for label, name, (x, y, z) in zip(labels, elements, np.transpose(axes).tolist(), strict=True)
            ),
            "",
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("database", type=Path, help="amcsd_cif1.db of xraylarch")
    parser.add_argument("-o", "--output", type=Path, default=Path("minerals"))
    parser.add_argument("--seed", type=int, default=2026)
    arguments = parser.parse_args()
    if not arguments.database.is_file():
        parser.error(f"{arguments.database}: there is no such file; the first lines of {__file__} say where to get it")
    if arguments.output.exists() and any(arguments.output.iterdir()):
        parser.error(f"{arguments.output}: the folder is not empty, and files of another draw would be mixed in")
    with closing(sqlite3.connect(f"file:{arguments.database}?mode=ro", uri=True)) as database:
        database.row_factory = sqlite3.Row
        rows = database.execute(
            "SELECT cif.*, minerals.name, hm_notation, symmetry_xyz FROM cif JOIN spacegroups ON "
            "spacegroups.id = spacegroup_id LEFT JOIN minerals ON minerals.id = mineral_id ORDER BY cif.id"
        ).fetchall()
    random.Random(arguments.seed).shuffle(rows)
    arguments.output.mkdir(parents=True, exist_ok=True)
    kinds, again, unfit = set(), 0, 0
    for row in rows:
        name = row["name"] if row["name"] not in (None, NO_NAME) else row["formula"]
        kind = name, row["hm_notation"].split("%")[0].strip()
        if kind in kinds:
            again += 1
        elif (text := cif(row)) is None:
            unfit += 1
        else:
            kinds.add(kind)
            file = re.sub("[^A-Za-z0-9]+", "_", name).strip("_")
            (arguments.output / f"{file}_{row['id']:07d}.cif").write_text(text, encoding="utf-8")
    print(
        f"{len(kinds)} structures in {arguments.output}; left out: {again} of a name and group that is there, {unfit} "
        "partial ones or with sites that are not understood",
        file=sys.stderr,
    )


if __name__ == "__main__":
    main()
