"""What a model looks at: maps that add up, lie where the class's peaks are, and whose pixels the answer needs."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from reference.attribution import grad_cam, integrated_gradients, of_class
from reference.explain import deleted


class Spots(nn.Module):
    """Two classes: how bright the left half is, and the right one; by a convolution that changes nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Conv2d(1, 1, 1, bias=False)
        nn.init.ones_(self.layer.weight)

    def forward(self, x: Tensor) -> Tensor:
        left, right = self.layer(x).chunk(2, dim=-1)
        return torch.stack([left.sum(dim=(1, 2, 3)), right.sum(dim=(1, 2, 3)) ** 2], dim=1)


def spots() -> Tensor:
    found = torch.zeros(1, 1, 8, 8)
    found[..., 2, 1] = 0.5
    found[..., 5, 6] = 1.0
    return found


@pytest.mark.parametrize(("number", "place"), [(0, (2, 1)), (1, (5, 6))])
def test_maps_mark_what_the_class_is_made_of(number: int, place: tuple[int, int]) -> None:
    model, picture = Spots(), spots()
    score = of_class(model, torch.tensor([number]))
    gradients = integrated_gradients(score, picture)
    assert gradients.sum().item() == pytest.approx(score(picture).item(), rel=1e-5), "they add up to the score"
    assert np.unravel_index(int(gradients[0, 0].argmax()), (8, 8)) == place
    assert int((gradients != 0.0).sum()) == 1
    activation = grad_cam(score, model.layer, picture)
    assert activation.shape == (1, 1, 8, 8) and activation[0, 0][place] > 0.0 and activation.min() >= 0.0
    assert not model.layer._forward_hooks, "the network is left as it was"


def test_as_much_is_deleted_elsewhere() -> None:
    generator = np.random.default_rng(2)
    picture = generator.random((3, 20, 20), dtype=np.float32)
    marks = picture * (np.arange(20) < 10)
    marked, elsewhere = deleted(picture, marks, 0.05)
    gone = picture != marked
    assert gone.sum() == 60 and not gone[..., 10:].any() and (marked[gone] == 0.0).all()
    assert not (gone & (picture != elsewhere)).any()
    assert picture.sum() - marked.sum() == pytest.approx(picture.sum() - elsewhere.sum(), abs=1.0)
    dark = np.zeros_like(picture)
    dark[0, 0, 0] = 1.0
    assert np.array_equal(deleted(dark, dark, 0.01)[1], dark), "nothing else has any"
