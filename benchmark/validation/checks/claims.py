"""What a submission says in words of its results, where the logs say it, or only others can."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from statistics import fmean

from benchmark.events import keys
from benchmark.events.power_log import NODES, power_logs
from benchmark.validation.checks.numerals import in_digits
from benchmark.validation.checks.texts import (
    DOCUMENTS,
    MOST_DOCUMENTS,
    MOST_LETTERS,
    SEPARATED,
    is_taken_back,
    sentences,
    texts,
)
from benchmark.validation.finding import Fault, Severity, shown
from benchmark.validation.registry import check
from benchmark.validation.subjects import ResultSet, Submission, TreeEntry, as_count, as_number
from benchmark.validation.told import ledger_of

AS_NEAR = 0.02
"""A figure in words is rounded: by so much, or to the digits that it has."""
LESS_POWER = 0.9
"""Of the mean of the run that drew least: so much a rounded figure may have, which is of one node or of all."""
_REVIEWED = re.compile(
    r"\b(verified|certified|approved|endorsed|audited|reviewed|begutachtet|geprüft|bestätigt|vérifié|certifié"
    r"|verificado)\b"
    r".{0,20}\bml(commons|perf)\b|\bml(commons|perf)\b.{0,20}\b(verified|certified|approved|endorsed|audited"
    r"|begutachtet"
    r"|geprüft|bestätigt|vérifié|certifié|verificado)\b",
    re.IGNORECASE,
)
_NUMBER = r"(?<![\w.,-])(\d[\d,]*(?:\.\d+)?)\s*"
_TIME = re.compile(rf"{_NUMBER}(s|secs?|seconds?|min|minutes?|h|hours?)\b(?!\s*(?:clock|cycle|timeout))", re.IGNORECASE)
_ENERGY = re.compile(rf"{_NUMBER}([km]?)(J|joules?|Wh)\b", re.IGNORECASE)
_POWER = re.compile(
    rf"{_NUMBER}([km]?)(?:W|[Ww]atts?)\b(?!\s*(?:cap|limit|supply|supplies|psu|tdp|charger|adapter|class))"
)
_BOUND = re.compile(
    r"\b(?:within|under|below|(?:less|fewer|no more) than|at most|up to)(?: (?:the|about|some))?\W*$", re.IGNORECASE
)
"""Before a figure that is more than all others, and so claims nothing."""
_RATE = re.compile(rf"{_NUMBER}(?:samples|images|imgs?)\s*(?:/|per)\s*s", re.IGNORECASE)
_OF_A_TIME = (
    r"time[ -]to[ -](?:train|solution|target)|(?:train|reache|converge|finishe)[sd]\b.{{0,30}}\b(?:in|within|after)"
    r"|\bscore\b|{rung}"
)
_OF_TRAINING = re.compile(
    r"\b(?:training|learning|(?:whole|entire|full|complete) run|(?:each|every|a|1) run)(?: itself| alone| here)?"
    r" (?:takes?|took|lasts?|lasted|needs?|needed|is (?:done|over|finished|through)|finishe[sd]|ends?|ended)\b",
    re.IGNORECASE,
)
_OF_ANOTHER_TIME = re.compile(
    r"generat|\bmak(?:e|ing)|\bdata\b|set ?up|install|stag(?:e|ing)|prepar|compil|queue|epoch|evaluat|timeout|wait"
    r"|limit",
    re.IGNORECASE,
)
_OF_AN_ENERGY = re.compile(r"energy|consum|per run|to train|used|took|measured", re.IGNORECASE)
_INCLUDED = re.compile(
    r",? ?\b(?:including|counting|with) (?:the )?(?:staging|evaluations?)\b|,? ?\b(?:and |the )*(?:staging"
    r"|evaluations?)"
    r"(?:,? and (?:the )?(?:staging|evaluations?))? (?:is |are |being )?(?:included|counted)",
    re.IGNORECASE,
)
"""What is on the clock in any case."""
_OF_A_DRAW = re.compile(
    r"\bdr(?:aws?|ew|awing)\b|consum|burn|dissipat|measured|\bat the (?:plug|wall|socket)|\bon average|\bmean\b"
    r"|under load"
    r"|\b(?:takes|took|needs|needed|uses|used)\b|while (?:it )?train|power (?:is|was|of)\b",
    re.IGNORECASE,
)
_OF_NO_DRAW = re.compile(
    r"\bcap(?:ped|s)?\b|limit|\brat(?:ed|ing)\b|\btdp\b|suppl|\bpsu\b|budget|name ?plate|\bidle|at most|up to|design"
    r"|\bmax"
    r"|cooling|\bfans?\b|governor|profile|envelope|\bswitch(?:es)?\b|interconnect",
    re.IGNORECASE,
)
"""Words of a sentence on what may be drawn, or is drawn by no run."""
_SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0}


@check("R6.1", of=ResultSet, ours_alone=True)
def no_review_is_claimed(results: ResultSet) -> Iterator[Fault]:
    """No description, README or document says that somebody else has verified the result: the review does."""
    for file, text in texts(results):
        for sentence in sentences(text):
            claim = _REVIEWED.search(sentence)
            if claim is None or is_taken_back(sentence, claim):
                continue
            yield Fault(
                "the submission says of itself that it was reviewed",
                file=file,
                expected="what the system is, or how the runs are made",
                found=shown(claim[0]),
                severity=Severity.WARNING,
            )


@check("R6.1", of=Submission)
def documents_are_read(submission: Submission) -> Iterator[Fault]:
    """Documents at the top, and those of implementations, are so few and so short that they are read to their ends."""
    documents = [each for each in submission.entries if _is_document(each)]
    at_the_top = [each for each in documents if "/" not in each.file]
    if submission.ours and len(at_the_top) > MOST_DOCUMENTS:
        yield Fault(
            "there are more documents at the top than are read",
            file=submission.file,
            expected=f"at most {MOST_DOCUMENTS}",
            found=str(len(at_the_top)),
            severity=Severity.WARNING,
        )
    for entry in documents if submission.ours else ():
        if entry.size > MOST_LETTERS:
            yield Fault(
                "the document is longer than is read",
                file=f"{submission.file}/{entry.file}",
                expected=f"at most {MOST_LETTERS} letters",
                found=f"{entry.size} bytes",
                severity=Severity.WARNING,
            )


def _is_document(entry: TreeEntry) -> bool:
    """Whether an entry is a text that is read: at the top, or of an implementation, where tables are read as well."""
    place, suffix = entry.file.partition("/")[0], PurePosixPath(entry.file).suffix.lower()
    of_code = place == "benchmarks" and suffix in (*DOCUMENTS, *SEPARATED)
    return entry.kind == "file" and (of_code or (place == entry.file and suffix in DOCUMENTS))


@check("R6.1", "R5.6", of=ResultSet, ours_alone=True)
def claims_are_of_the_logs(results: ResultSet) -> Iterator[Fault]:
    """A time to train, an energy, a power or samples/s that a description or a README tells in words are those of the
    logs."""
    if not results.read:
        return
    times = [each for log in results.read if (each := log.timeline.time_to_train_seconds) is not None]
    longest = max(times, default=0.0)
    ledger = ledger_of(results)
    tried = [run.seconds for run in (ledger.runs if ledger is not None else ()) if run.seconds]
    trained = min((each for log in results.read if (each := log.timeline.train_seconds)), default=0.0)
    times += [sum(times), fmean(times), fmean(sorted(times)[1:-1] or times)] if times else []
    rates = [rate for log in results.read for event in log.of(keys.TRACKED_STATS) if (rate := _rate(event.value))]
    measured = any(power_logs(log.path, NODES) for log in results.read)
    records = [(log.record.values if log.record is not None else None) or {} for log in results.read]
    energies = [energy for record in records if (energy := as_number(record.get("energy_joules")))]
    least = min(_powers(results), default=0.0)
    energies += [fmean(energies), sum(energies)] if energies else []
    of_a_time = re.compile(_OF_A_TIME.format(rung=re.escape(results.benchmark)), re.IGNORECASE)
    for file, text in texts(results):
        for sentence in map(in_digits, sentences(text)):
            sentence = _INCLUDED.sub("", sentence)
            is_of_the_clock = of_a_time.search(sentence) and not _OF_ANOTHER_TIME.search(sentence)
            for match in _TIME.finditer(sentence) if is_of_the_clock else ():
                unit = _SECONDS[match[2][0].lower()]
                bounds = _BOUND.search(sentence[: match.start()]) and _number(match) * unit >= longest
                if times and not bounds and not _is_near(match, unit, times + tried):
                    yield _claim(file, sentence, f"{min(times):.1f} to {max(times):.1f} s, of a run or of all")
            of_training = (
                _OF_TRAINING.search(sentence) and not is_of_the_clock and not _OF_ANOTHER_TIME.search(sentence)
            )
            for match in _TIME.finditer(sentence) if of_training else ():
                if _number(match) * _SECONDS[match[2][0].lower()] < (1 - AS_NEAR) * trained:
                    yield _claim(file, sentence, f"{trained:.1f} s or more, without evaluations")
            for match in _ENERGY.finditer(sentence) if _OF_AN_ENERGY.search(sentence) else ():
                unit = {"k": 1e3, "m": 1e6, "": 1.0}[match[2].lower()] * (3600.0 if match[3].lower() == "wh" else 1.0)
                if not measured or not _is_near(match, unit, energies):
                    yield _claim(file, sentence, f"{min(energies):.0f} J" if energies else "none: no power log", "R5.6")
            draws = _OF_A_DRAW.search(sentence) and not _OF_NO_DRAW.search(sentence)
            for match in _POWER.finditer(sentence) if draws else ():
                watts = _number(match) * {"k": 1e3, "m": 1e6, "": 1.0}[match[2].lower()]
                if not measured or watts < LESS_POWER * least:
                    yield _claim(file, sentence, f"{least:.0f} W or more" if measured else "none: no power log", "R5.6")
            for match in _RATE.finditer(sentence):
                if rates and not 0.9 * min(rates) <= _number(match) <= 1.1 * max(rates):
                    yield _claim(file, sentence, f"{min(rates):.1f} to {max(rates):.1f} samples/s")


def _powers(results: ResultSet) -> Iterator[float]:
    """The mean power of a node in each run."""
    for log in results.read:
        energy = as_number(((log.record.values if log.record is not None else None) or {}).get("energy_joules"))
        seconds, nodes = log.timeline.time_to_train_seconds, as_count(log.value(keys.NUMBER_OF_NODES))
        if energy and seconds:
            yield energy / seconds / (nodes or 1)


def _claim(file: str, sentence: str, expected: str, rule: str = "R6.1") -> Fault:
    return Fault(
        "a figure of the results in words is not what the logs say",
        file=file,
        found=shown(sentence),
        expected=expected,
        severity=Severity.WARNING,
        rule=rule,
    )


def _number(match: re.Match[str]) -> float:
    return float(match[1].replace(",", ""))


def _is_near(match: re.Match[str], unit: float, values: list[float]) -> bool:
    last = 10.0 ** -len(match[1].partition(".")[2])
    return any(abs(_number(match) * unit - each) <= max(AS_NEAR * each, last * unit) for each in values)


def _rate(stats: object) -> float | None:
    return as_number(stats.get(keys.THROUGHPUT)) if isinstance(stats, dict) else None
