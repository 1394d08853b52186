"""Marks that higher zones break: by symmetry, and by the engine."""

from __future__ import annotations

from benchmark.definition.finder import load_benchmark
from benchmark.simulation.cbed import CbedRung
from benchmark.simulation.identifiability import indistinguishable, kept_in_depth
from benchmark.simulation.zone import CONVENTIONAL_AXES
from performance.pairs import crystals_of, marks_of, measured, order


def test_a_set_has_a_mark_where_whole_patterns_tell_some_of_it_from_the_rest() -> None:
    told = {tuple(groups) for groups in indistinguishable(in_depth=True)}
    for groups in indistinguishable():
        marks = [mark for axis in CONVENTIONAL_AXES for mark in marks_of(groups, axis)]
        assert bool(marks) == (groups not in told)
    assert [order(mark) for mark in marks_of((169, 170, 173), (0, 0, 1))] == [3]


def test_a_mark_holds_where_a_group_has_it_and_is_broken_where_it_has_not() -> None:
    rung, axis = CbedRung.of(load_benchmark("space_group").rung("stemdl_full")), (0, 0, 1)
    (fourfold,) = marks_of((75, 77, 81), axis)
    for group, has in ((75, True), (77, False)):
        assert (fourfold in kept_in_depth(group, axis)) == has
        (crystal,) = crystals_of(group, 1, rung, 0)
        ((residual, electrons, _),) = measured(crystal, axis, [fourfold], rung)
        assert (residual < 1e-4 and electrons > 1e8) if has else (residual > 1e-2 and electrons < 1e6)
