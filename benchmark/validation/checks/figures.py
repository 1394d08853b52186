"""Figures of the results that a submission tells in words: epochs, scores, models in an hour."""

from __future__ import annotations

import re
from collections.abc import Iterator
from statistics import fmean

from benchmark.definition.goal import AT_LEAST
from benchmark.events import keys
from benchmark.validation.checks.numerals import in_digits
from benchmark.validation.checks.texts import is_taken_back, sentences, texts
from benchmark.validation.finding import Fault, Severity, shown
from benchmark.validation.registry import check
from benchmark.validation.subjects import WEAK, ResultSet, as_number
from benchmark.validation.told import ledger_of

AS_NEAR = 0.05
"""Models in an hour are rounded, or by the mean of a run's time."""
_EPOCHS = re.compile(
    r"\b(?:reach|converg|finish|done|stop|train|target|need|take|took)\w*\b[^.;]{0,40}?\b(?:in|after|within|needs?"
    r"|takes?"
    r"|took|needed|for) (?:only |just |about )?(?P<epochs>\d+(?:\.\d+)?)(?:(?:,| to| or| and"
    r"|-) ?\d+(?:\.\d+)?)* epochs?\b",
    re.IGNORECASE,
)
_OF_OTHER_EPOCHS = re.compile(
    r"at most|up to|max|schedul|interrupt|crash|abort|warm|limit|allowed|longest|decay|earlier|other|tried|first|slow",
    re.IGNORECASE,
)
_MODELS = re.compile(
    r"(?<![\w.,-])(?P<models>\d[\d,]*(?:\.\d+)?) (?:\w+ )?(?:models?|networks?)(?: \w+)?(?: ?/ ?| (?:in "
    r"|per )?(?:an? |one |1 )?)"
    r"(?P<unit>h|hour|minute|min|day)\b",
    re.IGNORECASE,
)
_SECONDS = {"h": 3600.0, "m": 60.0, "d": 86400.0}
_SCORE = {
    True: r"\b(?:macro-?)?(?:f1|f-?score|accurac\w+)\b",
    False: r"\berrors?\b",
}
_VALUE = r"[^.;\d]{0,30}?(?:of|is|are|was|were|at|to|reach\w*|:|=|and|,|between|from) (?:about |only |just )?"
_FIGURE = (
    r"(?<![\w.])(\d{1,3}(?:\.\d+)?)(?: ?(%|percent))?"
    r"(?!\w|\.\d| ?(?:m?s|[kmg]i?b|w|k?j|k|[mg]hz|px|degrees?|x|times)\b)"
)
_OF_ANOTHER_SCORE = re.compile(
    r"\btrain(?:ing)?[- ](?:set|split|score|f1|accuracy|error)|vary|varie|differ|deviat|spread|decay|rate|smoothing"
    r"|\u00b1|\+-"
    r"|margin|uncertain|standard|class|group|per |top-|best |other|tried|bars?\b|rounding|clock|latency|all-reduce"
    r"|bound|averag|momentum|beta|learning"
    r"|share|efficien|memory|confiden|goal|recorded|reference|published",
    re.IGNORECASE,
)
"""Words of a sentence on a score of something else, or on how much one varies."""


@check("R6.1", of=ResultSet, ours_alone=True)
def figures_in_words_are_logged(results: ResultSet) -> Iterator[Fault]:
    """Epochs to the target, scores and models in an hour, where told in words, are not better than the logs'."""
    for file, text in texts(results) if results.read else ():
        for sentence in sentences(text):
            plain = in_digits(sentence)
            for expected in (*_epochs(results, plain), *_scores(results, plain), *_models(results, plain)):
                yield Fault(
                    "a figure of the results in words is better than those of the logs",
                    file=file,
                    found=shown(sentence),
                    expected=expected,
                    severity=Severity.WARNING,
                )


def _epochs(results: ResultSet, sentence: str) -> Iterator[str]:
    match = _EPOCHS.search(sentence)
    if match is None or _OF_OTHER_EPOCHS.search(sentence) or is_taken_back(sentence, match):
        return
    ledger = ledger_of(results)
    known = [epochs for log in results.read if (epochs := log.timeline.epochs)]
    known += [run.epochs for run in (ledger.runs if ledger is not None else ()) if run.ended and run.epochs]
    if known and float(match["epochs"]) < min(known):
        yield f"{min(known)} to {max(known)} epochs, as the logs say"


def _scores(results: ResultSet, sentence: str) -> Iterator[str]:
    """Scores are better where they are above, or below, all that any log has, by their own digits."""
    goal = results.standard.goal if results.standard is not None else None
    if goal is None or _OF_ANOTHER_SCORE.search(sentence):
        return
    upwards = goal.reaches == AT_LEAST
    known = [value for log in results.read for value in _logged(log.of(goal.log_key) + log.of(goal.test_key))]
    known += [value for log in results.read for event in log.of(keys.TEST_BY_PART) for value in _numbers(event.value)]
    known.append(goal.target)
    begins = re.search(_SCORE[upwards] + _VALUE, sentence, re.IGNORECASE)
    if begins is None:
        return
    for match in re.finditer(_FIGURE, sentence[begins.start() :], re.IGNORECASE):
        by = 100.0 if match[2] else 1.0
        if match[2] and sentence[begins.end() :].strip() and match.start() + begins.start() > begins.end():
            continue  # a share of something else
        told, last = float(match[1]) / by, 10.0 ** -len(match[1].partition(".")[2]) / by
        if not ("." in match[1] or match[2]) or not (goal.low is None or goal.low <= told):
            continue
        if goal.high is not None and told > goal.high:
            continue
        if told > max(known) + last if upwards else told < min(known) - last:
            yield f"{max(known) if upwards else min(known):.4g} at best, as the logs say"
            return


def _logged(events: list) -> list[float]:
    return [value for event in events if (value := as_number(event.value)) is not None]


def _numbers(value: object) -> Iterator[float]:
    if isinstance(value, dict):
        for each in value.values():
            yield from _numbers(each)
    elif (number := as_number(value)) is not None:
        yield number


def _models(results: ResultSet, sentence: str) -> Iterator[str]:
    """Of weak scaling by the first start and the last stop of all; without it, of runs one after another."""
    match = _MODELS.search(sentence)
    if match is None or is_taken_back(sentence, match):
        return
    is_weak = results.scaling == WEAK
    if not is_weak and (results.folder.parents[1] / WEAK / results.folder.name).is_dir():
        return  # the set of weak scaling is held to it
    times = [log.timeline.time_to_train_seconds for log in results.read]
    starts = [start for log in results.read if (start := log.timeline.run_start_ms) is not None]
    stops = [stop for log in results.read if (stop := log.timeline.run_stop_ms) is not None]
    if not starts or not stops or not (known := [each for each in times if each]):
        return
    seconds = (max(stops) - min(starts)) / 1000 / len(results.read) if is_weak else fmean(known)
    if seconds <= 0:
        return
    most = _SECONDS[match["unit"][0].lower()] / (seconds if is_weak else min(known))
    if float(match["models"].replace(",", "")) > (1 + AS_NEAR) * most:
        yield f"at most {most:.4g}, as the logs say"
