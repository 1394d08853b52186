"""Tables: within the width, whole, and a row per line where there is room; rules: set on a terminal, plain
elsewhere."""

from __future__ import annotations

import re
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.cli.main import main
from benchmark.cli.output import print_table, table_lines

CELL = st.text(alphabet="abc_/, 12", max_size=60).map(str.strip)


def test_a_table_with_room_has_a_line_a_row():
    assert table_lines(("run", "status"), [("runs/one", "success"), ("runs/eleven", "")], 80) == [
        "run          status",
        "runs/one     success",
        "runs/eleven",
    ]


def test_long_cells_go_on_below_and_columns_stay():
    assert table_lines(("run", "s"), [("runs/a_long_name/run_0", "12.3"), ("b", "1")], 19) == [
        "run            s",
        "runs/          12.3",
        "a_long_name/",
        "run_0",
        "b              1",
    ]


def test_what_has_no_room_beside_each_other_is_a_block_a_row():
    assert table_lines(("submitter", "system"), [("a" * 12, "b" * 12), ("c", "d")], 24) == [
        f"submitter  {'a' * 12}",
        f"system     {'b' * 12}",
        "",
        "submitter  c",
        "system     d",
    ]


@pytest.mark.parametrize("width", [12, 20, 40, 80])
def test_a_sentence_follows_its_row_whole(
    width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    about = ["one two three four five six seven eight nine ten", "eleven twelve"]
    print_table(("rung", "GB"), [("first", "0.1"), ("second", "2.0")], below=about)
    lines = capsys.readouterr().out.splitlines()
    assert all(len(line) <= width for line in lines)
    words = " ".join(about).split()
    assert [word for word in " ".join(lines).split() if word in words] == words
    assert " ".join(lines).index("ten") < " ".join(lines).index("second")


@given(st.integers(12, 100), st.data())
def test_no_line_is_wider_and_no_character_is_lost(width: int, data: st.DataObject):
    columns = data.draw(st.lists(st.text("abcdef", min_size=1, max_size=6), min_size=1, max_size=12))
    rows = data.draw(st.lists(st.tuples(*[CELL] * len(columns)), min_size=1, max_size=4))
    lines = table_lines(columns, rows, width)
    assert all(len(line) <= width for line in lines)
    shown = sorted(re.sub(r"\s", "", "".join(lines)))
    names = "".join(columns)
    assert shown in (
        sorted(re.sub(r"\s", "", "".join(map("".join, rows)) + names)),
        sorted(re.sub(r"\s", "", "".join(map("".join, rows)) + names * len(rows))),
    )


@pytest.mark.parametrize(
    "argv",
    [
        ["list", "--rungs"],
        ["rules"],
        ["score", "results"],
        ["score", "results", "--details"],
        ["data", "generate", "stemdl_smoke", "--dry-run", "-o", "a/very/long/name/of/a/folder/for/the/data/of/a/rung"],
    ],
)
@pytest.mark.parametrize("columns", ["80", "60"])
def test_every_command_s_table_fits(
    argv: list[str], columns: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
):
    from benchmark.cli import output

    widest: list[int] = []
    real = output.table_lines

    def watched(*given_: object) -> list[str]:
        lines = real(*given_)
        widest.extend(map(len, lines))
        return lines

    monkeypatch.setattr(output, "table_lines", watched)
    monkeypatch.setenv("COLUMNS", columns)
    main(argv)
    assert widest and max(widest) <= int(columns)


def test_a_rule_is_set_on_a_terminal_and_plain_in_a_pipe(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
):
    assert main(["rules", "R4.3"]) == 0
    said = "**R4.3 Epochs** are numbered from 1, and each event of an epoch says its number."
    assert capsys.readouterr().out == f"{said} *Checked by `epochs_numbered`.*\n"
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "60")
    assert main(["rules", "R4", "R4.4"]) == 0
    out = re.sub(r"\x1b\[[0-9;]*m", "", capsys.readouterr().out)
    assert "R4.4 Resumed runs" in out and "**" not in out and "`" not in out
    assert max(map(len, out.splitlines())) <= 60
