"""Judging results reads definitions, and runs nothing of what lies next to them, whatever it is."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from patience import HANG_SECONDS

ROOT = Path(__file__).resolve().parents[2]
REFERENCE = ROOT / "results" / "reference"
STEMDL = (sys.executable, "-c", "import sys; from benchmark.cli.main import main; sys.exit(main())")
"""As the installed script does, whose own module says nothing of where it lies."""
ENTRY_POINTS = (
    "[stemdl.tasks]\ninstalled = trap.inner\nitself = __main__.tasks\nattribute = trap:inner\ngone = not_there.at_all\n"
)
DEFINITION = (Path(__file__).parent / "tasks" / "toy_line" / "definition.yaml").read_text(encoding="utf-8")


@pytest.fixture
def environment_with_traps(environment: dict[str, str], tmp_path: Path) -> dict[str, str]:
    """Two tasks of a folder and one of an installed package, all of whose code leaves `sprung` when it is imported; the
    definition of one is malformed."""
    trap = f"open({str(tmp_path / 'sprung')!r}, 'w').close()\nraise SystemExit('imported')\n"
    site = tmp_path / "site"
    for folder, definition in (
        (tmp_path / "tasks" / "folded", DEFINITION.replace("toy_line", "folded")),
        (tmp_path / "tasks" / "malformed", DEFINITION.replace("toy_line", "malformed").replace("at_most", "at_mots")),
        (site / "trap" / "inner", DEFINITION.replace("toy_line", "installed")),
    ):
        folder.mkdir(parents=True)
        (folder / "definition.yaml").write_text(definition, encoding="utf-8")
        for module in ("__init__", "recipe", "task"):
            (folder / f"{module}.py").write_text(trap, encoding="utf-8")
    shutil.copy(site / "trap" / "inner" / "__init__.py", site / "trap")
    (site / "trap-1.0.dist-info").mkdir()
    (site / "trap-1.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: trap\nVersion: 1.0\n")
    (site / "trap-1.0.dist-info" / "entry_points.txt").write_text(ENTRY_POINTS)
    return environment | {
        "PYTHONPATH": f"{environment['PYTHONPATH']}:{site}",
        "STEMDL_TASKS": str(tmp_path / "tasks"),
    }


@pytest.mark.parametrize(
    "command",
    [
        ("validate", REFERENCE),
        ("validate", REFERENCE, "--no-official"),
        ("score", REFERENCE),
        ("review", REFERENCE, "-o", "review", "--no-official"),
        ("rcp", "show", "stemdl_mini"),
        ("list", "--rungs"),
        ("rules",),
    ],
    ids=lambda command: " ".join(map(str, command[::2])),
)
def test_code_of_a_task_is_not_imported_and_its_definition_disturbs_nobody(
    environment_with_traps: dict[str, str], tmp_path: Path, command: tuple[object, ...]
) -> None:
    argv = [*STEMDL, *map(str, command)]
    done = subprocess.run(
        argv,
        cwd=tmp_path,
        env=environment_with_traps,
        capture_output=True,
        text=True,
        timeout=HANG_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert not (tmp_path / "sprung").exists()


def test_a_definition_that_is_wrong_says_so_where_its_rung_is_asked_for(
    environment_with_traps: dict[str, str], tmp_path: Path
) -> None:
    argv = [*STEMDL, "data", "generate", "malformed_60"]
    done = subprocess.run(
        argv,
        cwd=tmp_path,
        env=environment_with_traps,
        capture_output=True,
        text=True,
        timeout=HANG_SECONDS,
        check=False,
    )
    assert (
        done.returncode == 2
        and "missing: at_least or at_most" in done.stderr
        and "malformed/definition.yaml" in done.stderr
    )
    assert not (tmp_path / "sprung").exists()
