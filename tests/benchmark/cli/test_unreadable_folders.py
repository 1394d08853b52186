"""Every command that searches through folders says which of them it could not look into."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmark.cli.main import main


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (("list", "{}"), 0),
        (("show", "{}"), 0),
        (("score", "{}"), 1),
        (("validate", "--no-official", "{}"), 1),  # what was not looked at is not valid
        (("submit", "{}", "-o", "{}/../tree", "--system", "here"), 2),
        (("data", "import", "{}", "-o", "{}/../data"), 2),
        (("data", "generate", "stemdl_smoke", "--structures", "{}", "-o", "{}/../data"), 2),
    ],
    ids=lambda each: " ".join(each[:2]) if isinstance(each, tuple) else None,
)
def test_every_command_that_searches_says_so(
    command: tuple[str, ...],
    code: int,
    smoke_run: Path,
    tmp_path: Path,
    close: Callable[[Path], None],
    capsys: pytest.CaptureFixture,
) -> None:
    runs = tmp_path / "runs"
    shutil.copytree(smoke_run, runs / "one")
    (runs / "shut").mkdir()
    close(runs / "shut")
    assert main([each.format(runs) for each in command]) == code
    printed = capsys.readouterr()
    said = printed.out + printed.err + "".join(path.read_text() for path in tmp_path.glob("data/left_out.csv"))
    assert "shut" in said and ("cannot be read" in said or os.strerror(errno.EACCES) in said), said
