"""The convergence test against mlperf-logging's own RCP_Checker, and against the rule text's worked example."""

from __future__ import annotations

import io
import itertools
import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from benchmark.definition.scored import RULESETS, SCORED, scored_benchmark
from benchmark.foundation.errors import StemdlError
from benchmark.scoring.reference_points import (
    BELOW_SMALLEST,
    FOUND,
    INTERPOLATED,
    MISSING,
    RULES,
    TOLERANCE,
    ReferencePoints,
    read_points,
)

EXAMPLE = [14, 15, 15, 16, 16, 16, 16, 16, 16, 17]  # 10 runs of mean 15.75 by the worked example of section 13
NAMES = sorted(path.stem for path in SCORED.glob("*.yaml"))


def official(epochs: dict[int, list[float]], benchmark: str):
    from mlperf_logging.rcp_checker.rcp_checker import RCP_Checker

    records = {
        f"{benchmark}_ref_{size}": {
            "Benchmark": benchmark,
            "BS": size,
            "Epochs to converge": list(values),
            "Hyperparams": {},
        }
        for size, values in epochs.items()
    }
    return RCP_Checker("hpc", "3.0.0", benchmark, False, io.StringIO(json.dumps(records)))


def official_verdict(checker, batch_size: int, epochs: list[float]) -> tuple[bool, float]:
    """What `check_directory` does once it has read the logs."""
    record = checker._find_rcp(batch_size, "pruned_rcps")
    low = checker._find_top_min_rcp(batch_size, "pruned_rcps")
    high = checker._find_bottom_max_rcp(batch_size, "pruned_rcps")
    if record is None and high is None:
        return False, 1.0
    if record is None:
        record = checker._create_interp_rcp(batch_size, low, high)[1] if low else checker._find_min_rcp("pruned_rcps")
    passed, factor = checker._eval_submission_record(record, list(epochs), "")
    return passed, float(factor) if passed else 1.0


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("ruleset", RULESETS[1:])
def test_the_published_points_come_out_as_the_official_checker_has_them(name: str, ruleset: str):
    from mlperf_logging.rcp_checker.rcp_checker import RCP_Checker

    benchmark = scored_benchmark(name, ruleset)
    if benchmark is None:
        assert (name, ruleset) in {("openfold", "1.0.0"), ("openfold", "2.0.0")}
        return
    points = read_points(benchmark.reference_points, benchmark.runs, benchmark=name)
    checker = RCP_Checker("hpc", ruleset, name, False)
    theirs = {record["BS"]: record for record in checker.rcp_data.values()}
    assert [point.batch_size for point in points.all] == list(theirs)
    for point in points.all:
        record = theirs[point.batch_size]
        assert (point.mean, point.fewest) == (record["RCP Mean"], record["Min Epochs"])
        assert point.deviation == pytest.approx(record["RCP Stdev"], rel=1e-12)
    assert [point.batch_size for point in points.pruned] == [rcp["BS"] for rcp in checker.pruned_rcp_data.values()]


runs_of_reference = st.lists(st.integers(1_000, 40_000).map(lambda n: n / 1000), min_size=10, max_size=20)


@settings(max_examples=40, deadline=None)
@given(
    st.dictionaries(st.integers(1, 12).map(lambda n: 16 * n), runs_of_reference, min_size=1, max_size=4),
    st.lists(st.integers(500, 40_000).map(lambda n: n / 1000), min_size=5, max_size=5),
    st.integers(1, 200),
)
def test_any_verdict_is_the_official_one(reference, epochs, batch_size):
    points, checker = ReferencePoints(reference, 5), official(reference, "deepcam")
    verdict = points.test(batch_size, epochs)
    if verdict.point:
        assume(abs(verdict.mean - verdict.point.fewest) > 2 * TOLERANCE)  # a tie may fall either way in the last bit
    passed, factor = official_verdict(checker, batch_size, epochs)
    assert verdict.passed == passed and verdict.factor == pytest.approx(factor, rel=1e-12)
    assert [point.batch_size for point in points.pruned] == [rcp["BS"] for rcp in checker.pruned_rcp_data.values()]


@given(st.dictionaries(st.integers(1, 60), st.integers(1_000, 40_000).map(lambda n: n / 1000), min_size=1, max_size=8))
def test_the_envelope_of_the_rule_text_is_convex_and_below_all_points(means):
    """Of the batch sizes from the fastest point on: no point lies below it, and its slopes rise. The official code's
    has all of its points, and perhaps more."""
    points = ReferencePoints({size: [mean] * 10 for size, mean in means.items()}, 5, envelope=RULES)
    kept = [(point.batch_size, point.mean) for point in points.pruned]
    assert set(points.pruned) <= set(ReferencePoints({size: [mean] * 10 for size, mean in means.items()}, 5).pruned)
    for size, mean in means.items():
        if size >= kept[0][0]:
            line = np.interp(size, *zip(*kept, strict=True))
            assert mean >= line - 1e-9
    slopes = [(b - a) / (m - n) for (n, a), (m, b) in itertools.pairwise(kept)]
    assert all(later >= slope - 1e-9 for slope, later in itertools.pairwise(slopes))


def test_the_official_code_keeps_a_point_that_no_convex_envelope_has():
    """2048 is held to the line to 3072, which is then taken out; that to 4096 needs 10.67 epochs there."""
    means = {1024: 10.0, 2048: 11.9, 3072: 14.0, 4096: 12.0}
    reference = {size: [mean] * 10 for size, mean in means.items()}
    points, convex = ReferencePoints(reference, 5), ReferencePoints(reference, 5, envelope=RULES)
    assert [point.batch_size for point in points.pruned] == [1024, 2048, 4096]
    assert [point.batch_size for point in convex.pruned] == [1024, 4096]
    assert points.test(2048, [11.0] * 5).passed is False
    verdict = convex.test(2048, [11.0] * 5)
    assert verdict.passed and verdict.point.mean == pytest.approx(10 + 2 / 3)


def test_the_rule_text_and_the_code_disagree_on_the_deviation():
    (point,) = ReferencePoints({8: EXAMPLE}, 5).all
    assert point.mean == 15.75 and round(point.deviation, 3) == 0.781 and round(point.fewest, 2) == 14.78
    (point,) = ReferencePoints({8: EXAMPLE}, 5, RULES).all
    assert round(point.deviation, 2) == 0.43 and round(point.fewest, 2) == 15.21


def test_the_search_ends_at_the_closed_form():
    from scipy.stats import t, ttest_ind_from_stats

    (point,) = ReferencePoints({8: EXAMPLE}, 5).all
    closed = point.mean - t.ppf(0.95, 8 + 3 - 2) * point.deviation * math.sqrt(1 / 8 + 1 / 3)
    assert point.fewest == pytest.approx(closed, abs=TOLERANCE)
    one_sided = ttest_ind_from_stats(closed, point.deviation, 3, point.mean, point.deviation, 8, alternative="less")
    assert one_sided.pvalue == pytest.approx(0.05, abs=1e-9)


def test_how_a_batch_size_is_matched():
    points = ReferencePoints({16: [10.0] * 9 + [11], 64: [20.0] * 9 + [21]}, 5)
    assert points.test(16, [10, 10, 10, 10, 10]).match == FOUND
    between = points.test(40, [15, 15, 15, 15, 15])
    assert (between.match, between.point.mean) == (INTERPOLATED, 15.0)
    above = points.test(65, [99] * 5)
    assert (above.match, above.passed, above.point) == (MISSING, False, None)
    below = points.test(8, [10] * 5)
    assert (below.match, below.passed) == (BELOW_SMALLEST, True)
    assert points.test(8, [5] * 5).match == MISSING


def test_the_time_is_scaled_up_only():
    points = ReferencePoints({16: EXAMPLE}, 5)
    faster = points.test(16, [15, 15, 15, 15, 16])
    assert faster.passed and faster.factor == 15.75 / 15
    assert points.test(16, [16, 17, 17, 17, 18]).factor == 1.0
    refused = points.test(16, [10, 11, 11, 11, 12])
    assert not refused.passed and refused.factor == 1.0
    assert points.test(16, [15, 15, 15, 16, math.inf]).mean == pytest.approx(46 / 3)  # the one that did not converge


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "cannot be read"),
        ("[]", "cannot be read"),
        ("{}", "there are no reference points"),
        ('{"a": {"BS": 16}}', "a: this reference point cannot be read"),
        ('{"a": {"BS": "x", "Epochs to converge": [1, 2, 3]}}', "a: this reference point cannot be read"),
        ('{"a": {"BS": true, "Epochs to converge": [1, 2, 3]}}', "a: this reference point cannot be read"),
        ('{"a": {"BS": 32.7, "Epochs to converge": [1, 2, 3]}}', "a: this reference point cannot be read"),
        ('{"a": {"BS": 16, "Epochs to converge": "123"}}', "a: this reference point cannot be read"),
        ('{"a": {"BS": 16, "Epochs to converge": {"1": 1, "2": 1, "3": 1}}}', "a: this reference point cannot be read"),
        ('{"a": {"BS": 16, "Epochs to converge": [1, 2, true]}}', "a: this reference point cannot be read"),
        ('{"a": {"BS": 16, "Epochs to converge": [1, 2, "3"]}}', "a: this reference point cannot be read"),
        ('{"a": ["BS", "Epochs to converge"]}', "a: this reference point cannot be read"),
        ('{"a": {"BS": 16, "Epochs to converge": []}}', "three runs"),
        ('{"a": {"BS": 16, "Epochs to converge": [1, 2]}}', "three runs"),
        ('{"a": {"BS": 16, "Epochs to converge": [1, 2, NaN]}}', "NaN is not JSON"),
        ('{"a": {"BS": 16, "Epochs to converge": [1, 2, 0]}}', "three runs"),
        (
            '{"a": {"BS": 16, "Epochs to converge": [1, 2, 3]}, "b": {"BS": 16, "Epochs to converge": [1, 2, 3]}}',
            "b: two",
        ),
    ],
)
def test_a_file_that_is_wrong_is_named(tmp_path: Path, text: str, says: str):
    path = tmp_path / "points.json"
    path.write_text(text)
    with pytest.raises(StemdlError) as caught:
        read_points(path, 5)
    assert says in str(caught.value) and str(path) in str(caught.value)


def test_points_of_another_benchmark_are_refused(tmp_path: Path):
    path = tmp_path / "points.json"
    point = {"BS": 16, "Epochs to converge": [1, 2.5, 3]}
    path.write_text(json.dumps({"a": point | {"Benchmark": "deepcam"}, "b": point | {"BS": 32}}))
    assert len(read_points(path, 5).all) == 2
    for benchmark, wrong in (("cosmoflow", "a"), ("deepcam", "b")):
        with pytest.raises(StemdlError, match="of another benchmark") as caught:
            read_points(path, 5, benchmark=benchmark)
        assert caught.value.where == f"{path}: {wrong}"
