"""Turns each pattern so that its mirror lines stand along the detector's rows and columns.

A detector stands a few degrees askew to the crystal, otherwise at each exposure. Then a pattern's mirror image in the
detector's axes is not its image in the crystal's, and the difference of the two shows the detector: of a face-centred
cubic crystal the mean difference is 0.15 (of logarithms as `model.log_intensity` has them) where the detector's error
is of 3 degrees, and 0.03, which is counting noise, where it is undone. The angle need not be learnt. On rings about the
centre a mirror image is the same numbers backwards: how alike a pattern p is to its image in the line at the angle a is
the sum over rings and directions of p(phi) p(2 a - phi), which is the real part of sum_k f_k^2 exp(2 i k a) of its
Fourier coefficients f_k. The lattice makes it largest at the crystal's axes even where intensities have no mirror.
"""

from __future__ import annotations

import functools
import math

import torch
from torch import Tensor
from torch.nn import functional as F

RINGS, DIRECTIONS = 14, 144
NEAREST, FARTHEST = 0.12, 0.96
"""Radii of the rings, as shares of half the pattern's edge: outside the central disk, inside the detector."""
STEP_DEGREES = 0.25


def upright(x: Tensor, most_degrees: float) -> Tensor:
    """Pictures (n, 1, p, p), each turned about its centre, by interpolation and by at most `most_degrees`, to where it
    is most like its images; in fp32, whatever the precision: bfloat16 places pixels to a third of a pixel in 128."""
    with torch.autocast(x.device.type, enabled=False):
        angles = angles_of(x, most_degrees)[:, None, None]
        cosines, sines = angles.cos(), angles.sin()
        columns = (torch.arange(x.shape[-1], device=x.device) * 2 + 1) / x.shape[-1] - 1.0
        rows = columns[:, None]
        grid = torch.stack([cosines * columns - sines * rows, sines * columns + cosines * rows], dim=-1)
        return F.grid_sample(x.float(), grid, padding_mode="border", align_corners=False)


@torch.no_grad()
def angles_of(x: Tensor, most_degrees: float) -> Tensor:
    """(n,) in radians: by how much pictures (n, 1, p, p) are turned, from columns to rows, where they are upright."""
    rings, weights, angles, cosines, sines = _tables(x.device, most_degrees)
    with torch.autocast(x.device.type, enabled=False):
        on_rings = F.grid_sample(x.float(), rings.expand(len(x), -1, -1, -1), align_corners=False)[:, 0]
        coefficients = torch.fft.rfft(on_rings - on_rings.mean(dim=2, keepdim=True), dim=2)[:, :, ::2]
        squares = (coefficients.square() * weights).sum(dim=1)
        return angles[(squares.real @ cosines - squares.imag @ sines).argmax(dim=1)]


@functools.cache
def _tables(device: torch.device, most_degrees: float) -> tuple[Tensor, ...]:
    """The rings of every picture: where they lie (1, rings, directions, 2) and what each counts (rings, 1); the angles
    that are tried, and of each the cosines and sines of its phases (orders, angles)."""
    radii = torch.linspace(NEAREST, FARTHEST, RINGS, device=device)[:, None]
    directions = torch.arange(DIRECTIONS, device=device) * (2.0 * math.pi / DIRECTIONS)
    rings = torch.stack([radii * directions.cos(), radii * directions.sin()], dim=-1)[None]
    steps = round(most_degrees / STEP_DEGREES)
    angles = torch.arange(-steps, steps + 1, device=device) * math.radians(STEP_DEGREES)
    # Of two mirror lines at a right angle: odd k have opposite signs in them, and fall out.
    phases = 2.0 * torch.arange(0, DIRECTIONS // 2 + 1, 2, device=device)[:, None] * angles
    return rings, radii, angles, phases.cos(), phases.sin()
