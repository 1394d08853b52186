"""Names that programs take for formulas, markup or commands are nothing but their letters, in every form of a table."""

from __future__ import annotations

import csv
import html
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from made_logs import write_set
from markdown_it import MarkdownIt
from markdown_it.token import Token
from patience import HANG_SECONDS

from benchmark.cli.main import main
from benchmark.foundation.text import printable

NAMES = (
    "=cmd|' /C calc'!A0", " =1+1", "\t=1+1", "＝1+1", "@SUM(1)", "-2+3", "+x", "#N/A", 'a,b"c;d', "a|b`c*d_e_",
    "_&%#$~^{}\\", "\\input{/etc/passwd}", "two\nlines\r\nthree", "\u202eevil\u2066", "<script>x</script>",
    "![x](javascript:y)", "$a$ ~~b~~ **c** _d_ __e__", "[x", "--x---'`", "&#x202e;", "{{ 7*7 }}",
)  # fmt: skip
SHOWN = sorted(printable(each) for each in NAMES)


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("names")
    for number, name in enumerate(NAMES):
        write_set(folder / f"s{number}", (10.0, 11.0, 12.0), submission_org=name)
    return folder


def table(tree: Path, form: str) -> Path:
    path = tree.parent / f"{tree.name}.{form}"
    assert main(["report", str(tree), "--table", str(path)]) == 0
    return path


def test_no_cell_of_a_csv_is_a_formula(tree: Path) -> None:
    with open(table(tree, "csv"), newline="", encoding="utf-8") as file:
        header, *rows = csv.reader(file)
    assert len(rows) == len(NAMES) and all(len(each) == len(header) for each in rows)
    assert not any(re.match(r"\s*[=+@＝＋－＠#-]", cell) for row in rows for cell in row)
    assert sorted([row[2].removeprefix("'") for row in rows]) == SHOWN


def test_all_names_in_a_workbook_are_text(tree: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    (sheet,) = openpyxl.load_workbook(table(tree, "xlsx")).worksheets
    assert {cell.data_type for row in sheet.rows for cell in row} <= {"s", "n", "b"}, "formulas are f, errors are e"
    assert sorted([sheet.cell(row, 3).value.removeprefix("'") for row in range(2, sheet.max_row + 1)]) == SHOWN


def inline(markdown: str) -> list[Token]:
    tokens = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(markdown)
    return [each for each in tokens if each.type == "inline"]


def test_names_in_markdown_have_no_markup(tree: Path) -> None:
    text = table(tree, "md").read_text(encoding="utf-8")
    cells = inline(text)
    assert len(cells) == 10 * (len(NAMES) + 1), "ten cells a line"
    kinds = {child.type for cell in cells for child in cell.children}
    assert kinds <= {"text", "text_special"} and "$" not in text
    names = ["".join(child.content for child in cell.children) for cell in cells[11::10]]
    assert sorted(names) == sorted(each.strip() for each in SHOWN)


def test_a_comparison_of_them_in_markdown_has_no_markup(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    some = [str(tree / f"s{number}") for number in (0, 9, 14, 16)]
    assert main(["compare", *some, "--format", "markdown"]) == 0
    said = capsys.readouterr().out
    cells = inline(said)
    assert {child.type for cell in cells for child in cell.children} <= {"text", "text_special", "softbreak"}
    text = "\n".join(html.unescape(cell.content) for cell in cells)
    assert all(text.count(f"{NAMES[number]}/s{number}") >= 3 for number in (0, 9, 14, 16))


def test_a_table_of_latex_has_ten_cells_a_line_and_no_command_of_a_name(tree: Path) -> None:
    text = table(tree, "tex").read_text(encoding="utf-8")
    rows = [each for each in text.splitlines() if each.endswith(r" \\")]
    assert len(rows) == len(NAMES) + 1
    assert all(len(re.split(r"(?<!\\)&", each)) == 10 for each in rows)
    commands = set(re.findall(r"\\[a-z]+", text))
    ours = {r"\begin", r"\end", r"\toprule", r"\midrule", r"\bottomrule"}
    assert all(each.startswith(r"\text") for each in commands - ours)
    assert not re.search(r"(?<!\\)[$#%_^~]|--|`|'|[<>|]", "".join(rows))


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="needs LaTeX: apt-get install texlive-latex-recommended")
def test_latex_sets_the_table(tree: Path, tmp_path: Path) -> None:
    text = table(tree, "tex").read_text(encoding="utf-8").replace("＝", "=")  # its fonts have no wide letters
    (tmp_path / "a.tex").write_text(
        f"\\documentclass{{article}}\\usepackage{{booktabs}}\\begin{{document}}\n{text}\\end{{document}}\n"
    )
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", "a.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, timeout=HANG_SECONDS, check=False)
    assert done.returncode == 0 and (tmp_path / "a.pdf").is_file(), done.stdout[-2000:]


def test_json_has_the_names_as_they_are(tree: Path) -> None:
    rows = json.loads(table(tree, "json").read_text(encoding="utf-8"))["results"]
    assert sorted(each["submitter"] for each in rows) == sorted(NAMES)
