"""The data are those of `benchmark/crystals/fingerprints`, which the benchmark with labels shares."""

from __future__ import annotations

from benchmark.crystals.fingerprints.recipe import CHECKS, FingerprintRecipe, make_recipe

__all__ = ["CHECKS", "FingerprintRecipe", "make_recipe"]
