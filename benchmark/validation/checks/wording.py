"""What a submission says in words of how its runs were made, where a rule forbids it or the logs say otherwise."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from benchmark.events import keys
from benchmark.launch.load import is_busy
from benchmark.submission.run_record import facts_of
from benchmark.validation.checks.placement import cpus_of_hosts
from benchmark.validation.checks.system import count_of
from benchmark.validation.checks.texts import in_digits, sentences, texts
from benchmark.validation.finding import Fault, Severity, shown
from benchmark.validation.registry import check
from benchmark.validation.subjects import ResultSet
from benchmark.validation.told import ledger_of

BEFORE = 40
"""Letters before a claim, or within it, in which a "no" takes it back."""
_NOT = re.compile(r"\b(?:no|not|none|never|nor|neither|without|nothing|isn't|wasn't|weren't|cannot)\b", re.IGNORECASE)
_MANY = r"(?:\d+|many|several|more)"
_TRIES = r"(?:runs?|sets?|seeds?|attempts?|tries|trials|repetitions?|launches)"
LEFT_BY_THE_RUN_BEFORE = 1.5
"""The load average, by core, that the run before may have left behind, which the kernel forgets in minutes."""
PRECISIONS: Mapping[str, str] = {
    "bf16": r"bf-?16|bfloat-?16",
    "fp16": r"fp-?16|float-?16|half[- ]precision",
    "fp8": r"fp-?8|float-?8",
    "fp64": r"fp-?64|float-?64|double[- ]precision",
    "fp32": r"fp-?32|float-?32|single[- ]precision",
}


@dataclass(frozen=True)
class Wording:
    """A claim of one kind.

    Attributes
    ----------
    rule, what : that it breaks, and what it says.
    says : the claim, in a sentence whose number words are digits.
    expected : what the rule asks for, or what the logs say; empty where the claim may be true.
    """

    rule: str
    what: str
    says: re.Pattern[str]
    expected: Callable[[ResultSet, re.Match[str]], str]


def _forbidden(text: str) -> Callable[[ResultSet, re.Match[str]], str]:
    return lambda results, match: text


def _chosen(results: ResultSet, match: re.Match[str]) -> str:
    """The best of what is submitted may be told."""
    told = [int(each) for each in re.findall(r"\d+", match[0])]
    most = 1 if re.search(r"\bsets?\b", match[0], re.IGNORECASE) else len(results.logs) + len(results.pruned)
    return "all runs, one after another (R4.12)" if not told or max(told) > most else ""


def _left_out(results: ResultSet, match: re.Match[str]) -> str:
    """Runs that the ledger has are left out in the open, as the fastest and the slowest are of the mean."""
    ledger = ledger_of(results)
    told = ledger is not None and len(ledger.runs) > len(results.logs) + len(results.pruned)
    of_the_mean = re.search(r"\bslowest\b", match.string, re.IGNORECASE)
    return "" if told or of_the_mean else "all runs, in the ledger"


def _not_resumed(results: ResultSet, _: re.Match[str]) -> str:
    resumed = any(log.of(keys.RESUMED) for log in results.read)
    return "" if resumed else f"the event {keys.RESUMED} in that run's log"


def _other_precision(results: ResultSet, match: re.Match[str]) -> str:
    """Weights may be kept, and numbers summed, in more bits than the network computes with."""
    logged = {str(log.settings().get("precision")) for log in results.read}
    said = {name for name, words in PRECISIONS.items() if re.search(words, match[0], re.IGNORECASE)} - {"fp32"}
    if said == {"fp64"} and not re.search("train", match[0], re.IGNORECASE):
        return ""
    return f"precision {', '.join(sorted(logged))}, as the logs say" if said and not said & logged else ""


def _kept_caches(results: ResultSet, _: re.Match[str]) -> str:
    kept = [log for log in results.read if log.value(keys.CACHE_CLEAR) is False]
    return f"{keys.CACHE_CLEAR} true, and not false as in {kept[0].path.name}" if kept else ""


def _on_cpus(results: ResultSet, _: re.Match[str]) -> str:
    told = [log.value(keys.ACCELERATORS_PER_NODE) for log in results.read]
    return f"{keys.ACCELERATORS_PER_NODE} 0, as the logs say" if told and all(each == 0 for each in told) else ""


def _busy(results: ResultSet, _: re.Match[str]) -> str:
    for log in results.read:
        load = facts_of(log.timeline, log.goal.test_key)["load"]
        if load and (is_busy(load) or load["average"] > LEFT_BY_THE_RUN_BEFORE * load["given"]):
            return f"other programs, as the load in {log.path.name} says: {shown(load)}"
    return ""


def _other_cores(results: ResultSet, match: re.Match[str]) -> str:
    used = {sum(map(len, cpus_of_hosts(log).values())) for log in results.read} - {0}
    values = (results.system.values if results.system is not None else None) or {}
    cores, threads = (count_of(values.get(f"host_processor_{name}_count")) for name in ("core", "vcpu"))
    fits = {int(match["used"]), int(match["used"]) * (threads or 1) // (cores or 1)} & used
    return f"{', '.join(map(str, sorted(used)))} CPUs, as {keys.PLACEMENT} says" if used and not fits else ""


def _is_part(results: ResultSet, match: re.Match[str]) -> str:
    samples = results.standard.samples if results.standard is not None else {}
    whole = {str(count) for count in samples.values()}
    return "" if set(re.findall(r"\d+", match[0])) & whole else "the whole split, after every epoch"


def _given(results: ResultSet, match: re.Match[str]) -> str:
    drawn = re.search(r"operating system|urandom|entropy|random", match.string, re.IGNORECASE)
    return "" if drawn else "a seed of the operating system for each run"


def _claim(rule: str, what: str, says: str, expected: Callable[[ResultSet, re.Match[str]], str]) -> Wording:
    return Wording(rule, what, re.compile(says, re.IGNORECASE), expected)


WORDINGS = (
    _claim(
        "R4.5",
        "the runs were chosen from more",
        rf"\b(?:best|fastest|quickest|top|shortest)\b(?:\W+\w+){{0,3}}?\W+(?:of|among|from)\W+"
        rf"(?:(?:the|a|about|some|over|more than|our) )*{_MANY}\W+(?:\w+\W+){{0,2}}?{_TRIES}\b"
        rf"|\bof (?:(?:the|about|some|our) )*{_MANY}\W+{_TRIES}\b.{{0,40}}\b(?:best|fastest|quickest)\b"
        rf"|\b\d+ {_TRIES} (?:were|was|have been) (?:tried|made|run)\b.{{0,40}}\b(?:best|fastest|luck\w+|these)\b"
        r"|\bluck(?:y|iest)\b|\bcherry-?picked\b",
        _chosen,
    ),
    _claim(
        "R4.12",
        "other runs were kept out",
        rf"\b{_TRIES} (?:were|was|are|is|have been) (?:later )?(?:dropped|removed|deleted|repeated until)\b"
        rf"|\b{_TRIES}(?: (?!that\b|which\b|and\b)\w+){{0,8}}? (?:left out|omitted|discarded|thrown away"
        r"|not (?:listed|reported|counted|in the ledger|recorded)|(?:outside|beside) (?:of )?(?:the|this) ledger"
        r"|in (?:another|other) (?:ledger|folder)s?)\b",
        _left_out,
    ),
    _claim(
        "R2.4",
        "the network did not start from nothing",
        r"\bpre-?train(?:ed|ing)\b|\bfine-?tun(?:ed|ing)\b|\bwarm[- ]start|\btransfer(?:red)? learning\b|\bdistill\w*\b"
        r"|\b(?:weights|checkpoint|parameters)\b.{0,40}\b(?:of|from|by|in) (?:an?|the|our|some) (?:earlier|previous"
        r"|prior|former|longer|public|published)\b",
        _forbidden("weights that the seed draws"),
    ),
    _claim(
        "R2.4",
        "other data were trained on",
        r"\b(?:train|learn|fit)\w*\b.{0,20}\b(?:on|with|from) (?:the |`)*(?:dev|test|validation|held-out)\b"
        r"|\b(?:dev|test|validation)\b.{0,20}\b(?:added to|merged into|part of|included in)\b.{0,15}\btrain"
        r"|\b(?:train|learn|add|augment)\w*\b.{0,40}\b(?:further|additional|extra|external|other|real) "
        r"(?:data|samples|materials|crystals|structures|patterns)\b",
        _forbidden("the rung's train split alone"),
    ),
    _claim(
        "R2.4",
        "the training had other augmentation",
        r"\bmix-?up\b|\bcut-?mix\b|\bcut-?out\b|\brandom eras\w+|\b(?:augment\w*|train\w* (?:used|uses|with|had|by))\b"
        r".{0,60}\b(?:rotat\w+|crop\w*|jitter\w*|noise|warp\w*|shear\w*)\b",
        _forbidden("the augmentation that the task allows"),
    ),
    _claim(
        "R4.4",
        "a run was begun again from what it had learned",
        r"\b(?:re-?started|resumed|went on|continued|picked up|recovered)\b.{0,40}\b(?:from|after|at)\b.{0,40}"
        r"\b(?:checkpoint|epoch|crash\w*|interrupt\w*|restarted|failure)\b",
        _not_resumed,
    ),
    _claim(
        "R4.17",
        "something was chosen by the test split",
        r"\b(?:chosen|tuned|select\w*|picked|optimi[sz]ed|decided|stopp\w*)\b.{0,40}\b(?:by|on|with|for|from)\b.{0,15}"
        r"\btest[- ](?:scores?|split|set|accuracy|f1|errors?|samples|materials)\b",
        _forbidden("the dev split alone"),
    ),
    _claim(
        "R4.1",
        "not the whole split was evaluated, or not after each epoch",
        r"\b(?:evaluat|validat)\w*\b.{0,60}\b(?:half|third|quarter|tenth|part|sample|subset|fraction|\d+ ?%"
        r"|\d+ (?:random )?(?:samples|materials)) (?:of|from) (?:the |`)*(?:dev|test|valid|split|samples|material)"
        r"|\b(?:evaluat|validat)\w*\b.{0,60}\b(?:every|each) (?:second|third|other|\d+\w*|few) epochs?\b"
        r"|\b(?:evaluat|validat)\w*\b.{0,40}\b(?:only|once) (?:at the end|after the last)\b",
        _is_part,
    ),
    _claim(
        "R5.3",
        "the runs computed in another precision",
        rf"\b(?:train|comput|run|ran|autocast|forward)\w*\b.{{0,50}}\b(?:{'|'.join(PRECISIONS.values())})\b"
        rf"|\b(?:{'|'.join(PRECISIONS.values())})\b.{{0,30}}\b(?:train|comput|throughout|autocast)\w*",
        _other_precision,
    ),
    _claim(
        "R3.4",
        "caches were dropped",
        r"\b(?:dropp?|clear|flush|empti|purg)(?:ed|s)?\b.{0,30}\bcaches?\b|\bcold caches?\b"
        r"|\bcaches?\b.{0,30}\b(?:dropped|cleared|flushed|emptied|purged|cold)\b",
        _kept_caches,
    ),
    _claim(
        "R3.10",
        "the machine was free",
        r"\b(?:did|doing|had) nothing else\b|\b(?:idle|unloaded|exclusive(?:ly)?|undisturbed)\b"
        r"|\bno (?:other|further) (?:jobs?|programs?|users?|processes|load)\b"
        r"|\bnothing else (?:ran|was running|to do)\b",
        _busy,
    ),
    _claim(
        "R7.3",
        "the runs had other cores",
        r"\bruns?\b.{0,20}\b(?:on|had|used|took|bound to|given) (?:only |just |all )?(?P<used>\d{1,6}) "
        r"(?:of (?:the |its )?(?:\d{1,6} )?)?(?:physical |logical )?(?:cores?|cpus?)\b",
        _other_cores,
    ),
    _claim(
        "R7.4",
        "the runs were on accelerators",
        r"\b(?:nvidia|tesla|geforce|instinct|radeon|[ahbv]\d00s?x?|gh200|gb[23]00|mi\d{3}[ax]?|rtx ?\d{4}|l40s?"
        r"|tpus?)\b",
        _on_cpus,
    ),
    _claim(
        "R4.2",
        "the seeds were given",
        r"\bseeds?\b.{0,30}\b(?:of ours|by hand|given|fixed|chosen|selected|picked|tried|searched|set to"
        r"|(?:are|were) \d+(?:,| to| and)|\d+ (?:to|,|and|through|\.\.) ?\d+)",
        _given,
    ),
)
"""Each is written so that what honest submitters say, in `test_wording.py`, is none."""


@check("R6.1", *sorted({each.rule for each in WORDINGS}), of=ResultSet, ours_alone=True)
def words_fit_rules_and_logs(results: ResultSet) -> Iterator[Fault]:
    """What notes, READMEs, documents and comments say of the runs is allowed, and is what the logs say."""
    for file, text in texts(results) if results.read else ():
        for sentence in sentences(text):
            plain = in_digits(sentence)
            for wording in WORDINGS:
                match = wording.says.search(plain)
                if match is None or _is_taken_back(plain, match):
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


def _is_taken_back(sentence: str, match: re.Match[str]) -> bool:
    """Whether the claim is denied; a "not" that is itself claimed, as in "not listed", is not that."""
    before = sentence[max(0, match.start() - BEFORE) : match.start()]
    inside = re.sub(
        r"\bnot (?:listed|reported|counted|in the|recorded)\b|\bno (?:other|further)\b|nothing else", "", match[0]
    )
    return bool(_NOT.search(before.rpartition(",")[2]) or _NOT.search(inside))
