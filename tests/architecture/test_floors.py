"""The house holds: no import climbs a floor, there is no circle, and heavy libraries wait until they are needed."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FLOORS = {
    "foundation": 0,
    "definition": 1,
    "simulation": 1,
    "launch": 1,
    "metrics": 1,
    "data": 2,
    "events": 2,
    "submission": 3,
    "validation": 4,
    "scoring": 4,
    "report": 5,
    "cli": 6,
    "__main__": 7,
}
LEVEL = {("simulation", "definition"), ("metrics", "definition"), ("validation", "scoring")}
"""Which package may import another of its own floor: what is simulated or measured is defined, and a valid submission
converges as the score's reference points allow."""
REFERENCE_MAY_USE = 2
HEAVY = (
    "torch",
    "numpy",
    "h5py",
    "pandas",
    "sklearn",
    "matplotlib",
    "spglib",
    "gemmi",
    "mpi4py",
    "mlperf_logging",
    "horovod",
    "scipy",
)
LAZY_EVERYWHERE = {"torch", "pandas", "sklearn", "spglib", "matplotlib", "mpi4py", "mlperf_logging", "horovod", "gemmi"}


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


FILES = {
    name_of(path): path for package in ("benchmark", "reference") for path in sorted((ROOT / package).rglob("*.py"))
}


def imported_names(node: ast.Import | ast.ImportFrom) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
        return
    assert node.level == 0, "imports are absolute here"
    yield node.module
    yield from (f"{node.module}.{alias.name}" for alias in node.names)


def imports(path: Path) -> set[str]:
    """Every module that a file names in an import, in functions too."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {
        name
        for node in ast.walk(tree)
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for name in imported_names(node)
    }


def imports_on_load(path: Path) -> set[str]:
    """The modules that importing a file imports: not those inside functions, nor those for type checkers alone."""
    found: set[str] = set()

    def look(body: list[ast.stmt]) -> None:
        for node in body:
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                found.update(imported_names(node))
            elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                continue
            elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
                look(node.orelse)
            else:
                look(
                    [child for child in ast.iter_child_nodes(node) if isinstance(child, (ast.stmt, ast.ExceptHandler))]
                )

    look(ast.parse(path.read_text(encoding="utf-8")).body)
    return found


def own(names: set[str]) -> set[str]:
    """Of imported names, the modules of this project."""
    return {name for name in names if name in FILES}


def package_of(module: str) -> str:
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else ""


def test_every_package_has_a_floor() -> None:
    packages = {package_of(module) for module in FILES if module.startswith("benchmark.")}
    assert packages <= set(FLOORS), packages - set(FLOORS)


@pytest.mark.parametrize("module", [module for module in FILES if module.startswith("benchmark.")])
def test_no_import_climbs_a_floor(module: str) -> None:
    here = package_of(module)
    for target in own(imports(FILES[module])):
        assert not target.startswith("reference"), f"{module} imports {target}"
        there = package_of(target)
        if there in ("", here):
            continue
        below = FLOORS[there] < FLOORS[here]
        assert below or (here, there) in LEVEL, f"{module} (floor {FLOORS[here]}) imports {target}"


@pytest.mark.parametrize("module", [module for module in FILES if module.startswith("reference")])
def test_the_reference_uses_floors_0_to_2_alone(module: str) -> None:
    for target in own(imports(FILES[module])):
        if package_of(target) and target.startswith("benchmark."):
            assert FLOORS[package_of(target)] <= REFERENCE_MAY_USE, f"{module} imports {target}"


def test_no_module_reaches_itself() -> None:
    graph = {module: own(imports(path)) - {module} for module, path in FILES.items()}
    # A package is not counted as an import of its __init__ alone: `from benchmark.data import schema` is schema.
    graph = {
        module: {target for target in targets if FILES[target].name != "__init__.py"}
        for module, targets in graph.items()
    }
    finished: set[str] = set()

    def visit(module: str, above: tuple[str, ...]) -> None:
        assert module not in above, " -> ".join((*above[above.index(module) :], module))
        if module not in finished:
            for target in sorted(graph[module]):
                visit(target, (*above, module))
            finished.add(module)

    for module in sorted(graph):
        visit(module, ())


@pytest.mark.parametrize("module", [module for module in FILES if module.startswith("benchmark")])
def test_heavy_libraries_are_imported_inside_functions(module: str) -> None:
    loaded = {name.split(".")[0] for name in imports_on_load(FILES[module])}
    assert not loaded & LAZY_EVERYWHERE, f"{module} imports {loaded & LAZY_EVERYWHERE} when it is loaded"


def test_the_help_of_every_command_loads_no_heavy_library() -> None:
    """Half a second is what a reader of `stemdl --help` waits at most; one of these libraries costs that alone."""
    program = (
        "import sys\n"
        "from benchmark.cli import main\n"
        "for argv in (['--help'], *([name, '--help'] for name in main.COMMANDS)):\n"
        "    try:\n"
        "        main.main(argv)\n"
        "    except SystemExit as ended:\n"
        "        assert ended.code == 0, argv\n"
        f"print('loaded:', sorted(set(sys.modules) & set({HEAVY!r})))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "loaded: []"


def test_these_tests_see_what_they_look_for(tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    path.write_text(
        "import os\nfrom typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import h5py\n"
        "try:\n    import pandas\nexcept ImportError:\n    import json\n"
        "class A:\n    import spglib\n    def f(self):\n        import torch.nn\n"
        "def g():\n    from benchmark.data import schema\n"
    )
    assert imports_on_load(path) == {"os", "typing", "typing.TYPE_CHECKING", "pandas", "json", "spglib"}
    assert own(imports(path)) == {"benchmark.data", "benchmark.data.schema"}
    assert {"torch.nn", "h5py"} <= imports(path)
