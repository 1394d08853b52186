"""SARIF: what code-review tools need of it, for every finding of the corpus."""

from __future__ import annotations

from urllib.parse import unquote

from corpus import Tree
from mutations import MUTATIONS

from benchmark.validation.sarif import to_sarif
from benchmark.validation.validate import validate


def test_every_finding_is_a_result_at_its_file_and_line(tmp_path):
    named = {mutation.name: mutation for mutation in MUTATIONS}
    paths = [named[name].tree().write(tmp_path / name) for name in ("the target missed", "a line break in a name")]
    report = validate([*paths, Tree.valid().write(tmp_path / "good")], official=False)
    sarif = to_sarif(report)
    (run,) = sarif["runs"]
    assert sarif["version"] == "2.1.0" and run["properties"]["verdict"] == "INVALID"
    rules = run["tool"]["driver"]["rules"]
    # R4.6: all three have the same logs
    assert [rule["id"] for rule in rules] == ["R1.4", "R4.2", "R4.6", "R8.2", "R8.3"]
    for result, finding in zip(run["results"], report.findings, strict=True):
        place = result["locations"][0]["physicalLocation"]
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"] == finding.rule
        assert unquote(place["artifactLocation"]["uri"]) == finding.file
        assert place.get("region", {}).get("startLine") == finding.line
        assert result["level"] == finding.severity.name.lower() and finding.message in result["message"]["text"]
