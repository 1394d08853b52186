"""Tables of crystals: one per row, with atoms in any cell that repeats, not only the conventional one.

.npz         arrays `ids` (n), `cells` (n, 6: a b c in Angstrom, alpha beta gamma in degrees), `ns` (n, atoms of each),
             `Z` and `X` (atomic numbers and fractional coordinates, one crystal after the other)
.csv         columns `id`, `a`, `b`, `c`, `alpha`, `beta`, `gamma`, `positions` (a JSON list of [x, y, z], fractional),
             and `numbers` (a JSON list of atomic numbers) or `species` (a JSON list of element symbols)
.json        a list of objects with `id`, `lattice` (three vectors in Angstrom), `numbers` and `frac`, as prototypes
             are often kept
.parquet     the same columns; lists may be lists or JSON. Needs the extra `parquet`
"""

from __future__ import annotations

import csv
import json
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.crystals.candidate import Candidate, Unusable, faulty, of_parameters, require_atoms, require_vectors
from benchmark.crystals.elements import atomic_number
from benchmark.foundation.errors import StemdlError

ARRAYS = ("ids", "cells", "ns", "Z", "X")
CELL_COLUMNS = ("a", "b", "c", "alpha", "beta", "gamma")
COLUMNS = ("id", *CELL_COLUMNS, "positions")
MOST_CHARACTERS_IN_A_FIELD = 1 << 24
_UNREADABLE = (KeyError, TypeError, ValueError, OverflowError)


def read_npz(path: Path) -> Iterator[Candidate]:
    """Raises StemdlError where the arrays are not what they should be: nothing says which row would still be right."""
    try:
        with np.load(path, allow_pickle=False) as table:
            if missing := [name for name in ARRAYS if name not in table]:
                raise StemdlError(f"the table lacks {', '.join(missing)}", where=path, expected=", ".join(ARRAYS))
            ids, cells, counts, numbers, positions = (table[name] for name in ARRAYS)
    except (OSError, ValueError, EOFError, TypeError, zipfile.BadZipFile, zlib.error) as error:
        raise StemdlError("the table cannot be read", where=path, found=error) from error
    for name, array in (("cells", cells), ("ns", counts), ("Z", numbers), ("X", positions)):
        if array.dtype.kind not in "iuf":
            raise StemdlError(f"the table's {name} are not numbers", where=path, found=array.dtype)
    counts, numbers = _whole(counts, "ns", path), _whole(numbers, "Z", path)
    if counts.size and counts.min() < 0:
        raise StemdlError(
            "a crystal has a negative number of atoms", where=f"{path}: row {counts.argmin() + 1}", found=counts.min()
        )
    shaped = cells.shape == (len(ids), 6) and counts.shape == ids.shape and positions.shape == (len(numbers), 3)
    if not (shaped and counts.sum() == len(numbers)):
        raise StemdlError(
            "the table's arrays do not fit together",
            where=path,
            expected="ids (n), cells (n, 6), ns (n), Z (sum of ns), X (sum of ns, 3)",
            found={
                "ids": ids.shape,
                "cells": cells.shape,
                "ns": int(counts.sum()),
                "Z": numbers.shape,
                "X": positions.shape,
            },
        )
    ends = np.cumsum(counts)
    rows = (
        {"id": identifier, "cell": parameters, "numbers": numbers[first:last], "positions": positions[first:last]}
        for identifier, parameters, first, last in zip(ids, cells, ends - counts, ends, strict=True)
    )
    yield from _each(
        rows,
        lambda identifier, row, origin: of_parameters(
            identifier, row["cell"], row["numbers"], row["positions"], origin
        ),
    )


def _whole(values: NDArray[Any], name: str, path: Path) -> NDArray[np.int64]:
    """The numbers as integers, which floating-point numbers may be too. Raises StemdlError where one is not."""
    broken = ~np.isfinite(values) | (values != np.rint(values)) | (np.abs(values.astype(np.float64)) > 2**31)
    if broken.any():
        place = int(broken.ravel().argmax())
        raise StemdlError(
            f"the table's {name} are not whole numbers", where=f"{path}: {name}[{place}]", found=values.ravel()[place]
        )
    return values.astype(np.int64)


def _identifier(given: Any) -> str:
    """The value as text; empty where there is none, which some libraries write as not a number."""
    if given is None or given != given:
        return ""
    return (given.decode("utf-8", "backslashreplace") if isinstance(given, bytes) else str(given)).strip()


def read_csv(path: Path) -> Iterator[Candidate]:
    """Raises StemdlError where the table has not its columns; a row that cannot be used is yielded with the reason."""
    csv.field_size_limit(MOST_CHARACTERS_IN_A_FIELD)
    try:
        with open(path, newline="", encoding="utf-8-sig") as handle:
            reader = csv.DictReader(handle)
            _require_columns(reader.fieldnames or (), path)
            yield from _each(reader, _of_row)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise StemdlError("the table cannot be read", where=path, found=error) from error


def read_json(path: Path) -> Iterator[Candidate]:
    """Raises StemdlError for other content; an object that cannot be used is yielded with the reason."""
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        raise StemdlError("the table cannot be read", where=path, found=error) from error
    if not isinstance(content, list) or not all(isinstance(entry, dict) for entry in content):
        raise StemdlError("the table cannot be read", where=path, expected="a list of objects")
    yield from _each(content, _of_object)


def read_parquet(path: Path) -> Iterator[Candidate]:
    """Reads as `read_csv` does; raises StemdlError too where the library is missing."""
    try:
        from pyarrow import ArrowException, parquet
    except ImportError as error:
        raise StemdlError(
            "Parquet files cannot be read here",
            where=path,
            found=error,
            remedy="pip install 'stemdl-benchmark[parquet]'",
        ) from error
    try:
        with parquet.ParquetFile(path) as table:
            _require_columns(table.schema_arrow.names, path)
            batches = table.iter_batches(batch_size=1024)
            yield from _each((row for batch in batches for row in batch.to_pylist()), _of_row)
    except (OSError, ArrowException) as error:
        raise StemdlError("the table cannot be read", where=path, found=error) from error


def _require_columns(found: Iterable[str], path: Path) -> None:
    names = set(found)
    missing = [name for name in COLUMNS if name not in names]
    if not names & {"numbers", "species"}:
        missing.append("numbers or species")
    if missing:
        raise StemdlError(
            f"the table lacks the columns {', '.join(missing)}",
            where=path,
            expected=", ".join((*COLUMNS, "numbers or species")),
            found=", ".join(sorted(names)) or "none",
        )


def _each(
    rows: Iterable[Mapping[str, Any]], read: Callable[[str, Mapping[str, Any], str], Candidate]
) -> Iterator[Candidate]:
    """The crystal of each row; what is wrong with a row becomes its fault."""
    for number, row in enumerate(rows, start=1):
        identifier, origin = _identifier(row.get("id")), f"row {number}"
        try:
            yield (
                read(identifier, row, origin)
                if identifier
                else faulty(f"{origin}, which has no id", "its row has no id", origin=origin)
            )
        except Unusable as fault:
            yield faulty(identifier, fault.reason, fault.detail, origin)
        except _UNREADABLE as error:
            yield faulty(identifier, "its row cannot be read", f"{type(error).__name__}: {error}", origin)


def _of_object(identifier: str, entry: Mapping[str, Any], origin: str) -> Candidate:
    cell = np.array(entry["lattice"], dtype=np.float64).reshape(3, 3)
    numbers = np.array(entry["numbers"], dtype=np.float64)
    positions = _positions(entry["frac"], numbers)
    require_vectors(cell)
    require_atoms(numbers, positions)
    return Candidate(identifier, cell, numbers.astype(np.int64), positions, origin=origin)


def _of_row(identifier: str, row: Mapping[str, Any], origin: str) -> Candidate:
    parameters = np.array([float(row[name]) for name in CELL_COLUMNS])
    given = row.get("numbers")
    numbers = np.array(
        atomic_numbers(_listed(row["species"])) if given in (None, "") else _listed(given), dtype=np.float64
    )
    return of_parameters(identifier, parameters, numbers, _positions(_listed(row["positions"]), numbers), origin)


def _positions(given: Any, numbers: NDArray[Any]) -> NDArray[np.float64]:
    """(n, 3). Raises Unusable where they are not those of (n,) atoms."""
    positions = np.array(given, dtype=np.float64)
    if positions.size == 0:
        positions = positions.reshape(-1, 3)
    if numbers.ndim != 1 or positions.ndim != 2 or positions.shape[1] != 3 or len(numbers) != len(positions):
        raise Unusable("its numbers and positions do not fit together", f"{numbers.shape} and {positions.shape}")
    return positions


def _listed(value: Any) -> list[Any]:
    """A list, or the one in a JSON text. Raises ValueError for anything else."""
    listed = json.loads(value) if isinstance(value, str) else value
    if not isinstance(listed, list):
        raise ValueError(f"no list: {value!r}"[:80])
    return listed


def atomic_numbers(symbols: Sequence[str]) -> list[int]:
    """The atomic numbers of element symbols as they are written, without charges. Raises ValueError for another
    text."""
    numbers = [atomic_number(str(symbol)) for symbol in symbols]
    if 0 in numbers:
        raise ValueError(f"no element: {symbols[numbers.index(0)]!r}")
    return numbers
