"""The network of 2019: as many weights and operations as its logs count, the shapes of every rung, and that it
learns."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmark.data.recipe import recipe_of
from benchmark.definition.finder import load_benchmark
from benchmark.definition.sample import Field, SampleSchema
from benchmark.definition.settings import read_settings
from benchmark.foundation.errors import StemdlError
from reference.tasks.density.fc_densenet import FCDenseNet
from reference.tasks.density.task import Density, make_task


def settings(rung: str, *overrides: str) -> dict:
    return read_settings(load_benchmark("density"), rung, None, ("network=fc_densenet", *overrides)).to_dict()


def blobs(count: int = 16) -> dict[str, torch.Tensor]:
    """Scans brighter at one position, and densities of 1 over the quarter that it stands in."""
    generator = np.random.default_rng(0)
    scan = torch.full((count, 2, 2, 32, 32), 1.0 / 1024)
    density = torch.zeros(count, 16, 16)
    for number, (row, column) in enumerate(generator.integers(0, 2, size=(count, 2))):
        scan[number, row, column, 8:24, 8:24] *= 1.5
        density[number, 8 * row : 8 * row + 8, 8 * column : 8 * column + 8] = 1.0
    return {"scan": scan, "density": density}


def test_it_has_the_weights_and_operations_that_were_logged_in_2019() -> None:
    with torch.device("meta"), FlopCounterMode(display=False) as counter:
        network = FCDenseNet(32, 512)
        assert network(torch.zeros(1, 32, 32, 512, 512)).shape == (1, 512, 512)
    weights = sum(each.numel() for each in network.parameters() if each.ndim > 1)
    assert f"{weights:.1e}" == "2.3e+07" and f"{3 * counter.get_total_flops():.2e}" == "8.00e+12"


@pytest.mark.parametrize("rung", ["density_smoke", "density_mini", "density_small", "density_full"])
def test_it_takes_the_scans_of_every_rung(rung: str) -> None:
    schema = recipe_of(load_benchmark("density").rung(rung)).schema()
    with torch.device("meta"):
        task = make_task(schema, settings(rung))
        found = task.predict(task.model, {"scan": torch.zeros(2, *schema.inputs[0].shape)})
    assert isinstance(task.model, FCDenseNet) and found["density"].shape == (2, *schema.targets[0].shape)


def test_a_target_that_three_poolings_do_not_divide_is_refused() -> None:
    schema = SampleSchema((Field("scan", (4, 4, 32, 32)),), (Field("density", (20, 20)),))
    with pytest.raises(StemdlError, match="not made for these shapes") as raised:
        make_task(schema, settings("density_smoke"))
    assert "multiple of 8" in str(raised.value)


def test_it_learns_where_a_blob_is() -> None:
    torch.manual_seed(0)
    task = Density(FCDenseNet(2, 16, 8))
    optimizer = torch.optim.AdamW(task.model.parameters(), lr=3e-3)
    batch = blobs()
    task.model.train()
    assert task.loss(task.model, batch).item() == pytest.approx(1.0, abs=1e-3), "it begins as the picture 0"
    for _ in range(60):
        optimizer.zero_grad()
        task.loss(task.model, batch).backward()
        optimizer.step()
    task.model.eval()
    assert task.loss(task.model, batch).item() < 1.0 / 9.0


def test_two_ranks_have_the_gradient_of_one() -> None:
    """Of the same batch, half on each; without dropout, whose random numbers are each rank's own."""
    torch.manual_seed(0)
    task = Density(FCDenseNet(2, 16, 8))
    torch.nn.init.normal_(task.model.picture.weight)
    task.model.eval()
    whole = blobs()
    gradients = []
    for ranks in (1, 2):
        task.model.zero_grad()
        for rank in range(ranks):
            part = {name: values[rank::ranks] for name, values in whole.items()}
            (task.loss(task.model, part) / ranks).backward()
        gradients.append([each.grad.clone() for each in task.model.parameters()])
    for one, two in zip(*gradients, strict=True):
        torch.testing.assert_close(one, two, rtol=1e-3, atol=1e-4 * one.abs().max().item())
