"""The suite's own tests of CUDA, which every machine without a card skips."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from xml.etree import ElementTree

from performance.gpu.step import ROOT, Failed, Figures, Item, Step, StepSetting, command


def _files() -> list[str]:
    """Those that hold such tests: to collect all others would take longer than these."""
    return sorted(
        str(path.relative_to(ROOT))
        for path in (ROOT / "tests").rglob("test_*.py")
        if "pytest.mark.cuda" in path.read_text(encoding="utf-8")
    )


def _tests(setting: StepSetting) -> Figures:
    """In a dry run they are collected, and skip."""
    setting.work.mkdir(parents=True, exist_ok=True)
    report = setting.work / "cuda-tests.xml"
    command(
        setting,
        "-m",
        "pytest",
        "-q",
        "-m",
        "cuda",
        "-p",
        "no:cacheprovider",
        f"--junitxml={report}",
        *_files(),
        accepted=(0, 1),
    )
    suite = next(ElementTree.parse(report).getroot().iter("testsuite"))
    counts = {name: int(suite.get(name, "0")) for name in ("tests", "failures", "errors", "skipped")}
    if not counts["tests"] or (not setting.dry and counts["skipped"] == counts["tests"]):
        raise Failed(f"no test of CUDA ran: {counts}")
    failed = [
        case.get("name", "")
        for case in suite.iter("testcase")
        if case.find("failure") is not None or case.find("error") is not None
    ]
    return counts | ({"failed": ", ".join(failed)} if failed else {})


def items(setting: StepSetting) -> Iterator[Item]:
    yield Item("pytest -m cuda", 60, partial(_tests, setting))


STEP = Step("suite", "The suite's tests of CUDA", 60, items)
