"""Makes the waves behind the crystal a picture on the detector."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from benchmark.simulation.aperture import chebyshev, fit, nodes
from benchmark.simulation.waves import Waves

if TYPE_CHECKING:
    import torch


def turned(rotation_degrees: float) -> NDArray[np.float64]:
    """(2, 2): row vectors of the crystal's frame times this are in the frame of a detector that sees them turned
    counter-clockwise."""
    angle = np.radians(rotation_degrees)
    return np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])


def pattern(
    waves: Waves, *, pixels: int, k_max_per_angstrom: float, rotation_degrees: float = 0.0
) -> NDArray[np.float64]:
    """The CBED pattern (pixels, pixels) that the beams make: rows from top to bottom, the optical axis in the middle.

    The picture spans -k_max to k_max in both directions and its centre lies between pixels, so that flips of the array
    are exact flips of the pattern. Disks that overlap add up incoherently. Each direction of each beam is shared among
    its four nearest pixels (bilinear), so intensity is kept: the sum is the share of the electrons that hit the
    detector, at most 1. `rotation_degrees` turns the pattern counter-clockwise.
    """
    positions = (waves.vectors[:, None, :] + waves.directions[None, :, :]) @ turned(rotation_degrees)
    pitch = 2.0 * k_max_per_angstrom / pixels
    column = (positions[..., 0] / pitch + (pixels - 1) / 2).ravel()
    row = (-positions[..., 1] / pitch + (pixels - 1) / 2).ravel()
    weight = (waves.intensities / waves.directions.shape[0]).ravel().astype(np.float64)

    # One spare pixel all around takes what falls off the edge, then is cut off.
    inside = (column > -1) & (column < pixels) & (row > -1) & (row < pixels)
    column, row, weight = column[inside] + 1, row[inside] + 1, weight[inside]
    left, top = np.floor(column).astype(np.int64), np.floor(row).astype(np.int64)
    right_share, bottom_share = column - left, row - top
    side = pixels + 2
    picture = np.zeros(side * side)
    for down, vertical in ((0, 1.0 - bottom_share), (1, bottom_share)):
        for across, horizontal in ((0, 1.0 - right_share), (1, right_share)):
            flat = (top + down) * side + left + across
            picture += np.bincount(flat, weights=weight * vertical * horizontal, minlength=side * side)
    return picture.reshape(side, side)[1:-1, 1:-1]


class Screen:
    """A detector whose pixels each take the waves at their own direction, interpolated over the aperture.

    `directions` (n, 2) in the crystal's frame are those to propagate; `pattern` makes the picture from their waves.
    A pixel that the edge of a disk cuts counts by the share of it that lies inside. Each disk keeps its intensity: the
    sum of a pattern is the share of the electrons that hit the detector.

    Parameters
    ----------
    pixels, k_max_per_angstrom, rotation_degrees : as of the function `pattern`.
    degree : of the polynomial that the waves are over the aperture (`Accuracy.wave_degree`).
    samples : along a pixel's side; their mean is the pixel.
    """

    def __init__(
        self,
        *,
        pixels: int,
        k_max_per_angstrom: float,
        semi_angle_per_angstrom: float,
        degree: int,
        samples: int = 1,
        rotation_degrees: float = 0.0,
    ) -> None:
        self.pixels, self.samples, self.degree = pixels, samples, degree
        self.semi_angle = semi_angle_per_angstrom
        self.k_max = k_max_per_angstrom
        self.pitch = 2.0 * k_max_per_angstrom / (pixels * samples)
        self.turn = turned(rotation_degrees)
        # Samples whose cells the edge cuts have their centres up to half a cell's diagonal outside.
        self.fitted = semi_angle_per_angstrom + 0.71 * self.pitch
        self.directions = nodes(degree) @ self.turn.T * self.fitted

    def _windows(self, waves: Waves, mean_height: float) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Per beam that hits the detector: its amplitudes (beams, w, w) [row, column], the flat positions of these
        samples, and the share of each that lies in the disk. `mean_height` is t / K: see below."""
        import torch

        device = waves.amplitudes.device
        side = self.pixels * self.samples
        vectors = waves.vectors @ self.turn
        hits = np.flatnonzero(self._hits(vectors))
        vectors = torch.from_numpy(vectors[hits]).to(device)
        # A wave that was scattered half-way down lies at a distance of t g / (2 K) at the exit: this is its phase over
        # the aperture, without which the waves are smoother still.
        nodes_seen = torch.from_numpy(self.directions @ self.turn).to(device)
        phase = np.pi * mean_height * (vectors @ nodes_seen.T)
        carrier = torch.polar(torch.ones_like(phase), phase).to(torch.complex64)
        terms = self.degree + 1
        matrix = torch.from_numpy(fit(self.degree).astype(np.complex64)).to(device)
        values = waves.amplitudes[torch.from_numpy(hits).to(device)] * carrier
        shapes = (values @ matrix).reshape(-1, terms, terms)

        wide = int(np.ceil(2.0 * self.fitted / self.pitch)) + 1
        centres = vectors * torch.tensor([1.0, -1.0], dtype=vectors.dtype, device=device)  # to the right and down
        first = torch.ceil((centres - self.fitted) / self.pitch + (side - 1) / 2)
        ticks = first[:, :, None] + torch.arange(wide, device=device)
        offset = (ticks - (side - 1) / 2) * self.pitch - centres[:, :, None]
        order = torch.arange(terms, device=device)
        angle = torch.arccos((offset / self.fitted).clamp(-1.0, 1.0))
        across = torch.cos(angle[:, 0, :, None] * order).to(torch.complex64)
        # Upwards is the other way: T_n(-y) = (-1)^n T_n(y).
        down = (torch.cos(angle[:, 1, :, None] * order) * (-1.0) ** order).to(torch.complex64)
        amplitudes = torch.bmm(torch.bmm(down, shapes.transpose(1, 2)), across.transpose(1, 2))

        right, low = offset[:, 0, None, :].float(), offset[:, 1, :, None].float()
        share = ((self.semi_angle - torch.hypot(right, low)) / self.pitch + 0.5).clamp(0.0, 1.0)
        share /= share.sum(dim=(1, 2), keepdim=True)
        column, row = ticks[:, 0, None, :].long(), ticks[:, 1, :, None].long()
        inside = (column >= 0) & (column < side) & (row >= 0) & (row < side)
        return amplitudes, torch.where(inside, row * side + column, side * side), share

    def at(self, directions: NDArray[np.float64], waves: Waves, *, mean_height: float = 0.0) -> NDArray[np.float64]:
        """Intensities (beams, n) at directions (n, 2) in the crystal's frame, interpolated as those of pixels are."""
        carrier = np.exp(1j * np.pi * mean_height * (waves.vectors @ self.directions.T))
        shapes = (waves.amplitudes.cpu().numpy() * carrier) @ fit(self.degree)
        x, y = (chebyshev(axis, self.degree) for axis in (directions @ self.turn / self.fitted).T)
        found: NDArray[np.float64] = np.abs(shapes @ (x[:, :, None] * y[:, None, :]).reshape(len(x), -1).T) ** 2
        return found

    def _hits(self, turned_vectors: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Which disks the detector meets, of beams (n, 2) in its frame."""
        return (np.abs(turned_vectors) < self.k_max + self.semi_angle).all(axis=1)

    def _binned(self, samples: torch.Tensor) -> NDArray[np.float64]:
        side = self.pixels
        shape = (side, self.samples, side, self.samples)
        return samples[:-1].reshape(shape).sum(dim=(1, 3)).cpu().numpy().astype(np.float64)

    def pattern(self, waves: Waves, *, mean_height: float = 0.0) -> NDArray[np.float64]:
        """The pattern (pixels, pixels) with disks that add up incoherently: the mean over all probe positions.

        `mean_height` is thickness times wavelength, Angstrom^2: it makes waves smoother, and polynomials better.
        """
        import torch

        amplitudes, flat, share = self._windows(waves, mean_height)
        intensities = (amplitudes.real**2 + amplitudes.imag**2) * share
        # In double precision the order of the sum, which a GPU does not keep, is lost in the result's rounding.
        picture = torch.zeros((self.pixels * self.samples) ** 2 + 1, dtype=torch.float64, device=intensities.device)
        return self._binned(picture.index_add_(0, flat.ravel(), intensities.ravel().double()))

    def interference(
        self, waves: Waves, positions: NDArray[np.float64], *, mean_height: float = 0.0
    ) -> NDArray[np.float64]:
        """The mean pattern of a coherent probe at `positions` (n, 2), Angstrom across the beam in the crystal's frame.

        Where disks overlap their waves interfere, with the phase exp(2 pi i g.r) of the probe's position r.
        """
        import torch

        amplitudes, flat, share = self._windows(waves, mean_height)
        device = amplitudes.device
        vectors = waves.vectors[self._hits(waves.vectors @ self.turn)]
        side = self.pixels * self.samples
        if mean_height:
            g_x, g_y = (vectors @ self.turn).T[:, :, None, None]
            place = flat.cpu().numpy()
            k_x = (place % side - (side - 1) / 2) * self.pitch - g_x
            k_y = -(place // side - (side - 1) / 2) * self.pitch - g_y
            phase = -np.pi * mean_height * (k_x * g_x + k_y * g_y)
            amplitudes = amplitudes * torch.from_numpy(np.exp(1j * phase).astype(np.complex64)).to(device)
        amplitudes = amplitudes * share.sqrt()
        total = torch.zeros(side**2 + 1, device=device)
        for position in positions:
            phase = torch.from_numpy(np.exp(2j * np.pi * vectors @ position).astype(np.complex64)).to(device)
            wave = torch.zeros(side**2 + 1, dtype=torch.complex64, device=device)
            wave.index_add_(0, flat.ravel(), (amplitudes * phase[:, None, None]).ravel())
            total += wave.real**2 + wave.imag**2
        return self._binned(total / len(positions))


def counted(picture: NDArray, dose_electrons: float, generator: np.random.Generator) -> NDArray[np.float64]:
    """A pattern as a counting detector sees it: Poisson noise at a dose per pattern, scaled back to the unit sum."""
    return generator.poisson(np.maximum(picture, 0.0) * dose_electrons) / dose_electrons


def blown_up(picture: NDArray, generator: np.random.Generator) -> NDArray[np.float64]:
    """A pattern as some of the real set are, whose simulation ran away: the logarithm of the intensity falls from the
    middle by 0.0294 per 512th of the picture's side, hazily, from 5 to 28 there, and little of the pattern is left."""
    side = picture.shape[0]
    place = (np.arange(side) - (side - 1) / 2) * (512 / side)
    height = generator.uniform(5.0, 28.0) - 0.0294 * np.hypot(place, place[:, None])
    haze = np.exp(height + generator.normal(0.0, 1.0, size=picture.shape))
    grown: NDArray[np.float64] = np.where(picture > 0.0, picture + haze, 0.0)
    return grown
