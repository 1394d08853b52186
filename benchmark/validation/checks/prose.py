"""Prose of a submission: sentences that depart from what rules fix, and those that a person has to read."""

from __future__ import annotations

import re
from collections.abc import Iterator

from benchmark.validation.checks.concepts_of_systems import OF_SYSTEMS
from benchmark.validation.checks.concepts_of_training import OF_TRAINING
from benchmark.validation.checks.languages import DEPARTURES, departure, is_foreign
from benchmark.validation.checks.numerals import in_digits
from benchmark.validation.checks.texts import is_taken_back, sentences, texts
from benchmark.validation.finding import TO_BE_READ, Fault, Severity, shown
from benchmark.validation.registry import check
from benchmark.validation.subjects import STRONG, WEAK, ResultSet

_CONTRAST = re.compile(
    r"\b(?:unlike|instead|rather|but|except|although|though|however|also|only|besides|apart|yet|still"
    r"|otherwise)\b",
    re.IGNORECASE,
)
"""Of a sentence that has both, a reader is shown it."""
CONCEPTS = OF_TRAINING + OF_SYSTEMS
QUOTED = 3
FEWEST_WORDS = 4
_SPOKEN_OF = tuple(
    (rule, re.compile(words, re.IGNORECASE))
    for rule, words in (
        (
            "R2.4",
            r"\b(?:pre-?train\w*|weights|checkpoints?|initiali[sz]\w*|augment\w*|flips?|rotat\w+|turned|cropp?\w*"
            r"|other data|additional data|data sets?|curated|cleaned|subset)\b",
        ),
        (
            "R4.17",
            r"\b(?:tun(?:ed|ing)|search(?:ed)?|chosen|chose|selected|preferred|stayed with|`?test`? (?:split|set"
            r"|materials|samples|scores?))\b",
        ),
        (
            "R5.1",
            r"\b(?:optimi[sz]ers?|gradients?|momentum|adamw?|sgd|schedule|learning[- ]rate|weight[- ]decay"
            r"|loss(?: function)?"
            r"|smoothing|batch norm\w*|layers?|network's|architecture)\b",
        ),
        ("R5.3", r"\b(?:precision|bf16|fp\d+|float\d*|int8|bits?|quanti[sz]\w+|autocast|integers)\b"),
        ("R4.1", r"\b(?:evaluat\w+|validation|`?dev`?)\b"),
        (
            "R4.12",
            r"\b(?:left out|omitted|dropped|discarded|excluded|removed|abandoned|stopped|killed|aborted"
            r"|interrupt\w+|crash\w*"
            r"|repeated|again|re-?started|not (?:carried|continued|kept|shown|listed)|instead of|fastest|slowest"
            r"|luck\w*|best)\b",
        ),
        ("R3.5", r"\b(?:clocks?|timers?|paused?|suspended|frozen|snapshots?)\b"),
        (
            "R7.3",
            r"\b(?:(?:second|another|other|helper|separate|remote|extra) (?:\w+ )?(?:hosts?|machines?|nodes?"
            r"|computers?|servers?)"
            r"|tensor units?|npus?|tpus?|fpgas?|gpus?|accelerators?|co-?processors?)\b",
        ),
        ("R5.6", r"\b(?:power|watts?|energy|joules?|k?wh|meter|plug|fans)\b"),
        (
            "R6.1",
            r"\b(?:scales?|scaling|speed-?ups?|faster|quicker|slower|halves|record|accepted|approved|confirmed"
            r"|certified"
            r"|reviewed|verified|committee|award\w*|round)\b",
        ),
    )
)
"""What rules fix, by the rule, where a sentence speaks of it."""
_AS_IT_SHOULD_BE = re.compile(
    r"\b(?:fresh seed|operating system|whole `?dev`? ?\n?split|after every epoch|as (?:in )?the reference|reference's"
    r"|the reference\b|all runs|no (?:runs?|data|weights|gpus?|accelerators?|changes?)\b|nothing was|none of"
    r"|by the rules"
    r"|once the clock has stopped|read once|on the clock|is not (?:used|timed)|was not (?:measured|used|timed)"
    r"|without (?:a )?gpu|defaults?|ledger|from the seed|drawn from|from `?dev`? alone|on `?dev`?(?: alone| only)?$"
    r"|on the `?dev`? split alone|dev decided|(?:set|config|settings?) (?:in|of) `|`config\.yaml`|documentation"
    r"|dockerfile"
    r"|mean of|surrounds it|on disk|stemdl (?:data|validate|submit)|averaged over (?:the|both|all) ranks|urandom"
    r"|chrony|ntp|bios"
    r"|suppl(?:y|ies)|tdp|disabled|unused|as the task allows|as delivered|% of the time|needed one epoch more"
    r"|preprocessing, order of the samples|were not|are not|did not|was never|were never|never)\b",
    re.IGNORECASE,
)
"""What the packer writes, and what takes back; of these a reader is shown nothing."""


@check(
    "R6.1",
    *sorted({each.rule for each in CONCEPTS} | {rule for rule, _, _ in DEPARTURES}),
    of=ResultSet,
    ours_alone=True,
)
def prose_keeps_to_the_rules(results: ResultSet) -> Iterator[Fault]:
    """No sentence of prose, in any words or language that are known, departs from what the rules fix."""
    for file, text in texts(results) if results.read else ():
        for sentence in sentences(text):
            for rule, what, expected in _departures(results, sentence):
                yield Fault(
                    f"in words, {what}",
                    file=file,
                    found=shown(sentence),
                    expected=expected,
                    severity=Severity.WARNING,
                    rule=rule,
                )


def _departures(results: ResultSet, sentence: str) -> Iterator[tuple[str, str, str]]:
    if is_foreign(sentence):
        if found := departure(sentence):
            yield *found, "what the rules allow; the sentence is to be translated"
        return
    plain = in_digits(sentence)
    for concept in CONCEPTS:
        match = concept.departs.search(plain)
        if match is None or concept.unless.search(plain) or (not concept.denial and is_taken_back(plain, match)):
            continue
        if expected := concept.answer(results, match):
            yield concept.rule, concept.what, expected


@check("R6.1", *sorted({rule for rule, _ in _SPOKEN_OF}), of=ResultSet, ours_alone=True)
def prose_is_read_by_a_person(results: ResultSet) -> Iterator[Fault]:
    """Sentences on what the rules fix, of which the software cannot tell the meaning, are shown to the reviewer; those
    that depart from a rule are warned of already."""
    if not results.read or (results.scaling == WEAK and _beside(results)):
        return
    unread: dict[str, list[tuple[str, str]]] = {}
    for file, text in texts(results):
        for sentence in sentences(text):
            again = sentence in [each for _, each in unread.get(file, [])]
            if not again and (rule := _to_be_read(results, sentence)) and not any(_departures(results, sentence)):
                unread.setdefault(file, []).append((rule, sentence))
    for file, found in unread.items():
        many = len(found) > 1
        yield Fault(
            f"{len(found)} sentence{'s' * many} {TO_BE_READ}",
            file=file,
            found=" / ".join(sentence[:120] for _, sentence in found[:QUOTED]),
            expected="nothing that departs from this rule, or another one",
            severity=Severity.NOTE,
            rule=found[0][0],
        )


def _to_be_read(results: ResultSet, sentence: str) -> str:
    """The rule of which a sentence speaks, in words that are not known; empty where it speaks of none, or of what is as
    it should be."""
    if is_foreign(sentence):
        return "R6.1"
    if len(re.findall(r"[A-Za-z]{2,}", sentence)) < FEWEST_WORDS:
        return ""
    if _AS_IT_SHOULD_BE.search(sentence) and not _CONTRAST.search(sentence):
        return ""
    closed = any(log.closed for log in results.read)
    if not closed and not any(each.departs.search(in_digits(sentence)) for each in CONCEPTS):
        return ""
    spoken = ((rule, match) for rule, words in _SPOKEN_OF for match in words.finditer(sentence))
    return next((rule for rule, match in spoken if rule == "R4.12" or not is_taken_back(sentence, match)), "")


def _beside(results: ResultSet) -> bool:
    return (results.folder.parents[1] / STRONG / results.folder.name).is_dir()
