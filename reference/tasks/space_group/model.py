"""A small residual network that sees, besides the patterns, how far each is from being symmetric.

Why the symmetry channels are right. A space group shows in a CBED pattern as symmetry, not as shape: along a zone axis
the zero-order disks have exactly the point symmetry of the crystal's projection, and under dynamical diffraction
Friedel's law fails, so that a missing inversion centre shows as a missing half-turn (Buxton et al. 1976; Tanaka &
Terauchi 1985). Whether |x - flip(x)| vanishes is therefore what decides between, say, P6_3/mmc and its polar subgroup
P6_3mc, while the picture itself varies with every crystal. A convolution compares neighbouring pixels and cannot
compare a pixel with its mirror image on the other side of the detector; subtracting the image of each pattern under the
operations of a plane point group does it in one step, for nothing. Projected mirrors lie along the detector's rows and
columns for the conventional axes, so flips, half and quarter turns suffice. (Turns by a third and a sixth were tried:
they need interpolation, which blurs what they are to show, and made the network slower and worse.)
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from reference.tasks.space_group.upright import upright

PROJECTIONS = 3
INTENSITY_FLOOR = 1e-4
"""Added before the logarithm: at 1e6 electrons per pattern, 100 electrons per pixel, where counting noise is a
tenth."""
PIXELS_AT_ONCE = 2**18
"""Of pictures that a processor turns and folds at once: what it writes between stays in its cache. With 16 pictures of
128 x 128 pixels this took half the time that it took with 192."""


def log_intensity(patterns: Tensor) -> Tensor:
    """Intensities (unit sum a pattern) to a logarithmic scale of about zero mean and unit spread."""
    return (torch.log10(patterns + INTENSITY_FLOOR) + 3.5) * 1.5


def symmetry_differences(x: Tensor) -> Tensor:
    """(n, 3, p, p) to (n, 15, p, p): the patterns, and their distances from their own images.

    The images are those under the flips of columns and of rows, the half turn and the quarter turn.
    """
    images = (x.flip(-1), x.flip(-2), x.flip(-1, -2), x.rot90(1, (-2, -1)))
    return torch.cat([x, *((x - image).abs() for image in images)], dim=1)


def fold(x: Tensor) -> Tensor:
    """(n, 1, p, p) to (n, 5, q, q), q half of p: a quadrant, its centre first, of the patterns averaged over their
    flips, and what flips change of them.

    A pattern is the sum of four parts: each is even or odd under the flip of columns and under that of rows, and so is
    known from one quadrant. The size of the odd parts is what the mirrors and the half turn lack; the fifth is the
    distance of the even part from its image in the diagonal. No flip of a pattern changes any of the five. Nothing else
    is lost, and a quarter of the pixels is left to look at.
    """
    q = (x.shape[-1] + 1) // 2
    a, b = x[..., -q:, -q:], x[..., -q:, :q].flip(-1)
    c, d = x[..., :q, -q:].flip(-2), x[..., :q, :q].flip(-1, -2)
    even = (a + b + c + d) * 0.25
    odd = (a - b + c - d, a + b - c - d, a - b - c + d)
    return torch.cat([even, *(each.abs() * 0.5 for each in odd), (even - even.mT).abs()], dim=1)


class Block(nn.Module):
    """Two 3 x 3 convolutions around a shortcut; the first one halves the picture where `stride` is 2."""

    def __init__(self, channels_in: int, channels_out: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels_in, channels_out, 3, stride, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(channels_out)
        self.conv2 = nn.Conv2d(channels_out, channels_out, 3, 1, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(channels_out)
        self.shortcut = nn.Identity()
        if stride != 1 or channels_in != channels_out:
            self.shortcut = nn.Sequential(
                nn.AvgPool2d(stride, ceil_mode=True), nn.Conv2d(channels_in, channels_out, 1, bias=False)
            )
        nn.init.zeros_(self.norm2.weight)  # the block begins as its shortcut

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm2(self.conv2(F.relu(self.norm1(self.conv1(x)), inplace=True)))
        return F.relu(y + self.shortcut(x), inplace=True)


class Trunk(nn.Module):
    """Pictures (n, channels, p, p) to features (n, 8 width): the means and maxima of `4 width` channels."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        widths = [width, width * 2, width * 4]
        self.stem = nn.Conv2d(channels, width, 3, 2, 1, bias=False)
        self.norm = nn.BatchNorm2d(width)
        shapes = zip([width, *widths[:-1]], widths, (1, 2, 2), strict=True)
        self.blocks = nn.Sequential(*(Block(wide, wider, stride) for wide, wider, stride in shapes))

    def features(self, x: Tensor) -> Tensor:
        x = self.norm(self.stem(x.contiguous(memory_format=torch.channels_last)))
        x = self.blocks(F.relu(x, inplace=True))
        return torch.cat([x.mean(dim=(2, 3)), x.amax(dim=(2, 3))], dim=1)


class SymmetryNet(Trunk):
    """Intensities (n, 3, p, p) to logits (n, classes), p at least 16: the projections are channels of one picture.

    `width` is the number of channels after the first convolution. `symmetry` = False leaves the plain network, which
    sees the patterns alone, for comparison.
    """

    def __init__(self, classes: int, width: int = 16, symmetry: bool = True) -> None:
        super().__init__(PROJECTIONS * (5 if symmetry else 1), width)
        self.symmetry = symmetry
        self.head = nn.Linear(8 * width, classes)

    def forward(self, patterns: Tensor) -> Tensor:
        x = log_intensity(patterns)
        return self.head(self.features(symmetry_differences(x) if self.symmetry else x))


class LateNet(Trunk):
    """The same, but each projection is a picture of its own: turned upright, then seen by a trunk for all three, whose
    features a hidden layer joins. What a symmetry looks like need be learnt once, and not for each projection.

    `most_degrees` is how far a pattern may stand askew; at 45 rows cannot be told from columns any more. `folded`: the
    trunk sees one quadrant (`fold`) in place of the whole; without `symmetry` its even part alone. Not `ordered`: the
    hidden layer sees means and maxima over the projections, whose order says nothing where zone axes may be any.
    """

    def __init__(
        self,
        classes: int,
        width: int = 16,
        symmetry: bool = True,
        *,
        most_degrees: float = 10.0,
        folded: bool = False,
        ordered: bool = True,
        hidden: int = 256,
    ) -> None:
        super().__init__(5 if symmetry else 1, width)
        self.symmetry, self.most_degrees, self.folded, self.ordered = symmetry, most_degrees, folded, ordered
        self.head = nn.Sequential(
            nn.Linear((PROJECTIONS if ordered else 2) * 8 * width, hidden, bias=False),
            nn.BatchNorm1d(hidden),
            nn.ReLU(inplace=True),
            nn.Linear(hidden, classes),
        )

    def forward(self, patterns: Tensor) -> Tensor:
        pictures = patterns.flatten(0, 1)[:, None]
        some = max(1, PIXELS_AT_ONCE // pictures[0].numel()) if pictures.device.type == "cpu" else len(pictures)
        x = torch.cat([self._seen(each) for each in pictures.split(some)])
        x = self.features(x).unflatten(0, (-1, PROJECTIONS))
        return self.head(x.flatten(1) if self.ordered else torch.cat([x.mean(dim=1), x.amax(dim=1)], dim=1))

    def _seen(self, pictures: Tensor) -> Tensor:
        """What the trunk sees of intensities (n, 1, p, p)."""
        x = upright(log_intensity(pictures), self.most_degrees)
        if self.folded:
            return fold(x) if self.symmetry else fold(x)[:, :1]
        return symmetry_differences(x) if self.symmetry else x
