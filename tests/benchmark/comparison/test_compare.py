"""What is compared, what is refused, and what is said of it, on results whose times are known."""

from __future__ import annotations

import html
import json
import math
from pathlib import Path
from typing import Any

import pytest
from made_logs import write_set, write_submission

from benchmark.cli.main import main
from benchmark.comparison.compare import BETTER, REFUSED, SAME, TOO_FEW, WORSE, Comparison, compare
from benchmark.comparison.result import Result, read_results
from benchmark.foundation.errors import StemdlError
from benchmark.report.comparison_text import markdown_table

NEAR = (10.0, 10.1, 10.2, 10.3, 10.4)
FAR = tuple(1.2 * each for each in NEAR)


def one(folder: Path) -> Result:
    (result,) = read_results([folder])
    return result


def compared(tmp_path: Path, first: Any, second: Any, **said: Any) -> Comparison:
    sets = [one(write_set(tmp_path / "a", first)), one(write_set(tmp_path / "b", second, **said))]
    return compare(sets[0], sets[1:])[0]


def test_a_slower_set_is_worse_and_the_other_way_round_better(tmp_path: Path) -> None:
    first, second = one(write_set(tmp_path / "a", NEAR)), one(write_set(tmp_path / "b", FAR))
    slower, faster = compare(first, [second])[0], compare(second, [first])[0]
    assert (slower.verdict, faster.verdict) == (WORSE, BETTER)
    assert slower.ratio == pytest.approx(1.2) and faster.ratio == pytest.approx(1 / 1.2)
    low, high = slower.interval
    assert 1.15 < low < 1.2 < high < 1.25 and slower.p == pytest.approx(2 / 252) == slower.corrected_p
    assert slower.differs == () and slower.refused == ()


def test_a_set_against_itself_is_the_same(tmp_path: Path) -> None:
    found = compared(tmp_path, NEAR, NEAR)
    assert found.verdict == SAME and found.ratio == 1 and found.p == 1


def test_too_few_runs_are_no_verdict_however_far_apart_they_are(tmp_path: Path) -> None:
    assert compared(tmp_path, (10, 11, 12), (100, 110, 120)).verdict == TOO_FEW


def test_runs_that_do_not_count_are_said_with_the_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sets = [str(write_set(tmp_path / "a", (*NEAR, 10.5, 10.6))), str(write_set(tmp_path / "b", FAR))]
    assert main(["compare", *sets]) == 0
    said = capsys.readouterr().out
    assert said.count("more than 5 runs: those count whose window") == 1
    assert main(["compare", *sets, "--format", "markdown"]) == 0
    assert "more than 5 runs: those count whose window" in capsys.readouterr().out


def test_more_comparisons_at_once_need_more_runs(tmp_path: Path) -> None:
    """Sets of five can differ at a p of 2/252; ten such at once are not below 5 % together."""
    base = one(write_set(tmp_path / "base", NEAR))
    others = [one(write_set(tmp_path / f"set{index}", FAR)) for index in range(10)]
    assert {each.verdict for each in compare(base, others[:6])} == {WORSE}
    assert {each.verdict for each in compare(base, others)} == {TOO_FEW}


def test_runs_that_miss_the_target_count_as_slower_than_all(tmp_path: Path) -> None:
    found = compared(tmp_path, NEAR, (-1.0, -1.0, -1.0, -1.0, -1.0))
    assert found.verdict == WORSE and found.ratio is None and found.to_dict()["interval"] == [None, None]
    assert all(math.isinf(each) for each in found.other.times)


@pytest.mark.parametrize(
    ("named", "said"),
    [
        ("benchmark", {"submission_benchmark": "stemdl_smoke"}),
        ("division", {"submission_division": "open"}),
        ("data", {"data_recipe_sha256": "1" * 64}),
        ("data", {"data_recipe_sha256": None}),
        ("split", {"data_partition": "folds 5, fold 1"}),
        ("samples to train on", {"train_samples": 3400}),
        ("rules of release", {"versions": {"stemdl-benchmark": "0.2.0"}}),
    ],
)
def test_what_may_not_be_compared_is_refused_with_the_reason(tmp_path: Path, named: str, said: dict[str, Any]) -> None:
    found = compared(tmp_path, NEAR, FAR, **said)
    assert found.verdict == REFUSED and named in [each.name for each in found.refused]
    assert found.ratio is None and found.p is None


def test_another_goal_is_refused(tmp_path: Path) -> None:
    for name, target in (("a", 0.9), ("b", 0.91)):
        for run in write_set(tmp_path / name, NEAR).iterdir():
            (run / "run.json").write_text(json.dumps({"metric": "macro-F1", "reaches": "at_least", "target": target}))
    found = compare(one(tmp_path / "a"), [one(tmp_path / "b")])[0]
    assert "goal: macro-F1 at least 0.9 and macro-F1 at least 0.91" in [str(each) for each in found.refused]


def test_runs_of_one_set_that_are_on_two_data_are_refused(tmp_path: Path) -> None:
    write_set(tmp_path / "b", NEAR)
    log = tmp_path / "b" / "run_3" / "result_3.txt"
    log.write_text(log.read_text().replace('"train_samples", "value": 3500', '"train_samples", "value": 3499'))
    found = compare(one(tmp_path / "b"), [one(write_set(tmp_path / "a", NEAR))])[0]
    assert "samples to train on, within one set" in [each.name for each in found.refused]


@pytest.mark.parametrize(
    ("named", "said"),
    [
        ("global batch size", {"global_batch_size": 64}),
        ("precision", {"config": {"precision": "bf16", "ranks": 2, "learning_rate": 0.004}}),
        ("ranks", {"config": {"precision": "fp32", "ranks": 4, "learning_rate": 0.004}}),
        ("learning_rate", {"config": {"precision": "fp32", "ranks": 2, "learning_rate": 0.002}}),
        ("torch", {"versions": {"stemdl-benchmark": "0.1.3", "torch": "2.14.0"}}),
        ("commit", {"submission_github_commit_version": "6" * 40}),
        ("opt_name", {"opt_name": "lamb"}),
    ],
)
def test_what_differs_besides_the_hardware_is_named(tmp_path: Path, named: str, said: dict[str, Any]) -> None:
    first = {"opt_name": "adamw"} if named == "opt_name" else {}
    sets = [one(write_set(tmp_path / "a", NEAR, **first)), one(write_set(tmp_path / "b", FAR, **said))]
    (found,) = compare(sets[0], sets[1:])
    assert found.verdict == WORSE and named in [each.name for each in found.differs]
    assert len(found.differs) == (2 if named == "torch" else 1)


def test_the_command_says_it_in_each_form(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sets = [str(write_set(tmp_path / name, times)) for name, times in (("a", NEAR), ("b", FAR), ("c", NEAR))]
    assert main(["compare", *sets]) == 0
    said = capsys.readouterr()
    assert "stemdl_mini, strong scaling, closed division" in said.out and "Next: stemdl report" in said.err
    assert {"baseline", "worse", "same"} <= set(said.out.split()) and "1.200" in said.out
    assert all(len(line) <= 80 for line in said.out.splitlines()[:12])
    assert main(["compare", *sets, "--baseline", "b", "--format", "json"]) == 0
    (group,) = json.loads(capsys.readouterr().out)["groups"]
    assert [(each["baseline"], each["other"], each["verdict"]) for each in group["comparisons"]] == [
        ("Somewhere/b", "Somewhere/a", BETTER),
        ("Somewhere/b", "Somewhere/c", BETTER),
    ]
    assert [each["name"] for each in group["results"]] == [
        "Somewhere/b",
        "Somewhere/a",
        "Somewhere/c",
    ]
    report = tmp_path / "report.md"
    assert main(["compare", *sets, "--format", "markdown", "-o", str(report)]) == 0
    assert "| Somewhere/b | 5 |" in report.read_text() and "| worse |" in report.read_text()
    assert main(["compare", *sets, "--format", "markdown", "-o", str(report)]) == 2, "nothing is overwritten"


def test_two_runs_of_one_set_are_told_apart(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = write_set(tmp_path / "a", NEAR)
    assert main(["compare", str(made / "run_0"), str(made / "run_1"), "--format", "json"]) == 0
    (group,) = json.loads(capsys.readouterr().out)["groups"]
    assert [Path(each["name"]).name for each in group["results"]] == ["run_0", "run_1"]
    assert group["comparisons"][0]["verdict"] == TOO_FEW


def test_a_tree_is_compared_by_benchmark_and_what_is_refused_is_an_answer(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_submission(tmp_path, "One", "fast", NEAR)
    write_submission(tmp_path, "Two", "slow", FAR)
    write_submission(tmp_path, "Three", "other", FAR, submission_division="open")
    assert main(["compare", str(tmp_path), "--baseline", "One/fast"]) == 1
    said = capsys.readouterr().out
    assert "Three/other cannot be compared with One/fast: division: closed and open" in said
    assert "Two/slow" in said and "worse" in said


@pytest.mark.parametrize("arguments", [["{a}"], ["{a}", "{b}", "--baseline", "nobody"], ["{a}", "{b}"]])
def test_wrong_use_is_one_message(tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    places = {"a": write_set(tmp_path / "a", NEAR), "b": write_set(tmp_path / "b", FAR, submission_division="open")}
    assert main(["compare", *(each.format(**places) for each in arguments)]) == 2
    said = capsys.readouterr().err
    assert said.startswith("stemdl") and "what to do" in said and "Traceback" not in said


def test_an_ambiguous_baseline_is_refused(tmp_path: Path) -> None:
    from benchmark.comparison.groups import grouped

    results = [one(write_set(tmp_path / name, NEAR)) for name in ("ab", "ac")]
    with pytest.raises(StemdlError, match="several results"):
        grouped(results, "a")


def test_no_address_in_a_name_becomes_a_link_in_markdown() -> None:
    for name in ("https://evil.example/x", "www.evil.example", "WWW.evil.example", "ftp://evil.example"):
        said = markdown_table(("system",), [(name,)])
        assert "://" not in said and "www." not in said.lower() and html.unescape(said).count(name) == 1
