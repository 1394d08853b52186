"""A page about a data set: each pattern at the place where the probe stood, and what is asked of the specimen."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmark.data.manifest import Manifest, read_manifest
from benchmark.foundation.errors import StemdlError
from benchmark.report.explored import PAGE
from benchmark.tasks.density.explore import SPECIMENS, contact_sheet, explore, first_specimens


def test_a_contact_sheet_has_each_pattern_at_its_place() -> None:
    scan = np.arange(2 * 2 * 3 * 3, dtype=np.float32).reshape(2, 2, 3, 3) ** 2
    sheet = contact_sheet(scan)
    assert sheet.shape == (6, 6)
    for row in range(2):
        for column in range(2):
            part = sheet[3 * row : 3 * row + 3, 3 * column : 3 * column + 3]
            np.testing.assert_allclose(part, np.sqrt(scan[row, column]))


def test_the_page_shows_specimens_of_every_split(made: Manifest, tmp_path: Path) -> None:
    found = explore(made, tmp_path)
    pictures = [Path(each) for each in found.numbers["pictures"]]
    assert [each.name for each in pictures] == [f"{split}_0.png" for split in made.samples]
    assert all(each.read_bytes().startswith(b"\x89PNG") for each in pictures)
    page = (tmp_path / PAGE).read_text(encoding="utf-8")
    assert page.count("data:image/png;base64,") == len(pictures) and made.sha256 in page
    for split in made.samples:
        (shown,) = first_specimens(made, split)
        assert shown.said["formula"] in page and shown.said["kind"] in page and len([shown]) <= SPECIMENS


def test_a_folder_that_cannot_be_written_and_shards_that_changed_are_told(made: Manifest, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StemdlError, match="cannot be written"):
        explore(made, tmp_path / "file")
    other = read_manifest(made.folder)
    shards = ({**other.shards[0], "sha256": "0" * 64}, *other.shards[1:])
    with pytest.raises(StemdlError):
        explore(Manifest(**{**vars(other), "shards": shards}), tmp_path / "page")
