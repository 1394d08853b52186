"""The system's description held to what the logs say of processors, accelerators and software, and to what can be."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from benchmark.events import keys
from benchmark.launch.load import LOAD
from benchmark.launch.system import ABSENT, FRAMEWORK, NONE
from benchmark.submission.run_record import facts_of
from benchmark.validation.checks.placement import cpus_of_hosts
from benchmark.validation.checks.system import ASKED_BY_THE_POLICY_ALONE, OPTIONAL, REQUIRED, count_of
from benchmark.validation.checks.texts import claimed
from benchmark.validation.disguise import disguised
from benchmark.validation.finding import Fault, Severity, shown
from benchmark.validation.registry import check
from benchmark.validation.subjects import DataFile, Log, ResultSet, as_count

ALWAYS_THERE = (
    "submitter",
    "system_name",
    "system_type",
    "host_processor_model_name",
    "host_memory_capacity",
    "host_storage_type",
    "host_storage_capacity",
    "framework",
    "other_software_stack",
    "operating_system",
)
"""Fields that N/A is not an answer to: every system has one."""
LEAST_GHZ, MOST_GHZ = {"host_processor_frequency": 0.3, "accelerator_frequency": 0.1}, 7.0
"""Clocks: no processor that is sold runs above 6.2 GHz, and idle cores, whose clock may be told, at 0.4 or more."""
CAPACITIES = ("host_memory_capacity", "host_storage_capacity", "accelerator_memory_capacity")
MOST = {
    "number_of_nodes": 200_000,
    "host_processors_per_node": 64,
    "host_processor_core_count": 1_024,
    "host_processor_vcpu_count": 8_192,
    "host_network_card_count": 256,
    "accelerators_per_node": 64,
}
"""The largest plausible counts, some times what the largest system has: 158,976 nodes (Fugaku), 32 sockets (Superdome),
384 cores of a processor, eight threads of a core, 16 accelerators of a node."""
MAY_BE_NONE = {"accelerators_per_node", "host_network_card_count"}
OF_THE_ACCELERATOR = ("accelerator_model_name", "accelerator_memory_capacity", "accelerator_interconnect")
_CAPACITY = re.compile(r"(?<![-\d.])(\d{1,9}(?:\.\d{1,9})?)\s*([kmgtpe]i?)?b\b", re.IGNORECASE)
SPARSE = 16
"""The CPUs of a node by which their numbers may exceed them, where threads are off and processors numbered apart."""
MOST_THREADS = 8
"""Of a core: POWER has eight, and no processor more."""
MOST_MEMORY_BYTES = 2**50
"""The most memory of a node, some times that of the largest that was built (HPE Superdome Flex, 48 TiB)."""
LEAST_MEMORY_BYTES = 2**28
"""The least memory of a node: less does not hold the harness and PyTorch."""
_OF_A_CACHE = re.compile(r"\d\s*[tpe]i?b\b", re.IGNORECASE)
_NOT_IN_A_NAME = {"r", "tm", "cpu", "processor", "core", "with", "graphics", "intel", "amd", "nvidia", "the"}
"""Words of a model's name that say little: marks of the maker, which one who writes by hand leaves out."""
_ACCELERATOR = re.compile(r"\b(nvidia|tesla|geforce|quadro|rtx|instinct|radeon|gpu|[abhv]\d{2,3}s?)\b", re.IGNORECASE)
_RANKS = re.compile(r"\b(\d{1,9}) ranks? on (\d{1,9}) nodes?\b")


def same_model(one: str, other: str) -> bool:
    """Whether two names may be of one model: the words of one are among those of the other, case, makers and clock
    aside."""
    words = [_words(each) for each in (one, other)]
    return bool(words[0]) and bool(words[1]) and (words[0] <= words[1] or words[1] <= words[0])


def _words(name: str) -> set[str]:
    plain = re.sub(r"@.*|\b\d+-core\b|\((?:r|tm)\)", " ", name.lower())
    words = set(re.findall(r"[a-z0-9]+", plain))
    return words - _NOT_IN_A_NAME or words


def has_none(value: object) -> bool:
    """Whether a field says that there is no such thing: N/A, with or without why."""
    return isinstance(value, str) and re.match(r"n/?a\b", value.strip(), re.IGNORECASE) is not None


@check("R7.7", of=ResultSet, ours_alone=True)
def description_can_be(results: ResultSet) -> Iterator[Fault]:
    """Counts are numbers that a system can have, capacities have a unit, what every system has is there, and there are
    accelerators where they are counted and nowhere else."""
    system = results.system
    values = (system.values if system is not None else None) or {}

    def fault(name: str, expected: str) -> Fault:
        return Fault(f"the field {name} cannot be", file=system.file, expected=expected, found=shown(values.get(name)))

    for name, most in MOST.items():
        text = values.get(name)
        if not isinstance(text, str) or has_none(text) or not text.strip():
            continue  # R7.2 says so where it has to be there
        least = 0 if name in MAY_BE_NONE else 1
        if not text.isascii() or not text.isdigit() or len(text) > 9 or not least <= int(text) <= most:
            yield fault(name, f"a whole number from {least} to {most}")
    for name in LEAST_GHZ:
        told = re.search(r"(-?\d{1,9}(?:\.\d{1,9})?) ?([mg])hz\b", str(values.get(name, ""))[:1000], re.IGNORECASE)
        ghz = float(told[1]) / (1 if told[2] in "gG" else 1000) if told else None
        if ghz is not None and not LEAST_GHZ[name] <= ghz <= MOST_GHZ:
            yield fault(name, f"from {LEAST_GHZ[name]:g} to {MOST_GHZ:g} GHz")
    cores, threads = (count_of(values.get(f"host_processor_{name}_count")) for name in ("core", "vcpu"))
    if cores and threads and threads > MOST_THREADS * cores:
        yield fault("host_processor_vcpu_count", f"at most {MOST_THREADS} threads of each of the {cores} cores")
    elif cores and threads and threads % cores:
        yield fault("host_processor_vcpu_count", f"a multiple of the {cores} cores of the processor")
    for name in ALWAYS_THERE:
        if has_none(values.get(name)):
            yield fault(name, "what it is: every system has one")
    for name in CAPACITIES:
        text = values.get(name)
        if not isinstance(text, str) or not text.strip() or has_none(text):
            continue
        told = _CAPACITY.search(text)
        if not told or not float(told[1]):
            yield fault(name, "a number above 0 and a unit, such as 24 GiB")
        elif name == "host_memory_capacity" and not LEAST_MEMORY_BYTES <= _bytes(told) <= MOST_MEMORY_BYTES:
            yield fault(name, "as much as the software needs and a node has, such as 24 GiB")
    if _OF_A_CACHE.search(str(values.get("host_processor_caches", ""))[:1000]):
        yield fault("host_processor_caches", "caches of a processor: KiB and MiB")
    accelerators = count_of(values.get("accelerators_per_node"))
    for name in OF_THE_ACCELERATOR if accelerators is not None else ():
        text = values.get(name)
        if isinstance(text, str) and text.strip() and has_none(text) == (accelerators > 0):
            yield fault(name, "what it is" if accelerators else f"{NONE}: accelerators_per_node is 0")


def _bytes(told: re.Match[str]) -> float:
    return float(told[1]) * 1000.0 ** (" kmgtpe".index(told[2][0].lower()) if told[2] else 0)


@check("R7.7", "R7.1", of=ResultSet, ours_alone=True)
def description_says_no_more(results: ResultSet) -> Iterator[Fault]:
    """A description has the fields of MLPerf's alone, in letters of one alphabet a word, is of the system that its file
    is named by, and names no accelerator in words where it counts none."""
    system = results.system
    values = (system.values if system is not None else None) or {}
    if system is None or not values:
        return

    def fault(what: str, found: object, expected: str, rule: str = "R7.7") -> Fault:
        return Fault(
            what, file=system.file, found=shown(found), expected=expected, severity=Severity.WARNING, rule=rule
        )

    if odd := sorted(values.keys() - {*REQUIRED, *OPTIONAL, *ASKED_BY_THE_POLICY_ALONE}, key=str):
        yield fault("the description has fields that nothing reads", odd[:8], "those of MLPerf's description", "R7.1")
    for name, text in values.items():
        if isinstance(text, str) and (word := disguised(text[:4000])):
            yield fault(
                f"the field {shown(name)} has letters that look like others", ascii(word), "one alphabet a word"
            )
    named = values.get("system_name")
    if (
        results.submitted
        and isinstance(named, str)
        and named.strip()
        and _letters(named) != _letters(results.system_id)
    ):
        yield fault("the system is named otherwise than its file", named, results.system_id)
    if count_of(values.get("accelerators_per_node")) == 0:
        for name in ("system_type", "framework", "hw_notes", "sw_notes", "other_software_stack"):
            if told := claimed(_ACCELERATOR, str(values.get(name, ""))[:4000]):
                yield fault(f"{name} names an accelerator, and none is counted", told, "what the runs computed on")


def _letters(name: str) -> str:
    return "".join(filter(str.isalnum, name.casefold()))


@check("R7.3", of=ResultSet, ours_alone=True)
def description_fits_the_logs(results: ResultSet) -> Iterator[Fault]:
    """Processor, accelerator, cores and software are those of each log."""
    if results.system is not None and results.system.values is not None:
        for log in results.logs + results.pruned:
            yield from _differences(log, results.system)


@check("R7.3", of=Log, ours_alone=True)
def own_description_fits(log: Log) -> Iterator[Fault]:
    """The same of the description in a run's own folder."""
    if log.system is not None and log.system.values is not None:
        yield from _differences(log, log.system)


def _differences(log: Log, system: DataFile) -> Iterator[Fault]:
    """The differences of a log and a description."""
    for what, key, told, logged, severity in (*_models(log, system.values), *_numbers(log, system.values)):
        yield _unlike(log, system, what, key, told, logged, severity)
    yield from _software(log, system)
    ranks, nodes = as_count(log.settings().get("ranks")), as_count(log.value(keys.NUMBER_OF_NODES))
    notes = _RANKS.search(str(system.values.get("sw_notes", ""))[:1000])
    if notes and (int(notes[1]), int(notes[2])) != (ranks, nodes):
        yield _unlike(log, system, "sw_notes", keys.CONFIG, notes[0], f"{ranks} ranks on {nodes} nodes")


def _unlike(
    log: Log, system: DataFile, what: str, key: str, told: Any, logged: Any, severity: Severity = Severity.ERROR
) -> Fault:
    events = log.of(key)
    return Fault(
        f"{what} of the system is not what the log says",
        file=log.file,
        line=events[0].line if events else None,
        found=shown(logged),
        expected=f"{shown(told)}, as {system.file} says",
        severity=severity,
    )


def _models(log: Log, values: Mapping[str, Any]) -> Iterator[tuple[str, str, Any, Any, Severity]]:
    """A log's devices are its accelerators where the machine has any, else its processor."""
    devices = log.value(keys.DEVICES)
    names = [name for name in devices if isinstance(name, str)] if isinstance(devices, list) else []
    processor, model = values.get("host_processor_model_name"), values.get("accelerator_model_name")
    on_accelerators = (as_count(log.value(keys.ACCELERATORS_PER_NODE)) or 0) > 0
    if on_accelerators:
        if isinstance(model, str) and names and not any(same_model(name, model) for name in names):
            yield "accelerator_model_name", keys.DEVICES, model, names[0], Severity.ERROR
        if isinstance(processor, str) and any(same_model(name, processor) for name in names):
            yield "accelerator_model_name", keys.DEVICES, model, names[0], Severity.ERROR
    elif isinstance(processor, str) and names and _is_finer(processor, names):
        yield "host_processor_model_name", keys.DEVICES, processor, names[0], Severity.WARNING
    elif isinstance(processor, str) and names and not any(same_model(name, processor) for name in names):
        # A machine with accelerators that a run leaves alone lists them all the same.
        accelerator = _ACCELERATOR.search(names[0])
        severity = Severity.WARNING if accelerator else Severity.ERROR
        yield "host_processor_model_name", keys.DEVICES, processor, names[0], severity


def _is_finer(told: str, names: list[str]) -> bool:
    """Whether a description names a number of a model that the log's name leaves open: nothing in it says so."""
    known = set().union(*map(_words, names))
    return any(same_model(name, told) for name in names) and any(
        any(map(str.isdigit, word)) for word in _words(told) - known
    )


def _numbers(log: Log, values: Mapping[str, Any]) -> Iterator[tuple[str, str, Any, Any, Severity]]:
    """A node's ranks have no more CPUs than its processors, nor more cores free."""
    sockets, threads = (
        count_of(values.get("host_processors_per_node")),
        count_of(values.get("host_processor_vcpu_count")),
    )
    threads = threads or count_of(values.get("host_processor_core_count"))
    if not sockets or not threads:
        return
    of_hosts = cpus_of_hosts(log)
    used = max(map(len, of_hosts.values()), default=0)
    last = max((max(each, default=0) for each in of_hosts.values()), default=0)
    if last >= SPARSE * sockets * threads:
        yield "the number of a CPU", keys.PLACEMENT, f"{sockets} x {threads}", last, Severity.WARNING
    if used > sockets * threads:
        yield "host_processor_vcpu_count", keys.PLACEMENT, f"{sockets} x {threads}", used, Severity.ERROR
    load = facts_of(log.timeline, log.goal.test_key)["load"]
    if load is not None and load[LOAD[0]] > sockets * threads:
        yield "host_processor_vcpu_count", keys.PREFLIGHT, f"{sockets} x {threads}", load[LOAD[0]], Severity.ERROR


def _software(log: Log, system: DataFile) -> Iterator[Fault]:
    """The framework is the log's, with its versions; other software that is named has the log's version."""
    versions = log.value(keys.VERSIONS)
    versions = versions if isinstance(versions, dict) else {}
    framework, stack = (str(system.values.get(name, "")) for name in ("framework", "other_software_stack"))
    used = {"PyTorch"} | ({"Horovod"} if log.settings().get("comm") == "horovod" else set())
    own_trainer = "trainer" in log.settings()
    for name, package in FRAMEWORK.items():
        version = versions.get(package)
        if not isinstance(version, str) or version == ABSENT:
            continue
        if name.lower() not in framework.lower():
            if name in used:
                severity = Severity.WARNING if own_trainer else Severity.ERROR
                yield _unlike(log, system, "framework", keys.VERSIONS, framework, f"{name} {version}", severity)
        elif not _says(framework, name, version):
            yield _unlike(log, system, "framework", keys.VERSIONS, framework, f"{name} {version}")
    for name, version in versions.items():
        if isinstance(name, str) and isinstance(version, str) and not _says(stack, name, version):
            yield _unlike(log, system, "other_software_stack", keys.VERSIONS, stack, f"{name} {version}")


def _says(text: str, name: str, version: str) -> bool:
    """Whether a text does not name something with another version: `MPI Open MPI v5.0.11` has 5.0.11."""
    wanted = _numbers_of(version)
    for part in re.split(r"[,;]", text[:4000]):
        if re.match(rf"\s*{re.escape(name)}\s", part, re.IGNORECASE) and (told := _numbers_of(part[len(name) :])):
            if told != wanted:
                return False
    return True


def _numbers_of(text: str) -> str:
    found = re.search(r"\d+(?:\.\d+)+(?:\+\w+)?", text)
    return found[0] if found else ""
