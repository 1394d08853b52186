"""The folder of a site: nothing that is not a site is ever replaced, and a site that is there stays until another is
whole."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from made_logs import write_submission

from benchmark.cli.main import main
from benchmark.report.site import build

TIMES = (60.0, 61.0, 62.0, 63.0, 64.0)


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tree")
    write_submission(folder, "One", "fast", TIMES)
    return folder


@pytest.fixture
def site(tree: Path, tmp_path: Path) -> Path:
    assert main(["report", str(tree), "-o", str(tmp_path / "site"), "--logs"]) == 0
    return tmp_path / "site"


def held(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    "name",
    ["notes.md", ".git/config", "runs/mine.ipynb", "results/mine/page.html", "logs/a.json", "CNAME", "benchmark-a"],
)
def test_a_site_with_something_else_in_it_is_left_alone(
    tree: Path, site: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (site / name).parent.mkdir(exist_ok=True)
    (site / name).write_text("mine")
    before = held(site)
    assert main(["report", str(tree), "-o", str(site)]) == 2
    assert name.partition("/")[0] in capsys.readouterr().err and held(site) == before


def test_a_page_of_somebody_else_is_no_site(tree: Path, tmp_path: Path) -> None:
    for name in ("index.html", "site.css", "site.js", "results.csv"):
        (tmp_path / name).write_text("mine")
    before = held(tmp_path)
    assert main(["report", str(tree), "-o", str(tmp_path)]) == 2
    assert held(tmp_path) == before


def test_a_site_does_not_swallow_what_it_is_made_of(site: Path) -> None:
    write_submission(site / "in", "One", "fast", TIMES)
    before = held(site)
    assert main(["report", str(site / "in"), "-o", str(site)]) == 2
    assert held(site) == before


def test_where_a_link_leads_is_replaced_and_the_link_stays(tree: Path, site: Path) -> None:
    link = site.with_name("latest")
    link.symlink_to("site")
    (site / "index.html").write_text((site / "index.html").read_text() + "old")
    assert main(["report", str(tree), "-o", str(link)]) == 0
    assert os.readlink(link) == "site" and not (site / "index.html").read_text().endswith("old")
    assert sorted(path.name for path in site.parent.iterdir()) == ["latest", "site"]


def test_the_folder_that_one_is_in_is_not_taken_away(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["report", str(tree), "-o", "."]) == 2
    assert "the folder that you are in" in capsys.readouterr().err and not list(tmp_path.iterdir())


@pytest.mark.parametrize("fault", [OSError(28, "No space left on device"), KeyboardInterrupt()])
@pytest.mark.parametrize("where", ["a page", "the last step"])
def test_the_old_site_stays_whatever_stops_the_new_one(
    tree: Path, site: Path, monkeypatch: pytest.MonkeyPatch, fault: BaseException, where: str
) -> None:
    before, rename = held(site), Path.rename

    def written(path: Path, text: str) -> None:
        raise fault

    def renamed(self: Path, target: Path) -> Path:
        if self.name.endswith(".part"):
            raise fault
        return rename(self, target)

    monkeypatch.setattr(*((build, "_write", written) if where == "a page" else (Path, "rename", renamed)))
    assert main(["report", str(tree), "-o", str(site)]) in (2, 130)
    assert held(site) == before and [path.name for path in site.parent.iterdir()] == ["site"]
