"""Attentive response maps: which pixels of a picture a layer's strongest filters answered to.

As published (Ziletti et al. 2018, after Zeiler & Fergus, ECCV 2014): of a layer's filters those of the largest summed
activation are kept, and of each the one place where it is highest. That is taken back through the layers before it:
unpooled to where the maximum was, rectified, and correlated with the transposed filters. What a norm does to a picture
is undone by its scale alone.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

FILTERS = 4
"""That are kept of a layer."""


def convolutions(model: nn.Module) -> list[int]:
    """Places among a network's layers, from 0, of its convolutions."""
    return [place for place, layer in enumerate(layers_of(model)) if isinstance(layer, nn.Conv2d)]


def layers_of(model: nn.Module) -> Sequence[nn.Module]:
    """The layers of a picture's features, up to where they are flattened."""
    layers = list(getattr(model, "features", model).children())
    ends = [place for place, layer in enumerate(layers) if isinstance(layer, (nn.Flatten, nn.Dropout))]
    return layers[: ends[0]] if ends else layers


def response(model: nn.Module, pictures: Tensor, layer: int, filters: int = FILTERS) -> Tensor:
    """(n, filters, 3, s, s): the maps of pictures (n, 3, s, s) of a convolution, by its place in `convolutions`;
    the strongest filter first.

    Raises IndexError where the network has no such convolution.
    """
    last = convolutions(model)[layer]
    after = layers_of(model)[last + 1 :]
    rectified = next(place for place, each in enumerate(after, last + 1) if isinstance(each, nn.ReLU))
    layers = layers_of(model)[: rectified + 1]
    # the small network looks at the root of the intensity
    x = pictures if isinstance(model, nn.Sequential) else torch.sqrt(pictures.clamp(min=0.0))
    with torch.no_grad():
        seen, switches = [], []
        for each in layers:
            seen.append(x)
            if isinstance(each, nn.MaxPool2d):
                x, places = F.max_pool2d(x, 2, return_indices=True)
                switches.append(places)
            else:
                x, places = each(x), None
                switches.append(places)
        strongest = x.sum(dim=(2, 3)).topk(filters, dim=1).indices
        maps = [_back(_peak_alone(x, strongest[:, each]), layers, seen, switches) for each in range(filters)]
    return torch.stack(maps, dim=1)


def _peak_alone(x: Tensor, channels: Tensor) -> Tensor:
    """Activations (n, c, h, w) of which one place of one channel each is left, where that is highest."""
    rows = torch.arange(len(x), device=x.device)
    own = x[rows, channels].flatten(1)
    found = torch.zeros_like(x)
    flat = found[rows, channels].flatten(1)
    flat[rows, own.argmax(dim=1)] = own.amax(dim=1)
    found[rows, channels] = flat.view(len(x), *x.shape[2:])
    return found


def _back(x: Tensor, layers: Sequence[nn.Module], seen: Sequence[Tensor], switches: Sequence[Tensor | None]) -> Tensor:
    for layer, before, places in reversed(list(zip(layers, seen, switches, strict=True))):
        if isinstance(layer, nn.MaxPool2d):
            assert places is not None
            x = F.max_unpool2d(x, places, 2, output_size=before.shape[2:])
        elif isinstance(layer, nn.ReLU):
            x = x.clamp(min=0.0)
        elif isinstance(layer, nn.GroupNorm):
            groups = before.unflatten(1, (layer.num_groups, -1))
            spread = (groups.var(dim=(2, 3, 4), keepdim=True, correction=0) + layer.eps).sqrt()
            x = (x * layer.weight[:, None, None]).unflatten(1, (layer.num_groups, -1)).div(spread).flatten(1, 2)
        elif isinstance(layer, nn.Conv2d):
            stride, padding = int(layer.stride[0]), int(layer.padding[0])
            # what a stride of 2 leaves over of an even side is given back
            x = F.conv_transpose2d(x, layer.weight, stride=stride, padding=padding, output_padding=stride - 1)
    return x
