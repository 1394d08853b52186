"""The definitions that scoring reads agree with mlperf-logging's own tables and rule files."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmark.definition.finder import readable
from benchmark.definition.scored import RULESETS, SCORED, read_scored, scored_benchmark
from benchmark.foundation.errors import StemdlError

NAMES = sorted(path.stem for path in SCORED.glob("*.yaml"))


@pytest.mark.parametrize("ruleset", RULESETS)
def test_each_round_has_the_benchmarks_and_runs_of_the_official_tables(ruleset: str):
    from mlperf_logging.benchmark_meta import get_allowed_benchmarks, get_result_file_counts

    ours = {name: found.runs for name in NAMES if (found := scored_benchmark(name, ruleset))}
    assert ours == {name: get_result_file_counts("hpc")[name] for name in get_allowed_benchmarks("hpc", ruleset)}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("ruleset", RULESETS[1:])
def test_metric_and_target_are_those_of_the_official_rule_files(name: str, ruleset: str):
    import mlperf_logging
    import yaml

    found = scored_benchmark(name, ruleset)
    if found is None:
        return
    path = Path(mlperf_logging.__file__).parent / "compliance_checker" / f"hpc_{ruleset}" / f"closed_{name}.yaml"
    records = [record["KEY"] for record in yaml.load(path.read_text(), Loader=yaml.BaseLoader) if "KEY" in record]
    (check,) = (record["ATLEAST_ONE_CHECK"] for record in records if record["NAME"] == found.goal.log_key)
    for value in (found.goal.target * share for share in (0.5, 0.999, 1.0, 1.001, 1.2)):
        assert eval(check.strip(), {"v": {"value": value}}) == found.goal.reached_by(value), (check, value)


def test_our_rungs_are_scored_by_their_own_definition():
    for benchmark in readable().values():
        for rung in benchmark.rungs:
            found = scored_benchmark(rung)
            assert (found.runs, found.goal) == (benchmark.runs, benchmark.goal_at(rung)) and found.distinct_seeds
    goal = scored_benchmark("stemdl_mini").goal
    assert goal.reached_by(0.9) and not goal.reached_by(0.8999)


def test_what_is_not_there():
    assert scored_benchmark("resnet") is None and scored_benchmark("openfold", "2.0.0") is None
    assert scored_benchmark("../scored/oc20") is None  # a folder's name in a tree opens no other file
    with pytest.raises(StemdlError, match="there is no ruleset"):
        scored_benchmark("oc20", "3.1.0")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "name: a",
        "name: a\nmetric: {log_key: x}\nrulesets: {3.0.0: {runs: 5}}",
        "name: a\nmetric: {log_key: x, at_least: y}\nrulesets: {3.0.0: {runs: 5}}",
        "name: a\nmetric: {log_key: x, at_least: 1}\nrulesets: {3.0.0: {runs: 2}}",
        "name: a\nmetric: {log_key: x, at_least: 1}\nepoch_num: steps\nrulesets: {3.0.0: {runs: 5}}",
        "name: a\nmetric: {log_key: x, at_least: 1}\n"
        "rulesets: {3.0.0: {runs: 5, reference_points: {package: no_such, file: a}}}",
    ],
)
def test_a_definition_that_is_wrong_is_named(tmp_path: Path, text: str):
    path = tmp_path / "a.yaml"
    path.write_text(text)
    with pytest.raises(StemdlError) as caught:
        read_scored(path, "3.0.0")
    assert str(path) in str(caught.value)
