"""Power that a meter measured has no finding, in hundredths of a watt or in whole ones."""

from __future__ import annotations

from pathlib import Path

import pytest
from corpus import Tree
from mutations_power import Watts, honest, measured, whole_watts

from benchmark.validation.validate import validate


@pytest.mark.parametrize("watts", [honest, whole_watts])
@pytest.mark.parametrize("efficiencies", [(), (0.92,)])
def test_a_meters_power_has_no_finding(tmp_path: Path, watts: Watts, efficiencies: tuple[float, ...]) -> None:
    tree = Tree.valid()
    measured(watts, efficiencies=efficiencies)(tree)
    report = validate([tree.write(tmp_path / "Somewhere")], official=False)
    assert not [finding for finding in report.findings if finding.rule == "R5.6"]
