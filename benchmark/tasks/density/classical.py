"""What is made of a scan without learning: virtual detectors, single-side-band and iterative ptychography.

Each gives a picture in units of its own. The patterns are those of a known microscope; nothing else is known.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from benchmark.simulation.gratings import Box
from benchmark.simulation.probe import Probe, shifts
from benchmark.simulation.scattering import wavelength_angstrom
from benchmark.tasks.density.rung import Scan
from benchmark.tasks.density.scanned import centres
from benchmark.tasks.density.target import seen

Pictures = NDArray[np.float64]
DARK_FROM = 1.5
"""Where the annular dark field begins, in semi-angles of the probe; it goes to the detector's edge."""
LEAST_OVERLAP = 0.03
"""The least overlap of disks, against the largest: where they overlap less, single-side-band ptychography divides by
this."""
STEP = 1.0
"""The step of a slice's update in iterative ptychography, against the largest stable one."""


def _detector(scan: Scan) -> tuple[NDArray, NDArray]:
    """k_y and k_x of the detector's pixels, 1/Angstrom."""
    k = (np.arange(scan.pixels) - scan.pixels // 2) / scan.box.angstrom
    return k[:, None], k[None, :]


def _refined(images: NDArray, scan: Scan) -> Pictures:
    """Pictures (n, s, s) on the target's pixels, by cubic splines."""
    from scipy.ndimage import zoom

    ratio = scan.target_pixels / scan.positions
    return np.array([zoom(image, ratio, order=3, mode="nearest", grid_mode=True) for image in images])


def dark_field(scans: NDArray[np.float32], probe: Probe, scan: Scan) -> Pictures:
    """Electrons scattered beyond the aperture at each position: (n, m, m) of scans (n, s, s, p, p)."""
    k_y, k_x = _detector(scan)
    dark = np.hypot(k_y, k_x) > DARK_FROM * probe.semi_angle_per_angstrom
    return _refined((scans * dark).sum(axis=(3, 4)), scan)


def centre_of_mass(scans: NDArray[np.float32], probe: Probe, scan: Scan) -> Pictures:
    """The phase whose gradient the centre of mass of the patterns follows, integrated over the scan (Lazic, Bosch &
    Lazar 2016, Ultramicroscopy 160, 265): by Fourier transform of the scan and its mirror images, which end nowhere."""
    k_y, k_x = _detector(scan)
    total = scans.sum(axis=(3, 4))
    c_y, c_x = ((scans * k).sum(axis=(3, 4)) / total for k in (k_y, k_x))

    def mirrored(field: NDArray, odd: int) -> NDArray:
        for axis in (1, 2):
            image = np.flip(field, axis)
            field = np.concatenate([field, -image if axis == odd else image], axis=axis)
        return field

    q = np.fft.fftfreq(2 * scan.positions, scan.step_angstrom)
    squared = q[:, None] ** 2 + q[None, :] ** 2
    squared[0, 0] = 1.0
    transform = q[:, None] * np.fft.fft2(mirrored(c_y, 1)) + q[None, :] * np.fft.fft2(mirrored(c_x, 2))
    phase = np.fft.ifft2(transform / (1j * squared)).real[:, : scan.positions, : scan.positions]
    return _refined(phase, scan)


def single_side_band(scans: NDArray[np.float32], probe: Probe, scan: Scan) -> Pictures:
    """The phase of a weak object, by least squares over all overlaps of the direct disk with two scattered ones
    (Pennycook et al. 2015, Ultramicroscopy 151, 160), with the lens's aberrations taken out: (n, m, m).

    To first order a phase phi gives G(k, q) = i phi(q) (A*(k) A(k - q) - A(k) A*(k + q)), where G is the scan's Fourier
    transform over the positions.
    """
    k_y, k_x = _detector(scan)
    here = probe.amplitudes(k_y**2 + k_x**2, scan.box.angstrom)
    norm = np.linalg.norm(here)
    q = np.fft.fftfreq(scan.positions, scan.step_angstrom)
    transform = np.fft.fft2(scans, axes=(1, 2))
    found, weights = np.zeros(transform.shape[:3], dtype=np.complex128), np.zeros((scan.positions, scan.positions))
    for row, q_y in enumerate(q):
        for column, q_x in enumerate(q):
            less, more = (
                probe.amplitudes((k_y + sign * q_y) ** 2 + (k_x + sign * q_x) ** 2, scan.box.angstrom)
                for sign in (-1.0, 1.0)
            )
            overlap = (here.conj() * less - here * more.conj()) / norm**2
            weights[row, column] = (np.abs(overlap) ** 2).sum()
            found[:, row, column] = (transform[:, row, column] * overlap.conj()).sum(axis=(1, 2)) / 1j
    found /= np.maximum(weights, LEAST_OVERLAP * weights.max())
    return _refined(np.fft.ifft2(found).real, scan)


def ptychography(
    scans: NDArray[np.float32], probe: Probe, scan: Scan, *, slices: int, slice_angstrom: float, iterations: int
) -> Pictures:
    """The phase of an object of so many slices, by which the probe gives the amplitudes that were counted: (n, m, m).

    The extended iterative engine with the probe known (Maiden & Rodenburg 2009, Ultramicroscopy 109, 1256), for several
    slices after Maiden, Humphry & Rodenburg (2012, J. Opt. Soc. Am. A 29, 1606). Positions are taken in a random order
    that is the same for all scans.
    """
    from scipy.fft import fft2, ifft2

    box = Box(scan.pixels, scan.box.angstrom)
    along = centres(scan.positions, scan.step_angstrom)
    places = np.stack(np.meshgrid(along, along), axis=-1).reshape(-1, 2)
    grid = np.stack(np.meshgrid(box.frequencies, box.frequencies), axis=-1).reshape(-1, 2)
    spectra = probe.spectrum(box) * shifts(grid, places).reshape(-1, box.points, box.points)
    probes = ifft2(spectra, norm="ortho").astype(np.complex64)
    counted = np.fft.ifftshift(np.sqrt(scans.reshape(len(scans), -1, box.points, box.points)), axes=(-2, -1))
    fresnel = np.exp(-1j * np.pi * wavelength_angstrom(probe.energy_kev) * slice_angstrom * box.squared)
    fresnel = fresnel.astype(np.complex64)
    objects = np.ones((slices, len(scans), box.points, box.points), dtype=np.complex64)
    order = np.random.default_rng(0)
    for _ in range(iterations):
        for position in order.permutation(len(places)):
            entering = [np.broadcast_to(probes[position], objects.shape[1:])]
            for part in range(slices - 1):
                entering.append(ifft2(fft2(entering[part] * objects[part]) * fresnel))
            leaving = entering[-1] * objects[-1]
            transform = fft2(leaving, norm="ortho")
            transform *= counted[:, position] / np.maximum(np.abs(transform), 1e-12)
            change = ifft2(transform, norm="ortho") - leaving
            for part in reversed(range(slices)):
                wave, before = entering[part], objects[part].copy()
                brightest = (np.abs(wave) ** 2).max(axis=(1, 2), keepdims=True)
                objects[part] += STEP * wave.conj() / brightest * change
                if part:
                    change = before.conj() / (np.abs(before) ** 2).max(axis=(1, 2), keepdims=True) * change
                    change = ifft2(fft2(change) * fresnel.conj())
    window = centres(scan.target_pixels, scan.field_angstrom / scan.target_pixels)
    phases = np.angle(objects).sum(axis=0)
    # A grid's first point is the origin of its transform, and of the probe's.
    return np.array([seen(np.fft.rfft2(phase) / box.points**2, box, window) for phase in phases], dtype=np.float64)
