"""Progress goes to stderr, in lines where there is no terminal, and never more than one every few seconds."""

from __future__ import annotations

import pytest

from benchmark.foundation import progress as module


def test_lines_are_rare_and_the_last_one_is_always_shown(
    capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter([0.0, *(float(second) for second in range(1, 13))])
    monkeypatch.setattr(module.time, "monotonic", lambda: next(clock))
    with module.progress("Drawing", 12, "crystals") as advance:
        for done in range(1, 13):  # one per second
            advance(done)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert [line.split(",")[0] for line in captured.err.splitlines()] == [
        "Drawing: 5 of 12 crystals",
        "Drawing: 10 of 12 crystals",
        "Drawing: 12 of 12 crystals",
    ]
    assert "10 s, about 2 s left" in captured.err


def test_nothing_done_yet_is_no_division_by_zero(
    capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SECONDS_BETWEEN_LINES", 0.0)
    with module.progress("Drawing", 2, "crystals") as advance:
        advance(0)
    told = capsys.readouterr().err
    assert "0 of 2 crystals" in told and "left" not in told


def test_of_short_work_whose_result_is_shown_nothing_is_left(
    capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter([0.0, *(0.5 * second for second in range(1, 25))])
    monkeypatch.setattr(module.time, "monotonic", lambda: next(clock))
    with module.progress("epoch 1", 8, "steps", last=False) as advance:
        assert list(module.counted("abcdefgh", advance)) == list("abcdefgh")
    assert capsys.readouterr().err == ""
    with module.progress("epoch 2", 12, "steps", last=False) as advance:  # 0.5 s per step
        for done in range(1, 13):
            advance(done)
    assert [line.split(",")[0] for line in capsys.readouterr().err.splitlines()] == ["epoch 2: 10 of 12 steps"]


def test_a_bar_is_drawn_a_few_times_a_second_whatever_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    import rich.progress

    drawn: list[int] = []
    monkeypatch.setattr(module.sys.stderr, "isatty", lambda: True)
    monkeypatch.setattr(
        rich.progress.Progress, "update", lambda self, task, completed, refresh: drawn.append(completed)
    )
    now = 0.0
    monkeypatch.setattr(module.time, "monotonic", lambda: now)
    with module.progress("epoch 1", 1000, "steps", last=False) as advance:
        for done in range(1, 1001):  # a millisecond a step
            now += 0.001
            advance(done)
    assert drawn[-1] == 1000 and len(drawn) <= 5
