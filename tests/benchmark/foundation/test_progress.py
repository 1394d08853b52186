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
        for done in range(1, 13):  # one a second
            advance(done)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert [line.split(",")[0] for line in captured.err.splitlines()] == [
        "Drawing: 5 of 12 crystals", "Drawing: 10 of 12 crystals", "Drawing: 12 of 12 crystals"]
    assert "10 s, about 2 s left" in captured.err


def test_nothing_done_yet_is_no_division_by_zero(capsys: pytest.CaptureFixture,
                                                 monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SECONDS_BETWEEN_LINES", 0.0)
    with module.progress("Drawing", 2, "crystals") as advance:
        advance(0)
    assert "0 of 2" in capsys.readouterr().err
