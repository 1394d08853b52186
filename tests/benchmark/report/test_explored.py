"""Pages are written where nobody else's page is."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest

from benchmark.data.verify import verify
from benchmark.foundation.errors import StemdlError
from benchmark.report.explored import MARK, PAGE, TEMPLATES, page_folder
from benchmark.report.review_page import write_review


def test_somebody_elses_page_stays(tmp_path: Path) -> None:
    (tmp_path / PAGE).write_text("<html>mine</html>")
    with pytest.raises(StemdlError, match="another one"), page_folder(tmp_path):
        (tmp_path / PAGE).unlink()
    with pytest.raises(StemdlError, match="another one"):
        write_review(cast(Any, None), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [PAGE] and "mine" in (tmp_path / PAGE).read_text()


def test_a_page_of_ours_is_made_again(tmp_path: Path) -> None:
    """All of them are made of this template; of the task's own that extends it, see its test."""
    (tmp_path / PAGE).write_bytes((TEMPLATES / "explored.html").read_bytes())
    assert MARK in (tmp_path / PAGE).read_bytes()
    with page_folder(tmp_path) as folder:
        assert folder == tmp_path


def test_drawn_data_are_not_held_against_structures(smoke_data: Path, tmp_path: Path) -> None:
    with pytest.raises(StemdlError, match="were drawn"):
        verify(smoke_data, table=tmp_path)
