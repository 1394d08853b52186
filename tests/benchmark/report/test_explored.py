"""Pages are written where nobody else's page is."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest

from benchmark.data.verify import verify
from benchmark.foundation.errors import StemdlError
from benchmark.report.explored import MARK, PAGE, page_folder
from benchmark.report.review_page import write_review

PACKAGE = Path(__file__).resolve().parents[3] / "benchmark"


def test_somebody_elses_page_stays(tmp_path: Path) -> None:
    (tmp_path / PAGE).write_text("<html>mine</html>")
    with pytest.raises(StemdlError, match="another one"), page_folder(tmp_path):
        (tmp_path / PAGE).unlink()
    with pytest.raises(StemdlError, match="another one"):
        write_review(cast(Any, None), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [PAGE] and "mine" in (tmp_path / PAGE).read_text()


@pytest.mark.parametrize("template", ["report/templates/explored.html", "tasks/space_group/exploring/explore.html"])
def test_a_page_of_ours_is_made_again(template: str, tmp_path: Path) -> None:
    (tmp_path / PAGE).write_bytes((PACKAGE / template).read_bytes())
    assert MARK in (tmp_path / PAGE).read_bytes()
    with page_folder(tmp_path) as folder:
        assert folder == tmp_path


def test_drawn_data_are_not_held_against_structures(smoke_data: Path, tmp_path: Path) -> None:
    with pytest.raises(StemdlError, match="were drawn"):
        verify(smoke_data, table=tmp_path)
