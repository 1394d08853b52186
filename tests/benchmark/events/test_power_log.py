"""Power logs: energy against the official tool's on made ones, and what we write against exact integrals."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.events.power_log import COVERS, energy_covers, energy_joules, node_log, write_power_log
from benchmark.foundation.errors import StemdlError

RUN_MS = 90_000


def power_log(path: Path, *events: tuple[int, str, object]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        "".join(
            ":::MLLOG "
            + json.dumps(
                {
                    "namespace": "",
                    "time_ms": time_ms,
                    "event_type": "POINT_IN_TIME",
                    "key": key,
                    "value": value,
                    "metadata": {"file": "power.py", "lineno": 1},
                }
            )
            + "\n"
            for time_ms, key, value in events
        )
    )


@pytest.mark.parametrize("seed", range(4))
def test_the_official_tool_computes_the_same(tmp_path: Path, seed: int):
    from mlperf_logging.result_summarizer.result_summarizer import _compute_total_power

    draw = random.Random(seed)
    for node in range(2):
        readings = [
            (1_000 * second + draw.randrange(100), "power_reading", draw.uniform(200, 900)) for second in range(1, 100)
        ]
        stop = [(100_000, "power_measurement_stop", None)] if seed % 2 else []
        power_log(
            tmp_path / "power" / "result_3" / f"node_{node}.txt",
            (500, "conversion_eff", 0.9),
            (1_000, "power_measurement_start", None),
            *readings,
            *stop,
        )
    power_log(
        tmp_path / "power" / "result_3" / "sw_0.txt", (0, "conversion_eff", 0.8), (0, "interconnect_power_est", 150.0)
    )
    ours = energy_joules(tmp_path / "result_3.txt", RUN_MS)
    assert ours == pytest.approx(_compute_total_power(str(tmp_path), "result_3.txt", float(RUN_MS), "3.0.0"), rel=1e-12)


def test_by_hand(tmp_path: Path):
    node = tmp_path / "power" / "result_0" / "node_0.txt"
    assert energy_joules(tmp_path / "result_0.txt", RUN_MS) is None
    power_log(
        node,
        (0, "power_measurement_start", None),
        (1_000, "power_reading", 100),
        (2_000, "power_reading", 300),
        (2_000, "power_measurement_stop", None),
    )
    assert energy_joules(tmp_path / "result_0.txt", 10_000) == pytest.approx(200 * 10)  # a mean of 200 W for 10 s


@pytest.mark.parametrize(
    ("events", "says"),
    [
        ((), "no reading after its start"),
        (((0, "power_reading", 100),), "no reading after its start"),
        (((0, "power_measurement_start", None), (1, "power_reading", "100")), "power_reading is not a number"),
        (((5, "power_measurement_start", None), (5, "power_reading", 1)), "ends before it begins"),
    ],
)
def test_a_log_that_says_too_little_is_an_error(tmp_path: Path, events, says: str):
    power_log(tmp_path / "power" / "result_0" / "node_0.txt", *events)
    with pytest.raises(StemdlError, match=says):
        energy_joules(tmp_path / "result_0.txt", RUN_MS)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 3000), st.floats(0, 1e4)), min_size=2, max_size=12), st.data())
def test_what_is_written_is_the_exact_integral_from_start_to_stop(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[int, float]], data: st.DataObject
):
    from mlperf_logging.result_summarizer.result_summarizer import _compute_total_power

    begins = 1_000_000
    ends = [begins + sum(ms for ms, _ in steps[: count + 1]) for count in range(len(steps))]
    start = data.draw(st.integers(begins, ends[-1] - 1))
    stop = data.draw(st.integers(start + 1, ends[-1]))
    # each reading's power holds from the one before to it: what of that lies within start and stop counts
    exact = (
        sum(watts * max(0, min(end, stop) - max(end - ms, start)) for (ms, watts), end in zip(steps, ends, strict=True))
        / 1000
    )
    log = tmp_path_factory.mktemp("power") / "result_2.txt"
    write_power_log(
        node_log(log, 0),
        begins,
        [(end, watts) for (_, watts), end in zip(steps, ends, strict=True)],
        start,
        stop,
        {COVERS: "a test"},
    )
    assert energy_joules(log, stop - start) == pytest.approx(exact, rel=1e-9, abs=1e-9)
    official = _compute_total_power(str(log.parent), log.name, float(stop - start), "3.0.0")
    assert official == pytest.approx(exact, rel=1e-9, abs=1e-9)
    assert energy_covers(log) == "a test"


@pytest.mark.parametrize(("begins", "last"), [(1001, 5000), (1000, 3999)])
def test_power_that_was_not_measured_is_not_guessed(tmp_path: Path, begins: int, last: int):
    with pytest.raises(StemdlError, match="do not last from the run's start to its stop"):
        write_power_log(node_log(tmp_path / "result_0.txt", 0), begins, [(2000, 1.0), (last, 1.0)], 1000, 4000, {})
    assert not (tmp_path / "power").exists()


def test_without_power_logs_nothing_is_covered(tmp_path: Path):
    assert energy_covers(tmp_path / "result_0.txt") is None
