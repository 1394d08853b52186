"""Files below a folder, and the folders that could not be looked into."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmark.foundation import search
from benchmark.foundation.errors import StemdlError

Close = Callable[[Path], None]


def test_every_file_is_found_in_order_and_links_are_not_followed(tmp_path: Path) -> None:
    for name in ("b/2", "b/1", "a/c/3", "0"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "a" / "up").symlink_to(tmp_path, target_is_directory=True)
    found = [path.relative_to(tmp_path).as_posix() for path in search.files_below(tmp_path)]
    assert found == ["0", "a/c/3", "b/1", "b/2"]
    assert list(search.files_below(tmp_path / "nowhere")) == []


def test_what_cannot_be_read_is_said_or_refused(tmp_path: Path, close: Close, capsys: pytest.CaptureFixture) -> None:
    (tmp_path / "shut").mkdir()
    (tmp_path / "open").touch()
    close(tmp_path / "shut")
    assert [path.name for path in search.files_below(tmp_path)] == ["open"]
    assert capsys.readouterr().err == f"not looked into: {tmp_path / 'shut'}: {os.strerror(errno.EACCES)}\n"
    with pytest.raises(StemdlError, match="a folder cannot be read") as caught:
        list(search.files_below(tmp_path, search.refuse_unread))
    assert caught.value.where == str(tmp_path / "shut") and capsys.readouterr().err == ""
