"""A transformer over the lines of a pattern, which lie where they are measured: in 1/d.

Why positions in 1/d are right. A crystal's symmetry shows in which lines are there and which are not, and that in the
ratios of their 1/d: a primitive cubic lattice has 1/d^2 in the ratios 1, 2, 3, 4, 5, 6, 8, a body-centred one 2, 4, 6,
whatever its edge. Rotary positions (Su et al. 2021) make attention depend on differences of a position alone: on
ln(1/d) in half of the heads, whose differences are those ratios and stay as they are when the lattice swells; on 1/d^2
in the other half, whose differences are those of sums of squares, as an indexing program looks for (Ito 1949; de Wolff
1957). A convolution over 2 theta sees neither: equal ratios lie at unequal distances.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from reference.tasks.powder.peaks import SEEN_POINTS, Lines, waves

RATIOS = (1.0, 2500.0)
"""Radians per unit of ln(1/d): from one turn over the whole pattern to one per 0.0025 of a ratio."""
SQUARES = (3.0, 6000.0)
"""Radians per unit of 1/d^2, which reaches 0.85 per square angstrom at 90 degrees of copper's line."""
PLACES = 16


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

    `lines` is how many of a pattern's lines it looks at, `width` the numbers that it keeps of each. `positions` = False
    leaves attention without them, for comparison.
    """

    def __init__(
        self, classes: int, lines: Lines, *, width: int, layers: int, heads: int, positions: bool = True
    ) -> None:
        super().__init__()
        self.lines, self.heads = lines, heads
        turns = width // heads // 2
        scale = 1.0 if positions else 0.0
        for name, (low, high) in (("ratios", RATIOS), ("squares", SQUARES)):
            self.register_buffer(name, scale * torch.logspace(math.log10(low), math.log10(high), turns), False)
        self.embed = nn.Linear(SEEN_POINTS + 2 + 4 * PLACES, width)
        self.summary = nn.Parameter(0.02 * torch.randn(1, 1, width))
        self.layers = nn.ModuleList(Layer(width, heads) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(2 * width, classes)

    def forward(self, profiles: Tensor) -> Tensor:
        with torch.autocast(profiles.device.type, enabled=False):  # places need all their digits
            inverse_d, height, around = self.lines(profiles[:, 0].float())
            places = (torch.log(inverse_d), inverse_d**2)
            marks = [around, height[..., None], torch.log(height.clamp(min=1e-3))[..., None]]
            marks += [waves(place, 1.0, 1000.0, PLACES) for place in places]
            turns = [F.pad(place, (1, 0))[:, None, :, None] for place in places]  # the summary lies at 0
            half = self.heads // 2
            angle = torch.cat(
                [
                    (turns[0] * self.ratios).expand(-1, half, -1, -1),
                    (turns[1] * self.squares).expand(-1, self.heads - half, -1, -1),
                ],
                dim=1,
            )
            cosine, sine = angle.cos(), angle.sin()
        x = self.embed(torch.cat(marks, dim=-1))
        x = torch.cat([self.summary.expand(len(x), -1, -1), x], dim=1)
        present = F.pad(height > 0, (1, 0), value=True)
        for layer in self.layers:
            x = layer(x, cosine, sine, present)
        x, there = self.norm(x), present[:, 1:, None]
        mean = (x[:, 1:] * there).sum(dim=1) / there.sum(dim=1).clamp(min=1)
        return self.head(torch.cat([x[:, 0], mean], dim=1))
