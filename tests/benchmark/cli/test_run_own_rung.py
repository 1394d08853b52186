"""A run of a rung of one's own: how it ends and is shown, where the official checker knows no such benchmark."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

OWN = "name: my_line\nlike: toy_line_60\n"
NOT_ASKED = "official compliance checker: not asked, since it has no rules for this benchmark"


@pytest.mark.parametrize(("epochs", "code", "status"), [(40, 0, "success"), (1, 1, "aborted")])
def test_it_ends_well_if_it_reached_its_goal(
    toys_known: dict[str, str], tmp_path: Path, stemdl: Callable, epochs: int, code: int, status: str
) -> None:
    rung, folder = tmp_path / "my_line.yaml", tmp_path / "run"
    rung.write_text(OWN)
    stemdl = _with(stemdl, "--tasks", toys_known["STEMDL_TASKS"])
    run = stemdl(
        *("run", "--rung", rung, "--data", tmp_path / "data", "--output", folder),
        *("--ranks", 1, "--seed", 1, "--set", f"max_epochs={epochs}"),
    )
    assert run.returncode == code, run.stderr
    assert NOT_ASKED in run.stdout and "are not scored (R1.5)" in run.stdout
    assert json.loads((folder / "run.json").read_text())["status"] == status
    shown = stemdl("show", folder)
    assert shown.returncode == code and NOT_ASKED in shown.stdout
    (as_json,) = json.loads(stemdl("show", folder, "--format", "json").stdout)
    assert as_json["compliant"] is None


def _with(stemdl: Callable, *first: object) -> Callable:
    return lambda *arguments: stemdl(*first, *arguments)
