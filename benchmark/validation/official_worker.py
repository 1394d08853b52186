"""The official checkers' own process: answers questions about logs, in the order of its standard input.

A process apart, with bounds on time and memory, because these checkers have none: it is started by `second_opinion`.
Each line of its input is a question as JSON, each line of its output the list of what the checkers objected to.
"""

from __future__ import annotations

import json
import logging
import os
import resource
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

RULESET, USAGE = "3.0.0", "hpc"
LONGEST = 300


class _Said(logging.Handler):
    """Keeps what a checker warns of."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(" ".join(record.getMessage().split())[:LONGEST])


def main() -> None:
    """Answers until the input ends."""
    seconds, size = int(sys.argv[1]), int(sys.argv[2])
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_AS, (size, size))
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # the checkers print
    logging.getLogger().handlers = [_Said()]
    for line in sys.stdin:
        answers.write(json.dumps(answer(json.loads(line))) + "\n")
        answers.flush()


def answer(question: dict[str, Any]) -> list[dict[str, str]]:
    """Objections to the logs of one question, each with the tool, the file and what it said; none when all pass."""
    objections: list[dict[str, str]] = []

    def ask(tool: str, file: str, passes: Callable[[], bool]) -> None:
        with _listening() as said:
            try:
                passed = passes()
            except Exception as error:  # noqa: BLE001 - they break off on much bad input: not a pass
                passed, said.texts = False, [f"broke off with {type(error).__name__}: {error}"[:LONGEST]]
        if not passed:
            objections.append({"tool": tool, "file": file, "said": said.texts[-1] if said.texts else ""})

    for path in question["logs"]:
        ask("compliance_checker", path, lambda path=path: _complies(path, question["rules"], question["ours"]))
    if question["seeds"]:
        ask("seed_checker", question["file"], lambda: _seeds_pass(question["logs"]))
    if question["rcp_folder"]:
        ask("rcp_checker", question["file"], lambda: _converges(question["rcp_folder"]))
    if question["system"]:
        ask("system_desc_checker", question["system"], lambda: _described(question["system"]))
    return objections


@contextmanager
def _listening() -> Iterator[_Said]:
    said = _Said()
    root = logging.getLogger()
    root.handlers = [said]
    try:
        yield said
    finally:
        root.handlers = []


def _complies(path: str, rules: str, strict: bool) -> bool:
    from mlperf_logging.compliance_checker import mlp_compliance

    mlp_compliance.enqueued_configs.clear()  # what a file before this one broke off from
    checker = mlp_compliance.make_checker(usage=USAGE, ruleset=RULESET, quiet=False, werror=strict)
    return mlp_compliance.main(path, rules or f"{USAGE}_{RULESET}/common.yaml", checker)[0]


def _seeds_pass(paths: list[str]) -> bool:
    from mlperf_logging.package_checker.seed_checker import SeedChecker

    return SeedChecker(RULESET).check_seeds(paths)


def _converges(folder: str) -> bool:
    from mlperf_logging.rcp_checker import rcp_checker

    # It would remove a scaling.json, and without a folder to score for even one of the root's.
    rcp_checker.RCP_Checker._reset_results_scaling = lambda self, folder: None
    passed, message, _ = rcp_checker.check_directory(
        folder, USAGE, RULESET, verbose=False, bert_train_samples=False, rcp_pass="pruned_rcps", set_scaling=False
    )
    if not passed:
        logging.warning("%s", message)
    return passed


def _described(path: str) -> bool:
    from mlperf_logging.system_desc_checker.system_desc_checker import check_system_desc

    return check_system_desc(path, USAGE, RULESET)[0]


if __name__ == "__main__":
    main()
