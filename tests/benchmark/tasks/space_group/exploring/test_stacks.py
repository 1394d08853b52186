"""The picture of some stacks: a row for each group asked for, of that group."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmark.data.manifest import read_manifest
from benchmark.foundation.errors import StemdlError
from benchmark.tasks.space_group.exploring.stacks import picture_of_stacks

pytestmark = pytest.mark.slow  # the data are made once in a session


def size_of_png(path: Path) -> tuple[int, int]:
    head = path.read_bytes()[:24]
    assert head[:8] == b"\x89PNG\r\n\x1a\n"
    return int.from_bytes(head[16:20], "big"), int.from_bytes(head[20:24], "big")


def test_there_is_a_row_for_each_group_in_the_order_asked_for(smoke_data: Path, tmp_path: Path):
    manifest = read_manifest(smoke_data)
    one, two = tmp_path / "one.png", tmp_path / "two.png"
    shown = picture_of_stacks(manifest, two, [225, 2])
    assert [line.split(",")[0] for line in shown] == ["Fm-3m (225)", "P-1 (2)"]
    assert len(picture_of_stacks(manifest, one, [62])) == 1
    (width, height), (same_width, lower) = size_of_png(two), size_of_png(one)
    assert width == same_width and height > 1.7 * lower
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one.png", "two.png"]


def test_by_default_four_crystal_systems_are_shown(smoke_data: Path, tmp_path: Path):
    shown = picture_of_stacks(read_manifest(smoke_data), tmp_path / "stacks.png")
    groups = [int(line.partition("(")[2].partition(")")[0]) for line in shown]
    assert len(groups) == len(set(groups)) == 4 and set(groups) <= {2, 62, 139, 194, 225}


def test_a_group_that_the_data_do_not_hold_is_refused(smoke_data: Path, tmp_path: Path):
    with pytest.raises(StemdlError, match="no space group 1\n"):
        picture_of_stacks(read_manifest(smoke_data), tmp_path / "stacks.png", [2, 1])
    assert not list(tmp_path.iterdir())
