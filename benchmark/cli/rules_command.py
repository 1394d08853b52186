"""The rules of the benchmark: all of them in a list, or some in full."""

from __future__ import annotations

import argparse

from benchmark.cli.output import add_format, next_step, print_json, print_table

EXAMPLE = """Examples:
  stemdl rules
  stemdl rules R2.3"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of `stemdl rules`."""
    parser.add_argument("ids", nargs="*", metavar="RULE", help="such as R2.3, or R2 for a whole chapter")
    add_format(parser)


def execute(arguments: argparse.Namespace) -> int:
    """0, or wrong use where there is no such rule."""
    from benchmark.validation.rulebook import read_rules, rules_named

    rules = read_rules()
    chosen = [rule for each in arguments.ids for rule in rules_named(each, rules)] or list(rules.values())
    if arguments.format == "json":
        print_json([rule.to_dict() for rule in chosen])
    elif arguments.ids:
        print("\n\n".join(rule.text for rule in chosen))
    else:
        print_table(("rule", "", "held by"), [(rule.id, rule.title, rule.held_by) for rule in chosen])
        next_step(f"stemdl rules {chosen[0].id}")
    return 0
