"""What fingerprints are measured against: spglib knows whole crystals, and none that lacks one atom in a hundred."""

from __future__ import annotations

from patience import HANG_SECONDS

from benchmark.crystals.fingerprints.elementals import LABELS, elements_of
from benchmark.definition.finder import load_benchmark
from benchmark.simulation.cluster import Damage
from performance.fingerprints import SEED, SHARES, crystals, space_group


def test_crystals_of_the_table_are_of_the_rungs_test_elements() -> None:
    rung = load_benchmark("fingerprints").rungs["fingerprints_mini"]
    assert (rung.seed, rung.recipe["split_shares"]) == (SEED, SHARES)
    rows = list(crystals(2, Damage(vacancies=0.5)))
    assert [label for label, _, _ in rows] == [label for label in range(len(LABELS)) for _ in range(2)]
    test = set(elements_of(SEED, SHARES)["test"])
    assert all(set(cluster.numbers.tolist()) <= test for _, _, cluster in rows)


def test_spglib_knows_whole_crystals_and_has_so_much_time() -> None:
    (_, group, whole), *_ = crystals(1, Damage())
    (_, _, broken), *_ = crystals(1, Damage(vacancies=0.01))
    assert space_group(whole, 0.1, HANG_SECONDS) == group == 229 and space_group(broken, 0.1, HANG_SECONDS) != group
    assert space_group(whole, 0.1, 0.0) == 0
