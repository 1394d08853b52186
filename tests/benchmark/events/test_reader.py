"""Real line numbers, tolerance for foreign lines, none for malformed ones."""

from __future__ import annotations

import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.events.reader import Event, iter_events, read_events
from benchmark.foundation.errors import StemdlError

GOOD = {"namespace": "", "time_ms": 5, "event_type": "POINT_IN_TIME", "key": "seed", "value": 1, "metadata": {"a": 2}}


def line(**changes) -> str:
    return ":::MLLOG " + json.dumps({**GOOD, **changes})


def without(name: str) -> str:
    return ":::MLLOG " + json.dumps({key: value for key, value in GOOD.items() if key != name})


def test_foreign_lines_are_passed_over_and_counted(tmp_path):
    path = tmp_path / "run.log"
    path.write_bytes(
        b"\xff progress 10%\r progress 20%\n\n"
        + line().encode()
        + b"\n  "
        + line().encode()
        + b"\n"
        + line(key="last").encode()
    )
    assert read_events(path) == [
        Event(3, 5, "POINT_IN_TIME", "seed", 1, {"a": 2}),
        Event(5, 5, "POINT_IN_TIME", "last", 1, {"a": 2}),
    ]


@pytest.mark.parametrize(
    "bad, expected",
    [
        (":::MLLOG", "a JSON object"),
        (line()[:-5], "a JSON object"),
        (":::MLLOG [1]", "a JSON object"),
        (":::MLLOG " + "[" * 100_000, "a JSON object"),
        (line(value=float("nan")), "a JSON object"),
        (without("value"), "a field 'value'"),
        (without("metadata"), "a field 'metadata'"),
        (without("time_ms"), "a field 'time_ms'"),
        (line(time_ms="5"), "'time_ms' of type int"),
        (line(time_ms=True), "'time_ms' of type int"),
        (line(time_ms=5.5), "'time_ms' of type int"),
        (line(key=None), "'key' of type str"),
        (line(metadata=[]), "'metadata' of type dict"),
        (line(event_type="POINT"), "INTERVAL_START, INTERVAL_END, POINT_IN_TIME"),
    ],
)
def test_a_malformed_line_is_named_with_what_was_expected(tmp_path, bad, expected):
    path = tmp_path / "run.log"
    path.write_text(f"{line()}\nnoise\n{bad}\n")
    with pytest.raises(StemdlError) as caught:
        read_events(path)
    assert str(caught.value.where) == f"{path}:3"
    assert expected in str(caught.value.expected)
    assert caught.value.found


def test_bytes_that_are_no_utf8_in_an_event_are_malformed(tmp_path):
    path = tmp_path / "run.log"
    path.write_bytes(line(value="?").encode().replace(b"?", b"\xff") + b"\n")
    with pytest.raises(StemdlError, match=":1: this MLLOG line is malformed"):
        read_events(path)


def test_a_missing_log_is_one_clear_error(tmp_path):
    with pytest.raises(StemdlError, match="cannot be read"):
        read_events(tmp_path / "absent.log")


def test_events_are_streamed_so_that_an_error_far_down_does_not_hide_the_first(tmp_path):
    path = tmp_path / "run.log"
    path.write_text(f"{line()}\n" * 3 + ":::MLLOG broken\n")
    assert len(list(itertools.islice(iter_events(path), 3))) == 3


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=8,
    )
)
def test_any_json_value_comes_back(tmp_path_factory, value):
    path = tmp_path_factory.mktemp("log") / "run.log"
    path.write_text(line(value=value, metadata={"m": value}) + "\n")
    assert read_events(path) == [Event(1, 5, "POINT_IN_TIME", "seed", value, {"m": value})]


def test_as_the_official_parser_reads(tmp_path):
    from mlperf_logging.compliance_checker.mlp_parser import parse_file

    path = tmp_path / "run.log"
    path.write_bytes(
        b"\n".join(
            [
                b"  0: " + line(value=float("nan")).encode(),
                b":::MLLOG {broken} \xe9 " + line(key="second", event_type="whatever").encode() + b"\r",
                b"no event",
                b":::MLLOG",
                line(key="third", value="\u00e9").encode(),
            ]
        )
    )
    ours = read_events(path, as_official=True)
    theirs, failed = parse_file(str(path), "3.0.0")
    assert [event.line for event in ours] == [1, 2, 5] and not failed
    assert [(event.key, event.time_ms, repr(event.value), event.metadata) for event in ours] == [
        (each.key, each.timestamp, repr(each.value["value"]), each.value["metadata"]) for each in theirs
    ]
    with pytest.raises(StemdlError, match="malformed"):
        read_events(path)


@pytest.mark.parametrize("time_ms", [-1, 2**53, 10**400])
def test_a_time_is_one_that_a_float_holds(tmp_path, time_ms):
    path = tmp_path / "run.log"
    path.write_text(line(time_ms=time_ms))
    with pytest.raises(StemdlError, match="milliseconds since 1970"):
        read_events(path, as_official=True)
