"""The rules of the benchmark: all of them in a list, or some in full."""

from __future__ import annotations

import argparse
import shutil
import sys
from typing import TYPE_CHECKING

from benchmark.cli.output import add_format, next_step, print_json, print_table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from benchmark.validation.rulebook import Rule

MOST_COLUMNS = 100
"""Columns of a rule's text on a terminal; longer lines are hard to read."""
EXAMPLE = """Examples:
  stemdl rules
  stemdl rules R2.3
  stemdl rules | less        # plain where it is piped"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of `stemdl rules`."""
    parser.add_argument("ids", nargs="*", metavar="RULE", help="such as R2.3, or R2 for a whole chapter")
    add_format(parser)


def execute(arguments: argparse.Namespace) -> int:
    """0, or wrong use where there is no such rule."""
    from benchmark.validation.rulebook import read_rules, rules_named, rules_of_tasks

    rules = read_rules()
    chosen = [rule for each in arguments.ids for rule in rules_named(each, rules)] or list(rules.values())
    of_tasks = rules_of_tasks(rules)
    bodies = {rule.id: {task: own[rule.id].body for task, own in of_tasks.items() if rule.id in own} for rule in chosen}
    if arguments.format == "json":
        print_json([{**rule.to_dict(), "tasks": bodies[rule.id]} for rule in chosen])
    elif arguments.ids:
        _print_rules(chosen, bodies)
    else:
        print_table(("rule", "", "held by"), [(rule.id, rule.title, rule.held_by) for rule in chosen])
        next_step(f"stemdl rules {chosen[0].id}")
    return 0


def _print_rules(rules: list[Rule], bodies: Mapping[str, Mapping[str, str]]) -> None:
    """Each rule and then what each task says of it: as they are written where they go into a file or a pipe; on a
    terminal set in its width, with headings."""
    of_tasks = {id: [f"*{task}:* {body}" for task, body in bodies[id].items()] for id in bodies}
    if not sys.stdout.isatty():
        print("\n\n".join("\n\n".join((rule.text, *of_tasks[rule.id])) for rule in rules))
        return
    from rich.console import Console
    from rich.markdown import Markdown

    console = Console(highlight=False, width=min(MOST_COLUMNS, shutil.get_terminal_size().columns))
    for rule in rules:
        console.print(Markdown(f"## {rule.id} {rule.title}"))
        for text in (rule.body, *of_tasks[rule.id]):
            console.print(Markdown(text, hyperlinks=False))  # they are relative to the book
        console.print()
