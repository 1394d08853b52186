"""The rule book and the checks agree: every rule that says it is checked is, and every check is of a rule."""

from __future__ import annotations

import ast
import re
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from honest_run import as_text, log_lines

from benchmark.definition.finder import add_folders
from benchmark.foundation.errors import StemdlError
from benchmark.validation import checks, registry
from benchmark.validation.limits import Limits
from benchmark.validation.registry import BEYOND_ONE_SUBJECT, all_checks, run_checks
from benchmark.validation.rulebook import RULE_BOOK, Rule, read_rules, rules_named, rules_of_tasks
from benchmark.validation.subjects import Log

RULES = read_rules()
TOY_TASK = Path(__file__).resolve().parents[2] / "toy_task" / "tasks" / "toy_line"


def unbound(rules: Mapping[str, Rule]) -> dict[str, tuple[set[str], set[str]]]:
    """Rules of which book and checks differ: by id, the checks that the book names, and those that name the rule."""
    by_rule: dict[str, set[str]] = {}
    for name, of in [*((each.name, each.rules) for each in all_checks()), *BEYOND_ONE_SUBJECT.items()]:
        for rule in of:
            by_rule.setdefault(rule, set()).add(name)
    said = {rule.id: set(rule.checks) for rule in rules.values()}
    pairs = {id: (said.get(id, set()), by_rule.get(id, set())) for id in said.keys() | by_rule.keys()}
    return {id: pair for id, pair in pairs.items() if pair[0] != pair[1]}


def test_each_rule_names_the_checks_that_name_it():
    assert unbound(RULES) == {}


NEW_RULE = (
    "\n**R9.99 Somewhere is elsewhere.** The submitter is not Somewhere, whatever else is in the log. {checked}\n"
)
CHECKED = "*Checked by `submitter_is_elsewhere`.*"
NEW_CHECK = """
from collections.abc import Iterator

from benchmark.events import keys
from benchmark.validation.finding import Fault
from benchmark.validation.registry import check
from benchmark.validation.subjects import Log


@check("R9.99", of=Log)
def submitter_is_elsewhere(log: Log) -> Iterator[Fault]:
    for event in log.of(keys.SUBMISSION_ORG):
        if event.value == "Somewhere":
            yield Fault("the submitter is Somewhere", line=event.line)
"""


@pytest.mark.parametrize(
    ("paragraph", "code", "apart"),
    [
        (NEW_RULE.format(checked=CHECKED), NEW_CHECK, None),
        (NEW_RULE.format(checked=CHECKED), "", ({"submitter_is_elsewhere"}, set())),
        ("", NEW_CHECK, (set(), {"submitter_is_elsewhere"})),
        (NEW_RULE.format(checked=""), NEW_CHECK, (set(), {"submitter_is_elsewhere"})),
        (NEW_RULE.format(checked="*Checked by `submitter_is_elsewhre`.*"), NEW_CHECK, "misspelt"),
    ],
    ids=["both", "no check", "no paragraph", "a paragraph that names no check", "a name misspelt"],
)
def test_a_new_rule_is_a_paragraph_and_a_check_and_neither_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, paragraph: str, code: str, apart: object
) -> None:
    """Added as anyone would: a file among the checks, and a paragraph at the end of the book."""
    (tmp_path / "scratch_rule.py").write_text(code, encoding="utf-8")
    (tmp_path / "rules.md").write_text(RULE_BOOK.read_text(encoding="utf-8") + paragraph, encoding="utf-8")
    monkeypatch.setattr(checks, "__path__", [*checks.__path__, str(tmp_path)])
    monkeypatch.setattr(registry, "_CHECKS", dict(registry._CHECKS))
    monkeypatch.delitem(sys.modules, f"{checks.__name__}.scratch_rule", raising=False)
    all_checks.cache_clear()
    try:
        left = unbound(read_rules(tmp_path / "rules.md"))
        (tmp_path / "result_0.txt").write_bytes(as_text(log_lines()))
        log = Log.read(tmp_path / "result_0.txt", "result_0.txt", Limits())
        found = [finding.message for finding in run_checks(log, Limits()) if finding.rule == "R9.99"]
    finally:
        all_checks.cache_clear()
    assert list(left) == ([] if apart is None else ["R9.99"])
    assert apart in (None, "misspelt") or left["R9.99"] == apart
    assert found == (["the submitter is Somewhere"] if code else [])


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
