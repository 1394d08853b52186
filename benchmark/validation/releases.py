"""Which code is of a released version, or of this one."""

from __future__ import annotations

import functools
from collections.abc import Mapping

from benchmark.definition.finder import places
from benchmark.definition.trainer import ROOT
from benchmark.foundation.source import source_sha256


@functools.cache
def releases() -> tuple[Mapping[str, str], ...]:
    """The commit of each released version and, by package, the SHA-256 of its source."""
    return tuple(one for place in places().values() if place.shipped for one in place.benchmark().releases)


@functools.cache
def released(package: str) -> frozenset[str]:
    """The hashes of a package in released versions and in this one."""
    return frozenset({*(one[package] for one in releases() if package in one), source_sha256(ROOT / package)})


@functools.cache
def released_together(trainer: str) -> frozenset[tuple[str, str]]:
    """The hashes of a trainer and of the harness that it was released with."""
    known = {(one[trainer], one["benchmark"]) for one in releases() if trainer in one}
    return frozenset({*known, (source_sha256(ROOT / trainer), source_sha256(ROOT / "benchmark"))})
