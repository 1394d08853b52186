"""Crystals as others give them: tables, CIF files, the Materials Project.

A table has one crystal a row, with atoms in any cell that repeats, not only the conventional one:

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
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmark.data import materials_project
from benchmark.data.candidate import Candidate, faulty, of_parameters
from benchmark.foundation.errors import StemdlError
from benchmark.foundation.files import canonical_json, sha256_of_file, sha256_of_text

ARRAYS = ("ids", "cells", "ns", "Z", "X")
CELL_COLUMNS = ("a", "b", "c", "alpha", "beta", "gamma")
COLUMNS = ("id", *CELL_COLUMNS, "positions")
EXPECTED = "a table (.npz, .csv, .json or .parquet), a folder of .cif files, or mp:QUERY"
MOST_CHARACTERS_IN_A_FIELD = 1 << 24


def source_sha256(source: Path | str) -> str:
    """The hash of a table, of a folder's CIF files with their names, or of what the Materials Project answers now."""
    if materials_project.is_query(source):
        return sha256_of_text(canonical_json(materials_project.fetch(str(source))))
    path = Path(source)
    if path.is_dir():
        return sha256_of_text("\n".join(f"{cif.relative_to(path)} {sha256_of_file(cif)}" for cif in _cif_files(path)))
    if not path.exists():
        raise StemdlError("no source of structures", where=path, expected=EXPECTED, found="nothing there")
    return sha256_of_file(path)


def read_candidates(source: Path | str) -> Iterator[Candidate]:
    """The crystals of a table, of a folder of CIF files or of a query of the Materials Project (`mp:...`).

    A crystal that cannot be used is yielded with the reason. Raises StemdlError where the source is none of these, or
    cannot be read at all.
    """
    if materials_project.is_query(source):
        yield from map(_of_materials_project, materials_project.fetch(str(source)))
        return
    path = Path(source)
    readers = {".npz": _read_npz, ".csv": _read_csv, ".json": _read_json, ".parquet": _read_parquet}
    if path.is_dir():
        files = _cif_files(path)
        if not files:
            raise StemdlError("the folder holds no .cif file", where=path)
        yield from map(_read_cif, files)
    elif path.suffix in readers and path.is_file():
        yield from readers[path.suffix](path)
    else:
        raise StemdlError("no source of structures", where=path, expected=EXPECTED,
                          found="a file of another kind" if path.exists() else "nothing there")


def _cif_files(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.cif"))


def _read_npz(path: Path) -> Iterator[Candidate]:
    try:
        with np.load(path, allow_pickle=False) as table:
            if missing := [name for name in ARRAYS if name not in table]:
                raise StemdlError(f"the table lacks {', '.join(missing)}", where=path, expected=", ".join(ARRAYS))
            ids, cells, counts, numbers, positions = (table[name] for name in ARRAYS)
    except (OSError, ValueError, EOFError, TypeError, zipfile.BadZipFile, zlib.error) as error:
        raise StemdlError("the table cannot be read", where=path, found=error) from error
    shaped = cells.shape == (len(ids), 6) and counts.shape == ids.shape and positions.shape == (len(numbers), 3)
    if not (shaped and counts.sum() == len(numbers)):
        raise StemdlError("the table's arrays do not fit together", where=path,
                          found={"ids": len(ids), "cells": len(cells), "ns": int(counts.sum()), "Z": len(numbers)})
    ends = np.cumsum(counts.astype(np.int64))
    for identifier, parameters, first, last in zip(ids, cells, ends - counts, ends, strict=True):
        yield of_parameters(str(identifier), parameters, numbers[first:last], positions[first:last])


def _read_csv(path: Path) -> Iterator[Candidate]:
    csv.field_size_limit(MOST_CHARACTERS_IN_A_FIELD)
    try:
        with open(path, newline="", encoding="utf-8-sig") as handle:
            reader = csv.DictReader(handle)
            _require_columns(reader.fieldnames or (), path)
            yield from map(_of_row, reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise StemdlError("the table cannot be read", where=path, found=error) from error


def _read_json(path: Path) -> Iterator[Candidate]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise StemdlError("the table cannot be read", where=path, found=error) from error
    if not isinstance(content, list) or not all(isinstance(entry, dict) for entry in content):
        raise StemdlError("the table cannot be read", where=path, expected="a list of objects")
    yield from map(_of_object, content)


def _of_object(entry: Mapping[str, Any]) -> Candidate:
    identifier = str(entry.get("id") or "an entry without an id")
    try:
        cell = np.array(entry["lattice"], dtype=np.float64).reshape(3, 3)
        numbers = np.array(entry["numbers"], dtype=np.int64)
        positions = np.array(entry["frac"], dtype=np.float64).reshape(-1, 3)
    except (KeyError, TypeError, ValueError, OverflowError):
        return faulty(identifier, "its entry cannot be read")
    if numbers.ndim != 1 or len(numbers) != len(positions):
        return faulty(identifier, "its numbers and positions do not fit together")
    if not (np.isfinite(cell).all() and np.isfinite(positions).all()):
        return faulty(identifier, "a number of it is not finite")
    if not abs(np.linalg.det(cell)) > 0.0:
        return faulty(identifier, "no cell has its vectors")
    return Candidate(identifier, cell, numbers, positions)


def _read_parquet(path: Path) -> Iterator[Candidate]:
    try:
        from pyarrow import ArrowException, parquet
    except ImportError as error:
        raise StemdlError("Parquet files cannot be read here", where=path, found=error,
                          remedy="pip install 'stemdl-benchmark[parquet]'") from error
    try:
        with parquet.ParquetFile(path) as table:
            _require_columns(table.schema_arrow.names, path)
            for batch in table.iter_batches(batch_size=1024):
                yield from map(_of_row, batch.to_pylist())
    except (OSError, ArrowException) as error:
        raise StemdlError("the table cannot be read", where=path, found=error) from error


def _require_columns(found: Iterable[str], path: Path) -> None:
    names = set(found)
    missing = [name for name in COLUMNS if name not in names]
    if not names & {"numbers", "species"}:
        missing.append("numbers or species")
    if missing:
        raise StemdlError(f"the table lacks the columns {', '.join(missing)}", where=path,
                          expected=", ".join((*COLUMNS, "numbers or species")), found=", ".join(sorted(names)) or "none")


def _of_row(row: Mapping[str, Any]) -> Candidate:
    """A crystal from a row of a table; what is wrong with it becomes its fault."""
    identifier = str(row.get("id") or "").strip()
    if not identifier:
        return faulty("a row without an id", "its row has no id")
    try:
        parameters = np.array([float(row[name]) for name in CELL_COLUMNS])
        positions = np.array(_listed(row["positions"]), dtype=np.float64).reshape(-1, 3)
        given = _listed(row["numbers"]) if row.get("numbers") is not None else _atomic_numbers(_listed(row["species"]))
        numbers = np.array(given, dtype=np.int64)
    except (KeyError, TypeError, ValueError, OverflowError):
        return faulty(identifier, "its row cannot be read")
    if numbers.ndim != 1 or len(numbers) != len(positions):
        return faulty(identifier, "its numbers and positions do not fit together")
    return of_parameters(identifier, parameters, numbers, positions)


def _listed(value: Any) -> list:
    """A list, or the one in a JSON text. Raises ValueError for anything else."""
    listed = json.loads(value) if isinstance(value, str) else value
    if not isinstance(listed, list):
        raise ValueError("no list")
    return listed


def _atomic_numbers(symbols: Sequence[str]) -> list[int]:
    """Raises ValueError for a symbol of no element."""
    import gemmi

    elements = [gemmi.Element(str(symbol)) for symbol in symbols]
    for element, symbol in zip(elements, symbols, strict=True):
        if element.atomic_number < 1 or element.name != str(symbol):  # other text is read as the element it begins with
            raise ValueError(f"no element: {symbol!r}")
    return [element.atomic_number for element in elements]


def _read_cif(path: Path) -> Candidate:
    import gemmi

    try:
        structure = gemmi.read_small_structure(str(path))
        sites = structure.get_all_unit_cell_sites()
    except (RuntimeError, ValueError, OSError):
        return faulty(path.stem, "the CIF cannot be read", origin=path.name)
    if not sites:
        return faulty(path.stem, "the CIF has no atoms or no symmetry", origin=path.name)
    if any(site.occ < 0.99 for site in sites):
        return faulty(path.stem, "sites are partly occupied", origin=path.name)
    return of_parameters(path.stem, np.array(structure.cell.parameters),
                      np.array([site.element.atomic_number for site in sites]),
                      np.array([site.fract.tolist() for site in sites]))


def _of_materials_project(document: Mapping[str, Any]) -> Candidate:
    """A crystal from a document with `material_id` and `structure` (pymatgen's form)."""
    identifier = str(document.get("material_id", "a document without a material_id"))
    try:
        lattice, sites = document["structure"]["lattice"], document["structure"]["sites"]
        parameters = np.array([float(lattice[name]) for name in CELL_COLUMNS])
        if any(len(site["species"]) != 1 or site["species"][0]["occu"] < 0.99 for site in sites):
            return faulty(identifier, "sites are partly occupied")
        numbers = np.array(_atomic_numbers([site["species"][0]["element"] for site in sites]), dtype=np.int64)
        positions = np.array([site["abc"] for site in sites], dtype=np.float64).reshape(-1, 3)
    except (KeyError, IndexError, TypeError, ValueError):
        return faulty(identifier, "its document cannot be read")
    return of_parameters(identifier, parameters, numbers, positions)
