"""Numbers of logs that are none, or that no float holds: whatever shows a run takes them for not known, and what it
writes for machines stays JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from made_logs import log_text

from benchmark.cli.main import main
from benchmark.foundation.reading import number_in

BIG = 10**400
ODD = (BIG, -BIG, float("nan"), float("inf"), "12", True, None, [1], {"a": 1})
FIELDS = ("eval_accuracy", "epoch_num", "train_samples", "global_batch_size", "ranks", "precision", "max_epochs")


def odd_log(field: str, value: Any, seed: int) -> str:
    def events() -> Iterator[str]:
        for line in log_text(60.0 + seed, seed).splitlines():
            event = json.loads(line.partition(" ")[2])
            if event["key"] == field:
                event["value"] = value
            if field in event["metadata"]:
                event["metadata"][field] = value
            if event["key"] == "config" and field in FIELDS[-3:]:
                event["value"][field] = value
            yield f":::MLLOG {json.dumps(event)}\n"

    return "".join(events())


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("value", ODD, ids=["big", "-big", "nan", "inf", "text", "true", "null", "list", "map"])
def test_no_odd_number_ends_what_shows_a_run(
    tmp_path: Path, field: str, value: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    for index in range(6):
        run = tmp_path / ("one", "other")[index // 3] / f"run_{index % 3}"
        run.mkdir(parents=True)
        (run / f"result_{index % 3}.txt").write_text(odd_log(field, value, index))
    one, other, run = (str(tmp_path / each) for each in ("one", "other", "one/run_0"))
    assert main(["report", one, other, "-o", str(tmp_path / "site")]) == 0
    strictly_json((tmp_path / "site" / "results.json").read_text())
    assert main(["show", run]) == 1, "it has no record"
    for command in (["compare", one, other], ["score", one], ["watch", run, "--once"]):
        capsys.readouterr()
        refused = main([*command, "--format", "json"])
        out, err = capsys.readouterr()
        assert refused in (0, 1) or (refused == 2 and "cannot be compared" in err), err
        strictly_json(out or "null")


def test_a_workbook_takes_odd_numbers(tmp_path: Path) -> None:
    pytest.importorskip("openpyxl")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "result_0.txt").write_text(odd_log("ranks", BIG, 0))
    assert main(["report", str(tmp_path / "run"), "--table", str(tmp_path / "table.xlsx")]) == 0


@pytest.mark.parametrize("value", [0, -1.5, 2**53 - 1, 5e-324])
def test_a_number_is_itself(value: float) -> None:
    assert number_in(value) == value


@pytest.mark.parametrize("value", [*ODD, 2**53, 1e300, "", b"1", 1j])
def test_what_is_no_number_is_not_known(value: Any) -> None:
    assert number_in(value) is None


def strictly_json(text: str) -> None:
    json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
