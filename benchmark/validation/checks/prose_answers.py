"""What logs and descriptions say against a sentence that departs from them; empty where it may be true."""

from __future__ import annotations

import re

from benchmark.events import keys
from benchmark.validation.checks.answers import PRECISIONS
from benchmark.validation.checks.lexicon import DONE
from benchmark.validation.checks.system import count_of
from benchmark.validation.subjects import ResultSet, as_count

LEAST_WATTS_OF_A_SERVER = 20.0
"""Of the package of a server's processor, which draws more where it only waits."""
_OF_A_SERVER = re.compile(
    r"\b(?:epyc|xeon|opteron|power ?\d+|a64fx|graviton|altra|grace|neoverse|thunderx\w*|kunpeng)\b", re.IGNORECASE
)


def trained_on(results: ResultSet, match: re.Match[str]) -> str:
    """A run that went on says so in its log."""
    resumed = any(log.of(keys.RESUMED) for log in results.read)
    return "" if resumed else "weights that the seed draws, and no run that goes on from another"


def other_numbers(results: ResultSet, match: re.Match[str]) -> str:
    """The precision of the logs, and that of compressed gradients."""
    logged = {str(log.settings().get(name)) for log in results.read for name in ("precision", "gradient_compression")}
    known = {name for name, words in PRECISIONS.items() if re.search(words, match[0], re.IGNORECASE)}
    known |= {"fp16", "bf16"} if re.search(r"\b16[- ]bit|mixed[- ]precision", match[0], re.IGNORECASE) else set()
    summed = known == {"fp64"} and not re.search("train", match[0], re.IGNORECASE)
    return "" if known & logged or summed else f"precision {', '.join(sorted(logged - {'none', 'None'}))}"


def other_optimizer(results: ResultSet, match: re.Match[str]) -> str:
    """The optimizer of the logs."""
    logged = {str(log.value(keys.OPT_NAME)).lower() for log in results.read}
    named = match[0].lower()
    return "" if not logged or any(each in named for each in logged) else f"{', '.join(sorted(logged))}, in the logs"


def of_one_machine(results: ResultSet, match: re.Match[str]) -> str:
    """A run of several nodes has a second one; helpers that are none of them have none."""
    nodes = max((as_count(log.value(keys.NUMBER_OF_NODES)) or 1 for log in results.read), default=1)
    helps = re.search(r"\b(?:helper|separate|remote|extra|auxiliary|different|spare)\b", match[0], re.IGNORECASE)
    if not re.search(rf"\b(?:{DONE}|lived?|sat|sits)\b", match.string, re.IGNORECASE) or (nodes > 1 and not helps):
        return ""
    return f"the {nodes} node{'s' * (nodes > 1)} of the description, and no other"


def too_few_watts(results: ResultSet, match: re.Match[str]) -> str:
    """What the package of a server's processor draws at least."""
    values = (results.system.values if results.system is not None else None) or {}
    model = str(values.get("host_processor_model_name", ""))[:300]
    below = float(match["watts"]) < LEAST_WATTS_OF_A_SERVER
    return f"{LEAST_WATTS_OF_A_SERVER:g} W or more for {model}" if below and _OF_A_SERVER.search(model) else ""


def more_than_ran(results: ResultSet, match: re.Match[str]) -> str:
    """The largest number of ranks, nodes, cores and accelerators of the logs."""
    values = (results.system.values if results.system is not None else None) or {}
    ranks = [as_count(log.settings().get("ranks")) or 1 for log in results.read]
    nodes = count_of(values.get("number_of_nodes")) or 1
    of_a_node = [
        (count_of(values.get(name)) or 0) * (count_of(values.get("host_processors_per_node")) or 1)
        for name in ("host_processor_core_count", "host_processor_vcpu_count")
    ]
    most = max([*ranks, nodes, *(nodes * each for each in of_a_node)], default=1)
    count = match["count"] or match["before"]
    if count is not None and int(count.replace(",", "")) <= most:
        return ""
    return f"up to {max(ranks, default=1)} ranks on {nodes} node{'s' * (nodes > 1)}, as the logs have"
