"""Pictures of a data set: each pattern at the place where the probe stood."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmark.data.recipe import Sample
from benchmark.definition.finder import load_benchmark
from benchmark.simulation.probe import Probe
from benchmark.tasks.density.explore import contact_sheet, draw
from benchmark.tasks.density.rung import understood


def test_a_contact_sheet_has_each_pattern_at_its_place() -> None:
    scan = np.arange(2 * 2 * 3 * 3, dtype=np.float32).reshape(2, 2, 3, 3) ** 2
    sheet = contact_sheet(scan)
    assert sheet.shape == (6, 6)
    for row in range(2):
        for column in range(2):
            part = sheet[3 * row : 3 * row + 3, 3 * column : 3 * column + 3]
            np.testing.assert_allclose(part, np.sqrt(scan[row, column]))


def test_a_specimen_is_drawn(smoke: list[Sample], tmp_path: Path) -> None:
    parts = understood(load_benchmark("density").rung("density_smoke"))
    draw(tmp_path / "one.png", smoke[0].arrays, Probe(100.0, 20.0), parts.scan)
    assert (tmp_path / "one.png").read_bytes().startswith(b"\x89PNG")
