"""What `stemdl run` and `show` say of runs by our own rules: one line, and nothing else, of those never scored."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmark.cli.run_report import print_verdict

GOOD = {
    "rung": "stemdl_mini",
    "status": "success",
    "resumed": False,
    "data": {"standard": True},
    "time_to_train_seconds": 9.0,
    "epochs": 3,
}
RESUMED, OTHER_DATA = GOOD | {"resumed": True}, GOOD | {"data": {"standard": False}}
BY_R4_4 = "resumed runs are not scored (R4.4)"
BY_R2_2 = "runs on other data or splits than the rung's own are not scored (R2.2)"


@pytest.mark.parametrize(
    ("records", "said"),
    [
        ([RESUMED], BY_R4_4),
        ([OTHER_DATA], BY_R2_2),
        ([OTHER_DATA | {"status": "aborted"}], BY_R2_2),
        ([RESUMED | OTHER_DATA | {"resumed": True}], BY_R4_4),
        ([GOOD, RESUMED, GOOD], f"1 of 3 runs: {BY_R4_4}"),
        ([OTHER_DATA, OTHER_DATA, None], BY_R2_2),
        ([OTHER_DATA | {"rung": "mine"}], "runs of a rung of one's own are not scored (R1.5)"),
        ([GOOD | {"status": "crashed"}, None], None),
    ],
)
def test_why_runs_are_never_scored_is_one_line(capsys: pytest.CaptureFixture, records: list, said: str | None):
    print_verdict(Path("runs/set"), {Path(f"run_{number}"): record for number, record in enumerate(records)})
    assert capsys.readouterr().out == ("" if said is None else f"our own rules: {said}   (stemdl validate runs/set)\n")


def test_times_that_lie_far_apart_are_warned_of_by_set(capsys: pytest.CaptureFixture):
    def timed(seconds: float) -> dict:
        return RESUMED | {"time_to_train_seconds": seconds, "epochs": 3}

    runs = {
        Path(f"runs/{name}/run_{number}"): timed(seconds)
        for name, times in (("near", (10.0, 11.0, 10.0)), ("far", (10.0, 10.0, 22.0)))
        for number, seconds in enumerate(times)
    }
    print_verdict(Path("runs"), runs | {Path("runs/far/run_3"): None, Path("runs/one"): timed(99.0)})
    warning, _ = capsys.readouterr().out.splitlines()
    assert warning.startswith("warning: runs/far: the times of the runs vary by 49% (CV), more than 20% (R4.13)")


def test_a_run_is_judged_in_the_words_of_validate(capsys: pytest.CaptureFixture) -> None:
    results = Path(__file__).parents[3] / "results" / "reference" / "results"
    folder = results / "2-cores-x86-horovod" / "strong" / "stemdl_mini"
    print_verdict(folder, {folder: GOOD})
    assert capsys.readouterr().out.startswith("our own rules: VALID in the closed division   (stemdl validate ")
