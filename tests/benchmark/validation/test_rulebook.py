"""The rule book and the checks agree: every rule that says it is checked is, and every check is of a rule."""

from __future__ import annotations

import ast
import re
import shutil
from pathlib import Path

import pytest

from benchmark.definition.finder import add_folders
from benchmark.foundation.errors import StemdlError
from benchmark.validation import checks
from benchmark.validation.registry import BEYOND_ONE_SUBJECT, all_checks
from benchmark.validation.rulebook import RULE_BOOK, read_rules, rules_named, rules_of_tasks

RULES = read_rules()
TOY_TASK = Path(__file__).resolve().parents[2] / "toy_task" / "tasks" / "toy_line"


def test_each_rule_names_the_checks_that_name_it():
    by_rule: dict[str, set[str]] = {}
    for name, rules in [*((each.name, each.rules) for each in all_checks()), *BEYOND_ONE_SUBJECT.items()]:
        for rule in rules:
            by_rule.setdefault(rule, set()).add(name)
    assert {rule.id: set(rule.checks) for rule in RULES.values() if rule.checks} == by_rule


def test_a_check_yields_faults_of_its_own_rules_alone():
    """Every rule that a check's source says is one that it was registered with; R8.6 is what cannot be read."""
    registered = {each.name: set(each.rules) for each in all_checks()}
    for path in Path(checks.__path__[0]).glob("*.py"):
        source = path.read_text(encoding="utf-8")
        for node in ast.parse(source).body:
            if isinstance(node, ast.FunctionDef) and node.name in registered:
                body = "\n".join(map(ast.unparse, node.body))
                assert set(re.findall(r"rule='(R[\d.]+)'", body)) <= registered[node.name] | {"R8.6"}, node.name


def test_every_id_in_the_book_and_in_the_package_is_a_rule():
    for path in [RULE_BOOK, *RULE_BOOK.parent.rglob("*.py"), *RULE_BOOK.parent.glob("tasks/*/*.md")]:
        for found in re.findall(r"\bR\d+\.\d+\b", path.read_text(encoding="utf-8")):
            assert found in RULES, f"{path} says {found}"


def test_the_book_is_in_order_and_says_something_of_each_rule():
    numbers = [tuple(map(int, rule[1:].split("."))) for rule in RULES]
    assert numbers == sorted(numbers) and [chapter for chapter, number in numbers if number == 1] == list(range(1, 10))
    for rule in RULES.values():
        assert rule.title and len(rule.text) > 60 and f"**{rule.id}" in rule.text and "\n## " not in rule.text
        assert ("*Checked" in rule.text) == bool(rule.checks)


def test_rules_are_found_by_id_and_chapter():
    assert [rule.id for rule in rules_named("r2.3", RULES)] == ["R2.3"]
    assert [rule.id for rule in rules_named("6", RULES)] == ["R6.1", "R6.2"]
    with pytest.raises(StemdlError, match="no rule 'R2.33'"):
        rules_named("R2.33", RULES)


def test_a_broken_book_is_told(tmp_path):
    with pytest.raises(StemdlError, match="cannot be read"):
        read_rules(tmp_path / "rules.md")
    (tmp_path / "rules.md").write_text("**R1.1 A.** text\n\n**R1.1 A.** text\n")
    with pytest.raises(StemdlError, match="twice"):
        read_rules(tmp_path / "rules.md")


def test_a_task_adds_to_the_rules_under_their_ids(tmp_path, monkeypatch):
    own = rules_of_tasks(RULES)["space_group"]
    assert "Macro-F1" in own["R1.2"].body and not any(rule.checks for rule in own.values())
    assert "space group" not in RULE_BOOK.read_text(encoding="utf-8").lower()
    monkeypatch.setenv("STEMDL_TASKS", "")
    shutil.copytree(TOY_TASK, tmp_path / "toy")
    (tmp_path / "toy" / "rules.md").write_text("**R1.22 A.** text\n")
    add_folders([tmp_path])
    with pytest.raises(StemdlError, match=r"toy has a rule R1\.22 of its own"):
        rules_of_tasks(RULES)
