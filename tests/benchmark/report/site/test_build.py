"""The site from made results and the published ones: what it shows, that its links lead somewhere, that hostile names
do no harm, and that nothing is lost where it is built."""

from __future__ import annotations

import csv
import html
import html.parser
import json
import os
import re
import sys
import tarfile
import urllib.parse
from pathlib import Path

import pytest
from made_logs import write_set, write_submission

from benchmark.cli.main import main
from benchmark.foundation.text import printable

NEAR, FAR = (60.0, 61.0, 62.0, 63.0, 64.0), (80.0, 81.0, 82.0, 83.0, 84.0)
ARCHIVE = Path(__file__).resolve().parents[5] / "shared" / "data" / "mlperf_hpc_v3.0" / "results.tar.xz"
HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "\u202eevil\u2066",
    "a" * 200,
    "=cmd|' /C calc'!A0",
    "{{ 7*7 }}{% raw %}",
    "&amp;&#x202e;",
)


class Page(html.parser.HTMLParser):
    """The addresses, scripts and texts of a page, and its `on...` attributes, of which there must be none."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.tags: list[str] = []
        self.handlers: list[str] = []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.addresses += [value for name, value in attributes if name in ("href", "src") and value]
        self.handlers += [name for name, _ in attributes if name.startswith("on")]


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two systems that are alike, a slower one, one of which a run failed, and one in the open division."""
    folder = tmp_path_factory.mktemp("tree")
    write_submission(folder, "One", "fast", NEAR)
    write_submission(folder, "Two", "as-fast", [each + 0.5 for each in NEAR], accelerators_per_node=8)
    write_submission(folder, "Three", "slow", FAR)
    write_submission(folder, "Four", "failed", [*NEAR[:3], -1.0, -1.0])
    write_submission(folder, "Five", "other", NEAR, submission_division="open")
    return folder


@pytest.fixture(scope="module")
def site(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("made") / "site"
    assert main(["report", str(tree), "-o", str(made), "--logs", "--title", "Made"]) == 0
    return made


def links_lead_somewhere(site: Path) -> None:
    for path in site.rglob("*.html"):
        page = Page(path)
        assert page.handlers == [] and page.tags.count("script") == 1, path
        for address in page.addresses:
            place = os.fsdecode(urllib.parse.unquote_to_bytes(address.partition("#")[0]))
            assert address == "data:," or not re.match(r"[a-z]+:|//", address), f"{path}: {address}"
            assert address == "data:," or (path.parent / place).exists(), f"{path}: {address}"


def test_ranks_are_shared_by_results_that_show_no_difference(site: Path) -> None:
    rows = json.loads((site / "results.json").read_text())["results"]
    ranks = {each["system"]: (each["rank"], each["shares_rank"]) for each in rows}
    assert ranks == {
        "fast": (1, True),
        "as-fast": (1, True),
        "slow": (3, False),
        "failed": (None, False),
        "other": (1, False),
    }
    assert next(each for each in rows if each["system"] == "failed")["minutes"] is None
    slow = next(each for each in rows if each["system"] == "slow")
    assert slow["minutes"] == pytest.approx(82 / 60 * 3.25 / 3), "the reference needs 3.25 epochs at this batch"
    assert slow["scale_minutes"] == pytest.approx(4 * slow["minutes"])


def test_every_link_leads_somewhere_and_no_page_asks_for_the_network(site: Path) -> None:
    links_lead_somewhere(site)
    assert len(list((site / "runs").iterdir())) == 25 and len(list((site / "logs").iterdir())) == 25


def test_the_table_has_all_without_a_script(site: Path) -> None:
    text = (site / "index.html").read_text()
    assert all(name in text for name in ("fast", "as-fast", "slow", "failed", "other", "no score", "3 of 5"))
    assert text.index(">fast<") < text.index(">slow<") < text.index(">failed<")
    assert sum(path.stat().st_size for path in (site / "index.html", site / "site.css", site / "site.js")) < 300_000


def test_each_chart_stands_beside_its_numbers(site: Path) -> None:
    text = (site / "benchmark-stemdl_mini.html").read_text()
    roles = re.findall(r'<svg [^>]*role="(\w+)" aria-label="[^"]+"', text)
    assert text.count("<svg") == len(roles) == 6
    assert text.count("<table") >= 5 and "efficiency" in text and "worse" not in text
    assert "2 have no time" in text
    assert re.search(r"better</td>", text), "the fast ones against the slowest"


def test_a_run_has_its_log_and_the_command_to_repeat_it(site: Path) -> None:
    text = next(path for path in sorted((site / "runs").iterdir()) if path.name.startswith("one-fast")).read_text()
    assert "stemdl run --rung stemdl_mini --ranks 2 --seed 1 --set" in text and "learning_rate=0.004" in text
    assert "5" * 40 in text and re.search(r"SHA-256 <code>[0-9a-f]{64}", text)


def test_the_same_logs_give_the_same_bytes(tree: Path, site: Path, tmp_path: Path) -> None:
    again = tmp_path / "site"
    assert main(["report", str(tree), "-o", str(again), "--title", "Made", "--processes", "2", "--logs"]) == 0
    for path in sorted(path for path in site.rglob("*") if path.is_file()):
        assert (again / path.relative_to(site)).read_bytes() == path.read_bytes(), path.name


def test_a_site_is_replaced_and_nothing_else_is(tree: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = tmp_path / "site"
    for _ in range(2):
        assert main(["report", str(tree / "One"), "-o", str(made)]) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["site"]
    other = tmp_path / "mine"
    other.mkdir()
    (other / "thesis.tex").write_text("mine")
    assert main(["report", str(tree), "-o", str(other)]) == 2
    assert "something else than a site" in capsys.readouterr().err and (other / "thesis.tex").exists()
    assert main(["report", str(tmp_path / "mine"), "-o", str(made)]) == 2, "there are no logs"
    assert (made / "index.html").exists() and sorted(path.name for path in tmp_path.iterdir()) == ["mine", "site"]


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_shown_harmlessly(tmp_path: Path, name: str) -> None:
    system = name.replace("/", "_")
    top = write_submission(
        tmp_path / "tree", "Some", system[:120], NEAR, submission_platform=name, devices=[name], config={name: name}
    )
    for path in (top / "systems").iterdir():
        path.write_text(json.dumps({"accelerator_model_name": name, "framework": {name: name}}))
    made = tmp_path / "site"
    assert main(["report", str(tmp_path / "tree"), "-o", str(made), "--title", name]) == 0
    links_lead_somewhere(made)
    for path in made.rglob("*.html"):
        text = path.read_text()
        assert all(each.isprintable() or each == "\n" for each in text), path
        assert "<img" not in text and "<script>" not in text
    heading = (made / "index.html").read_text().partition("<h1>")[2].partition("</h1>")[0]
    assert html.unescape(heading) == printable(name, 1_000), "nothing of it was taken for a template or a tag"
    with open(made / "results.csv", newline="") as file:
        cells = [cell for line in csv.reader(file) for cell in line]
    assert not any(cell.startswith(("=", "+", "@")) for cell in cells)


def test_logs_that_cannot_be_read_are_failures_that_are_shown(tmp_path: Path) -> None:
    runs = write_set(tmp_path / "runs" / "set", NEAR)
    (runs / "run_1" / "result_1.txt").write_bytes(b":::MLLOG {\xff\n")
    (runs / "run_2" / "result_2.txt").write_bytes(b"")
    (runs / "run_3" / "result_3.txt").write_text((runs / "run_3" / "result_3.txt").read_text().replace("0.89", "1e999"))
    assert main(["report", str(tmp_path / "runs"), "-o", str(tmp_path / "site")]) == 0
    text = "".join(path.read_text() for path in (tmp_path / "site" / "results").iterdir())
    assert "malformed" in text and "neither run_start nor run_stop stands in it" in text
    links_lead_somewhere(tmp_path / "site")


@pytest.mark.skipif(not ARCHIVE.exists(), reason="the published results are not at hand")
def test_the_published_results_appear_by_themselves(tmp_path: Path) -> None:
    with tarfile.open(ARCHIVE) as archive:
        wanted = [each for each in archive.getmembers() if "/weak/" not in each.name]
        archive.extraction_filter = getattr(tarfile, "data_filter", None)  # Python has it since 3.11.4
        archive.extractall(tmp_path / "tree", wanted)
    assert main(["report", str(tmp_path / "tree"), "-o", str(tmp_path / "site")]) == 0
    rows = json.loads((tmp_path / "site" / "results.json").read_text())["results"]
    best = {
        each["benchmark"]: (each["system"], round(each["minutes"], 4)) for each in reversed(rows) if each["rank"] == 1
    }
    assert best["deepcam"] == ("eos_n256_ngc23.09_pytorch", 0.8302) and best["openfold"][1] == 8.0544
    assert set(best) == {"cosmoflow", "deepcam", "oc20", "openfold"}
    links_lead_somewhere(tmp_path / "site")


@pytest.mark.parametrize("form", ["csv", "json", "md", "tex"])
def test_the_table_alone_in_each_form(tree: Path, tmp_path: Path, form: str) -> None:
    path = tmp_path / f"table.{form}"
    assert main(["report", str(tree), "--table", str(path)]) == 0
    text = path.read_text()
    assert "as-fast" in text.replace("\\", "").replace("{-}", "-") and (form != "tex" or "\\toprule" in text)
    assert main(["report", str(tree), "--table", str(tmp_path / "table.doc")]) == 2


def test_a_workbook_has_a_sheet_for_each_division(
    tree: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    path = tmp_path / "table.xlsx"
    assert main(["report", str(tree), "--table", str(path)]) == 0
    book = openpyxl.load_workbook(path)
    assert book.sheetnames == ["closed", "open"] and book["closed"].max_row == 5
    header = [cell.value for cell in next(book["closed"].rows)]
    assert header[:4] == ["rank", "shares_rank", "submitter", "system"]
    low, mean, high = (header.index(name) + 1 for name in ("interval_minutes_low", "minutes", "interval_minutes_high"))
    first = [book["closed"].cell(2, column).value for column in (low, mean, high)]
    assert first == sorted(first) and all(isinstance(each, float) for each in first)
    assert book["closed"].auto_filter.ref == book["closed"].dimensions and capsys.readouterr().err.count("spreadsheet")


def test_without_openpyxl_a_workbook_is_refused_in_words(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    assert main(["report", str(tree), "--table", str(tmp_path / "table.xlsx")]) == 2
    assert "a workbook needs openpyxl" in capsys.readouterr().err and not list(tmp_path.iterdir())


def test_names_that_look_alike_or_are_no_text_have_pages_of_their_own(tmp_path: Path) -> None:
    names = ("a b", "a-b", "A-B", os.fsdecode(b"\xff"))
    for name in names:
        write_submission(tmp_path / "tree", f"Org {name}", "fast", NEAR, benchmark=name)
    write_set(tmp_path / "tree" / "run", NEAR, submission_benchmark="\ud800")
    assert main(["report", str(tmp_path / "tree"), "-o", str(tmp_path / "site")]) == 0
    links_lead_somewhere(tmp_path / "site")
    pages = [path.read_text() for path in (tmp_path / "site").glob("benchmark-*.html")]
    headings = {html.unescape(text.partition("<h1>")[2].partition("</h1>")[0]) for text in pages}
    assert headings == {printable(name) for name in (*names, "\ud800")}
    assert len(list((tmp_path / "site").glob("submitter-*.html"))) == len(names) + 1


def test_what_nothing_holds_to_its_runs_is_marked_where_it_is_ranked(site: Path, tmp_path: Path) -> None:
    """Whoever leaves the records out is held to no rule, and would stand first unnoticed."""
    for name, rows in (("index.html", 5), ("benchmark-stemdl_mini.html", 5)):
        text = (site / name).read_text()
        assert "o record lies next to the" in text and text.count("class=u>") >= rows
    reference = Path(__file__).resolve().parents[4] / "results" / "reference"
    assert main(["report", str(reference), "-o", str(tmp_path / "site")]) == 0
    assert "class=u>" not in "".join(path.read_text() for path in (tmp_path / "site").rglob("*.html"))


def test_values_of_any_type_are_short_and_plain(tmp_path: Path) -> None:
    top = write_submission(
        tmp_path / "tree", "One", "fast", NEAR, config={"precision": ["\u202e" * 50_000], "ranks": {}}
    )
    many = {str(each): ["\u202e<b>"] * 1_000 for each in range(3)}
    (top / "systems" / "fast.json").write_text(json.dumps({"a_long_name": ["x" * 100_000], "software": many}))
    assert main(["report", str(tmp_path / "tree"), "-o", str(tmp_path / "site")]) == 0
    for path in (tmp_path / "site").rglob("*.html"):
        text = path.read_text()
        assert len(text) < 60_000 and "\u202e" not in text and "<b>" not in text, path
    (result,) = (tmp_path / "site" / "results").iterdir()
    assert ">a_<wbr>long_<wbr>name<" in result.read_text()
