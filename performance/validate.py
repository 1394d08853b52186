"""The share of bad submissions that `stemdl validate` and MLCommons' own checkers find, and the time of both.

    .venv/bin/python performance/validate.py [FOLDER OF PUBLISHED SUBMISSIONS]

The bad submissions are the corpus of the tests: one valid submission of stemdl_mini, spoiled in one way each. Three
ways to ask the official checkers (mlperf-logging, unmodified):

  as they come     package_checker and repo_checker on the tree. They know no stemdl_mini, and pass over its folder.
  HPC rules        their rules for MLPerf HPC's logs, the rung put among the known with its target, number of runs and
                   reference points: compliance, seeds, convergence, system description, repo_checker; one bad log of
                   five is tolerated, as package_checker does.
  our rule file    the same, the logs under validation/official_rules with --werror, no bad log tolerated.

Found means an error or a traceback, of ours an error or a warning under the rule that is broken. Times are CPU seconds,
those of child processes with them.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import logging
import os
import resource
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "benchmark" / "validation")]

import yaml
from corpus import DESCRIPTION, Mutation, Tree
from honest_run import RUNG
from mutations import MUTATIONS

from benchmark.cli.output import print_table
from benchmark.definition.finder import find_task, load_benchmark
from benchmark.definition.scored import REFERENCE_POINTS
from benchmark.foundation.progress import progress
from benchmark.validation.finding import Severity
from benchmark.validation.limits import Limits
from benchmark.validation.rule_file import RULES
from benchmark.validation.second_opinion import CheckerQuestion, objections
from benchmark.validation.tree import read_submission, result_sets, submissions_below, walk
from benchmark.validation.validate import validate

WAYS = ("ours", "as they come", "HPC rules", "our rule file")
UNBOUND = Limits(official_seconds=3600)


def main() -> int:
    """Prints both tables; 1 where ours misses a mutation, or anyone objects to the good submission."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("published", type=Path, nargs="?", help="such as the results of MLPerf HPC v3.0")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rules = _hpc_rules(folder)
        good = _found(Mutation("nothing", "", lambda tree: None), folder, rules)
        assert not any(good.values()), good
        found: dict[str, dict[str, bool]] = {}
        with progress("Asking about", len(MUTATIONS), "submissions") as advance:
            for done, mutation in enumerate(MUTATIONS, start=1):
                found[mutation.name] = _found(mutation, folder, rules)
                advance(done)
    rows = [
        (mutation.rule, mutation.name, *("found" if found[mutation.name][way] else "-" for way in WAYS))
        for mutation in MUTATIONS
    ]
    counts = [sum(each[way] for each in found.values()) for way in WAYS]
    rows.append(("", f"of {len(MUTATIONS)}", *(f"{count} ({100 * count / len(MUTATIONS):.0f} %)" for count in counts)))
    print_table(("rule", "what is wrong", *WAYS), rows)
    if arguments.published:
        _times(arguments.published)
    return 0 if counts[0] == len(MUTATIONS) else 1


def _found(mutation: Mutation, folder: Path, rules: Path) -> dict[str, bool]:
    """Which way finds a spoiled submission."""
    trees = iter(range(10))

    def written() -> Path:
        """Again for each, since package_checker writes into what it checks."""
        return mutation.tree().write(Path(tempfile.mkdtemp(dir=folder)) / f"S{next(trees)}")

    report = validate([written()], official=False)
    return {
        "ours": any(
            finding.severity > Severity.NOTE and finding.rule == (mutation.rule or finding.rule)
            for finding in report.findings
        ),
        "as they come": _packages_fail(written()),
        "HPC rules": _logs_fail(written(), rules, tolerated=1),
        "our rule file": _logs_fail(written(), RULES, tolerated=0),
    }


def _packages_fail(tree: Path) -> bool:
    from mlperf_logging.package_checker.package_checker import check_training_package
    from mlperf_logging.repo_checker import repo_checker

    with _listening() as said:
        try:
            check_training_package(str(tree), "hpc", "3.0.0", False, False, False, False, False, os.devnull)
            repo_checker.run_checks(str(tree))
        except Exception:  # noqa: BLE001 - a checker that breaks off has objected
            return True
    return "FOUND NO ERRORS" not in said.getvalue() or "ALL CHECKS PASSED" not in said.getvalue()


@contextlib.contextmanager
def _listening() -> Iterator[io.StringIO]:
    said = io.StringIO()
    handler = logging.StreamHandler(said)
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.INFO)
    root.addHandler(handler)
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            yield said
    finally:
        root.removeHandler(handler)
        root.setLevel(level)


def _logs_fail(tree: Path, rules: Path, tolerated: int) -> bool:
    logs = sorted(path for path in tree.glob("results/*/*/*/result_*.txt"))
    division = Tree.valid().system["division"]
    described = tree / DESCRIPTION
    question = CheckerQuestion(
        str(tree),
        0,
        rules == RULES,
        tuple(map(str, logs)),
        str(rules),
        seeds=division == "closed",
        system=str(described) if described.is_file() else "",
    )
    answers = objections([question], UNBOUND)
    bad_logs = [each for each in answers[0] if each["tool"] == "compliance_checker"]
    return (
        len(bad_logs) > tolerated
        or len(bad_logs) < len(answers[0])
        or not described.is_file()
        or len(logs) != load_benchmark("space_group").runs
        or _tree_fails(tree)
    )


def _tree_fails(tree: Path) -> bool:
    """The official convergence test, with our reference points in place of those that it does not have, and the
    official look at names, sizes and links."""
    from mlperf_logging.rcp_checker import rcp_checker
    from mlperf_logging.repo_checker import repo_checker

    rcp_checker.submission_runs["hpc"][RUNG] = load_benchmark("space_group").runs
    with (
        _listening() as said,
        open(find_task("space_group").folder / REFERENCE_POINTS / f"{RUNG}.json", encoding="utf-8") as points,
    ):
        try:
            folder = next(tree.glob("results/*/*/*"))
            passed = rcp_checker.check_directory(str(folder), "hpc", "3.0.0", False, False, points, "pruned_rcps")[0]
            repo_checker.run_checks(str(tree))
        except Exception:  # noqa: BLE001 - a checker that breaks off has objected
            return True
    return not passed or "ALL CHECKS PASSED" not in said.getvalue()


def _hpc_rules(folder: Path) -> Path:
    """The official rules of MLPerf HPC v3.0 for a closed log, with the rung among the known benchmarks: one file,
    since theirs are chained by names that are not ours."""
    import mlperf_logging.compliance_checker as checker

    source = Path(checker.__file__).parent / "hpc_3.0.0"
    records: list[dict[str, Any]] = []
    for name in ("common.yaml", "closed_common.yaml"):
        records += yaml.load((source / name).read_text(encoding="utf-8"), yaml.BaseLoader)
    for record in records:
        rule = record.get("KEY", {})
        if rule.get("NAME") in ("submission_division", "submission_benchmark"):
            rule.pop("POST")
        if rule.get("NAME") == "submission_benchmark":
            rule["CHECK"] = f" v['value'] in ['{RUNG}'] "
    goal = load_benchmark("space_group").goal
    # As deepcam's, the one of theirs with a metric that has to rise.
    records.append(
        {
            "KEY": {
                "NAME": goal.log_key,
                "REQ": "AT_LEAST_ONE",
                "CHECK": ["'epoch_num' in v['metadata']"],
                "ATLEAST_ONE_CHECK": f"v['value'] >= {goal.target} and v['value'] <= 1.",
            }
        }
    )
    path = folder / "hpc.yaml"
    path.write_text(yaml.safe_dump(records, sort_keys=False), encoding="utf-8")
    return path


def _times(published: Path) -> None:
    """CPU seconds of both on the same trees."""
    before = _cpu_seconds()
    report = validate([published], official=False)
    between = _cpu_seconds()
    questions = []
    for begin in submissions_below(published, walk(published, Limits())[0]):
        submission = read_submission(published / begin, begin, Limits())
        questions += [CheckerQuestion.about_set(results, 0, Limits()) for results in result_sets(submission, Limits())]
    reading = _cpu_seconds()
    answers = objections([question for question in questions if not question.unasked], UNBOUND)
    after = _cpu_seconds()
    logs = sum(each.logs for each in report.judged)
    print()
    print_table(
        ("", "logs", "CPU seconds"),
        [
            ("stemdl validate --no-official", str(logs), f"{between - before:.1f}"),
            ("official compliance, seed, system and RCP checkers", str(logs), f"{after - reading:.1f}"),
        ],
    )
    print(
        f"{(after - reading) / (between - before):.1f} times as fast; the official ones object to "
        f"{sum(map(bool, answers))} of {len(questions)} sets"
    )


def _cpu_seconds() -> float:
    return sum(
        usage.ru_utime + usage.ru_stime
        for usage in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    )


if __name__ == "__main__":
    sys.exit(main())
