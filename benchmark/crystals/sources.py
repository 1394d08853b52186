"""Crystals as others give them: tables, CIF files, the Materials Project."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np

from benchmark.crystals import materials_project, tables
from benchmark.crystals.candidate import Candidate, faulty, of_parameters
from benchmark.crystals.cif_files import cif_paths, hash_of, is_cif, printable, read_cif_files
from benchmark.foundation.errors import StemdlError
from benchmark.foundation.files import canonical_json, sha256_of_file, sha256_of_text
from benchmark.foundation.progress import counted, progress

EXPECTED = "a table (.npz, .csv, .json or .parquet), a CIF file, a folder of CIF files (.cif, .mcif), or mp:QUERY"
READERS = {".npz": tables.read_npz, ".csv": tables.read_csv, ".json": tables.read_json, ".parquet": tables.read_parquet}
_PRINTABLE = "".join(map(chr, range(0x20, 0x7F)))


def source_sha256(source: Path | str) -> str:
    """The hash of a table or CIF file, of a folder's CIF files with their names, or of what the Materials Project
    answers now. A file of a folder that cannot be read counts with its name."""
    if materials_project.is_query(source):
        return sha256_of_text(canonical_json(materials_project.fetch(str(source))))
    path = Path(source)
    if path.is_dir():
        return sha256_of_text(
            "\n".join(f"{printable(str(cif.relative_to(path)))} {hash_of(cif)}" for cif in cif_paths(path))
        )
    _require_source(path)
    return sha256_of_file(path)


def read_candidates(source: Path | str) -> Iterator[Candidate]:
    """The crystals of a table, of CIF files or of a query of the Materials Project (`mp:...`), each of its own name.

    A crystal that cannot be used is yielded with the reason; of others that share an identifier, the second becomes
    `identifier~2`. Raises StemdlError where the source is not one of these, or cannot be read at all.
    """
    seen: set[str] = set()
    for candidate in _read(source):
        name = identifier = quote(candidate.identifier, safe=_PRINTABLE)
        if candidate.faulty is None:
            more = itertools.count(2)
            while name in seen:
                name = f"{identifier}~{next(more)}"
            seen.add(name)
        yield replace(candidate, identifier=name)


def place_of(path: Path, candidate: Candidate) -> Path:
    """Where a source's crystal was read: its file, with its block where there are several, or its name in a table."""
    if path.is_dir():
        return path / candidate.origin
    return path.with_name(candidate.origin) if is_cif(path) else Path(f"{path}: {candidate.identifier}")


def _read(source: Path | str) -> Iterator[Candidate]:
    if materials_project.is_query(source):
        for number, document in enumerate(materials_project.fetch(str(source)), start=1):
            yield _of_materials_project(document, f"document {number}")
        return
    path = Path(source)
    if path.is_dir():
        files = cif_paths(path)
        if not files:
            raise StemdlError(
                "the folder holds no CIF file", where=path, expected="*.cif, *.mcif, or these with .gz, .bz2, .xz"
            )
        yield from read_cif_files(files, path)
        return
    _require_source(path)
    if is_cif(path):
        yield from read_cif_files([path], path.parent)
    else:
        with progress("Reading", None, "crystals") as advance:
            yield from counted(READERS[path.suffix.lower()](path), advance)


def _require_source(path: Path) -> None:
    """Raises StemdlError for anything but a file of crystals."""
    if not (path.is_file() and (is_cif(path) or path.suffix.lower() in READERS)):
        raise StemdlError(
            "no source of structures",
            where=path,
            expected=EXPECTED,
            found="a file of another kind" if path.exists() else "nothing there",
        )


def _of_materials_project(document: Mapping[str, Any], origin: str) -> Candidate:
    """A crystal from a document with `material_id` and `structure` (pymatgen's form)."""
    identifier = str(document.get("material_id") or f"{origin}, which has no material_id")
    try:
        lattice, sites = document["structure"]["lattice"], document["structure"]["sites"]
        parameters = np.array([float(lattice[name]) for name in tables.CELL_COLUMNS])
        if any(len(site["species"]) != 1 or site["species"][0]["occu"] < 0.99 for site in sites):
            return faulty(identifier, "sites are partly occupied", origin=origin)
        symbols = [site["species"][0]["element"] for site in sites]
        numbers = np.array(tables.atomic_numbers(symbols), dtype=np.int64)
        positions = np.array([site["abc"] for site in sites], dtype=np.float64).reshape(-1, 3)
    except (KeyError, IndexError, TypeError, ValueError) as error:
        return faulty(identifier, "its document cannot be read", f"{type(error).__name__}: {error}", origin)
    return of_parameters(identifier, parameters, numbers, positions, origin)
