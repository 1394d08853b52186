"""What a submission says in words of how its runs were made, where a rule forbids it or the logs say otherwise."""

from __future__ import annotations

from collections.abc import Iterator

from benchmark.validation.checks.numerals import in_digits
from benchmark.validation.checks.texts import is_taken_back, sentences, texts
from benchmark.validation.checks.wordings import WORDINGS
from benchmark.validation.finding import Fault, Severity, shown
from benchmark.validation.registry import check
from benchmark.validation.subjects import ResultSet


@check("R6.1", *sorted({each.rule for each in WORDINGS}), of=ResultSet, ours_alone=True)
def words_fit_rules_and_logs(results: ResultSet) -> Iterator[Fault]:
    """What notes, READMEs, documents and comments say of the runs is allowed, and is what the logs say."""
    for file, text in texts(results) if results.read else ():
        for sentence in sentences(text):
            plain = in_digits(sentence)
            for wording in WORDINGS:
                match = wording.says.search(plain)
                if match is None or (not wording.denial and is_taken_back(plain, match)):
                    continue
                if expected := wording.expected(results, match):
                    yield Fault(
                        f"in words, {wording.what}",
                        file=file,
                        found=shown(sentence),
                        expected=expected,
                        severity=Severity.WARNING,
                        rule=wording.rule,
                    )
