"""The network: what its symmetry channels see, and what makes it the same everywhere."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
import torch
from torch import nn

from benchmark.data.recipe import recipe_of
from benchmark.definition.finder import load_benchmark
from benchmark.definition.settings import read_settings
from reference.tasks.space_group.model import (
    PROJECTIONS,
    LateNet,
    SymmetryNet,
    fold,
    log_intensity,
    symmetry_differences,
)
from reference.tasks.space_group.task import make_task

OPERATIONS = {
    "columns flipped": lambda x: x.flip(-1),
    "rows flipped": lambda x: x.flip(-2),
    "half turn": lambda x: x.flip(-1, -2),
    "quarter turn": lambda x: x.rot90(1, (-2, -1)),
}
FLIPS = (OPERATIONS["columns flipped"], OPERATIONS["rows flipped"], OPERATIONS["half turn"])
SYMMETRIES = {  # of a pattern: which of the operations leave it as it is
    "columns flipped": {"columns flipped"},
    "rows flipped": {"rows flipped"},
    "half turn": {"half turn"},
    "quarter turn": {"quarter turn", "half turn"},
}


def random_patterns(count: int = 2, pixels: int = 16) -> torch.Tensor:
    x = torch.rand(count, PROJECTIONS, pixels, pixels, generator=torch.Generator().manual_seed(3))
    return x / x.sum(dim=(-2, -1), keepdim=True)


def average_over(x: torch.Tensor, name: str) -> torch.Tensor:
    """The nearest pattern that the operation leaves as it is, exactly: of each orbit of pixels, the greatest."""
    image = x
    for _ in range(3):
        image = OPERATIONS[name](image)
        x = torch.maximum(x, image)
    return x


def channels(x: torch.Tensor) -> dict[str, torch.Tensor]:
    """The symmetry channels by the operation that each set of three belongs to."""
    y = symmetry_differences(x)
    assert y.shape == (len(x), 15, *x.shape[2:])
    assert torch.equal(y[:, :3], x)
    return dict(zip(OPERATIONS, y[:, 3:].split(3, dim=1), strict=True))


@pytest.mark.parametrize("symmetry", SYMMETRIES)
def test_the_channels_of_a_symmetry_are_zero_exactly_where_a_pattern_has_it(symmetry: str):
    found = channels(log_intensity(average_over(random_patterns(), symmetry)))
    assert {name for name, each in found.items() if not each.any()} == SYMMETRIES[symmetry]


def test_no_channel_is_zero_for_a_pattern_without_symmetry():
    for each in channels(log_intensity(random_patterns())).values():
        assert (each.abs().amax(dim=(-2, -1)) > 0.1).all()


def test_one_projection_s_symmetry_is_not_another_s():
    x = random_patterns(1)
    x[:, 1] = average_over(x, "half turn")[:, 1]
    difference = channels(x)["half turn"][0]
    assert [bool(each.any()) for each in difference] == [True, False, True]


def test_intensities_become_numbers_of_about_unit_size():
    x = log_intensity(random_patterns(8, 64))
    assert abs(x.mean()) < 1.0 and 0.1 < x.std() < 2.0
    empty = log_intensity(torch.zeros(1, 3, 16, 16))
    assert torch.isfinite(empty).all()  # a dark pixel is not infinite


FoldedNet = partial(LateNet, folded=True)


@pytest.mark.parametrize("pixels", [16, 33])
def test_a_folded_pattern_is_known_from_its_quadrant(pixels: int):
    """Its parts are those of the plain definition, whole pictures averaged with signs, and nothing of them is left
    out: their squares over the four quadrants add up to the pattern's."""
    x = random_patterns(2, pixels).flatten(0, 1)[:, None]
    images = (x, x.flip(-1), x.flip(-2), x.flip(-1, -2))
    signs = ((1, 1, 1, 1), (1, -1, 1, -1), (1, 1, -1, -1), (1, -1, -1, 1))
    wholes = [sum(sign * image for sign, image in zip(each, images, strict=True)) / 4.0 for each in signs]
    q = (pixels + 1) // 2
    folded = fold(x)
    assert folded.shape == (len(x), 5, q, q)
    sizes = (1.0, 2.0, 2.0, 2.0)  # an odd part is half of what a flip changes; its size here is the whole
    for channel, (whole, size) in enumerate(zip(wholes, sizes, strict=True)):
        quadrant = whole[:, 0, -q:, -q:]
        assert torch.allclose(folded[:, channel], quadrant if channel == 0 else quadrant.abs() * size, atol=1e-6)
    assert torch.allclose(sum(each.square().sum() for each in wholes), x.square().sum(), rtol=1e-4)
    assert torch.allclose(folded[:, 4], (folded[:, 0] - folded[:, 0].mT).abs(), atol=1e-6)


@pytest.mark.parametrize("operation", SYMMETRIES)
def test_a_symmetry_of_the_pattern_is_an_empty_channel_of_the_folded_one(operation: str):
    """The odd parts are (odd by columns, odd by rows, odd by both); a mirror or a half turn leaves one of the three."""
    empty = {"columns flipped": (1, 3), "rows flipped": (2, 3), "half turn": (1, 2), "quarter turn": (1, 2, 4)}
    x = average_over(random_patterns(2), operation).flatten(0, 1)[:, None]
    shown = fold(x).abs().amax(dim=(0, 2, 3))
    assert [channel for channel in range(5) if shown[channel] < 1e-6] == list(empty[operation])


@pytest.mark.parametrize("flips", [(-1,), (-2,), (-1, -2)])
def test_no_flip_changes_what_the_folded_network_sees(flips: tuple[int, ...]):
    x = random_patterns(2).flatten(0, 1)[:, None]
    assert torch.allclose(fold(x.flip(*flips)), fold(x), atol=1e-7)


@pytest.mark.parametrize("network", [SymmetryNet, LateNet, FoldedNet])
def test_one_seed_is_one_set_of_initial_weights(network: type[nn.Module]):
    def weights(seed: int) -> dict[str, torch.Tensor]:
        torch.manual_seed(seed)
        return network(5).state_dict()

    first, again, other = weights(7), weights(7), weights(8)
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not all(torch.equal(first[name], other[name]) for name in first)


@pytest.mark.parametrize("pixels", [16, 33, 64])
@pytest.mark.parametrize("symmetry", [True, False])
@pytest.mark.parametrize("network", [SymmetryNet, LateNet, FoldedNet])
def test_the_plain_network_answers_in_the_same_shape(network: type[nn.Module], symmetry: bool, pixels: int):
    logits = network(25, width=4, symmetry=symmetry).eval()(random_patterns(3, pixels))
    assert logits.shape == (3, 25) and torch.isfinite(logits).all()


@pytest.mark.parametrize(("symmetry", "stated"), [(True, 82_153), (False, 80_425)])
def test_the_number_of_parameters_is_as_stated(symmetry: bool, stated: int):
    """Of the shipped width and the mini rung's classes; the symmetry channels cost 12 x 16 x 9 weights."""
    model = SymmetryNet(25, width=16, symmetry=symmetry)
    assert sum(each.numel() for each in model.parameters()) == stated


def test_the_late_network_sees_each_projection_by_itself_and_in_its_place():
    """A change of one projection changes the features of that one alone; two that change places are another sample."""
    torch.manual_seed(0)
    seen: list[torch.Tensor] = []
    model = LateNet(5, width=4).eval()
    model.head.register_forward_pre_hook(lambda _, given: seen.append(given[0].unflatten(1, (PROJECTIONS, -1))))
    x = random_patterns(2)
    other = x.clone()
    other[:, 1] = random_patterns(4)[2:, 1]
    logits = [model(each) for each in (x, other, x.flip(1))]
    same = [torch.allclose(seen[0][:, place], seen[1][:, place], atol=1e-6) for place in range(PROJECTIONS)]
    assert same == [True, False, True]
    assert torch.allclose(seen[2], seen[0].flip(1), atol=1e-6) and not torch.allclose(logits[0], logits[2], atol=1e-3)


def test_pictures_are_turned_some_at_once_as_one_by_one(monkeypatch: pytest.MonkeyPatch):
    torch.manual_seed(3)
    model = LateNet(5, width=4, folded=True).eval()
    patterns = torch.rand(7, 3, 32, 32) * 1e-3
    seen = []
    for pixels in (1, 5 * 32 * 32, 2**18):  # one at once, five of 21, all
        monkeypatch.setattr("reference.tasks.space_group.model.PIXELS_AT_ONCE", pixels)
        seen.append(model(patterns))
    torch.testing.assert_close(seen[0], seen[2])
    torch.testing.assert_close(seen[1], seen[2])


def test_the_order_of_projections_says_nothing_where_axes_may_be_any():
    torch.manual_seed(0)
    model = LateNet(5, width=4, folded=True, ordered=False).eval()
    x = random_patterns(3)
    assert torch.allclose(model(x), model(x[:, [2, 0, 1]]), atol=1e-6)
    assert not torch.allclose(model(x)[0], model(x)[1], atol=1e-4)


@pytest.mark.parametrize("network", [SymmetryNet, LateNet, FoldedNet])
def test_all_weights_learn(network: type[nn.Module]):
    torch.manual_seed(0)
    model = network(5, width=4)
    for _ in range(2):  # the blocks begin as their shortcuts: their convolutions learn from the second step on
        model.zero_grad()
        torch.nn.functional.cross_entropy(model(random_patterns(4)), torch.arange(4)).backward()
        with torch.no_grad():
            for each in model.parameters():
                each -= 0.1 * each.grad
    assert [name for name, each in model.named_parameters() if not np.any(each.grad.numpy())] == []


@pytest.mark.parametrize("network", ["late", "late_any_rotation", "folded", "folded_any_rotation", "folded_any_axes"])
def test_quarter_turns_are_learnt_from_where_a_pattern_may_stand_at_any_rotation(network: str):
    benchmark = load_benchmark("space_group")
    settings = read_settings(benchmark, "stemdl_smoke", None, (f"network={network}", "width=4")).to_dict()
    task = make_task(recipe_of(benchmark.rungs["stemdl_smoke"]).schema(), settings)
    x = random_patterns(40)
    seen = task.augment({"cbed_stack": x}, np.random.default_rng(5))["cbed_stack"]
    straight = {y.numpy().tobytes() for each in x.flatten(0, 1) for y in (each, *(turn(each) for turn in FLIPS))}
    turned = {y.numpy().tobytes() for each in x.flatten(0, 1).mT for y in (each, *(turn(each) for turn in FLIPS))}
    found = [each.numpy().tobytes() for each in seen.flatten(0, 1)]
    if network == "folded":
        assert torch.equal(seen, x), "it would not see a flip"
    assert all(each in straight | turned for each in found)
    share = sum(each in turned for each in found) / len(found)
    assert 0.3 < share < 0.7 if "_any_" in network else share == 0.0


@pytest.mark.parametrize(("network", "methods"), [("early", 2), ("late", 1), ("folded", 1)])
def test_what_it_looks_at_is_drawn_over_every_projection(network: str, methods: int):
    torch.manual_seed(0)
    benchmark = load_benchmark("space_group")
    task = make_task(
        recipe_of(benchmark.rungs["stemdl_smoke"]).schema(),
        read_settings(benchmark, "stemdl_smoke", None, (f"network={network}", "width=4")).to_dict(),
    )
    model, x = task.model.eval(), random_patterns(2)
    classes = model(x).argmax(dim=1)
    maps = task.maps(model, {"cbed_stack": x}, classes)
    assert len(maps) == methods
    for name, each in maps.items():
        assert each.expand(x.shape).shape == x.shape and torch.isfinite(each).all() and each.any(), name
    change = (model(x) - model(torch.zeros_like(x))).gather(1, classes[:, None])[:, 0]
    found = maps["integrated gradients"].sum(dim=(1, 2, 3))
    assert torch.allclose(found, change, rtol=0.2, atol=0.05), "they add up to what the score is more than of nothing"
