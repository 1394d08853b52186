"""Nothing of a log or its record can be changed unnoticed, by whatever value: properties."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import pytest
from honest_run import as_text, log_lines, record_of
from hypothesis import given
from hypothesis import strategies as st

from benchmark.events import keys
from benchmark.validation.finding import Severity
from benchmark.validation.limits import Limits
from benchmark.validation.registry import run_checks
from benchmark.validation.subjects import DataFile, Log

BESIDE_THE_LOG = {"folder", "index", "benchmark", "versions", "metric"}
"""Figures of a record that no log has, or words for a reader."""


GOOD = log_lines()


RECORD = record_of(GOOD, as_text(GOOD))


COUNTS = (
    keys.GLOBAL_BATCH_SIZE,
    keys.TRAIN_SAMPLES,
    keys.EVAL_SAMPLES,
    keys.NUMBER_OF_NODES,
    keys.GRADIENT_ACCUMULATION_STEPS,
    keys.OPT_LR_WARMUP_STEPS,
    keys.OPT_BASE_LR,
    keys.OPT_WEIGHT_DECAY,
)


NUMBERS = st.one_of(st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False, allow_infinity=False))


JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)


def findings_of(lines, record, folder: Path):
    path = folder / "result_0.txt"
    path.write_bytes(as_text(lines))
    log = Log.read(path, "result_0.txt", Limits())
    log.record = DataFile(path, "result_0.json", record)
    found = run_checks(log, Limits())
    assert not any("broke off" in finding.message for finding in found)
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("changed")


def test_the_unchanged_log_has_no_finding(folder):
    assert findings_of(GOOD, RECORD, folder) == []


@given(data=st.data())
def test_no_changed_value_time_or_metadata_goes_unnoticed(folder, data):
    """Whatever is changed in a log, its record tells."""
    lines = copy.deepcopy(GOOD)
    line = lines[data.draw(st.integers(0, len(lines) - 1))]
    place = data.draw(st.sampled_from(["time_ms", "value", *line["metadata"]]))
    holder = line if place in ("time_ms", "value") else line["metadata"]
    changed = data.draw(st.integers(0, 2**62) if place == "time_ms" else JSON)
    holder[place] = changed
    if json.dumps(lines) != json.dumps(GOOD):
        assert any(finding.severity is Severity.ERROR for finding in findings_of(lines, RECORD, folder))


@given(data=st.data())
def test_nor_does_a_count_metric_status_or_hash_where_the_record_was_made_anew(folder, data):
    """The log contradicts itself, the definition, or its settings: somebody who also forges the record is found."""
    lines = copy.deepcopy(GOOD)
    key = data.draw(
        st.sampled_from(
            [
                *COUNTS,
                keys.EVAL_ACCURACY,
                keys.F1_MACRO,
                keys.DATA_RECIPE_SHA256,
                keys.DATA_MANIFEST_SHA256,
                "status",
                "samples_count",
                "epoch_num",
                "step_num",
            ]
        )
    )
    if key == "status":
        line = next(line for line in lines if line["key"] == keys.RUN_STOP)["metadata"]
    else:
        line = data.draw(
            st.sampled_from(
                [each for each in lines if key == each["key"]]
                or [each["metadata"] for each in lines if key in each["metadata"]]
            )
        )
    name = "value" if "value" in line else key
    before = line[name]
    line[name] = data.draw(NUMBERS if isinstance(before, (int, float)) else st.text(max_size=70))
    if line[name] != before:
        found = findings_of(lines, record_of(lines, as_text(lines)), folder)
        assert any(finding.severity >= Severity.WARNING for finding in found)


@given(which=st.integers(0, len(GOOD) - 1), ms=st.integers(-(10**7), 10**7).filter(bool))
def test_nor_does_a_time_that_leaves_its_place_or_takes_from_an_epoch(folder, which, ms):
    """An event past its neighbours is out of order; one between them that makes an epoch shorter or longer by more
    than the tolerance of R3.9 contradicts the samples/s. What remains is within 5 % and 0.1 s of an epoch, or between
    epochs and evaluations, and is the record's to tell."""
    lines = copy.deepcopy(GOOD)
    lines[which]["time_ms"] += ms
    times = [line["time_ms"] for line in lines]
    found = {finding.rule for finding in findings_of(lines, record_of(lines, as_text(lines)), folder)}
    if times != sorted(times):
        assert "R3.7" in found
    elif lines[which]["key"] in (keys.EPOCH_START, keys.EPOCH_STOP) and abs(ms) > 0.05 * 3200 + 100 + abs(ms) * 0.05:
        assert "R3.9" in found


@given(data=st.data())
def test_nor_does_a_figure_of_the_record(folder, data):
    record = copy.deepcopy(RECORD)
    inner = data.draw(st.sampled_from([record, record["data"], record["evaluations"]]))
    name = data.draw(st.sampled_from(sorted(set(inner) - {"data", "evaluations", "log", *BESIDE_THE_LOG})))
    inner[name] = data.draw(
        JSON.filter(
            lambda value: (
                json.dumps(value) != json.dumps(inner[name]) and (value != inner[name] or isinstance(value, bool))
            )
        )
    )
    assert {finding.rule for finding in findings_of(GOOD, record, folder)} == {"R4.9"}
