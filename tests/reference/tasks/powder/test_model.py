"""The reference of the powder benchmark: it finds lines where they are, sees ratios of d, and varies as said."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from benchmark.data.recipe import recipe_of
from benchmark.definition.finder import load_benchmark
from benchmark.definition.settings import read_settings
from benchmark.tasks.powder.rung import RANGE_DEGREES as RANGE_OF_DATA
from benchmark.tasks.powder.rung import WAVELENGTH_ANGSTROM as WAVELENGTH_OF_DATA
from reference.input import unfilled
from reference.tasks.powder.model import LineTransformer
from reference.tasks.powder.peaks import Lines
from reference.tasks.powder.task import RANGE_DEGREES, WAVELENGTH_ANGSTROM, make_task
from reference.tasks.powder.vary import Variation

RUNG = load_benchmark("powder").rungs["powder_smoke"]
SCHEMA = recipe_of(RUNG).schema()


def settings(*overrides: str) -> dict:
    return read_settings(load_benchmark("powder"), "powder_smoke", None, overrides).to_dict()


def profile(inverse_d: np.ndarray, points: int = 1701, fwhm: float = 0.15) -> torch.Tensor:
    """(1, points): equally high Gaussian lines over a background of 0.01."""
    angles = np.linspace(*RANGE_DEGREES, points)
    at = 2 * np.degrees(np.arcsin(inverse_d * WAVELENGTH_ANGSTROM / 2))
    y = 0.01 + np.exp(-4 * np.log(2) * ((angles[:, None] - at) / fwhm) ** 2).sum(axis=1)
    return torch.from_numpy(y / y.max()).float()[None]


def lines(points: int = 1701, count: int = 12) -> Lines:
    return Lines(points, RANGE_DEGREES, WAVELENGTH_ANGSTROM, count)


def network(found: Lines, width: int = 32, layers: int = 2, differences: int = 4) -> LineTransformer:
    return LineTransformer(
        5, found, looked_at=found.count, differences=differences, width=width, layers=layers, heads=2
    ).eval()


def test_the_reference_knows_the_data_s_grid() -> None:
    """The data half lies above the reference, which cannot ask it."""
    assert (RANGE_DEGREES, WAVELENGTH_ANGSTROM) == (RANGE_OF_DATA, WAVELENGTH_OF_DATA)


@pytest.mark.parametrize("points", [851, 1701, 8501])
def test_lines_are_found_where_they_are_to_a_fifth_of_a_step(points: int) -> None:
    wanted = np.array([0.15, 0.22, 0.31, 0.4, 0.47, 0.6, 0.75, 0.88])
    found, height, around = lines(points)(profile(wanted, points, 0.45))
    there = height[0] > 0
    assert int(there.sum()) == len(wanted)
    step = np.radians((RANGE_DEGREES[1] - RANGE_DEGREES[0]) / (points - 1)) / WAVELENGTH_ANGSTROM
    assert np.allclose(np.sort(found[0][there].numpy()), wanted, atol=max(0.2 * step, 5e-5))
    assert around[0][there][:, around.shape[2] // 2].numpy() == pytest.approx(1.0, abs=0.15)


def test_attention_sees_ratios_alone_where_positions_are_those_of_ratios() -> None:
    """A lattice that swells turns all queries and keys of the ratios' heads by one angle: their products stay."""
    torch.manual_seed(0)
    model = network(lines(), layers=1)
    query, key = torch.randn(2, 8)
    small, large = (torch.log(torch.tensor([0.3, 0.4]) * swollen)[:, None] * model.ratios for swollen in (1.0, 1.1))

    def product(angle: torch.Tensor) -> torch.Tensor:
        def turned(x: torch.Tensor, by: torch.Tensor) -> torch.Tensor:
            a, b = x.chunk(2)
            return torch.cat([a * by.cos() - b * by.sin(), a * by.sin() + b * by.cos()])

        wide = torch.cat([query, query])
        return turned(wide, angle[0]) @ turned(torch.cat([key, key]), angle[1])

    assert product(small).item() == pytest.approx(product(large).item(), abs=2e-3)


def test_lines_that_are_not_there_change_nothing() -> None:
    torch.manual_seed(0)
    few, many = (network(lines(count=n)) for n in (8, 12))
    many.load_state_dict(few.state_dict())
    pattern = profile(np.array([0.2, 0.3, 0.45, 0.7]))[:, None]
    assert torch.allclose(few(pattern), many(pattern), atol=1e-5)
    assert few(pattern).shape == (1, 5)


@pytest.mark.parametrize("overrides", [(), ("network=resnet",), ("positions=false",), ("differences=0",)])
def test_a_step_learns_and_predicts_scores(overrides: tuple[str, ...]) -> None:
    torch.manual_seed(0)
    task = make_task(SCHEMA, settings(*overrides))
    batch = {
        "profile": torch.stack([profile(np.linspace(0.1 + 0.02 * n, 0.8, 4 + n)) for n in range(5)]),
        "extinction_group": torch.arange(5),
    }
    optimizer = torch.optim.AdamW(task.model.parameters(), 3e-3)
    first = task.loss(task.model, batch)
    for _ in range(12):
        optimizer.zero_grad()
        task.loss(task.model, batch).backward()
        optimizer.step()
    assert task.loss(task.model, batch) < 0.8 * first
    assert task.predict(task.model, batch)["extinction_group"].shape == (5, 5)


def test_variation_follows_from_the_generator_and_takes_as_many_numbers_for_any_batch() -> None:
    task = make_task(SCHEMA, settings("augmentation=1.0"))
    batch = {
        "profile": profile(np.linspace(0.1, 0.8, 9))[None].expand(6, -1, -1),
        "extinction_group": torch.zeros(6, dtype=torch.long),
    }
    generators = [np.random.default_rng(4) for _ in range(3)]
    first, again = (task.augment(batch, each)["profile"] for each in generators[:2])
    task.augment(unfilled(SCHEMA, 6), generators[2])
    assert torch.equal(first, again) and not torch.equal(first[0], first[1])
    assert torch.isfinite(first).all() and first.min() >= 0 and torch.all(first.amax(dim=(1, 2)) == 1)
    assert len({each.random() for each in generators}) == 1


def test_no_variation_leaves_the_pattern() -> None:
    batch = profile(np.linspace(0.1, 0.8, 9)).expand(4, -1)
    still = Variation(1701, RANGE_DEGREES, WAVELENGTH_ANGSTROM, 0.0)(batch, np.random.default_rng(0))
    assert torch.allclose(still, batch, atol=2e-3)


def test_lines_move_as_the_errors_of_a_measurement_move_them() -> None:
    """Lines keep their order and number where they are far apart; each moves by less than the errors' bounds."""
    wanted = np.array([0.2, 0.35, 0.5, 0.7])
    batch = profile(wanted, fwhm=0.3).expand(64, -1)
    moved = Variation(1701, RANGE_DEGREES, WAVELENGTH_ANGSTROM)._moved
    from reference.tasks.powder.vary import Draws

    y = moved(batch, Draws(np.random.default_rng(0), 64, torch.device("cpu")), 1.0)
    found, height, _ = lines(count=4)(y)
    shift = torch.log(found.sort(dim=1).values / torch.from_numpy(wanted).float())
    assert (height > 0.5).all()
    assert 0.005 < shift[:, -1].std() < 0.025 and shift.abs().max() < 0.08
