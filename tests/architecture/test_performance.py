"""What the scripts in performance/ import from the packages is there: most of them are run by hand alone."""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def names_of(path: Path) -> set[str]:
    """What a module defines or imports at its top level."""
    found: set[str] = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            found |= {each.asname or each.name for each in node.names}
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            found |= {each.id for each in ast.walk(node) if isinstance(each, ast.Name) and type(each.ctx) is ast.Store}
    return found


def missing(path: Path) -> set[str]:
    """What a script imports from `benchmark` or `reference` that they do not have."""
    lacking = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] in ("benchmark", "reference"):
            place = ROOT.joinpath(*node.module.split("."))
            files = [each for each in (place.with_suffix(".py"), place / "__init__.py") if each.is_file()]
            there = set().union(*map(names_of, files)) | {each.stem for each in place.glob("*")}
            lacking |= {f"{node.module}.{each.name}" for each in node.names if each.name not in there}
    return lacking


def test_what_a_script_imports_is_there(tmp_path: Path) -> None:
    scripts = sorted((ROOT / "performance").rglob("*.py"))
    assert len(scripts) > 20
    assert {path.name: found for path in scripts if (found := missing(path))} == {}
    (tmp_path / "script.py").write_text("from benchmark.data.plan import Size, drawn\nimport os\n")
    assert missing(tmp_path / "script.py") == {"benchmark.data.plan.drawn"}
