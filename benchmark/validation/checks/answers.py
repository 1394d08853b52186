"""What rules ask for and logs say against a claim in words; empty where the claim may be true."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Mapping

from benchmark.events import keys
from benchmark.launch.load import is_busy
from benchmark.submission.ledger import LEDGER
from benchmark.submission.run_record import facts_of
from benchmark.validation.checks.placement import cpus_of_hosts
from benchmark.validation.checks.search import tried_otherwise
from benchmark.validation.checks.system import count_of
from benchmark.validation.finding import shown
from benchmark.validation.subjects import STRONG, ResultSet
from benchmark.validation.told import ledger_of, run_of

Answer = Callable[[ResultSet, re.Match[str]], str]
LEAST_REST_MS = 10_000
"""Between two runs with a boot in between: no machine starts its system and a program in less."""
AS_NEAR = 0.05
"""A clock in words is that of a description, or a rest that of the ledger, but for so much."""
LEFT_BY_THE_RUN_BEFORE = 1.5
"""The load average, by core, that the run before may have left behind, which the kernel forgets in minutes."""
_SECOND_THREADS = re.compile(r"\b(?:siblings?|hyper-?threads?|second threads?)\b", re.IGNORECASE)

PRECISIONS: Mapping[str, str] = {
    "bf16": r"bf-?16|bfloat-?16",
    "fp16": r"fp-?16|float-?16|half[- ]precision",
    "fp8": r"fp-?8|float-?8",
    "fp64": r"fp-?64|float-?64|double[- ]precision",
    "fp32": r"fp-?32|float-?32|single[- ]precision",
}


def forbidden(text: str) -> Answer:
    """The same for all sets."""
    return lambda results, match: text


def chosen(results: ResultSet, match: re.Match[str]) -> str:
    """The best of what is submitted may be told."""
    told = [int(each) for each in re.findall(r"\d+", match[0])]
    most = 1 if re.search(r"\bsets?\b", match[0], re.IGNORECASE) else len(results.logs) + len(results.pruned)
    return "all runs, one after another (R4.12)" if not told or max(told) > most else ""


def left_out(results: ResultSet, match: re.Match[str]) -> str:
    """Runs that the ledger has are left out in the open, as the fastest and the slowest are of the mean."""
    ledger = ledger_of(results)
    told = ledger is not None and len(ledger.runs) > len(results.logs) + len(results.pruned)
    of_the_mean = re.search(r"\bslowest\b", match.string, re.IGNORECASE)
    return "" if told or of_the_mean else "all runs, in the ledger"


def not_resumed(results: ResultSet, _: re.Match[str]) -> str:
    """A resumed run says so in its log."""
    resumed = any(log.of(keys.RESUMED) for log in results.read)
    return "" if resumed else f"the event {keys.RESUMED} in that run's log"


def other_precision(results: ResultSet, match: re.Match[str]) -> str:
    """Weights may be kept, and numbers summed, in more bits than the network computes with."""
    logged = {str(log.settings().get("precision")) for log in results.read}
    said = {name for name, words in PRECISIONS.items() if re.search(words, match[0], re.IGNORECASE)} - {"fp32"}
    if said == {"fp64"} and not re.search("train", match[0], re.IGNORECASE):
        return ""
    return f"precision {', '.join(sorted(logged))}, as the logs say" if said and not said & logged else ""


def kept_caches(results: ResultSet, _: re.Match[str]) -> str:
    """The logs say whether caches were dropped."""
    kept = [log for log in results.read if log.value(keys.CACHE_CLEAR) is False]
    return f"{keys.CACHE_CLEAR} true, and not false as in {kept[0].path.name}" if kept else ""


def on_cpus(results: ResultSet, _: re.Match[str]) -> str:
    """The logs count no accelerators."""
    told = [log.value(keys.ACCELERATORS_PER_NODE) for log in results.read]
    return f"{keys.ACCELERATORS_PER_NODE} 0, as the logs say" if told and all(each == 0 for each in told) else ""


def busy(results: ResultSet, match: re.Match[str]) -> str:
    """The load of a log, where it is that of other programs; the second threads of cores may be idle all the same."""
    if _SECOND_THREADS.search(match.string[: match.start()][-40:]):
        return ""
    for log in results.read:
        load = facts_of(log.timeline, log.goal.test_key)["load"]
        if load and (is_busy(load) or load["average"] > LEFT_BY_THE_RUN_BEFORE * load["given"]):
            return f"other programs, as the load in {log.path.name} says: {shown(load)}"
    return ""


def other_cores(results: ResultSet, match: re.Match[str]) -> str:
    """The CPUs of the placement."""
    used = {sum(map(len, cpus_of_hosts(log).values())) for log in results.read} - {0}
    values = (results.system.values if results.system is not None else None) or {}
    cores, threads = (count_of(values.get(f"host_processor_{name}_count")) for name in ("core", "vcpu"))
    fits = {int(match["used"]), int(match["used"]) * (threads or 1) // (cores or 1)} & used
    return f"{', '.join(map(str, sorted(used)))} CPUs, as {keys.PLACEMENT} says" if used and not fits else ""


def is_part(results: ResultSet, match: re.Match[str]) -> str:
    """The numbers of samples that the splits have may be told."""
    samples = results.standard.samples if results.standard is not None else {}
    whole = {str(count) for count in samples.values()}
    return "" if set(re.findall(r"\d+", match[0])) & whole else "the whole split, after every epoch"


def given(results: ResultSet, match: re.Match[str]) -> str:
    """Seeds may be given by the operating system."""
    drawn = re.search(r"operating system|urandom|entropy|random", match.string, re.IGNORECASE)
    return "" if drawn else "a seed of the operating system for each run"


def elsewhere(_: ResultSet, match: re.Match[str]) -> str:
    """Logs and submissions may be validated anywhere."""
    of_logs = re.search(r"\blogs?\b|submission|stemdl validate|\bdata\b.*\bvalidat", match.string, re.IGNORECASE)
    return "" if of_logs else "the nodes of the description, which train and evaluate"


def of_a_review(_: ResultSet, match: re.Match[str]) -> str:
    """Objections may be asked for, and to come."""
    to_come = re.search(r"\b(?:may|can|please|will|until|should|must|not yet|are asked)\b", match.string, re.IGNORECASE)
    return "" if to_come else "nothing: a submission is reviewed after it was made"


def no_rest(results: ResultSet, match: re.Match[str]) -> str:
    """What the ledger leaves between a run and the next one."""
    if re.search(r"\b(?:days?|weeks?|months?) (?:before|earlier)\b", match.string, re.IGNORECASE):
        return ""
    ledger = ledger_of(results)
    runs = [run for log in results.read if ledger is not None and (run := run_of(ledger, log)) is not None]
    runs = sorted((run for run in runs if run.started_ms is not None), key=lambda run: run.started_ms or 0)
    gaps = [
        after.started_ms - before.ended_ms
        for before, after in itertools.pairwise(runs)
        if before.ended_ms is not None and after.started_ms is not None
    ]
    unit = {"s": 1000, "m": 60_000, "h": 3_600_000}[(match["unit"] or "s")[0].lower()]
    asked = (1 - AS_NEAR) * float(match["rest"]) * unit if match["rest"] else LEAST_REST_MS
    if not gaps or min(gaps) >= asked or results.scaling != STRONG:
        return ""
    return f"what {LEDGER} has: {max(0, min(gaps)) / 1000:.3g} s from the end of a run to the next one's start"


def trained_before(_: ResultSet, match: re.Match[str]) -> str:
    """Weights may come from the seed, and from a run's own checkpoint for its test."""
    own = re.search(
        r"\bseeds?\b|random|drawn|zero|test split|averag|resum|same run|its own", match.string, re.IGNORECASE
    )
    return "" if own else "weights that the seed draws"


def tuned(results: ResultSet, match: re.Match[str]) -> str:
    """The ledger's runs that were tuned otherwise, or settings that are not the defaults."""
    if re.search(r"\btest\b|\b(?:other|remaining|rest|further|more) ", match.string, re.IGNORECASE):
        return ""
    tried = tried_otherwise(results)
    if tried:
        return f"{len(tried)} runs with other tuned settings, as {LEDGER} says"
    settings = results.standard.settings if results.standard is not None else {}
    if re.search(r"\ball\b.*\bdefaults?\b", match.string, re.IGNORECASE):
        for name in results.standard.tunable if results.standard is not None else ():
            for log in results.read:
                if name in settings and name in log.settings() and log.settings()[name] != settings[name].default:
                    return f"{name} {shown(log.settings()[name])}, where the default is {shown(settings[name].default)}"
    return ""


def simulated(_: ResultSet, match: re.Match[str]) -> str:
    """A comparison with measured patterns is none of them."""
    other = re.search(
        r"simulat|as if|\b(?:like|instead|later|future|unlike|would|energy|power|plug|loss(?:es)?|times?|clock"
        r"|throughput|rates?)\b",
        match.string,
        re.IGNORECASE,
    )
    return "" if other else "simulated ones, as the rung's recipe makes them"


def other_clock(results: ResultSet, match: re.Match[str]) -> str:
    """The clocks of the description, of which the lowest and the highest bound the others."""
    if re.search(
        r"memory|\bd?dr?ram\b|ddr|hbm|gpu|accelerator|\bbus\b|fabric|uncore|mesh", match.string, re.IGNORECASE
    ):
        return ""
    values = (results.system.values if results.system is not None else None) or {}
    described = str(values.get("host_processor_frequency", ""))[:1000]
    known = [_hertz(*each) for each in re.findall(r"(\d{1,9}(?:\.\d{1,9})?) ?([mg])hz\b", described, re.IGNORECASE)]
    told = _hertz(match["clock"] or match["clock2"], match["prefix"] or match["prefix2"])
    near = known and (1 - AS_NEAR) * min(known) <= told <= (1 + AS_NEAR) * max(known)
    return f"{described}, as host_processor_frequency says" if known and not near else ""


def _hertz(number: str, prefix: str) -> float:
    return float(number) * (1e9 if prefix in "gG" else 1e6)


def other_classes(results: ResultSet, match: re.Match[str]) -> str:
    """Those that the rung's metric tells apart."""
    classes = results.standard.classes if results.standard is not None else 0
    said = {int(each) for each in re.findall(r"\d{1,9}", match.string)}
    return f"{classes}, as the rung has" if classes and classes not in said else ""


def fewer_runs(results: ResultSet, match: re.Match[str]) -> str:
    """All that the ledger has, and all that is submitted; nothing but more than these is a claim."""
    ledger = ledger_of(results)
    if ledger is None:
        return ""
    submitted = len(list(results.folder.parents[3].glob("results/*/*/*/**/result_*.txt")))
    told = int(match["runs"] or match["ours"])
    return f"{len(ledger.runs)}, as {LEDGER} says" if told > max(len(ledger.runs), submitted) else ""
