"""The description of the system: all its fields, with a meaning, and the same as the logs say."""

from __future__ import annotations

import re
from collections.abc import Iterator

from benchmark.events import keys
from benchmark.launch.system import UNKNOWN
from benchmark.validation.checks.log_form import STATUSES
from benchmark.validation.finding import Fault, Severity, shown
from benchmark.validation.registry import check
from benchmark.validation.subjects import STRONG, DataFile, Log, ResultSet, Submission

REQUIRED = (
    "submitter",
    "division",
    "status",
    "system_name",
    "number_of_nodes",
    "host_processors_per_node",
    "host_processor_model_name",
    "host_memory_capacity",
    "host_memory_configuration",
    "host_storage_type",
    "host_storage_capacity",
    "host_networking",
    "host_networking_topology",
    "accelerators_per_node",
    "accelerator_model_name",
    "accelerator_host_interconnect",
    "accelerator_memory_configuration",
    "accelerator_memory_capacity",
    "accelerator_interconnect",
    "cooling",
    "framework",
    "other_software_stack",
    "operating_system",
)
"""Fields that the policy asks a meaning of ..."""
OPTIONAL = (
    "host_processor_core_count",
    "host_processor_vcpu_count",
    "host_processor_frequency",
    "host_processor_caches",
    "host_processor_interconnect",
    "accelerator_frequency",
    "accelerator_on-chip_memories",
    "accelerator_interconnect_topology",
    "hw_notes",
    "sw_notes",
)
"""... those that have to be there and may be empty (of the first two one may), ..."""
ASKED_BY_THE_POLICY_ALONE = ("system_type", "host_network_card_count")
"""... and those that the policy asks for and the official checker does not."""

_OPEN = re.compile(
    r"(tb[acds]|to be \w+|to come|fill (me )?in|unspecified|undisclosed"
    r"|not (available|disclosed|given|known|told|yet))\b.*"
    r"|none|null|nil|nan|undefined|empty|dummy|foo|bar|test|x+|same|other|misc|any|some|something|yes|no|true|false"
)
"""What people write where they leave a field open: beginnings of it, and words that are all of it."""

NAMES = ("submitter", "system_name")
"""What anybody may be called, and any system."""
COUNTS = ("number_of_nodes", "host_processors_per_node", "accelerators_per_node")


@check("R7.1", of=Submission)
def system_fields(submission: Submission) -> Iterator[Fault]:
    """Each description is a JSON object of texts with every field."""
    for system in submission.systems:
        if system.values is None:
            yield Fault(f"the system's description cannot be read: {system.fault}", file=system.file)
            continue
        ours = _ours(submission, system)
        for name in (*REQUIRED, *OPTIONAL, *ASKED_BY_THE_POLICY_ALONE):
            if name not in system.values:
                policy_alone = name in ASKED_BY_THE_POLICY_ALONE
                yield Fault(
                    f"the field {name} is missing",
                    file=system.file,
                    severity=Severity.WARNING if policy_alone and not ours else Severity.ERROR,
                )
            elif not isinstance(system.values[name], str):
                yield Fault(
                    f"the field {name} is not text",
                    file=system.file,
                    found=shown(system.values[name]),
                    severity=Severity.ERROR if ours else Severity.WARNING,
                )


@check("R7.2", of=Submission)
def system_meaningful(submission: Submission) -> Iterator[Fault]:
    """What has to have a meaning has one: it is not empty, and not what our own software leaves to be filled in."""
    for system in submission.systems:
        values = system.values or {}
        severity = Severity.ERROR if _ours(submission, system) else Severity.WARNING
        for name in (*REQUIRED, *ASKED_BY_THE_POLICY_ALONE):
            value = values.get(name)
            ours = severity is Severity.ERROR
            strict = ours and name not in NAMES
            if isinstance(value, str) and (_says_nothing(value) if strict else _is_left_open(value)):
                yield Fault(
                    f"the field {name} says nothing",
                    file=system.file,
                    found=shown(value),
                    severity=severity,
                    expected="what it is, or N/A where there is none",
                    hint=f"stemdl submit --describe {name}=TEXT" if value == UNKNOWN else "",
                )
        if values and not any(str(values.get(name, "")).strip() for name in OPTIONAL[:2]):
            yield Fault(
                "neither cores nor hardware threads of a processor are given", file=system.file, severity=severity
            )
        for name in COUNTS:
            if isinstance(values.get(name), str) and values[name].strip() and not values[name].isdecimal():
                yield Fault(
                    f"the field {name} is not a number", file=system.file, found=shown(values[name]), severity=severity
                )
        if isinstance(values.get("division"), str) and values["division"] not in (keys.CLOSED, keys.OPEN):
            yield Fault(
                "there is no such division",
                file=system.file,
                found=shown(values["division"]),
                expected="closed or open",
            )
        if isinstance(values.get("status"), str) and values["status"] not in STATUSES:
            yield Fault(
                "there is no such status",
                file=system.file,
                found=shown(values["status"]),
                expected=" or ".join(STATUSES),
                severity=severity,
            )


def _is_left_open(value: str) -> bool:
    return not value.strip() or value.strip().lower().startswith("unknown")


def _says_nothing(value: str) -> bool:
    """Whether a text is what people write where they leave a field open: no letter or digit, or one of their words."""
    words = re.findall(r"[^\W_]+", value.lower())
    return _is_left_open(value) or not words or _OPEN.fullmatch(" ".join(words)) is not None


def _ours(submission: Submission, system: DataFile) -> bool:
    """Whether a description is of a result of ours."""
    return any(each.ours for each in submission.sets if each.system is system) or submission.ours


@check("R7.3", of=ResultSet)
def system_agrees_with_logs(results: ResultSet) -> Iterator[Fault]:
    """Submitter, division, status, nodes, accelerators and framework are those of the logs."""
    if results.system is None or results.system.values is None:
        return
    severity = Severity.ERROR if results.ours else Severity.WARNING
    values = results.system.values
    wanted = {"submitter": keys.SUBMISSION_ORG, "division": keys.SUBMISSION_DIVISION, "status": keys.SUBMISSION_STATUS}
    if results.scaling == STRONG:  # in weak scaling a log is of a part of the system: `instances_are_alike`
        wanted |= {"number_of_nodes": keys.NUMBER_OF_NODES, "accelerators_per_node": keys.ACCELERATORS_PER_NODE}
    for field, key in wanted.items():
        odd = [log for log in results.logs if log.of(key) and str(log.value(key)) != str(values.get(field))]
        if odd:
            yield Fault(
                f"{field} of the system is not what the logs say",
                file=odd[0].file,
                line=odd[0].of(key)[0].line,
                found=f"{shown(odd[0].value(key))}, in {len(odd)} logs",
                expected=f"{shown(values.get(field))}, as {results.system.file} says",
                severity=severity,
            )
    if results.ours:
        yield from _software(results, values)


def _software(results: ResultSet, values: dict) -> Iterator[Fault]:
    for log in results.logs:
        versions = log.value(keys.VERSIONS)
        torch = versions.get("torch") if isinstance(versions, dict) else None
        framework = values.get("framework")
        if isinstance(torch, str) and isinstance(framework, str) and "PyTorch" in framework and torch not in framework:
            yield Fault(
                "the framework of the system is not what the log says",
                file=log.file,
                line=log.of(keys.VERSIONS)[0].line,
                found=f"torch {shown(torch)}",
                expected=f"{shown(framework)}, as {results.system.file if results.system else ''} says",
            )


@check("R7.3", of=Log, ours_alone=True)
def own_system_agrees(log: Log) -> Iterator[Fault]:
    """The system's description in a run's own folder is of the nodes and accelerators that the log says."""
    if log.system is None:
        return
    if log.system.values is None:
        yield Fault(f"the system's description cannot be read: {log.system.fault}", file=log.system.file)
        return
    for field, key in (
        ("number_of_nodes", keys.NUMBER_OF_NODES),
        ("division", keys.SUBMISSION_DIVISION),
        ("accelerators_per_node", keys.ACCELERATORS_PER_NODE),
        ("submitter", keys.SUBMISSION_ORG),
        ("status", keys.SUBMISSION_STATUS),
    ):
        if log.of(key) and str(log.value(key)) != str(log.system.values.get(field)):
            yield Fault(
                f"{field} of the system is not what the log says",
                file=log.system.file,
                expected=shown(str(log.value(key))),
                found=shown(log.system.values.get(field)),
            )


def count_of(value: object) -> int | None:
    """A number of a description, which is a text."""
    return int(value) if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 10 else None
