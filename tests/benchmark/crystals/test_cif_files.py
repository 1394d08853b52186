"""Every path that is named as a CIF file is accounted for, by its own name and with the right cause."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from cif_text import ATOM_COLUMNS, CUBIC, cif, operations_of
from cif_text import SALT as SALT_ATOMS
from hypothesis import given
from hypothesis import strategies as st

from benchmark.crystals import cif_files
from benchmark.crystals.given import choose
from benchmark.crystals.sources import read_candidates, source_sha256
from benchmark.data.workers import Workers
from benchmark.definition.finder import load_benchmark
from benchmark.foundation.errors import StemdlError
from benchmark.simulation.cbed import CbedRung

SALT = cif(operations=operations_of("F m -3 m"))


def read(source: Path) -> dict[str, str | None]:
    """What is wrong with each crystal of a source, by identifier."""
    candidates = list(read_candidates(source))
    found = {one.identifier: one.faulty for one in candidates}
    assert len(found) == len(candidates)
    return found


@pytest.mark.parametrize(
    ("name", "content", "identifier"),
    [
        ("salt.cif", SALT.encode(), "salt"),
        ("SALT.CIF", SALT.encode(), "SALT.CIF"),
        ("salt.mcif", SALT.encode(), "salt.mcif"),
        ("salt.cif.gz", gzip.compress(SALT.encode()), "salt.cif.gz"),
        ("salt.Cif.GZ", gzip.compress(SALT.encode()), "salt.Cif.GZ"),
        ("salt.cif.bz2", bz2.compress(SALT.encode()), "salt.cif.bz2"),
        ("salt.cif.xz", lzma.compress(SALT.encode()), "salt.cif.xz"),
        ("packed.cif", gzip.compress(SALT.encode()), "packed"),
        ("unpacked.cif.gz", SALT.encode(), "unpacked.cif.gz"),
        ("dos.cif", SALT.encode() + b"\x1a", "dos"),
        ("tape.cif", SALT.encode() + b"\0" * 512, "tape"),
        ("x.cif.cif", SALT.encode(), "x.cif.cif"),
        (".cif", SALT.encode(), ".cif"),
        ("bom.cif", b"\xef\xbb\xbf" + SALT.encode(), "bom"),
        ("crlf.cif", SALT.replace("\n", "\r\n").encode(), "crlf"),
        ("cr.cif", SALT.replace("\n", "\r").encode(), "cr"),
        (
            "latin.cif",
            ("#" + SALT + "_author M\xfcller\n").encode("latin-1").replace(b"#data", b"# \xe9\ndata"),
            "latin",
        ),
        ("end.cif", SALT.rstrip("\n").encode(), "end"),
        ("paper.cif", ("data_global\n_journal_year 2001\n" + SALT).encode(), "paper"),
        ("powder.cif", (SALT + "data_p\nloop_\n_pd_meas_counts_total\n1\n2\n").encode(), "powder"),
        ("a b,c;d.cif", SALT.encode(), "a b,c;d"),
        ("caf\xe9:1#2%.cif", SALT.encode(), "caf%C3%A9%3A1%232%25"),
    ],
)
def test_files_of_every_form_are_read(tmp_path: Path, name: str, content: bytes, identifier: str) -> None:
    (tmp_path / name).write_bytes(content)
    assert read(tmp_path) == {identifier: None} == read(tmp_path / name)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "the file is empty"),
        (b" \n\n", "the file is empty"),
        (b"\xef\xbb\xbf", "the file is empty"),
        (b"# nothing\n", "the CIF has no atoms"),
        (b"data_x\n", "the CIF has no atoms"),
        (b"data_p\nloop_\n_pd_meas_counts_total\n1\n2\n", "the CIF has no atoms"),
        (SALT.encode("utf-16"), "the file is not in ASCII or UTF-8"),
        (SALT.encode("utf-16-le"), "the file is not in ASCII or UTF-8"),
        (SALT.encode("utf-32"), "the file is not in ASCII or UTF-8"),
        (gzip.compress(gzip.compress(SALT.encode())), "the file is not in ASCII or UTF-8"),
        (b"PK\x03\x04" + SALT.encode(), "it is an archive, not a file"),
        (SALT.encode()[:-4], "the CIF cannot be read"),
        (SALT.encode()[:-25], "the CIF cannot be read"),
        (b"\xff no cif {{{", "the CIF cannot be read"),
        (b"<html></html>", "the CIF cannot be read"),
    ],
)
def test_files_that_say_nothing_are_left_out(tmp_path: Path, content: bytes, reason: str) -> None:
    (tmp_path / "x.cif").write_bytes(content)
    (tmp_path / "sound.cif").write_text(SALT)
    assert read(tmp_path) == {"x": reason, "sound": None}


@pytest.mark.parametrize(
    "content",
    [
        gzip.compress(SALT.encode())[:-30],
        b"",
        gzip.compress(SALT.encode())[:40] + b"\xff" * 40,
        gzip.compress(SALT.encode()) + b"more",
        bz2.compress(SALT.encode())[:-30],
        lzma.compress(SALT.encode())[:40] + b"\xff" * 40,
    ],
    ids=["cut", "empty", "broken", "longer", "cut bz2", "broken xz"],
)
def test_a_broken_packed_file_is_left_out(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.cif.gz").write_bytes(content)
    assert read(tmp_path)["x.cif.gz"] in ("the file cannot be read", "the file is empty")


def test_a_large_file_is_not_held_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cif_files, "MOST_BYTES", len(SALT))
    (tmp_path / "x.cif").write_text(SALT)
    (tmp_path / "y.cif").write_text(SALT + "\n")
    (tmp_path / "z.cif.gz").write_bytes(gzip.compress(SALT.encode() + b"\n" * 1_000_000))
    assert read(tmp_path) == {"x": None, "y": "the file is too large", "z.cif.gz": "the file is too large"}


def folder(path: Path) -> None:
    path.mkdir()


def dangling(path: Path) -> None:
    path.symlink_to("nowhere.cif")


def loop(path: Path) -> None:
    path.symlink_to(path.name)


def pipe(path: Path) -> None:
    os.mkfifo(path)


def device(path: Path) -> None:
    path.symlink_to("/dev/zero")


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (folder, "it is a folder, not a file"),
        (dangling, "it is a link to nothing"),
        (loop, "the file cannot be read"),
        (pipe, "it is not a regular file"),
        (device, "it is not a regular file"),
    ],
)
def test_what_is_not_a_file_is_called_what_it_is(tmp_path: Path, make: Callable[[Path], None], reason: str) -> None:
    make(tmp_path / "x.cif")
    (tmp_path / "sound.cif").write_text(SALT)
    assert read(tmp_path) == {"x": reason, "sound": None}
    before = source_sha256(tmp_path)
    (tmp_path / "sound.cif").write_text(SALT + "\n")
    assert source_sha256(tmp_path) != before


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_files_and_folders_without_permission_are_named(tmp_path: Path) -> None:
    (tmp_path / "x.cif").write_text(SALT)
    (tmp_path / "x.cif").chmod(0)
    (tmp_path / "closed").mkdir(mode=0)
    assert read(tmp_path) == {"x": "the file cannot be read", "closed": "the folder cannot be read"}


def test_a_file_that_cannot_be_opened_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As `test_files_and_folders_without_permission_are_named`, for root too."""
    (tmp_path / "x.cif").write_text(SALT)

    def refused(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(cif_files, "open", refused, raising=False)
    (one,) = read_candidates(tmp_path)
    assert (one.faulty, one.detail, one.origin) == ("the file cannot be read", "Permission denied", "x.cif")


def test_files_of_one_name_are_several_crystals(tmp_path: Path) -> None:
    for name in ("a/structure.cif", "b/structure.cif", "b/c/structure.cif", "b:c/structure.cif", "structure.CIF"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(SALT)
    assert read(tmp_path) == dict.fromkeys(
        ("a:structure", "b:structure", "b:c:structure", "b%3Ac:structure", "structure.CIF")
    )


def test_each_block_with_atoms_is_a_crystal(tmp_path: Path) -> None:
    other = cif((4.2, 4.2, 4.2, 90, 90, 90), operations=operations_of("F m -3 m"), block="y")
    broken = cif(CUBIC, block="z")
    (tmp_path / "x.cif").write_text("data_global\n_journal_year 2001\n" + SALT + other + broken + SALT)
    candidates = list(read_candidates(tmp_path))
    assert {one.identifier: one.faulty for one in candidates} == {
        "x#x": None,
        "x#y": None,
        "x#z": "its symmetry is not stated",
        "x#x~2": None,
    }
    assert [one.origin for one in candidates] == ["x.cif#x", "x.cif#y", "x.cif#z", "x.cif#x~2"]
    edges = [float(np.linalg.norm(one.cell[0])) for one in candidates if one.faulty is None]
    np.testing.assert_allclose(edges, [5.64, 4.2, 5.64])


def test_names_are_in_printable_ascii_whatever_the_file_is_called(tmp_path: Path) -> None:
    """A data set's attributes and tables hold them; bytes that are not text and line breaks are in file names too."""
    for name in (b"caf\xc3\xa9.cif", b"\xff\xfe.cif", b"a\nb.cif", b"\xe6\xb0\xb4.cif"):
        with open(os.path.join(os.fsencode(tmp_path), name), "w") as handle:
            handle.write(SALT)
    candidates = list(read_candidates(tmp_path))
    assert len({one.identifier for one in candidates}) == 4
    for one in candidates:
        assert one.faulty is None and one.identifier.isascii() and one.identifier.isprintable()
        assert one.origin.isprintable() and one.origin.encode("utf-8")
    assert source_sha256(tmp_path)


def test_what_is_not_named_as_a_cif_file_is_not_looked_at(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text(SALT)
    with pytest.raises(StemdlError, match="no CIF file"):
        list(read_candidates(tmp_path))
    with pytest.raises(StemdlError, match="no source of structures"):
        list(read_candidates(tmp_path / "notes.txt"))


@given(
    st.text(alphabet="data_xloop_cell atom site#;'\"?.()0123456789\n\t", max_size=300),
    st.integers(0, 2500),
    st.integers(0, 40),
)
def test_no_text_ends_in_another_error(
    tmp_path_factory: pytest.TempPathFactory, junk: str, place: int, cut: int
) -> None:
    """Junk in any place of a sound file leaves a crystal or a reason."""
    place %= len(SALT)
    path = tmp_path_factory.mktemp("junk") / "x.cif"
    path.write_text(SALT[:place] + junk + SALT[place + cut :])
    for candidate in read_candidates(path):
        assert (candidate.faulty is None) == (candidate.cell is not None)


@pytest.mark.parametrize(
    "more",
    [
        "_space_group_IT_number {}",
        "_symmetry_space_group_name_H-M {}",
        "_cell_formula_units_Z {}",
        "_chemical_formula_sum 'Na{} Cl1'",
        "_exptl_crystal_density_diffrn {}",
    ],
)
def test_a_number_of_thousands_of_digits_is_a_reason_like_any_other(tmp_path: Path, more: str) -> None:
    """Python's `int` refuses them, with an error that is nobody's."""
    text = cif(operations=operations_of("F m -3 m"), more=more.format("9" * 5000))
    (tmp_path / "long.cif").write_text(text)
    read(tmp_path)  # usable or not, it raises nothing


def test_a_multiplicity_of_thousands_of_digits_says_nothing(tmp_path: Path) -> None:
    columns = (*ATOM_COLUMNS, "symmetry_multiplicity")
    atoms = [f"{atom} {'4' * 5000}" for atom in SALT_ATOMS]
    (tmp_path / "long.cif").write_text(cif(operations=operations_of("F m -3 m"), atoms=atoms, columns=columns))
    assert read(tmp_path) == {"long": None}


@pytest.mark.parametrize("source", ["folder", "folder/salt.cif"])
def test_a_folder_of_cif_files_has_one_progress(
    source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "salt.cif").write_text(SALT)
    monkeypatch.setattr("benchmark.foundation.progress.SECONDS_BETWEEN_LINES", 0.0)
    choose(
        CbedRung.of(load_benchmark("space_group").rung("stemdl_smoke")),
        tmp_path / source,
        tmp_path / "data",
        Workers(None, None),
        split=False,
    )
    lines = [line.partition(":")[0] for line in capsys.readouterr().err.splitlines()]
    assert [title for title in lines if title.startswith("Reading")] == ["Reading files"]
