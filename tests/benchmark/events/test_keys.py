"""The keys are mlperf-logging's own wherever it has them."""

from __future__ import annotations

from mlperf_logging.mllog import constants

from benchmark.events import keys

OURS = {
    "PREFIX",
    "EVENT_TYPES",
    "INTERVALS",
    "INIT",
    "STAGING",
    "RUN",
    "EPOCH",
    "EVAL",
    "SUBMISSION_GITHUB_COMMIT_VERSION",
    "CONFIG",
    "VERSIONS",
    "DEVICES",
    "NUMBER_OF_NODES",
    "ACCELERATORS_PER_NODE",
    "DATA_MANIFEST_SHA256",
    "DATA_RECIPE_SHA256",
    "DATA_RECOGNISED",
    "DATA_STANDARD",
    "F1_MACRO",
    "TEST_BY_PART",
    "TEST_F1_MACRO",
    "TRACKED_STATS",
    "THROUGHPUT",
    "RESUMED",
    "RANKS_BEFORE",
    "INTERRUPTED",
    "IN_MEMORY",
    "STAGED_BYTES",
    "PREFLIGHT",
    "DATA_PARTITION",
    "PLACEMENT",
}


def test_every_key_is_theirs_by_name_and_value_or_listed_as_ours():
    names = {name for name in vars(keys) if name.isupper()}
    for name in names - OURS:
        assert getattr(keys, name) == getattr(constants, name), name
    assert OURS <= names
    assert not [name for name in OURS if hasattr(constants, name)]


def test_an_interval_is_two_keys():
    for interval in keys.INTERVALS:
        assert getattr(keys, f"{interval.upper()}_START") == f"{interval}_start"
        assert getattr(keys, f"{interval.upper()}_STOP") == f"{interval}_stop"
