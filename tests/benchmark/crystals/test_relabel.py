"""Labels found again: of given materials in their table, of drawn ones by drawing them again."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from benchmark.crystals import relabel
from benchmark.crystals.materials import read_materials
from benchmark.crystals.relabel import some_of
from benchmark.data.manifest import read_manifest
from benchmark.data.verify import verify
from benchmark.definition.finder import load_benchmark
from benchmark.simulation.cbed import CbedRung
from benchmark.simulation.crystal import Crystal
from benchmark.simulation.draw import draw_crystal

Seal = Callable[[Path], None]


def test_some_materials_of_every_group_are_chosen_the_same_way(written: Path) -> None:
    entries = list(read_materials(read_manifest(written)).values())
    chosen = some_of(entries, 9)
    assert chosen == some_of(entries[::-1], 9) and len(some_of(entries, 1000)) == len(entries)
    groups = [entry.compound.space_group for entry in chosen]
    assert {group: groups.count(group) for group in groups} == {2: 3, 62: 3, 225: 3}


@pytest.fixture(scope="module")
def crystals() -> list[Crystal]:
    """A crystal of each of the groups that the data set has."""
    recipe = CbedRung.of(load_benchmark("space_group").rung("stemdl_smoke")).crystals
    return [draw_crystal(group, recipe, np.random.default_rng(group)) for group in (2, 62, 225)]


def tabled(written: Path, crystals: list[Crystal], seal: Seal) -> Path:
    """The data set, each of its materials made one of the crystals by its group; the table that they came from."""
    for path in written.rglob("*.h5"):
        with h5py.File(path, "r+") as shard:
            for sample in shard.values():
                crystal = next(one for one in crystals if one.space_group == int(sample.attrs["space_group"]))
                sample.attrs["material"] = np.bytes_(f"of-{crystal.space_group}-{path.parent.name}")
                sample.attrs["formula"] = crystal.formula
                sample.attrs["abc_angstrom"] = crystal.lengths_angstrom
                sample.attrs["angles_degree"] = crystal.angles_degrees
    seal(written)
    named = [(f"of-{one.space_group}-{split}", one) for split in ("train", "dev", "test") for one in crystals]
    table = written.parent / "table.npz"
    np.savez(
        table,
        ids=np.array([name for name, _ in named]),
        ns=np.array([len(one.numbers) for _, one in named]),
        cells=np.array([[*one.lengths_angstrom, *one.angles_degrees] for _, one in named]),
        Z=np.concatenate([one.numbers for _, one in named]),
        X=np.concatenate([one.positions for _, one in named]),
    )
    return table


def test_labels_of_given_crystals_are_found_again_in_their_table(
    written: Path, crystals: list[Crystal], seal: Seal
) -> None:
    table = tabled(written, crystals, seal)
    report = verify(written, table=table)
    assert "symmetry" in report.checked and not [fault for fault in report.faults if fault.check == "symmetry"]
    assert [fault for fault in report.faults if fault.check == "duplicates"]  # each crystal lies in three splits
    with h5py.File(written / "dev" / "batch_dev_0.h5", "r+") as shard:
        for sample in shard.values():
            if sample.attrs["material"] == b"of-62-dev":
                sample.attrs["space_group"] = np.bytes_("2")
                sample.attrs["abc_angstrom"] = sample.attrs["abc_angstrom"] * 1.01
    seal(written)
    told = {
        fault.message.partition(" at ")[0]: fault
        for fault in verify(written, table=table).faults
        if fault.check == "symmetry"
    }
    assert set(told) == {"the label is not what spglib finds", "abc_angstrom is not the crystal's"}
    assert (told["the label is not what spglib finds"].expected, told["the label is not what spglib finds"].found) == (
        "62",
        "2",
    )


def test_a_table_that_lacks_a_material_is_told(written: Path, crystals: list[Crystal], seal: Seal) -> None:
    table = tabled(written, crystals, seal)
    with h5py.File(written / "test" / "batch_test_0.h5", "r+") as shard:
        for sample in shard.values():
            if sample.attrs["material"] == b"of-225-test":
                sample.attrs["material"] = np.bytes_("unheard-of")
    seal(written)
    messages = [fault.message for fault in verify(written, table=table).faults if fault.check == "symmetry"]
    assert messages == ["the crystal of unheard-of has no group or is not available"]


def test_crystals_are_drawn_again_for_drawn_data_of_a_shipped_recipe_alone(written: Path) -> None:
    """The imported real set carries its rung's recipe too, from which nothing can be drawn."""
    rungs, manifest = load_benchmark("space_group").rungs, read_manifest(written)
    for name, kind, expected in (
        ("stemdl_mini", "drawn", CbedRung.of(rungs["stemdl_mini"])),
        ("stemdl_olcf", "imported", None),
    ):
        of_rung = dataclasses.replace(
            manifest, rung=name, recipe_sha256=rungs[name].recipe_sha256, values={"source": {"kind": kind}}
        )
        assert relabel.shipped_rung(of_rung) == expected
        assert relabel.shipped_rung(dataclasses.replace(of_rung, recipe_sha256="0")) is None
