"""Patterns that are counted again, with other random numbers."""

from __future__ import annotations

import numpy as np


def recounted(patterns: np.ndarray, dose: float, seed: int) -> np.ndarray:
    """Patterns of unit sum, each as another recording of so many electrons has it."""
    return (np.random.default_rng(seed).poisson(patterns.astype(np.float64) * dose) / dose).astype(np.float32)
