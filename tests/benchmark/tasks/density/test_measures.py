"""What is said of pictures besides their error, on pictures of which it is known."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from benchmark.metrics.standardised_error import standardised
from benchmark.tasks.density.measures import (
    Found,
    columns,
    fitted,
    resolution_angstrom,
    similarity,
    square_errors,
)

PIXEL = 0.2


def _blobs(places: list[tuple[float, float]]) -> np.ndarray:
    y, x = np.meshgrid(np.arange(32) * PIXEL, np.arange(32) * PIXEL, indexing="ij")
    picture = sum(np.exp(-((y - b) ** 2 + (x - a) ** 2) / 0.18) for b, a in places)
    return standardised(np.asarray(picture)[None])[0]


PLACES = [(1.31, 2.07), (3.4, 1.2), (4.63, 4.9), (2.2, 4.4)]


def test_a_fit_gives_back_any_scale_and_offset_and_leaves_what_correlation_leaves() -> None:
    generator = np.random.default_rng(0)
    true, noise = generator.normal(size=(2, 3, 16, 16))
    assert square_errors(fitted(-3.0 * true + 2.0, true), true).max() < 1e-12
    pictures = true + noise
    r = [np.corrcoef(a.ravel(), b.ravel())[0, 1] for a, b in zip(pictures, true, strict=True)]
    np.testing.assert_allclose(square_errors(fitted(pictures, true), true), 1.0 - np.square(r), rtol=1e-9)


def test_equal_pictures_are_similar_and_noise_is_not() -> None:
    true = _blobs(PLACES)
    assert similarity(true, true) == pytest.approx(1.0)
    assert similarity(np.random.default_rng(1).normal(size=true.shape), true) < 0.2
    assert 0.2 < similarity(gaussian_filter(true, 1.5), true) < 0.95


def test_the_resolution_is_where_pictures_part() -> None:
    """Pictures that agree up to a frequency and are noise beyond it."""
    generator = np.random.default_rng(2)
    k = np.hypot(*np.meshgrid(np.fft.fftfreq(32, PIXEL), np.fft.fftfreq(32, PIXEL)))
    both, own, other = (np.fft.fft2(generator.normal(size=(40, 32, 32))) for _ in range(3))
    pictures, true = (np.fft.ifft2(np.where(k < 1.25, both, noise)).real for noise in (own, other))
    assert resolution_angstrom(pictures, true, PIXEL) == pytest.approx(1 / 1.25, rel=0.15)
    assert resolution_angstrom(true, true, PIXEL) == 2.0 * PIXEL
    assert resolution_angstrom(np.zeros_like(true), true, PIXEL) == 32 * PIXEL


def test_columns_are_found_between_pixels() -> None:
    found = columns(_blobs(PLACES), PIXEL)
    assert len(found) == 4
    distance = np.linalg.norm(found[:, None] - np.array(PLACES)[None], axis=-1)
    assert distance.min(axis=0).max() < 0.02


def test_columns_that_are_missing_moved_or_invented_are_counted() -> None:
    found = Found()
    found.add(_blobs([(1.31, 2.17), (3.4, 1.2), (5.3, 1.9)]), _blobs(PLACES), PIXEL)
    assert (found.right, found.shown, found.true) == (2, 3, 4)
    said = found.summary()
    assert said["precision"] == pytest.approx(2 / 3) and said["recall"] == 0.5
    assert said["apart_angstrom"] == pytest.approx(0.05, abs=0.02)
    assert all(map(math.isnan, Found().summary().values()))
