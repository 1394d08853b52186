"""A transformer over the lines of a pattern, which lie where they are measured: in 1/d.

Why positions in 1/d are right. A crystal's symmetry shows in which lines are there and which are not, and that in the
ratios of their 1/d: a primitive cubic lattice has 1/d^2 in the ratios 1, 2, 3, 4, 5, 6, 8, a body-centred one 2, 4, 6,
whatever its edge. Rotary positions (Su et al. 2021) make attention depend on differences of a position alone: on
ln(1/d) in half of the heads, whose differences are those ratios and stay as they are when the lattice swells; on 1/d^2
in the other half, whose differences are those of sums of squares, as an indexing program looks for (Ito 1949; de Wolff
1957). A convolution over 2 theta sees neither: equal ratios lie at unequal distances.
Beside the lines are the differences of 1/d^2 that the pattern has most often (`differences.py`): likely axes of its
reciprocal lattice.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from reference.tasks.powder.differences import MARKS, ZONE_MARKS, Differences
from reference.tasks.powder.peaks import SEEN_POINTS, Lines, waves

RATIOS = (1.0, 2500.0)
"""Radians per unit of ln(1/d): from one turn over the whole pattern to one per 0.0025 of a ratio."""
SQUARES = (3.0, 6000.0)
"""Radians per unit of 1/d^2, which reaches 0.85 per square angstrom at 90 degrees of copper's line."""
PLACES = 16
ZONE_WIDTH = 48


class Layer(nn.Module):
    """Attention whose positions are rotations, and two linear layers, each around a shortcut."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attend, self.gather = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.think = nn.Sequential(nn.Linear(width, 3 * width), nn.GELU(), nn.Linear(3 * width, width))

    def forward(self, x: Tensor, cosine: Tensor, sine: Tensor, present: Tensor) -> Tensor:
        n, tokens, width = x.shape
        query, key, value = self.attend(self.norm1(x)).view(n, tokens, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        query, key = (_turned(each, cosine, sine) for each in (query, key))
        seen = F.scaled_dot_product_attention(query, key, value, attn_mask=present[:, None, None, :])
        x = x + self.gather(seen.transpose(1, 2).reshape(n, tokens, width))
        return x + self.think(self.norm2(x))


def _turned(x: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
    a, b = x.chunk(2, dim=-1)
    return torch.cat([a * cosine - b * sine, a * sine + b * cosine], dim=-1)


class LineTransformer(nn.Module):
    """Profiles (n, 1, points), intensities from 0 with a maximum of 1, to logits (n, classes).

    `lines` finds the lines of a pattern, of which it looks at the `looked_at` most prominent; differences are of all
    that were found, and it looks at `differences` of those. `width` is the numbers that it keeps of each. For
    comparison, `positions` = False leaves attention without them, and `differences` = 0 leaves it the lines alone.
    """

    def __init__(
        self,
        classes: int,
        lines: Lines,
        *,
        looked_at: int,
        differences: int,
        width: int,
        layers: int,
        heads: int,
        positions: bool = True,
    ) -> None:
        super().__init__()
        self.lines, self.looked_at, self.heads = lines, looked_at, heads
        self.differences = Differences(lines.largest_inverse_d, differences) if differences else None
        turns = width // heads // 2
        scale = 1.0 if positions else 0.0
        for name, (low, high) in (("ratios", RATIOS), ("squares", SQUARES)):
            self.register_buffer(name, scale * torch.logspace(math.log10(low), math.log10(high), turns), False)
        self.embed = nn.Linear(SEEN_POINTS + 2 + 4 * PLACES, width)
        if differences:
            wide = 2 * width
            self.embed_difference = nn.Sequential(
                nn.Linear(MARKS + 4 * PLACES, wide), nn.GELU(), nn.Linear(wide, width)
            )
            self.see_zone = nn.Sequential(nn.Linear(ZONE_MARKS, ZONE_WIDTH), nn.GELU())
            self.add_zones = nn.Linear(ZONE_WIDTH, width)
        self.summary = nn.Parameter(0.02 * torch.randn(1, 1, width))
        self.layers = nn.ModuleList(Layer(width, heads) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(2 * width, classes)

    def forward(self, profiles: Tensor) -> Tensor:
        with torch.autocast(profiles.device.type, enabled=False):  # places need all their digits
            inverse_d, height, around = self.lines(profiles[:, 0].float())
            found = self.differences(inverse_d, height) if self.differences is not None else None
            inverse_d, height, around = (each[:, : self.looked_at] for each in (inverse_d, height, around))
            places, present = _places(inverse_d), height > 0
            marks = [around, height[..., None], torch.log(height.clamp(min=1e-3))[..., None], *_waves(places)]
            if found is not None:
                of_differences = _places(torch.sqrt(found[0]))
                of_difference = [found[2], *_waves(of_differences)]
                places = [torch.cat(both, dim=1) for both in zip(places, of_differences, strict=True)]
                present = torch.cat([present, found[1] > 0], dim=1)
            cosine, sine = self._angles(places)
        x = self.embed(torch.cat(marks, dim=-1))
        if found is not None:
            zones = self.add_zones(self.see_zone(found[3]).mean(dim=2))
            x = torch.cat([x, self.embed_difference(torch.cat(of_difference, dim=-1)) + zones], dim=1)
        x = torch.cat([self.summary.expand(len(x), -1, -1), x], dim=1)
        present = F.pad(present, (1, 0), value=True)
        for layer in self.layers:
            x = layer(x, cosine, sine, present)
        x, there = self.norm(x), present[:, 1:, None]
        mean = (x[:, 1:] * there).sum(dim=1) / there.sum(dim=1).clamp(min=1)
        return self.head(torch.cat([x[:, 0], mean], dim=1))

    def _angles(self, places: list[Tensor]) -> tuple[Tensor, Tensor]:
        """Cosines and sines (n, heads, 1 + tokens, turns) of how far each head turns what lies at which place."""
        ratios, squares = (F.pad(place, (1, 0))[:, None, :, None] for place in places)  # the summary lies at 0
        half = self.heads // 2
        angle = torch.cat(
            [
                (ratios * self.ratios).expand(-1, half, -1, -1),
                (squares * self.squares).expand(-1, self.heads - half, -1, -1),
            ],
            dim=1,
        )
        return angle.cos(), angle.sin()


def _places(inverse_d: Tensor) -> list[Tensor]:
    return [torch.log(inverse_d), inverse_d**2]


def _waves(places: list[Tensor]) -> list[Tensor]:
    return [waves(place, 1.0, 1000.0, PLACES) for place in places]
