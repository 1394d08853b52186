"""Methods that learn by gradients what a picture's few numbers are: a convolutional autoencoder, and a network that is
to know a picture again after it was varied."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from reference.tasks.fingerprints_unsupervised.sums import Total
from reference.tasks.fingerprints_unsupervised.views import varied

CHANNELS = (16, 32, 64)
"""Of convolutions that each halve the picture."""
GROUPS = 4
BATCH, RATE, DECAY = 256, 2e-3, 1e-4
TEMPERATURE = 0.2
"""Of the contrast: how much nearer than all others a picture's other view is to be."""
SIDES = 2 ** len(CHANNELS)
"""What the side of a picture is to be divisible by."""


class ConvolutionalAutoencoder:
    """What passes through `latent` numbers is to be the picture (3, side, side) again."""

    def __init__(self, side: int, latent: int, steps: int) -> None:
        self._side, self._steps = side, steps
        self._encode, inner = encoder(side, latent)
        layers: list[nn.Module] = [nn.Linear(latent, inner), nn.Unflatten(1, (CHANNELS[-1], side // SIDES, -1))]
        for before, after in zip(CHANNELS[:0:-1], CHANNELS[-2::-1], strict=True):
            layers += [nn.ConvTranspose2d(before, after, 4, 2, 1, bias=False), nn.GroupNorm(GROUPS, after), nn.ReLU()]
        self._decode = nn.Sequential(*layers, nn.ConvTranspose2d(CHANNELS[0], 3, 4, 2, 1))

    def learn(self, batches: Callable[[], list[Tensor]], total: Total) -> None:
        pictures = _pictures(batches(), self._side)
        parameters = [*self._encode.parameters(), *self._decode.parameters()]
        _descend(
            parameters, pictures, lambda some: F.mse_loss(self._decode(self._encode(some)), some), self._steps, total
        )

    def code(self, features: Tensor) -> Tensor:
        with torch.no_grad():
            return self._encode(_pictures([features], self._side)).double()


class Contrastive:
    """Two views of each picture, varied as defects vary it, are to have codes nearer to each other than to those of any
    other picture of the batch (SimCLR: Chen, Kornblith, Norouzi & Hinton 2020). Codes are directions in `latent`
    dimensions.

    Ranks contrast their own samples, and add up their gradients.
    """

    def __init__(self, side: int, latent: int, steps: int) -> None:
        self._side, self._steps = side, steps
        self._encode, _ = encoder(side, latent)

    def learn(self, batches: Callable[[], list[Tensor]], total: Total) -> None:
        pictures = _pictures(batches(), self._side)
        _descend(list(self._encode.parameters()), pictures, self._contrast, self._steps, total)
        self._encode.eval()

    def code(self, features: Tensor) -> Tensor:
        with torch.no_grad():
            return F.normalize(self._encode(_pictures([features], self._side))).double()

    def _contrast(self, pictures: Tensor) -> Tensor:
        codes = F.normalize(self._encode(torch.cat([varied(pictures), varied(pictures)])))
        alike = codes @ codes.T / TEMPERATURE
        alike.fill_diagonal_(-torch.inf)
        return F.cross_entropy(alike, torch.arange(len(codes)).roll(len(pictures)))


def encoder(side: int, latent: int) -> tuple[nn.Sequential, int]:
    """From pictures (n, 3, side, side) to (n, latent); and how many numbers its last layer sees."""
    layers: list[nn.Module] = []
    for before, after in zip((3, *CHANNELS[:-1]), CHANNELS, strict=True):
        layers += [nn.Conv2d(before, after, 3, 2, 1, bias=False), nn.GroupNorm(GROUPS, after), nn.ReLU()]
    inner = CHANNELS[-1] * (side // SIDES) ** 2
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(inner, latent)), inner


def _pictures(features: list[Tensor], side: int) -> Tensor:
    return torch.cat([each.float().view(-1, 3, side, side) for each in features])


def _descend(
    parameters: list[nn.Parameter],
    pictures: Tensor,
    loss_of: Callable[[Tensor], Tensor],
    steps: int,
    total: Total,
) -> None:
    """So many steps of AdamW under a falling rate, each on pictures drawn at random, by the mean of all ranks'
    gradients."""
    optimizer = torch.optim.AdamW(parameters, RATE, weight_decay=DECAY)
    falling = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=steps, pct_start=0.1)
    ranks = int(total(torch.ones(1, dtype=torch.int64)))
    with torch.enable_grad():
        for _ in range(steps):
            optimizer.zero_grad()
            loss_of(pictures[torch.randint(len(pictures), (max(2, BATCH // ranks),))]).backward()
            for parameter in parameters:
                parameter.grad = total(parameter.grad) / ranks
            optimizer.step()
            falling.step()
