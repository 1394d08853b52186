"""The differences of Q = 1/d^2 that a pattern's lines have most often, and what lies at multiples and sums of them.

Of a lattice, Q(hkl) = h^2 A + k^2 B + l^2 C + ..., so that many pairs of its lines are A, 3 A or 4 A apart: what
recurs is an axis of the reciprocal lattice, or a multiple of one. Indexing programs begin like that (Ito, Nature 164,
755, 1949; Visser, J. Appl. Cryst. 2, 89, 1969). Attention compares a line with lines at distances that it has learnt,
which are the same for all patterns. It cannot find a difference that each pattern has of its own, so it is given those.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

BINS = 4096
"""Of Q from 0 to the end of the pattern: one is 0.01 degrees or less of copper's line in most of it."""
WIDTH_BINS = 1.3
"""Standard deviation of where a line or a difference may lie."""
SMALLEST_BINS = 20
EXPECTED_BINS, EXPECTED_BEYOND = (32, 9), 0.3
"""Chance has a difference as often as the mean over so many blocks of so many bins. To that is added what keeps large
differences, of which chance has hardly any, from being taken for frequent ones when they come twice."""
SEEN_HEIGHT = 0.1
"""Lines of this height and more count nearly alike: that a line is there matters, and less how high it is."""
LINES_AT = tuple(n / 12 for n in (3, 4, 6, 8, 9, 12, 16, 18, 24, 30)) + tuple(
    map(float, (*range(3, 23), 24, 25, 27, 32, 36))
)
DIFFERENCES_AT = tuple(n / 12 for n in (3, 4, 6, 8, 9, 16, 18, 24, 36, 48, 60, 72, 96, 108, 144, 192))
"""Multiples of a difference at which lines, and differences, are counted. 1, 4, 9 lie along an axis; 1, 3, 4, 7 and
1, 2, 4, 5 in hexagonal and tetragonal planes; 1, 2, 3, 4, 5, 6, 8 are of cubic lattices. Fractions are for a difference
that is a multiple of an axis."""
INSIDE_AT = (2.0, 4.0, 9.0, 16.0)
"""Multiples of which it is said whether they are within the pattern."""
ZONES = ((1, 1), (4, 1), (1, 4), (4, 4), (9, 1), (1, 9), (9, 4), (4, 9), (1, -1), (4, -1))
"""m, n of the places m A + n B in the zone of two differences A and B."""
MARKS = len(LINES_AT) + len(DIFFERENCES_AT) + 1 + len(INSIDE_AT)
ZONE_MARKS = 2 * len(ZONES) + 2
_SCALE = 0.3
"""Brings numbers of differences to the size of numbers of lines."""


class Differences(nn.Module):
    """Lines (n, lines), as 1/d in 1/angstrom up to `largest_inverse_d` and heights, to `count` differences of each.

    Returns (n, count) Q in 1/angstrom^2; (n, count) how much more often each comes than chance has it, in standard
    deviations, 0 where the pattern has fewer; (n, count, MARKS) the lines and differences at its multiples; and
    (n, count, count, ZONE_MARKS) those in the zone of each two. Nothing of it has a gradient.
    """

    def __init__(self, largest_inverse_d: float, count: int) -> None:
        super().__init__()
        self.count, self.bins_per_q = count, BINS / largest_inverse_d**2
        at = torch.arange(-4, 5) / WIDTH_BINS
        for name, values in (
            ("spread", torch.exp(-0.5 * at**2)[None, None]),
            ("lines_at", torch.tensor(LINES_AT)),
            ("differences_at", torch.tensor(DIFFERENCES_AT)),
            ("inside_at", torch.tensor(INSIDE_AT)),
            ("zones", torch.tensor(ZONES, dtype=torch.float32).T),
        ):
            self.register_buffer(name, values, False)

    @torch.no_grad()
    def forward(self, inverse_d: Tensor, height: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        q, there = inverse_d**2, torch.tanh(height / SEEN_HEIGHT)
        lines = self._counted(q, there)
        # The lines' own Q are differences too, from the origin.
        q, there = F.pad(q, (1, 0)), F.pad(there, (1, 0), value=1.0)
        apart, weight = q[:, :, None] - q[:, None, :], there[:, :, None] * there[:, None, :]
        number = self._counted(apart.clamp(min=0.0).flatten(1), (weight * (apart > 0)).flatten(1))
        block, blocks = EXPECTED_BINS
        expected = F.avg_pool1d(F.avg_pool1d(number[:, None], block), blocks, 1, blocks // 2, count_include_pad=False)
        expected = F.interpolate(expected, BINS, mode="linear")[:, 0]
        deviation = torch.rsqrt(expected + EXPECTED_BEYOND)
        number = number * deviation
        number[:, :SMALLEST_BINS] = 0.0
        highest = F.max_pool1d(number[:, None], 7, 1, 3)[:, 0]
        excess = torch.where(number == highest, number - expected * deviation, 0.0)
        score, at = excess[:, 2:-2].topk(self.count, dim=1)
        at = at + 2
        left, middle, right = (number.gather(1, at + step) for step in (-1, 0, 1))
        curvature = (left + right - 2.0 * middle).clamp(max=-1e-6)
        difference = (at + (0.5 * (left - right) / curvature).clamp(-1.0, 1.0)) / self.bins_per_q

        score = score.clamp(min=0.0)
        own = difference[..., None]
        marks = [self._at(lines, own * self.lines_at), self._at(number, own * self.differences_at) * _SCALE]
        marks += [score[..., None] * _SCALE, (own * self.inside_at * self.bins_per_q < BINS).float()]
        one, other = difference[:, :, None, None], difference[:, None, :, None]
        places = self.zones[0] * one + self.zones[1] * other
        zones = [self._at(lines, places), self._at(number, places) * _SCALE, torch.log(other / one)]
        zones += [(score[:, None, :, None] * _SCALE).expand_as(zones[-1])]
        return difference, score, torch.cat(marks, dim=-1), torch.cat(zones, dim=-1)

    def _counted(self, q: Tensor, weight: Tensor) -> Tensor:
        """(n, BINS) how many of (n, m) lie where, each spread over what it may be off by."""
        place = (q * self.bins_per_q).clamp(0.0, BINS - 1.001)
        below = place.long()
        part = place - below
        counted = q.new_zeros(len(q), BINS).scatter_add_(1, below, weight * (1.0 - part))
        counted.scatter_add_(1, below + 1, weight * part)
        return F.conv1d(counted[:, None], self.spread, padding=self.spread.shape[-1] // 2)[:, 0]

    def _at(self, counted: Tensor, q: Tensor) -> Tensor:
        """What was counted at Q of any shape (n, ...), 0 outside of the pattern."""
        place = q * self.bins_per_q + 0.5
        found = counted.gather(1, place.clamp(0.0, BINS - 1.0).long().flatten(1)).view(q.shape)
        return found * ((place > 0.0) & (place < BINS))
