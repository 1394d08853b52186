"""A report in SARIF 2.1.0, which code-review tools show next to the lines that it is about."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from benchmark import __version__
from benchmark.validation.finding import Finding, Severity
from benchmark.validation.rulebook import read_rules
from benchmark.validation.validate import Report

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "note"}


def to_sarif(report: Report) -> dict[str, Any]:
    """One SARIF run, with the text of every rule that a finding cites."""
    rules = read_rules()
    cited = sorted({finding.rule for finding in report.findings}, key=list(rules).index)
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "stemdl validate",
                        "version": __version__,
                        "rules": [
                            {
                                "id": name,
                                "shortDescription": {"text": rules[name].title},
                                "fullDescription": {"text": rules[name].text},
                            }
                            for name in cited
                        ],
                    }
                },
                "results": [_result(finding, cited.index(finding.rule)) for finding in report.findings],
                "properties": {"verdict": report.word},
            }
        ],
    }


def _result(finding: Finding, index: int) -> dict[str, Any]:
    more = [
        f"{name}: {text}"
        for name, text in (("expected", finding.expected), ("found", finding.found), ("hint", finding.hint))
        if text
    ]
    location: dict[str, Any] = {"artifactLocation": {"uri": quote(finding.file)}}
    if finding.line:
        location["region"] = {"startLine": finding.line}
    return {
        "ruleId": finding.rule,
        "ruleIndex": index,
        "level": LEVELS[finding.severity],
        "message": {"text": "\n".join([finding.message, *more])},
        "locations": [{"physicalLocation": location}],
    }
