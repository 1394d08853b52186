"""The documentation builds without a warning, and no link of the built site leads nowhere. Skipped without Sphinx."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.skipif(
    any(find_spec(name) is None for name in ("sphinx", "myst_parser", "furo")),
    reason="needs what builds the documentation: pip install 'stemdl-benchmark[docs]'",
)


def built(root: Path, output: Path) -> subprocess.CompletedProcess[str]:
    """The command of docs/conf.py."""
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-c", "docs", ".", str(output)]
    return subprocess.run(command, cwd=root, capture_output=True, text=True)


class Links(HTMLParser):
    """What a page leads to, and the anchors that it has."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.targets: set[str] = set()
        self.anchors: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        for name, value in attributes:
            if value and name in ("href", "src") and tag in ("a", "img", "link", "script"):
                self.targets.add(value)
            if value and name in ("id", "name"):
                self.anchors.add(value)


def broken(site: Path) -> Iterator[str]:
    pages = {path: Links(path.read_text(encoding="utf-8")) for path in sorted(site.rglob("*.html"))}
    for page, links in pages.items():
        for target in sorted(links.targets):
            parts = urlsplit(target)
            if parts.scheme or parts.netloc:
                continue
            other = (page.parent / unquote(parts.path)).resolve() if parts.path else page
            anchors = pages[other].anchors if other in pages else None
            if not other.is_file() or (parts.fragment and anchors is not None and parts.fragment not in anchors):
                yield f"{page.relative_to(site)}: {target}"


def test_it_builds_and_every_link_leads_somewhere(tmp_path: Path) -> None:
    result = built(ROOT, tmp_path / "site")
    assert result.returncode == 0, result.stderr
    site = (tmp_path / "site").resolve()
    assert [*broken(site)] == []
    api = (site / "docs" / "api" / "metrics.html").read_text(encoding="utf-8")
    assert "Unweighted mean F1 of the classes present" in api and 'id="benchmark.metrics.confusion.Confusion"' in api


@pytest.mark.parametrize("link", ["no_such.md", "index.md#no-such-anchor", "../no_such_folder"])
def test_a_link_that_leads_nowhere_ends_the_build(tmp_path: Path, link: str) -> None:
    docs = tmp_path / "docs"
    (docs / "site").mkdir(parents=True)
    shutil.copyfile(ROOT / "docs" / "conf.py", docs / "conf.py")
    (docs / "index.md").write_text(f"# A page\n\nSee [this]({link}).\n")
    result = built(tmp_path, tmp_path / "out")
    assert result.returncode != 0 and "no" in result.stderr and "index.md" in result.stderr
