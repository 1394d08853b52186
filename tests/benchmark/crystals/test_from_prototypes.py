"""Data of prototypes with other elements, and of crystals drawn by a named recipe."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from made_here import made_here

from benchmark.crystals.from_prototypes import from_prototypes
from benchmark.crystals.materials import read_materials
from benchmark.crystals.relabel import drawn_again, shipped_rung
from benchmark.crystals.sources import read_candidates
from benchmark.crystals.structures import examine
from benchmark.data.generate import generate
from benchmark.data.manifest import Manifest, read_manifest
from benchmark.data.recipe import recipe_sha256_of
from benchmark.data.verify import verify
from benchmark.data.workers import workers
from benchmark.definition.finder import load_benchmark
from benchmark.foundation.errors import StemdlError
from benchmark.simulation import chemistry
from benchmark.simulation.cbed import CbedRung, crystals_named

PER_GROUP = {"train": 3, "dev": 1, "test": 1}


@pytest.fixture(scope="module", autouse=True)
def all_made_here() -> Iterator[None]:
    with made_here():
        yield


@pytest.fixture(scope="module")
def rung() -> CbedRung:
    benchmark = load_benchmark("space_group")
    small = dataclasses.replace(
        CbedRung.of(benchmark.rung("stemdl_smoke")), space_groups=(139, 225), materials_per_group=PER_GROUP
    )
    return dataclasses.replace(small, crystals=crystals_named("realistic"))


@pytest.fixture(scope="module")
def prototypes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Rock salt, fluorite and a body-centred one that is cubic: none of 139."""
    path = tmp_path_factory.mktemp("prototypes") / "p.json"
    face = 0.5 * np.array([[0, 1, 1], [1, 0, 1], [1, 1, 0]])
    path.write_text(
        json.dumps(
            [
                {
                    "id": "salt",
                    "lattice": (5.64 * face).tolist(),
                    "numbers": [11, 17],
                    "frac": [[0, 0, 0], [0.5, 0.5, 0.5]],
                },
                {
                    "id": "fluorite",
                    "lattice": (5.46 * face).tolist(),
                    "numbers": [20, 9, 9],
                    "frac": [[0, 0, 0], [0.25, 0.25, 0.25], [0.75, 0.75, 0.75]],
                },
                {
                    "id": "iron",
                    "lattice": (2.87 * np.eye(3)).tolist(),
                    "numbers": [26, 26],
                    "frac": [[0, 0, 0], [0.5, 0.5, 0.5]],
                },
            ]
        )
    )
    return path


@pytest.fixture(scope="module")
def manifest(rung: CbedRung, prototypes: Path, tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    return generate(rung, tmp_path_factory.mktemp("data") / "a", prototypes=prototypes, crystals="realistic")


def test_groups_with_prototypes_get_them_and_others_are_drawn(manifest: Manifest) -> None:
    materials = read_materials(manifest)
    named = {identifier: entry.structure_type for identifier, entry in materials.items()}
    assert len(named) == 10
    assert {kind for name, kind in named.items() if name.startswith("prototype-225-")} <= {"AB cF8 225", "A2B cF12 225"}
    assert sum(name.startswith("prototype-225-") for name in named) == 5
    assert sum(name.startswith("drawn-139-") for name in named) == 5
    assert len({entry.compound.formula for entry in materials.values()}) > 6


def test_no_compound_is_made_twice(rung: CbedRung, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two elements make two crystals of the structure of copper; the other places are drawn."""
    monkeypatch.setattr(chemistry, "CATIONS", ["Cu", "Ag"])
    path = tmp_path / "copper.json"
    path.write_text(
        json.dumps(
            [
                {
                    "id": "copper",
                    "lattice": (3.61 * np.eye(3)).tolist(),
                    "numbers": [29] * 4,
                    "frac": [[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]],
                }
            ]
        )
    )
    ((_, copper),) = [(one.identifier, examine(one, rung.limits)[0]) for one in read_candidates(path)]
    one_group = dataclasses.replace(rung, space_groups=(225,))
    with workers(1, None) as work:
        named = from_prototypes(one_group, {225: [("copper", copper)]}, work)[225]
    made = [crystal.formula for name, crystal in named if name.startswith("prototype-")]
    assert sorted(made) == ["Ag4", "Cu4"]
    assert [crystal for name, crystal in named if name.startswith("drawn-")] == [None] * 3


def test_they_pass_every_check_that_can_be_made(manifest: Manifest) -> None:
    report = verify(manifest.folder)
    assert report.faults == [] and {"duplicates", "materials", "copies"} <= set(report.checked)


def test_they_are_told_apart_from_the_rungs_own_data(manifest: Manifest, rung: CbedRung) -> None:
    assert not manifest.standard and manifest.recipe_sha256 != rung.recipe_sha256
    assert manifest.values["source"]["kind"] == "prototypes" and manifest.values["source"]["name"] == "p.json"
    assert manifest.values["selection"]["outside"] == {"another space group": 1}


def test_the_same_command_makes_the_same_bytes(
    manifest: Manifest, rung: CbedRung, prototypes: Path, tmp_path: Path
) -> None:
    again = generate(rung, tmp_path / "b", prototypes=prototypes, crystals="realistic", processes=2)
    assert again.sha256 == manifest.sha256


def test_no_prototype_of_any_group_is_one_error(rung: CbedRung, prototypes: Path, tmp_path: Path) -> None:
    other = dataclasses.replace(rung, space_groups=(2, 14))
    with pytest.raises(StemdlError, match="no crystal can be used"):
        generate(other, tmp_path / "c", prototypes=prototypes)


def test_crystals_of_a_named_recipe_are_drawn_again(tmp_path: Path) -> None:
    """What `stemdl data verify` asks for; of the whole smoke rung, whose recipe is known by its name."""
    benchmark = load_benchmark("space_group")
    own = CbedRung.of(benchmark.rung("stemdl_smoke"))
    named = dataclasses.replace(own, crystals=crystals_named("realistic"))
    small = dataclasses.replace(named, materials_per_group=PER_GROUP, space_groups=(225,))
    written = generate(small, tmp_path / "d", crystals="realistic")
    assert not written.standard
    claimed = dataclasses.replace(written, recipe_sha256=recipe_sha256_of(named, written.values["source"]))
    found = shipped_rung(claimed)
    assert found == named != own
    for identifier, entry in read_materials(read_manifest(tmp_path / "d")).items():
        assert drawn_again(found, identifier).formula and entry.compound.space_group == 225
        crystal = drawn_again(found, identifier)
        np.testing.assert_allclose(crystal.lengths_angstrom, entry.compound.lengths_angstrom, rtol=1e-6)


def test_a_recipe_that_there_is_not_is_one_error() -> None:
    with pytest.raises(StemdlError, match="no recipe 'realstic'(.|\n)*did you mean 'realistic'"):
        crystals_named("realstic")
