"""The site as a person uses it, in a real browser: sorted, filtered, followed, from disk, at two widths, in the dark.

Needs playwright and a Chromium of the system; without either it is skipped.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from made_logs import write_submission

from benchmark.cli.main import main

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(
    CHROMIUM is None or find_spec("playwright") is None, reason="needs playwright and a Chromium of the system"
)
ROOT = Path(__file__).resolve().parents[4]
NEAR, FAR = (60.0, 61.0, 62.0, 63.0, 64.0), (80.0, 81.0, 82.0, 83.0, 84.0)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("browser")
    write_submission(folder / "tree", "One", "fast", NEAR)
    write_submission(folder / "tree", "Two", "slow-with-" + "a-long-name" * 8, FAR, accelerators_per_node=8)
    write_submission(folder / "tree", "Three", "failed", [*NEAR[:3], -1.0, -1.0])
    write_submission(folder / "tree", "Four", "open", NEAR, submission_division="open")
    write_submission(folder / "tree", "Five", "smoke", FAR, benchmark="stemdl_smoke")
    assert main(["report", str(folder / "tree"), "-o", str(folder / "site")]) == 0
    return folder / "site"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as started:
        opened = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    """A page that must say nothing on its console, and ask for files alone."""
    with browser.new_context(accept_downloads=True) as context:
        opened, said, asked = context.new_page(), [], []
        opened.on("console", lambda message: said.append(message.text))
        opened.on("pageerror", lambda error: said.append(str(error)))
        opened.on("request", lambda request: asked.append(request.url))
        yield opened
        assert said == []
        assert [url for url in asked if not url.startswith(("file://", "data:", "blob:"))] == []


@pytest.fixture(scope="module")
def pages(site: Path, smoke_run: Path, smoke_data: Path) -> list[Path]:
    """One page of every kind: of the site, of a run with its answers, of a review, and of data."""
    from benchmark.data.manifest import read_manifest
    from benchmark.report import explored
    from benchmark.report.drawing import draw, new_figure

    made = site.parent / "made"
    made.mkdir()
    assert main(["report", str(smoke_run), "-o", str(made / "answers")]) == 0
    for name, tree in (("review", site.parent / "tree"), ("reviewed", ROOT / "results" / "reference")):
        assert main(["review", str(tree), "-o", str(made / name)]) in (0, 1)
    assert main(["data", "explore", str(smoke_data), "-o", str(made / "explored")]) == 0
    with explored.page_folder(made / "pictures") as folder:
        drawn = draw(folder / "one.png", "A picture", lambda: (new_figure(1.0), "Nothing on it.", "An empty picture."))
        explored.write_page(folder, explored.page(read_manifest(smoke_data), "stacks", [drawn]))
    of_site = ["index.html", "benchmark-stemdl_mini.html", *_first(site, "results"), *_first(site, "runs")]
    return [
        *(site / path for path in of_site),
        *site.glob("submitter-two-*.html"),
        *(made / "answers" / "runs").iterdir(),
        *(made / folder / explored.PAGE for folder in ("explored", "pictures")),
        *(made / name / explored.PAGE for name in ("review", "reviewed")),
    ]


def systems(page: Any) -> list[str]:
    return page.locator("#results tbody tr:visible th").all_inner_texts()


def test_the_table_is_filtered_and_what_is_chosen_stands_in_the_address(page: Any, site: Path) -> None:
    page.goto(f"{(site / 'index.html').as_uri()}")
    assert len(systems(page)) == 5
    page.select_option("select[name=benchmark]", "stemdl_smoke")
    assert systems(page) == ["smoke"] and "benchmark=stemdl_smoke" in page.url
    assert page.locator("form [role=status]").inner_text() == "1 of 5 results"
    page.select_option("select[name=benchmark]", "")
    page.fill("input[name=search]", "FAST")
    assert systems(page) == ["fast"]
    page.goto(f"{(site / 'index.html').as_uri()}#division=open")
    assert systems(page) == ["open"], "an address that is passed on shows the same"


@pytest.mark.parametrize(
    "address",
    [
        *("x=constructor", "x=__proto__&y=toString", "sort=constructor&down=1", "sort=-1", "sort=1e9", "sort=NaN"),
        *("search=%ED%A0%80%00", "search=%3Cscript%3E&search=b", "=&=&&x", "%", "x=" + "a" * 100_000, "benchmark=a"),
    ],
)
def test_an_address_of_nonsense_shows_a_table_that_still_works(page: Any, site: Path, address: str) -> None:
    page.goto(f"{(site / 'index.html').as_uri()}#{address}")
    page.fill("input[name=search]", "fast")
    page.locator("#results thead th", has_text="minutes").first.locator("button").click()
    assert systems(page) == ["fast"], "and the page has said nothing on its console"


def test_what_is_chosen_is_found_whatever_blanks_are_in_it(page: Any, tmp_path: Path) -> None:
    for place, name in enumerate((" EPYC  7742 64-Core", "EPYC", "ＥＰＹＣ \u3000")):
        top = write_submission(tmp_path / "tree", f"Org{place}", "fast", NEAR)
        (top / "systems" / "fast.json").write_text(json.dumps({"accelerator_model_name": name}))
    assert main(["report", str(tmp_path / "tree"), "-o", str(tmp_path / "site")]) == 0
    page.goto((tmp_path / "site" / "index.html").as_uri())
    choices = page.locator("select[name=accelerator] option").all()[1:]
    assert len(choices) == 3
    for choice in choices:
        page.select_option("select[name=accelerator]", choice.get_attribute("value") or choice.inner_text())
        assert len(systems(page)) == 1, choice.inner_text()
        page.reload()
        assert len(systems(page)) == 1, "from the address too"


def test_a_phone_says_what_a_rank_is_of(browser: Any, site: Path) -> None:
    with browser.new_context(viewport={"width": 375, "height": 800}) as context:
        page = context.new_page()
        page.goto((site / "index.html").as_uri())
        at = page.locator("#results tbody tr:first-child > *:visible").evaluate_all(
            "all => all.slice(0, 4).map(each => [each.innerText, each.getBoundingClientRect().left])"
        )
        assert [text for text, _ in at[2:]] == ["stemdl_mini", "fast"] and all(left < 375 for _, left in at)


def test_a_column_is_sorted_by_mouse_and_by_keyboard(page: Any, site: Path) -> None:
    page.goto((site / "index.html").as_uri())
    head = page.locator("#results thead th", has_text="accel.").nth(1)
    head.locator("button").click()
    assert head.get_attribute("aria-sort") == "ascending"
    head.locator("button").press("Enter")
    assert head.get_attribute("aria-sort") == "descending" and systems(page)[0].startswith("slow")
    page.reload()
    assert systems(page)[0].startswith("slow"), "the order stands in the address too"
    page.locator("#results thead th", has_text="minutes").first.locator("button").click()
    assert systems(page)[-1] == "failed", "what has no score stays last"


def test_any_number_is_drawn_against_any_other_of_what_is_shown(page: Any, site: Path) -> None:
    from playwright.sync_api import expect  # which waits: a browser tells of an opened plot in its own time

    page.goto((site / "index.html").as_uri())
    page.locator("details.plot summary").click()
    dots = page.locator("details.plot svg circle")
    expect(dots, "one of the five has no score").to_have_count(4)
    page.select_option("details.plot [name=x]", "minutes × accel.")
    page.select_option("details.plot [name=y]", "samples/s ÷ accel.")
    page.fill("input[name=search]", "slow")
    expect(dots).to_have_count(1)
    page.reload()
    expect(dots).to_have_count(1)
    assert page.locator("details.plot [name=y]").input_value() == "samples/s ÷ accel."
    dots.first.click()
    assert page.locator("h1").inner_text().startswith("Two/slow")


def test_numbers_lead_to_their_runs_and_back(page: Any, site: Path) -> None:
    page.goto(f"{(site / 'index.html').as_uri()}#division=closed")
    page.locator("#results tbody tr", has_text="fast").locator("td a").first.click()
    assert page.locator("h1").inner_text() == "One/fast"
    page.locator("table a", has_text="result_3").click()
    assert page.locator("h1").inner_text() == "result_3" and page.locator("svg").count() == 1
    page.go_back()
    page.go_back()
    assert "division=closed" in page.url and len(systems(page)) == 4
    page.goto((site / "benchmark-stemdl_mini.html").as_uri())
    page.locator("svg a circle").first.click()
    assert page.locator("h1").inner_text().startswith("result_")


def test_what_is_shown_can_be_saved(page: Any, site: Path) -> None:
    page.goto(f"{(site / 'index.html').as_uri()}#benchmark=stemdl_smoke")
    with page.expect_download() as saved:
        page.click("[data-save=json]")
    (row,) = json.loads(Path(saved.value.path()).read_text())
    assert row["system"] == "smoke" and row["benchmark"] == "stemdl_smoke"
    with page.expect_download() as saved:
        page.click("[data-save=csv]")
    assert Path(saved.value.path()).read_text().count("\n") == 2


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [375, 1280])
def test_no_page_scrolls_sideways_and_text_stands_out(browser: Any, pages: list[Path], scheme: str, width: int) -> None:
    assert len(pages) == 10
    with browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme) as context:
        page = context.new_page()
        for path in pages:
            page.goto(path.as_uri())
            page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true; })")
            assert page.evaluate("document.documentElement.scrollWidth") <= width, path
            colours = page.evaluate(
                "[getComputedStyle(document.body).color, getComputedStyle(document.body).backgroundColor]"
            )
            light, dark = sorted((_brightness(each) for each in colours), reverse=True)
            assert (light + 0.05) / (dark + 0.05) > 7
            assert (_brightness(colours[1]) > 0.5) == (scheme == "light")


@pytest.mark.skipif(find_spec("axe_playwright_python") is None, reason="needs axe-playwright-python")
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_fault_that_is_serious(browser: Any, pages: list[Path], scheme: str) -> None:
    from axe_playwright_python.sync_playwright import Axe

    with browser.new_context(color_scheme=scheme) as context:
        page = context.new_page()
        for path in pages:
            page.goto(path.as_uri())
            page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true; })")
            faults = Axe().run(page).response["violations"]
            assert [fault["id"] for fault in faults if fault["impact"] in ("serious", "critical")] == [], path.name


def test_no_page_says_anything_or_asks_for_the_network(page: Any, pages: list[Path]) -> None:
    for path in pages:
        page.goto(path.as_uri())
        assert page.locator("h1").count() == 1, path


def test_a_phone_shows_the_runs_and_not_their_names_alone(browser: Any, site: Path) -> None:
    with browser.new_context(viewport={"width": 375, "height": 800}) as context:
        page = context.new_page()
        page.goto((site / "benchmark-stemdl_mini.html").as_uri())
        dots = page.locator("svg.rows").first.locator("circle")
        at = dots.evaluate_all("all => all.map(each => each.getBoundingClientRect().right)")
        assert len(at) == 18 and sum(right < 375 for right in at) >= 13, "all but those of the slow system"


def test_a_curve_is_hovered_and_leads_to_its_result(page: Any, site: Path) -> None:
    page.goto((site / "benchmark-stemdl_mini.html").as_uri())
    curve = page.locator("svg:has(polyline)").first.locator("a:has(polyline)").last  # which no other one covers
    line = curve.locator("polyline").last
    x, y = line.evaluate(
        "line => { line.scrollIntoView({block: 'center'}); const at = line.getPointAtLength(line.getTotalLength() / 2)"
        ".matrixTransform(line.getScreenCTM()); return [at.x, at.y] }"
    )
    width = "each => parseFloat(getComputedStyle(each).strokeWidth)"
    thin = line.evaluate(width)
    page.mouse.move(x, y + 4)
    assert line.evaluate(width) > thin, "four pixels from the line are near enough"
    name = curve.get_attribute("aria-label")
    curve.focus()
    page.keyboard.press("Enter")
    assert page.locator("h1").inner_text() == name


def test_it_is_printed_on_white_without_what_only_a_screen_needs(browser: Any, pages: list[Path]) -> None:
    with browser.new_context(color_scheme="dark", viewport={"width": 794, "height": 1123}) as context:
        page = context.new_page()
        page.emulate_media(media="print")
        for path in pages:
            page.goto(path.as_uri())
            assert not page.locator("form.filters").is_visible()
            ink, paper = page.evaluate(
                "[document.body, document.querySelector('h1')].map(each => getComputedStyle(each))"
                ".map((each, at) => at ? each.color : each.backgroundColor).reverse()"
            )
            light, dark = _brightness(paper), _brightness(ink)
            assert (light + 0.05) / (dark + 0.05) > 7 and light > 0.9, path


def test_it_reads_without_a_script(browser: Any, site: Path) -> None:
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto((site / "index.html").as_uri())
        assert len(systems(page)) == 5 and not page.locator("form").is_visible()


def _first(site: Path, folder: str) -> list[str]:
    return [str(path.relative_to(site)) for path in sorted((site / folder).iterdir()) if "slow" in path.name][:1]


def _brightness(colour: str) -> float:
    """Relative luminance of `rgb(r, g, b)` (WCAG 2.1)."""
    parts = [int(each) / 255 for each in colour[colour.index("(") + 1 : -1].split(",")[:3]]
    red, green, blue = (each / 12.92 if each <= 0.03928 else ((each + 0.055) / 1.055) ** 2.4 for each in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
