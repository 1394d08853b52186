"""Charts say what the tables next to them say: all that is drawn lies within its axes, and no result without a score
has the bar of one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from made_logs import log_text, write_submission

from benchmark.cli.main import main
from benchmark.report.site import charts
from benchmark.report.site.charts import run_curve

NEAR = (60.0, 61.0, 62.0, 63.0, 64.0)
COORDINATE = re.compile(r' (x|x1|x2|cx|y|y1|y2|cy|width|height)="([^"]*)"')


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of results whose scores are far from their runs, since the reference needs 3.25 epochs; one without a score."""
    folder = tmp_path_factory.mktemp("charts")
    early = write_submission(folder / "tree", "One", "early", NEAR)
    for path in early.rglob("result_*.txt"):
        path.write_text(path.read_text().replace('"epoch_num": 3', '"epoch_num": 2.75'))
    write_submission(folder / "tree", "Two", "failed", [*NEAR[:3], -1.0, -1.0])
    write_submission(folder / "tree", "Three", "many", [60.0 + place for place in range(25)])
    top = write_submission(folder / "tree", "Four", "unknown", NEAR, benchmark="unheard-of")
    for index, path in enumerate(sorted(top.rglob("result_*.txt"))):
        path.write_text(log_text(60.0 + index, index, submission_benchmark="unheard-of").replace("0.89", "0.9"))
    assert main(["report", str(folder / "tree"), "-o", str(folder / "site")]) == 0
    return folder / "site"


def drawings(page: Path) -> list[str]:
    return re.findall(r"<svg .*?</svg>", page.read_text(), flags=re.DOTALL)


def lies_within(drawing: str) -> None:
    width, height = map(float, re.findall(r'viewBox="0 0 (\d+) (\d+)"', drawing)[0])
    found = [(name, float(value)) for name, value in COORDINATE.findall(drawing)]
    for points in re.findall(r'points="([^"]*)"', drawing):
        for point in points.split():
            found += zip(("x", "y"), map(float, point.split(",")), strict=True)
    assert found
    for name, value in found:
        assert -0.2 <= value <= (width if name[:1] in "xw" or name == "cx" else height) + 0.2, (name, value)


def test_nothing_is_drawn_outside_of_its_chart(site: Path) -> None:
    drawn = [drawing for page in site.rglob("*.html") for drawing in drawings(page)]
    assert len(drawn) > 20
    for drawing in drawn:
        lies_within(drawing)


def test_a_bar_stands_for_a_score_alone_and_the_table_says_the_same(site: Path) -> None:
    page = site / "benchmark-stemdl_mini.html"
    runs = drawings(page)[0]
    assert runs.count('class="mean"') == 2, "of three results"
    numbers = page.read_text().partition("Numbers of the runs")[2].partition("</table>")[0]
    assert numbers.count(">no score<") == 1
    (own,) = (drawings(path)[0] for path in (site / "results").glob("two-*.html"))
    assert 'class="mean"' not in own


def test_what_is_left_out_of_a_chart_or_a_table_is_said(
    tmp_path: Path, site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (site / "benchmark-stemdl_mini.html").read_text()
    assert "and 5 more" in text and "are drawn" not in text
    monkeypatch.setattr(charts, "MOST_POINTS", 30)
    assert main(["report", str(site.parent / "tree"), "-o", str(tmp_path / "site"), "--processes", "1"]) == 0
    page = tmp_path / "site" / "benchmark-stemdl_mini.html"
    assert "the first 10 are drawn" in page.read_text()
    assert drawings(page)[0].count("<circle") == 10 + 5 + 3


@pytest.mark.parametrize(
    "values", [(0.0, 5e-324), (5e-324, 5e-324), (0.9, 0.9 + 1e-16), (2.0**52, 2.0**52 + 1), (-1.0, -1.0)]
)
@pytest.mark.parametrize("minutes", [(1.0, 2.0), (-2.0, -1.0), (-1.0, 1.0), (0.0, 0.0), (1.0, 1.0)])
@pytest.mark.parametrize("target", [None, 0.9])
def test_a_curve_of_whatever_numbers_is_drawn(
    values: tuple[float, float], minutes: tuple[float, float], target: float | None
) -> None:
    drawn = run_curve(list(zip(minutes, values, strict=True)), "metric", target)
    lies_within(drawn)
    assert ("goal 0.9" in drawn) == (target is not None)
