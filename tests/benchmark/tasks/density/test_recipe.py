"""Samples of the smoke rung: what a microscope could have counted, of kinds and specimens as the rung says."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from benchmark.data.recipe import Sample, Unit, recipe_of, samples_of_unit
from benchmark.definition.benchmark import Rung
from benchmark.definition.finder import load_benchmark
from benchmark.foundation.errors import StemdlError
from benchmark.simulation.gratings import Box, Specimen, phases
from benchmark.simulation.potential import Atoms
from benchmark.simulation.probe import Probe
from benchmark.tasks.density.rung import Scan, understood
from benchmark.tasks.density.scanned import SOURCE, centres, ideal_scan, thermal_phases


def _rung(**changed: object) -> Rung:
    rung = load_benchmark("density").rung("density_smoke")
    return dataclasses.replace(rung, recipe={**rung.recipe, **changed})


def test_scans_are_whole_electrons_and_the_target_is_their_specimens(smoke: list[Sample]) -> None:
    for sample in smoke:
        scan, density = sample.arrays["scan"], sample.arrays["density"]
        electrons = sample.attributes["dose_per_angstrom2"] * sample.attributes["step_angstrom"] ** 2
        counts = scan.astype(np.float64) * electrons
        np.testing.assert_allclose(counts, np.rint(counts), atol=1e-2)
        assert 0.2 < scan.sum(axis=(2, 3)).min() <= scan.sum(axis=(2, 3)).max() < 1.01
        assert density.std() > 0.05 and density.min() > -0.05 * density.max()
        assert np.corrcoef(density.ravel(), sample.arrays["potential"].ravel())[0, 1] > 0.6


def test_only_the_test_split_has_kinds_that_training_lacks() -> None:
    rung = load_benchmark("density").rung("density_smoke")
    recipe = recipe_of(_rung(specimens={**rung.recipe["specimens"], "unseen_share": 1.0}))
    kinds = {
        split: {
            next(iter(samples_of_unit(recipe, rung, Unit(f"{split}-{n}", split, 1)))).attributes["kind"]
            for n in range(3)
        }
        for split in ("train", "dev", "test")
    }
    assert kinds.pop("test") == {"boundary"}
    assert all("boundary" not in found for found in kinds.values())


def test_every_rung_is_understood_and_each_material_is_in_one_split() -> None:
    for rung in load_benchmark("density").rungs.values():
        recipe = recipe_of(rung)
        units = recipe.units()
        assert len({unit.identifier for unit in units}) == len(units)
        assert sum(unit.samples for unit in units) == sum(rung.samples.values())
        assert "boundary" not in understood(rung).specimens.kinds
        assert understood(rung).specimens.unseen == ("boundary",)


@pytest.mark.parametrize(
    ("part", "key", "value", "said"),
    [
        ("specimens", "kinds", {"vacancy": 1.0}, "no kind of defect"),
        ("specimens", "kinds", {"perfect": 0.0}, "weight"),
        ("specimens", "slice_angstrom", 0.0, "no slice"),
        ("scan", "pixels", 60, "does not carry the detector"),
        ("scan", "step_angstrom", 5.0, "does not fit into the box"),
        ("beam", "current", 1.0, "unknown key"),
    ],
)
def test_what_a_rung_cannot_mean_is_refused(part: str, key: str, value: object, said: str) -> None:
    rung = load_benchmark("density").rung("density_smoke")
    with pytest.raises(StemdlError, match=said):
        understood(_rung(**{part: {**rung.recipe[part], key: value}}))


def test_materials_share_their_specimens_evenly() -> None:
    with pytest.raises(StemdlError, match="same number of specimens"):
        understood(_rung(specimens_per_material=3))


def _column(seed: int = 0) -> Specimen:
    generator = np.random.default_rng(seed)
    positions = np.column_stack([generator.normal(scale=2.0, size=(40, 2)), generator.uniform(0.0, 12.0, 40)])
    return Specimen(generator.choice([14, 22, 38], 40), positions, slices=4, slice_angstrom=3.0)


SCAN = Scan(positions=2, step_angstrom=1.1, pixels=32, k_max_per_angstrom=1.6, box_points=54, target_pixels=8)
PROBE = Probe(100.0, 20.0, defocus_angstrom=40.0)


def test_a_source_that_is_no_point_blurs_the_scan_as_its_own_picture_does() -> None:
    """Against a sum over 21 x 21 places with a normal distribution's weights."""
    phi = phases(_column(), SCAN.box, Atoms(0.6, "lobato"), 100.0)
    spread = 0.25
    found = ideal_scan(phi, PROBE, SCAN, 3.0, spread, "cpu")
    along = np.linspace(-4.0, 4.0, 21)
    weights = np.exp(-(along**2) / 2.0) / np.exp(-(along**2) / 2.0).sum()
    fine = Scan(21, 0.4 * spread, 32, 1.6, 54, 8)
    dense = ideal_scan(phi, PROBE, fine, 3.0, 0.0, "cpu")
    middle = np.einsum("y,x,yxkl->kl", weights, weights, dense)
    point = dataclasses.replace(SCAN, positions=1)
    blurred = ideal_scan(phi, PROBE, point, 3.0, spread, "cpu")[0, 0]
    sharp = ideal_scan(phi, PROBE, point, 3.0, 0.0, "cpu")[0, 0]
    assert np.linalg.norm(blurred - middle) < 0.05 * np.linalg.norm(sharp - middle)
    assert found.shape == (2, 2, 32, 32) and sum(weight for _, weight in SOURCE) == pytest.approx(1.0)


def test_frozen_phonons_scatter_more_to_high_angles_than_smeared_atoms() -> None:
    specimen, generator = _column(), np.random.default_rng(3)
    k = centres(32, 0.1)
    far = np.hypot(k[:, None], k[None]) > 1.2
    high = []
    for configurations in (0, 6):
        draws = thermal_phases(specimen, SCAN, 2.0, 100.0, configurations, generator)
        assert len(draws) == max(1, configurations)
        scans = [ideal_scan(phi, PROBE, SCAN, 3.0, 0.0, "cpu") for phi in draws]
        high.append(np.mean(scans, axis=0)[..., far].sum())
    assert high[1] > 1.1 * high[0]


def test_the_box_that_carries_a_scan_follows_from_the_detector() -> None:
    assert Box(54, 10.0) == SCAN.box and SCAN.field_angstrom == pytest.approx(2.2)
