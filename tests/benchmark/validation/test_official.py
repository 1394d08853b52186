"""The official checker, unmodified, under our rules: a good log passes, each fault alone fails and is named."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from changes import drop, move, put, shift, tell, twice
from honest_run import Lines, at

from benchmark.definition.finder import load_benchmark
from benchmark.events import keys
from benchmark.events.log import EventLog
from benchmark.foundation.errors import StemdlError
from benchmark.validation.official import check_log
from benchmark.validation.rule_file import RULES


def write_run(
    path: Path, *, rung: str = "stemdl_mini", division: str = "open", best: float = 0.95, status: str = keys.SUCCESS
) -> Path:
    """The log of a run of two epochs, event for event as a trainer writes it."""
    with EventLog(path, 0, lambda: None) as events:
        events.point(keys.SUBMISSION_BENCHMARK, rung)
        events.point(keys.SUBMISSION_ORG, "Somewhere")
        events.point(keys.SUBMISSION_PLATFORM, "a laptop")
        events.point(keys.SUBMISSION_DIVISION, division)
        events.point(keys.SUBMISSION_STATUS, "research")
        events.point(keys.SUBMISSION_GITHUB_COMMIT_VERSION, "0123456789" * 4)
        events.point(keys.CONFIG, {"max_epochs": 2})
        events.point(keys.VERSIONS, {"python": "3.11"})
        events.point(keys.DEVICES, ["cpu"])
        events.point(keys.CACHE_CLEAR, False)
        with events.interval(keys.INIT):
            for key, value in {
                keys.SEED: 11,
                keys.GLOBAL_BATCH_SIZE: 64,
                keys.NUMBER_OF_NODES: 1,
                keys.ACCELERATORS_PER_NODE: 0,
                keys.GRADIENT_ACCUMULATION_STEPS: 1,
                keys.OPT_NAME: "adamw",
                keys.OPT_BASE_LR: 1e-3,
                keys.OPT_WEIGHT_DECAY: 0.05,
            }.items():
                events.point(key, value)
        events.start(keys.RUN, sync=True)
        with events.interval(keys.STAGING):
            events.point(keys.DATA_MANIFEST_SHA256, "0123456789abcdef" * 4)
            events.point(keys.DATA_RECIPE_SHA256, "f" * 64)
            events.point(keys.TRAIN_SAMPLES, 3500)
            events.point(keys.EVAL_SAMPLES, 1000)
        for epoch, metric in ((1, 0.5), (2, best)):
            with events.interval(keys.EPOCH, epoch_num=epoch):
                pass
            with events.interval(keys.EVAL, epoch_num=epoch):
                pass
            for key in (keys.EVAL_ACCURACY, keys.F1_MACRO):
                events.point(key, metric, epoch_num=epoch, samples_count=1000)
            events.point(keys.TRACKED_STATS, {keys.THROUGHPUT: 100.0}, epoch_num=epoch)
        events.stop(keys.RUN, sync=True, status=status)
        events.point(keys.TEST_F1_MACRO, best)
    return path


def rewrite(path: Path, change: Callable[[Lines], None]) -> Path:
    """The log with its events changed in place by `change`."""
    lines = [json.loads(line.split(" ", 1)[1]) for line in path.read_text().splitlines()]
    change(lines)
    path.write_text("".join(f":::MLLOG {json.dumps(line)}\n" for line in lines))
    return path


def less_metadata(key: str, name: str) -> Callable[[Lines], None]:
    return lambda lines: lines[at(lines, key)]["metadata"].pop(name)


REQUIRED = (
    "submission_benchmark",
    "submission_org",
    "submission_platform",
    "submission_division",
    "submission_status",
    "cache_clear",
    "init_start",
    "init_stop",
    "run_start",
    "run_stop",
    "epoch_start",
    "epoch_stop",
    "eval_start",
    "eval_stop",
    "eval_accuracy",
    "seed",
    "global_batch_size",
    "number_of_nodes",
    "accelerators_per_node",
    "opt_name",
    "opt_base_learning_rate",
    "data_manifest_sha256",
    "train_samples",
    "eval_samples",
)
ONCE = tuple(
    key
    for key in REQUIRED
    if key not in ("cache_clear", "init_start", "epoch_start", "epoch_stop", "eval_start", "eval_stop", "eval_accuracy")
)

FAULTS = {
    **{f"no {key}": (drop(key), key) for key in REQUIRED},
    **{f"two of {key}": (twice(key), key) for key in ONCE},
    "an unknown rung": (put("submission_benchmark", "deepcam"), "submission_benchmark"),
    "a rung that is a path": (put("submission_benchmark", "../../stemdl_mini"), "submission_benchmark"),
    "a rung that is a list": (put("submission_benchmark", ["stemdl_mini"]), "submission_benchmark"),
    "an unknown division": (put("submission_division", "SciML"), "submission_division"),
    "a division that is a path": (put("submission_division", "/etc/open"), "submission_division"),
    "an unknown status of submission": (put("submission_status", "fast"), "submission_status"),
    "an empty organisation": (put("submission_org", ""), "submission_org"),
    "an empty platform": (put("submission_platform", ""), "submission_platform"),
    "an aborted run": (tell("run_stop", status="aborted"), "run_stop"),
    "a run of unknown status": (tell("run_stop", status="fine"), "run_stop"),
    "a run without status": (less_metadata("run_stop", "status"), "run_stop"),
    "a run that ends before it begins": (shift("run_stop", -3_600_000), "run_stop"),
    "a run that begins before the end of init": (move("init_stop", "run_start"), "run_start"),
    "half an hour of init": (shift("init_stop", 1_800_000), "init_stop"),
    "a seed that is not an integer": (put("seed", 1.5), "seed"),
    "a seed that is a truth": (put("seed", True), "seed"),
    "a seed that is text": (put("seed", "11"), "seed"),
    "a batch of nothing": (put("global_batch_size", 0), "global_batch_size"),
    "half a batch": (put("global_batch_size", 0.5), "global_batch_size"),
    "no node": (put("number_of_nodes", 0), "number_of_nodes"),
    "fewer than no accelerators": (put("accelerators_per_node", -1), "accelerators_per_node"),
    "no step of accumulation": (put("gradient_accumulation_steps", 0), "gradient_accumulation_steps"),
    "an optimizer without a name": (put("opt_name", ""), "opt_name"),
    "a learning rate of nothing": (put("opt_base_learning_rate", 0), "opt_base_learning_rate"),
    "no training sample": (put("train_samples", 0), "train_samples"),
    "samples as text": (put("eval_samples", "1000"), "eval_samples"),
    "a manifest that is not a hash": (put("data_manifest_sha256", "g" * 64), "data_manifest_sha256"),
    "half a hash": (put("data_manifest_sha256", "0" * 32), "data_manifest_sha256"),
    "a metric in percent": (put("eval_accuracy", 95.0), "eval_accuracy"),
    "a metric below 0": (put("eval_accuracy", -0.1), "eval_accuracy"),
    "a metric that is text": (put("eval_accuracy", "0.95"), "eval_accuracy"),
    "a metric that is not a number": (put("eval_accuracy", None), "eval_accuracy"),
    "a metric of no epoch": (less_metadata("eval_accuracy", "epoch_num"), "eval_accuracy"),
    "a missed target": (put("eval_accuracy", 0.8999), "eval_accuracy"),
    "a target reached after the run": (move("eval_accuracy", "run_stop"), "eval_accuracy"),
    "a target reached before the run, by its time": (shift("eval_accuracy", -3_600_000), "eval_accuracy"),
    "an epoch after the run": (move("epoch_stop", "run_stop"), "epoch_stop"),
    "an evaluation after the run": (move("eval_stop", "run_stop"), "eval_stop"),
    "an epoch without a number": (less_metadata("epoch_start", "epoch_num"), "epoch_start"),
    "an end of staging without a start": (drop("staging_start"), "staging_stop"),
    "an event without a value": (lambda lines: lines[at(lines, "seed")].pop("value"), "value"),
}


@pytest.mark.parametrize("rung", sorted(load_benchmark("space_group").rungs))
@pytest.mark.parametrize("division", ["open", "closed"])
def test_a_good_run_passes_the_official_checker(tmp_path, monkeypatch, rung, division):
    monkeypatch.chdir(tmp_path)
    verdict = check_log(write_run(tmp_path / "result_0.txt", rung=rung, division=division))
    assert verdict.passed, verdict.output
    assert str(RULES) in verdict.output and RULES.is_absolute()
    assert "mlperf_logging.compliance_checker" in verdict.command and "--werror" in verdict.command
    assert [path.name for path in tmp_path.iterdir()] == ["result_0.txt"]  # it leaves no file behind
    assert [path.name for path in RULES.parent.iterdir()] == ["common.yaml"]


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_alone_fails_and_is_named(tmp_path, fault):
    change, key = FAULTS[fault]
    verdict = check_log(rewrite(write_run(tmp_path / "result_0.txt"), change))
    assert not verdict.passed
    assert f"'{key}'" in verdict.output or f"for {key} :" in verdict.output, verdict.output


def test_a_run_that_gave_up_fails(tmp_path):
    assert not check_log(write_run(tmp_path / "result_0.txt", best=0.6, status=keys.ABORTED)).passed


def test_a_target_is_reached_by_being_met_exactly(tmp_path):
    assert check_log(write_run(tmp_path / "result_0.txt", best=0.9)).passed


@pytest.mark.parametrize(
    "change",
    [
        move("data_manifest_sha256", "init_start"),  # a manifest is read before the clock starts
        move("train_samples", "eval_stop"),
        drop("staging_start"),
        lambda lines: lines.insert(at(lines, "init_start"), dict(lines[at(lines, "init_start")])),
    ],
    ids=["manifest before the run", "samples late", "no staging", "two processes begin init"],
)
def test_what_the_rules_allow_passes(tmp_path, change):
    def whole(lines: Lines) -> None:
        change(lines)
        if not any(line["key"] == "staging_start" for line in lines):
            drop("staging_stop")(lines)

    verdict = check_log(rewrite(write_run(tmp_path / "result_0.txt"), whole))
    assert verdict.passed, verdict.output


@pytest.mark.parametrize("text", ["", "nothing of the kind\n", ":::MLLOG {\n", "INFO - SUCCESS\n"])
def test_what_is_no_log_fails(tmp_path, text):
    path = tmp_path / "result_0.txt"
    path.write_text(text)
    assert not check_log(path).passed


def test_the_checker_is_asked_unless_a_log_names_a_benchmark_without_rules(tmp_path):
    log = write_run(tmp_path / "result_0.txt")
    own = check_log(rewrite(log, put("submission_benchmark", "my_rung")))
    assert (own.passed, own.command) == (None, ())
    assert check_log(rewrite(log, put("submission_benchmark", 7))).passed is False
    assert check_log(rewrite(log, drop("submission_benchmark"))).passed is False


def test_a_log_cannot_put_the_word_success_into_the_checkers_mouth(tmp_path):
    verdict = check_log(
        rewrite(write_run(tmp_path / "result_0.txt", best=0.1), put("submission_org", "\nINFO - SUCCESS\n"))
    )
    assert not verdict.passed


def test_a_submission_cannot_put_its_own_checker_in_the_way(tmp_path, monkeypatch):
    package = tmp_path / "mlperf_logging"
    (package / "compliance_checker").mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "compliance_checker" / "__init__.py").touch()
    (package / "compliance_checker" / "__main__.py").write_text("print('INFO - SUCCESS')\n")
    monkeypatch.chdir(tmp_path)
    assert not check_log(write_run(tmp_path / "result_0.txt", best=0.1)).passed


def test_a_missing_log_is_one_clear_error(tmp_path):
    with pytest.raises(StemdlError, match="no such log"):
        check_log(tmp_path / "absent.txt")


def test_rungs_and_targets_follow_from_the_definitions():
    text = RULES.read_text(encoding="utf-8")
    state: dict = {}
    exec(next(record["BEGIN"] for record in yaml.safe_load(text) if "BEGIN" in record)["CODE"], {"s": state})
    shipped = load_benchmark("space_group")
    expected = {rung: shipped.goal_at(rung).target for rung in shipped.rungs}
    assert state["targets"].items() >= expected.items()
    assert [rung for rung in expected if rung in text] == []


def test_every_key_of_the_official_rules_for_both_divisions_is_among_ours():
    import mlperf_logging.compliance_checker as checker

    def declared(path: Path) -> dict[str, str | None]:
        return {
            record["KEY"]["NAME"]: record["KEY"].get("REQ")
            for record in yaml.safe_load(path.read_text())
            if "KEY" in record
        }

    official = Path(checker.__file__).parent / "hpc_3.0.0"
    ours = declared(RULES)
    for name in ("common.yaml", "closed_common.yaml", "open_common.yaml"):
        theirs = declared(official / name)
        assert {key: ours.get(key) for key in theirs} == theirs
    assert set(REQUIRED) == {key for key, req in ours.items() if req and not key.startswith("block_")}
