"""Results whose files contradict each other are compared with none, ranked nowhere, and no reference points."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from made_logs import write_set
from recorded import REFERENCE, RUNG, SYSTEM, copy_of_results

from benchmark.comparison.compare import REFUSED, SAME, compare
from benchmark.comparison.result import Result, read_results
from benchmark.foundation.errors import StemdlError
from benchmark.report.site.entry import entry_of
from benchmark.report.site.ranks_of_results import ranked
from benchmark.scoring.score import score_paths
from benchmark.validation.judged_scores import UNRECORDED, _is_of, held_to_rules, require_kept


def one(folder: Path) -> Result:
    (result,) = read_results([folder])
    return result


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_of_results(tmp_path_factory.mktemp("sound") / "reference")


@pytest.fixture(scope="module")
def reference(sound: Path) -> Result:
    return one(sound)


@pytest.fixture
def spoiled(tmp_path: Path):
    """`spoiled(name, change)`: a copy of the reference's submission; `change` is done to its folder of logs."""

    def make(name: str, change=lambda logs: None) -> Path:
        tree = copy_of_results(tmp_path / name)
        change(next(tree.glob("results/*/strong/*")))
        return tree

    return make


def a_faster_log(logs: Path) -> None:
    path = logs / "result_3.txt"
    text = path.read_text()
    stop = next(line for line in text.splitlines() if '"run_stop"' in line)
    time_ms = stop.partition('"time_ms": ')[2].partition(",")[0]
    path.write_text(text.replace(stop, stop.replace(time_ms, str(int(time_ms) - 5))))


def energy(logs: Path) -> None:
    path = logs / "result_0.json"
    path.write_text(path.read_text().replace('"energy_joules": null', '"energy_joules": 3.0'))


def one_run_twice(logs: Path) -> None:
    for suffix in (".txt", ".json"):
        shutil.copy(logs / f"result_0{suffix}", logs / f"result_1{suffix}")


@pytest.mark.parametrize(("change", "rule"), [(a_faster_log, "R4.9"), (energy, "R5.6"), (one_run_twice, "R4.6")])
def test_what_contradicts_itself_is_neither_compared_nor_ranked(spoiled, reference, change, rule):
    result = one(spoiled("a", change))
    assert any(f"({rule})" in each for each in result.broken)
    (comparison,) = compare(reference, [result])
    assert comparison.verdict == REFUSED and comparison.ratio is None
    assert "rules broken" in [each.name for each in comparison.refused]
    entries = ranked([entry_of(result), entry_of(reference)])
    assert [(entry.figures["scored"], entry.rank) for entry in entries] == [(True, 1), (False, None)]
    assert any(rule in warning for warning in entries[1].figures["warnings"])
    with pytest.raises(StemdlError, match="break rules"):
        require_kept([result.folder.folder])


def test_runs_that_are_in_both_results_are_no_comparison_and_no_reference(spoiled, reference, sound):
    tree = spoiled("under_another_name")
    (comparison,) = compare(reference, [one(tree)])
    assert [each.name for each in comparison.refused] == ["runs in common"]
    with pytest.raises(StemdlError, match="a run is there twice"):
        require_kept([sound, tree])


def test_a_run_of_the_set_that_is_left_out_costs_the_others_nothing(spoiled):
    (row,) = score_paths([next(spoiled("a", a_faster_log).glob("results/*/strong/*"))])
    _, whole, traces = held_to_rules(row)
    others = replace(row, logs=tuple(log for log in row.logs if log.name != "result_3.txt"))
    _, left, fewer = held_to_rules(others)
    assert any("R4.9" in each for each in whole) and not any("result_3" in each or "R4.9" in each for each in left)
    assert len(fewer) == len(traces) - 1 == len(others.logs)


def test_a_log_that_is_left_out_takes_no_other_of_its_name_along():
    left = [Path("set/run_2/result_0.txt")]
    assert all(_is_of(Path(f"set/run_2/{name}"), left) for name in ("result_0.txt", "result_0.json", "run.json"))
    assert not any(_is_of(Path(f"set/run_1/{name}"), left) for name in ("result_0.txt", "result_0.json", "run.json"))


@pytest.fixture
def unrecorded(tmp_path: Path) -> Path:
    """The reference's logs as a run set without its records."""
    folder = tmp_path / "unrecorded"
    for number, log in enumerate(sorted(REFERENCE.glob(f"results/{SYSTEM}/strong/{RUNG}/result_*.txt"))):
        (folder / f"run_{number}").mkdir(parents=True)
        shutil.copy(log, folder / f"run_{number}" / "result_0.txt")
    return folder


def test_different_runs_without_records_are_a_reference_and_are_told(unrecorded, sound):
    assert require_kept([unrecorded]) == [unrecorded]
    assert require_kept([sound]) == []


@pytest.mark.parametrize("apart", [False, True])
def test_a_copy_without_a_record_and_with_another_seed_is_no_reference(unrecorded, tmp_path, apart):
    copy = (tmp_path / "unrecorded_too" if apart else unrecorded) / "run_5" / "result_0.txt"
    copy.parent.mkdir(parents=True)
    text = (unrecorded / "run_2" / "result_0.txt").read_text()
    seed = next(line for line in text.splitlines() if '"key": "seed"' in line)
    copy.write_text(text.replace(seed, re.sub('"value": [0-9]+', '"value": 7', seed)))
    with pytest.raises(StemdlError, match="a run is there twice") as caught:
        require_kept([unrecorded, copy.parents[1]])
    assert caught.value.where == copy


def test_a_sound_result_is_compared_and_one_without_records_is_said_to_be(tmp_path, reference):
    assert not reference.broken and reference.score.complete
    (comparison,) = compare(reference, [reference])
    assert comparison.verdict == SAME
    unrecorded = one(write_set(tmp_path / "set", (10.0, 10.1, 10.2, 10.3, 10.4)))
    assert unrecorded.score.complete and UNRECORDED in unrecorded.score.warnings and not unrecorded.broken
