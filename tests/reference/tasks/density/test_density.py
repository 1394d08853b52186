"""The reference's answer: shapes of every rung, symmetries that are the physics' own, and that it learns."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from benchmark.data.recipe import recipe_of
from benchmark.definition.finder import load_benchmark
from benchmark.definition.sample import Field, SampleSchema
from benchmark.foundation.errors import StemdlError
from benchmark.metrics.standardised_error import standardised as scores_of_metric
from benchmark.simulation.gratings import Specimen, phases
from benchmark.simulation.potential import Atoms
from benchmark.simulation.probe import Probe
from benchmark.tasks.density.rung import Scan
from benchmark.tasks.density.scanned import centres, ideal_scan
from benchmark.tasks.density.target import electron_density
from reference.tasks.density.model import ScanNet
from reference.tasks.density.task import SYMMETRIES, Density, make_task, moved, moved_scan, standardised

SMALL = Scan(positions=2, step_angstrom=1.0, pixels=32, k_max_per_angstrom=1.6, box_points=54, target_pixels=8)
NETWORK = {"width": 32, "local": 4, "depth": 1}
SETTINGS = {"network": "scan", **NETWORK}


def _schema(positions: int, pixels: int, target: int) -> SampleSchema:
    scan = Field("scan", (positions, positions, pixels, pixels))
    return SampleSchema((scan,), (Field("density", (target, target)),))


@pytest.mark.parametrize("rung", ["density_smoke", "density_mini", "density_small", "density_full"])
def test_the_network_takes_the_scans_of_every_rung(rung: str) -> None:
    schema = recipe_of(load_benchmark("density").rung(rung)).schema()
    with torch.device("meta"):
        task = make_task(schema, {"network": "scan", "width": 128, "local": 16, "depth": 3})
        found = task.predict(task.model, {"scan": torch.zeros(2, *schema.inputs[0].shape)})
    assert found["density"].shape == (2, *schema.targets[0].shape)


@pytest.mark.parametrize("shapes", [(4, 30, 16), (4, 32, 18), (4, 32, 12)])
def test_shapes_that_it_is_not_made_for_are_refused(shapes: tuple[int, int, int]) -> None:
    with pytest.raises(StemdlError, match="not made for these shapes"):
        make_task(_schema(*shapes), SETTINGS)


@pytest.mark.parametrize("number", range(SYMMETRIES))
def test_moving_scan_and_density_is_moving_the_specimen(number: int) -> None:
    """Simulated both ways: the specimen mirrored or turned, and the arrays of the one that was not."""
    generator = np.random.default_rng(0)
    positions = np.column_stack([generator.uniform(-4.0, 4.0, size=(30, 2)), generator.uniform(0.0, 9.0, 30)])
    numbers = generator.choice([8, 22, 38], 30)
    x, y = positions[:, 0].copy(), positions[:, 1].copy()
    x, y = (-x if number & 1 else x), (-y if number & 2 else y)
    x, y = (y, x) if number & 4 else (x, y)
    images = np.column_stack([x, y, positions[:, 2]])
    window = centres(8, 0.25)
    scans, densities = [], []
    for places in (positions, images):
        specimen = Specimen(numbers, places, slices=3, slice_angstrom=3.0)
        phi = phases(specimen, SMALL.box, Atoms(0.6, "lobato"), 100.0)
        scans.append(torch.from_numpy(ideal_scan(phi, Probe(100.0, 20.0, 60.0), SMALL, 3.0, 0.0, "cpu")))
        densities.append(torch.from_numpy(electron_density(specimen, 0.6, SMALL.box, window)))
    np.testing.assert_allclose(moved(densities[0], number), densities[1], atol=1e-4)
    found, expected = moved_scan(scans[0][None], number)[0], scans[1]
    inside = (slice(None), slice(None), slice(1, None), slice(1, None))  # the detector's first row has no partner
    np.testing.assert_allclose(found[inside], expected[inside], atol=2e-6)
    assert number == 0 or (scans[0] - expected).abs().max() > 1e-4


def test_the_loss_is_the_metrics_square() -> None:
    pictures = torch.from_numpy(np.random.default_rng(1).normal(2.0, 3.0, size=(5, 8, 8)).astype(np.float32))
    np.testing.assert_allclose(standardised(pictures), scores_of_metric(pictures.numpy()), atol=1e-5)


def test_an_augmented_batch_takes_as_many_random_numbers_whatever_it_holds() -> None:
    task = Density(ScanNet(2, 32, 8, **NETWORK))
    batches = [{"scan": fill((3, 2, 2, 32, 32)), "density": fill((3, 8, 8))} for fill in (torch.zeros, torch.ones)]
    ends = []
    for batch in batches:
        generator = np.random.default_rng(4)
        found = task.augment(batch, generator)
        assert {name: values.shape for name, values in found.items()} == {
            name: values.shape for name, values in batch.items()
        }
        ends.append(generator.random())
    assert ends[0] == ends[1]


def test_it_learns_where_a_blob_is_from_where_the_patterns_change() -> None:
    """Patterns are brighter at the position over the blob: three times better than a blank picture within 60 steps."""
    torch.manual_seed(0)
    generator = np.random.default_rng(0)
    scan = torch.full((16, 2, 2, 32, 32), 1.0 / 1024)
    density = torch.zeros(16, 8, 8)
    for number, (row, column) in enumerate(generator.integers(0, 2, size=(16, 2))):
        scan[number, row, column, 8:24, 8:24] *= 1.5
        density[number, 4 * row : 4 * row + 4, 4 * column : 4 * column + 4] = 1.0
    task = Density(ScanNet(2, 32, 8, **NETWORK))
    optimizer = torch.optim.AdamW(task.model.parameters(), lr=3e-3)
    for _ in range(60):
        optimizer.zero_grad()
        loss = task.loss(task.model, {"scan": scan, "density": density})
        loss.backward()
        optimizer.step()
    assert loss.item() < 1.0 / 9.0
