"""Each quirk of the real files: what is repaired and how, what is dropped and why, and that nothing else suffers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from benchmark.crystals.cbed_stack import space_groups_of
from benchmark.crystals.materials import read_materials
from benchmark.crystals.partitions import make_partition
from benchmark.data import layout
from benchmark.data.verify import verify
from benchmark.tasks.space_group.importer import ImportResult, import_data

Write = Callable[..., Path]
JUNK = {
    name: np.array([first, last, 1.7e-313], dtype=np.longdouble)
    for name, first, last in (
        ("semi_angles_rad", 0.0034, 0.0027),
        ("d_hkls_angstrom", 2.6992, 3.4790),
        ("abc_angstrom", 4.2778, 3.4790),
        ("angles_degree", 90.0, 90.0),
    )
}
"""How the real files' float attributes read back: elements 0 and 2 of the triple, then what lay behind it."""
wide_floats = pytest.mark.skipif(np.dtype(np.longdouble).itemsize == 8, reason="no float wider than float64 here")


@pytest.fixture
def imported(tmp_path: Path, write_real: Write) -> Callable[..., ImportResult]:
    """`imported(samples)`: what an import makes of one file of the train split."""

    def run(samples: list[tuple[Any, ...]]) -> ImportResult:
        write_real(tmp_path / "source" / "train" / "batch_train_0.h5", samples)
        return import_data(tmp_path / "source", tmp_path / "data")

    return run


def attributes(done: ImportResult) -> dict[str, dict[str, Any]]:
    """The attributes of every imported stack by where it came from."""
    found = {}
    for path, name in layout.iter_samples(done.manifest.folder, "train"):
        with h5py.File(path) as shard:
            told = dict(shard[name].attrs)
            found[told["source"].split(":")[1]] = told
    return found


def reasons(done: ImportResult) -> dict[str, int]:
    return done.tally.as_json()["reasons"]


# ---- repaired


@wide_floats
def test_wide_floats_are_replaced_from_another_energy(imported: Callable[..., ImportResult]) -> None:
    done = imported([(0, 0, 221, "mp-1"), (0, 1, 221, "mp-1", JUNK), (0, 2, 221, "mp-1", JUNK)])
    assert (done.tally.imported, done.tally.repaired, done.tally.dropped) == (3, 2, 0)
    how = "was not readable: from another energy of the material"
    assert reasons(done) == {f"repaired: {name} {how}": 2 for name in JUNK}
    found = attributes(done)
    for name in JUNK:
        for energy in (1, 2):
            np.testing.assert_array_equal(found[f"sample_0_{energy}"][name], found["sample_0_0"][name])
            assert found[f"sample_0_{energy}"][name].dtype == np.float64
    assert [found[f"sample_0_{energy}"]["energy_keV"] for energy in range(3)] == [100, 110, 120]


@wide_floats
@pytest.mark.parametrize(
    ("broken", "how"),
    [
        (("d_hkls_angstrom",), "from semi_angles_rad"),
        (("semi_angles_rad",), "from d_hkls_angstrom"),
        (("abc_angstrom", "semi_angles_rad"), "from d_hkls_angstrom"),
        (("d_hkls_angstrom", "semi_angles_rad"), "from the lattice"),
    ],
)
def test_wide_floats_are_replaced_by_what_they_follow_from(
    imported: Callable[..., ImportResult], broken: tuple[str, ...], how: str
) -> None:
    """The expected values are the ones that the file would hold without the quirk."""
    done = imported([(0, 0, 221, "mp-1", {name: JUNK[name] for name in broken}), (1, 0, 221, "mp-2")])
    found = attributes(done)
    assert any(reason.endswith(how) for reason in reasons(done))
    for name in set(broken) - {"abc_angstrom"}:
        np.testing.assert_allclose(found["sample_0_0"][name], found["sample_1_0"][name], rtol=1e-4)
    if "abc_angstrom" in broken:
        assert "abc_angstrom" not in found["sample_0_0"]
        assert reasons(done)["repaired: abc_angstrom was not readable and follows from nothing: left out"] == 1


@wide_floats
def test_wide_floats_that_follow_from_nothing_are_left_out(imported: Callable[..., ImportResult]) -> None:
    """As when every float of a file reads back wide: y_dirs too."""
    wide = JUNK | {"y_dirs": np.ones((1, 3, 3), dtype=np.longdouble)}
    done = imported([(0, e, 221, "mp-1", wide) for e in range(3)])
    assert (done.tally.imported, done.tally.repaired) == (3, 3)
    how = "was not readable and follows from nothing: left out"
    assert reasons(done) == {f"repaired: {name} {how}": 3 for name in wide}
    for told in attributes(done).values():
        assert set(told) == {"space_group", "material", "energy_keV", "formula", "z_dirs", "source"}


@pytest.mark.parametrize(
    "value",
    [
        np.array([4.2, np.nan, 3.4]),
        np.array([4.2, 4.2]),
        np.array([4.2, -4.2, 3.4]),
        np.array([4.2, 3.4, 1.7e-313]),
        np.bytes_("4.2"),
    ],
)
def test_triples_that_cannot_be_lengths_are_not_believed(imported: Callable[..., ImportResult], value: Any) -> None:
    done = imported([(0, 0, 221, "mp-1", {"abc_angstrom": value})])
    assert "abc_angstrom" not in attributes(done)["sample_0_0"] and done.tally.repaired == 1


def test_directions_are_columns_that_reproduce_the_spacings(imported: Callable[..., ImportResult]) -> None:
    found = attributes(imported([(0, 0, 221, "mp-1")]))["sample_0_0"]
    inverse = 1.0 / found["abc_angstrom"]
    for projection in range(3):
        hkl = found["z_dirs"][0, :, projection]
        np.testing.assert_allclose(np.linalg.norm(hkl * inverse), 1.0 / found["d_hkls_angstrom"][projection])


def test_a_missing_energy_attribute_follows_from_its_number(imported: Callable[..., ImportResult]) -> None:
    done = imported([(0, 7, 221, "mp-1", {"energy_keV": None}), (0, 2, 221, "mp-1", {"energy_keV": np.int32(120)})])
    assert reasons(done) == {"repaired: energy_keV was missing: from the energy's number": 1}
    found = attributes(done)
    assert (found["sample_0_7"]["energy_keV"], found["sample_0_2"]["energy_keV"]) == (170, 120)


@pytest.mark.parametrize(
    "label",
    [
        np.bytes_("14"),
        b"14",
        "14",
        np.int64(14),
        np.array([b"14"]),
        np.array([14]),
        "14.0",
        " 14 ",
        b"14.",
        "014",
        np.float64(14.0),
        np.float32(14.0),
        np.bytes_(" 14\n"),
    ],
)
def test_labels_of_every_type_are_read_and_written_as_one(imported: Callable[..., ImportResult], label: Any) -> None:
    done = imported(
        [(0, 0, 14, "mp-1", {"space_group": label}), (1, 0, 14, "mp-2", {"formula": np.bytes_("Fe8 O14 F2")})]
    )
    assert space_groups_of(done.manifest) == (14,) and done.tally.imported == 2
    found = attributes(done)
    assert found["sample_0_0"]["space_group"] == b"14" and isinstance(found["sample_0_0"]["space_group"], bytes)
    assert found["sample_1_0"]["formula"] == "Fe8 O14 F2"


def test_a_material_without_identifier_is_named_by_its_place(imported: Callable[..., ImportResult]) -> None:
    done = imported([(4, e, 14, "mp-1", {"material": None}) for e in range(2)])
    assert {told["material"] for told in attributes(done).values()} == {b"train/batch_train_0.h5:4"}


# ---- dropped


def _with(value: float) -> np.ndarray:
    patterns = np.full((3, 16, 16), 1.0 / 256, dtype=np.float32)
    patterns[1, 3, 5] = value
    return patterns


@pytest.mark.parametrize(
    ("patterns", "reason"),
    [
        (_with(np.nan), "a pattern holds NaN or infinity"),
        (_with(np.inf), "a pattern holds NaN or infinity"),
        (_with(-1e-3), "a pattern holds negative intensities"),
        (_with(np.exp(28)), "a pattern is blown up: a pixel holds more than the whole beam"),
        (_with(1.001), "a pattern is blown up: a pixel holds more than the whole beam"),
        (np.stack([_with(0.1)[0], np.zeros((16, 16), np.float32), _with(0.1)[0]]), "a pattern is empty"),
        (None, "it has no cbed_stack of three square patterns"),
        (np.ones((2, 16, 16), np.float32) / 256, "it has no cbed_stack of three square patterns"),
        (np.ones((3, 16, 8), np.float32) / 256, "it has no cbed_stack of three square patterns"),
    ],
)
def test_a_stack_that_can_be_no_patterns_goes_alone(
    imported: Callable[..., ImportResult], patterns: np.ndarray | None, reason: str
) -> None:
    done = imported([(0, 0, 14, "mp-1"), (0, 1, 14, "mp-1", {"patterns": patterns}), (0, 2, 14, "mp-1")])
    assert (done.tally.imported, done.tally.dropped) == (2, 1) and reasons(done) == {f"dropped: {reason}": 1}
    assert set(attributes(done)) == {"sample_0_0", "sample_0_2"}
    assert done.manifest.samples["train"] == 2


def test_patterns_as_bright_as_the_beam_can_be_stay(imported: Callable[..., ImportResult]) -> None:
    vacuum = np.zeros((3, 16, 16), dtype=np.float32)
    vacuum[:, 8, 8] = 1.0
    assert imported([(0, 0, 14, "mp-1", {"patterns": vacuum})]).tally.dropped == 0


@pytest.mark.parametrize(
    "label",
    [
        "0",
        "231",
        "P1",
        "-1",
        "",
        np.int64(0),
        np.float64(14.5),
        np.float64(np.nan),
        "14.5",
        "1e1",
        "1 4",
        "-14",
        True,
        np.array([14, 14]),
    ],
)
def test_a_label_that_is_no_space_group_drops_its_stack(imported: Callable[..., ImportResult], label: Any) -> None:
    done = imported([(0, 0, 14, "mp-1", {"space_group": label}), (1, 0, 14, "mp-2")])
    assert (done.tally.imported, done.tally.dropped) == (1, 1)
    assert next(iter(reasons(done))).startswith("dropped: its label is not a space group")


def test_a_missing_label_drops_its_stack(imported: Callable[..., ImportResult]) -> None:
    done = imported([(0, 0, 14, "mp-1", {"space_group": None}), (1, 0, 14, "mp-2")])
    assert reasons(done) == {"dropped: its label or material is missing or of no readable type": 1}


def test_a_material_of_two_space_groups_is_dropped_whole(imported: Callable[..., ImportResult]) -> None:
    done = imported([(0, 0, 14, "mp-1"), (0, 1, 15, "mp-1"), (0, 2, 14, "mp-1"), (1, 0, 15, "mp-2")])
    assert reasons(done) == {"dropped: the stacks of its material disagree on the space group": 3}
    assert space_groups_of(done.manifest) == (15,) and set(attributes(done)) == {"sample_1_0"}


def test_a_number_that_is_there_twice_counts_once(imported: Callable[..., ImportResult]) -> None:
    done = imported(
        [(0, 1, 14, "mp-1"), (0, 1, 14, "mp-1", {"name": "sample_00_1"}), (2, 0, 14, "mp-2", {"name": "notes"})]
    )
    assert reasons(done) == {
        "dropped: its sample number is in the file twice": 1,
        "dropped: it is not a group sample_<m>_<e>": 1,
    }
    assert len(attributes(done)) == 1


def test_patterns_of_another_size_are_dropped(imported: Callable[..., ImportResult]) -> None:
    other = {"patterns": np.ones((3, 8, 8), np.float32) / 64}
    done = imported([(0, 0, 14, "mp-1"), (1, 0, 14, "mp-2", other), (2, 0, 14, "mp-3")])
    assert reasons(done) == {"dropped: its patterns are not of 16 pixels as most are": 1}


def test_complex_patterns_are_not_read_as_their_real_part(imported: Callable[..., ImportResult]) -> None:
    done = imported([(0, 0, 14, "mp-1"), (1, 0, 14, "mp-2", {"patterns": _with(0.1) + 0j})])
    assert done.tally.imported == 1
    assert reasons(done) == {"dropped: its patterns are of type complex64, not of real numbers": 1}


# ---- what follows


@wide_floats
def test_data_whose_cells_could_not_be_read_are_sound_and_can_be_split(tmp_path: Path, write_real: Write) -> None:
    """The formula is always readable in the real files, and it alone decides the standard split."""
    for split, first in (("train", 10), ("dev", 20), ("test", 30)):
        write_real(
            tmp_path / "source" / split / f"batch_{split}_0.h5",
            [(m, e, 221, f"mp-{first + m}", JUNK) for m in range(3) for e in range(2)],
        )
    manifest = import_data(tmp_path / "source", tmp_path / "data").manifest
    assert verify(manifest.folder).faults == []
    partition = make_partition(manifest, read_materials(manifest))
    assert len(partition.split_of) == 9
