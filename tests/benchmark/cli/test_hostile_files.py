"""What others wrote, in every command that reads it: read to a bound, told in one message, and shown as plain text."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from corpus import write_runs
from honest_run import log_lines
from recorded import copy_of_results

from benchmark.cli.main import main
from benchmark.events import reader
from benchmark.foundation import reading
from benchmark.report.review_page import OBJECTIONS, PAGE

ROOT = Path(__file__).resolve().parents[3]
RESULTS = "results/2-cores-x86-horovod/strong/stemdl_mini"
STEERS = "\x1b[2J\u202e"
"""Clears a terminal, and turns the direction of what follows."""


@pytest.fixture
def submission(tmp_path: Path) -> Path:
    return copy_of_results(tmp_path / "reference")


def is_plain(text: str) -> bool:
    return all(each.isprintable() or each == "\n" for each in text)


COMMANDS = (
    ("score", "{path}"),
    ("validate", "--no-official", "{path}"),
    ("review", "--no-official", "{path}", "-o", "{output}"),
    ("rcp", "record", "{path}", "-o", "{output}"),
)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
@pytest.mark.parametrize("kind", ["10 GB", "a line without end", "a pipe", "a link to a device", "bytes of a name"])
def test_a_hostile_file_is_told_in_words(
    submission: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
    kind: str,
    command: tuple[str, ...],
) -> None:
    """Nothing of it is kept in memory: a file that is too large is not read, a line to its bound alone."""
    log = submission / RESULTS / "result_0.txt"
    lines = log.read_bytes()
    log.unlink()
    if kind == "10 GB":
        log.touch()
        os.truncate(log, 10 * 2**30)
    elif kind == "a line without end":
        monkeypatch.setattr(reader, "LINE_BYTES", 4096)
        log.write_bytes(b":::MLLOG " + b"{" * 100_000)
    elif kind == "a pipe":
        os.mkfifo(log)
    elif kind == "a link to a device":
        log.symlink_to("/dev/zero")
    else:
        log.write_bytes(lines)
        os.rename(log.parents[2], os.fsencode(log.parents[3]) + b"/\xff\xfe")
    largest = 0

    def counted(path: Path, most: int, *, links: bool = False):  # what is asked of a file at most
        nonlocal largest
        largest = max(largest, most)
        return opened(path, most, links=links)

    opened = reading.open_regular
    monkeypatch.setattr(reading, "open_regular", counted)
    assert main([part.format(path=submission, output=tmp_path / "out") for part in command]) in (0, 1, 2)
    said = capsys.readouterr()
    assert is_plain(said.out + said.err) and "Traceback" not in said.err
    assert largest <= 2**31


def test_a_long_line_is_read_in_pieces_and_refused_where_an_event_is_in_it(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"x" * 25 + b"\nshort\n" + b"y" * 20)
    assert list(reading.lines_of(path, 100, 10)) == [
        (1, b"x" * 10, False),
        (1, b"x" * 10, False),
        (1, b"x" * 5 + b"\n", False),
        (2, b"short\n", True),
        (3, b"y" * 10, False),
        (3, b"y" * 10, False),
    ]
    with pytest.raises(reading.Unreadable, match="of 40 that are read"):
        list(reading.lines_of(path, 40, 10))


@pytest.mark.parametrize("as_official", [True, False])
def test_text_without_end_is_passed_over_and_an_event_without_end_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, as_official: bool
) -> None:
    monkeypatch.setattr(reader, "LINE_BYTES", 1000)
    path = tmp_path / "log"
    event = b':::MLLOG {"time_ms": 1, "event_type": "POINT_IN_TIME", "key": "a", "value": 1, "metadata": {}}\n'
    path.write_bytes(b"progress " * 1000 + b"\n" + event)
    assert [each.line for each in reader.iter_events(path, as_official=as_official)] == [2]
    path.write_bytes(event + b":::MLLOG " + b"[" * 5000)
    with pytest.raises(reader.StemdlError, match="too long"):
        list(reader.iter_events(path, as_official=as_official))
    monkeypatch.setattr(reader, "MOST_EVENTS", 1)
    path.write_bytes(2 * event)
    with pytest.raises(reader.StemdlError, match="more events"):
        list(reader.iter_events(path, as_official=as_official))


@pytest.mark.parametrize(
    "record", ["[" * 100_000, "[]", "{}", '{"rung": 7}', '{"rung": "a", "status": {"b": []}}', "\xff", "NaN"]
)
def test_a_record_that_cannot_be_read_stops_no_list(tmp_path: Path, capsys: pytest.CaptureFixture, record: str) -> None:
    runs = write_runs(tmp_path / "runs", {index: log_lines(index) for index in range(2)}, "0" * 64)
    (runs / "run_0" / "run.json").write_text(record, encoding="latin-1")
    assert main(["list", str(runs)]) == 0
    said = capsys.readouterr().out
    assert "unreadable" in said and "success" in said
    assert main(["show", str(runs)]) == 1
    assert "the run's record cannot be read" in capsys.readouterr().out


@pytest.mark.parametrize("kind", ["a pipe", "a link to a device"])
def test_a_log_that_is_not_a_file_is_not_waited_for(tmp_path: Path, capsys: pytest.CaptureFixture, kind: str) -> None:
    runs = write_runs(tmp_path / "runs", {index: log_lines(index) for index in range(2)}, "0" * 64)
    log = runs / "run_0" / "result_0.txt"
    log.unlink()
    os.mkfifo(log) if kind == "a pipe" else log.symlink_to("/dev/zero")
    assert main(["list", str(runs)]) == 0
    assert "run_1" in capsys.readouterr().out
    assert main(["show", str(runs / "run_0")]) in (0, 1)
    assert is_plain(capsys.readouterr().out)


def test_names_and_values_of_others_do_not_steer_a_terminal_or_a_page(
    submission: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    system = submission / "results" / "2-cores-x86-horovod"
    system.rename(system.with_name(f"a{STEERS}\nb<script>alert(1)<script>"))
    runs = write_runs(tmp_path / "runs", {0: log_lines(0)}, "0" * 64)
    record = json.loads((runs / "run_0" / "run.json").read_text())
    (runs / "run_0" / "run.json").write_text(json.dumps({**record, "launcher": STEERS, "rung": f"x{STEERS}\ny"}))
    for command in (
        ["score", str(submission)],
        ["validate", "--no-official", str(submission)],
        ["review", "--no-official", str(submission), "-o", str(tmp_path / "review")],
        ["list", str(runs)],
        ["show", str(runs)],
    ):
        assert main(command) in (0, 1)
        said = capsys.readouterr()
        assert is_plain(said.out + said.err), command
    for name in (PAGE, OBJECTIONS):
        text = (tmp_path / "review" / name).read_text(encoding="utf-8")
        assert is_plain(text.replace("\n", "")) and "<script>alert" not in text
