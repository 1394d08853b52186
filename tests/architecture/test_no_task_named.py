"""The harness and the trainers know no task: outside `tasks/` there is neither a task's name nor what it alone is
about.

What several tasks share of crystals lies in `benchmark/crystals` and `benchmark/simulation`, which know crystals and no
task. Wherever else a name stands, `ALLOWED` says why.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from benchmark.definition.finder import load_benchmark, places

ROOT = Path(__file__).resolve().parents[2]
OF_CRYSTALS = ("benchmark/crystals/", "benchmark/simulation/")
SUBJECTS = re.compile(r"space_?group|cbed|projections|crystal", re.IGNORECASE)
"""What tasks are about, in names of the code: those of crystals, the only ones that the harness ever knew."""
EXAMPLES = "an example to type: a shipped rung that every reader has"
ALLOWED = {
    "benchmark/cli/data_command.py": EXAMPLES,
    "benchmark/cli/doctor_command.py": f"{EXAMPLES}; and the default of --rung",
    "benchmark/cli/launch_command.py": EXAMPLES,
    "benchmark/cli/ledger_command.py": EXAMPLES,
    "benchmark/cli/list_command.py": EXAMPLES,
    "benchmark/cli/main.py": EXAMPLES,
    "benchmark/cli/rcp_command.py": EXAMPLES,
    "benchmark/cli/run_command.py": f"{EXAMPLES}; and the default of --rung",
    "benchmark/cli/score_command.py": EXAMPLES,
    "benchmark/cli/show_command.py": EXAMPLES,
    "benchmark/cli/crystal_options.py": "options of recipes that make crystals: one that makes none refuses them",
    "benchmark/cli/data_generate.py": "takes the options of crystal_options.py",
    "benchmark/data/golden.py": "its figures' hashes have the name of a task, and had it before",
}
WORDS = re.compile(r"space.?group|\bcbed|crystal|\bstacks\b|\bmaterials?\b|\belectrons?\b|diffract", re.IGNORECASE)
"""What the data of tasks are, in messages and docstrings: a task brings its own words."""
ALLOWED_WORDS = {
    "benchmark/cli/crystal_options.py": ALLOWED["benchmark/cli/crystal_options.py"],
    "benchmark/cli/data_command.py": EXAMPLES,
    **dict.fromkeys(
        (f"benchmark/validation/checks/{name}.py" for name in ("concepts_of_training", "lexicon", "prose", "wordings")),
        "what submissions may say of their data, to be found",
    ),
}


def sources() -> Iterator[tuple[str, ast.Module]]:
    for package in ("benchmark", "reference"):
        for path in sorted((ROOT / package).rglob("*.py")):
            name = path.relative_to(ROOT).as_posix()
            if "/tasks/" not in name and not name.startswith(OF_CRYSTALS):
                yield name, ast.parse(path.read_text(encoding="utf-8"))


def docstrings(tree: ast.Module) -> set[int]:
    """The nodes of texts that stand for themselves: of modules, classes, functions and constants."""
    return {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}


def names_in(tree: ast.Module) -> Iterator[str]:
    """Every name that the code uses: of variables, attributes, arguments, imports."""
    for node in ast.walk(tree):
        for attribute in ("id", "attr", "arg", "name", "module"):
            if isinstance(found := getattr(node, attribute, None), str):
                yield found


def texts_in(tree: ast.Module) -> Iterator[str]:
    """Every text of the code that is not a docstring."""
    told = docstrings(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in told:
            yield node.value


def naming(tree: ast.Module, tasks: set[str], rungs: set[str]) -> set[str]:
    """The names of tasks and rungs in the code's texts, and of their subjects among its names."""
    texts = list(texts_in(tree))
    found = {name for name in tasks if name in texts}
    found |= {rung for rung in rungs for text in texts if re.search(rf"\b{rung}\b", text)}
    return found | {name for name in names_in(tree) if SUBJECTS.search(name)}


def test_nothing_outside_the_tasks_names_one() -> None:
    tasks = {name for name, place in places().items() if place.shipped}
    rungs = {rung for name in tasks for rung in load_benchmark(name).rungs}
    found = {name: naming(tree, tasks, rungs) for name, tree in sources()}
    assert {name: words for name, words in found.items() if words and name not in ALLOWED} == {}
    assert {name for name in ALLOWED if not found.get(name)} == set(), "needed no more"


def wording(tree: ast.Module) -> set[str]:
    """The words of tasks in the code's texts, docstrings included."""
    texts = (node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str))
    return {word.lower() for text in texts for word in WORDS.findall(text)}


def test_nothing_outside_the_tasks_speaks_of_their_data() -> None:
    found = {name: wording(tree) for name, tree in sources()}
    assert {name: words for name, words in found.items() if words and name not in ALLOWED_WORDS} == {}
    assert {name for name in ALLOWED_WORDS if not found.get(name)} == set(), "needed no more"


def test_this_test_sees_what_it_looks_for() -> None:
    assert wording(ast.parse('"""Of stacks."""\nx = f"{n} crystals"\n')) == {"stacks", "crystal"}
    tree = ast.parse('"""Of space_group."""\nfrom a import cbed_stack as b\nx = "space_group"\ny = "run stemdl_mini"\n')
    assert naming(tree, {"space_group"}, {"stemdl_mini"}) == {"space_group", "stemdl_mini", "cbed_stack"}
    assert naming(ast.parse('"""Of space_group."""\nx = "no space_group here"\n'), {"space_group"}, set()) == set()
