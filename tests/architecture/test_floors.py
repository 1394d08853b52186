"""The house holds: no import climbs a floor, there is no circle, and heavy libraries wait until they are needed."""

from __future__ import annotations

import ast
import functools
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FLOORS = {
    "foundation": 0,
    "definition": 1,
    "simulation": 1,
    "launch": 1,
    "metrics": 1,
    "data": 2,
    "events": 2,
    "crystals": 3,
    "submission": 3,
    "validation": 4,
    "scoring": 4,
    "comparison": 5,
    "report": 6,
    "tasks": 7,
    "cli": 8,
    "__main__": 9,
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


@functools.cache
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


def edges(package: str) -> Iterator[tuple[str, str]]:
    """Every import between modules of ours, of those in a package: (module, what it imports)."""
    for module in FILES:
        if module.startswith(package):
            for target in sorted(own(imports(FILES[module]))):
                yield module, target


def test_every_package_has_a_floor() -> None:
    packages = {package_of(module) for module in FILES if module.startswith("benchmark.")}
    assert packages <= set(FLOORS), packages - set(FLOORS)


def climbs(module: str, target: str) -> bool:
    """Whether a module of the harness may not import that module of ours."""
    here, there = package_of(module), package_of(target)
    if target.startswith("reference"):
        return True
    return there not in ("", here) and FLOORS[there] >= FLOORS[here] and (here, there) not in LEVEL


def test_no_import_climbs_a_floor() -> None:
    assert not [f"{module} imports {target}" for module, target in edges("benchmark") if climbs(module, target)]


def test_the_reference_uses_floors_0_to_2_alone() -> None:
    assert not [
        f"{module} imports {target}"
        for module, target in edges("reference")
        if target.startswith("benchmark.") and FLOORS[package_of(target)] > REFERENCE_MAY_USE
    ]


def is_of_a_task(module: str) -> bool:
    return module.startswith(("benchmark.tasks.", "reference.tasks."))


def test_nothing_outside_the_tasks_imports_a_task() -> None:
    """Tasks are found by name (`definition/finder.py`), and their halves know nothing of each other."""
    assert not [
        f"{module} imports {target}"
        for module, target in edges("")
        if is_of_a_task(target) and module.split(".")[:3] != target.split(".")[:3]
    ]


def test_no_module_reaches_itself() -> None:
    graph = {module: own(imports(path)) - {module} for module, path in FILES.items()}
    # A package is not counted as an import of its __init__ alone: `from benchmark.data import layout` is layout.
    graph = {module: {name for name in names if FILES[name].name != "__init__.py"} for module, names in graph.items()}
    finished: set[str] = set()

    def visit(module: str, above: tuple[str, ...]) -> None:
        assert module not in above, " -> ".join((*above[above.index(module) :], module))
        if module not in finished:
            for target in sorted(graph[module]):
                visit(target, (*above, module))
            finished.add(module)

    for module in sorted(graph):
        visit(module, ())


def test_heavy_libraries_are_imported_inside_functions() -> None:
    assert not [
        f"{module} imports {name} when it is loaded"
        for module, path in FILES.items()
        if module.startswith("benchmark")
        for name in imports_on_load(path)
        if name.split(".")[0] in LAZY_EVERYWHERE
    ]


def test_training_loads_no_importer() -> None:
    """Every rank loads all that the training loop names: what makes data has no place there."""
    loaded, left = set(), {"reference.train"}
    while left:
        loaded |= left
        left = {name for module in left for name in own(imports_on_load(FILES[module]))} - loaded
    assert "benchmark.data.manifest" in loaded
    assert not {
        name for name in loaded if name.startswith(("benchmark.tasks.space_group.importing.", "benchmark.data.workers"))
    }


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
        "def g():\n    from benchmark.data import layout\n"
    )
    assert imports_on_load(path) == {"os", "typing", "typing.TYPE_CHECKING", "pandas", "json", "spglib"}
    assert own(imports(path)) == {"benchmark.data", "benchmark.data.layout"}
    assert {"torch.nn", "h5py"} <= imports(path)
    assert climbs("benchmark.data.reader", "benchmark.cli.main") and climbs("benchmark.launch.rank", "benchmark.data.x")
    assert climbs("benchmark.cli.main", "reference.train") and climbs("benchmark.data.reader", "benchmark.events.log")
    assert not climbs("benchmark.metrics.confusion", "benchmark.definition.rung")
    assert not climbs("benchmark.data.reader", "benchmark.data.layout")
