"""What the name of a system and the notes on it count and call by name: what the description has."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from benchmark.validation.checks.numerals import in_digits
from benchmark.validation.checks.placement import cpus_of, placements
from benchmark.validation.checks.system import count_of
from benchmark.validation.checks.texts import claimed, sentences, texts
from benchmark.validation.finding import Fault, Severity, shown
from benchmark.validation.registry import check
from benchmark.validation.subjects import ResultSet, as_count

_COUNTED = re.compile(
    r"(?<![\w.])(\d{1,7})[-_ ]?(core|cpu|thread|rank|node|gpu|accelerator|socket)s?(?![a-z])", re.IGNORECASE
)
_CORES_OF_NOTES = re.compile(
    r"(?<![\w.-])(\d{1,7})[ -](?:(?:physical|logical|free) )?(?:cores?|cpus?|hardware threads?)\b", re.IGNORECASE
)
_CARD = re.compile(
    r"(?<![a-z0-9])(?:gpu|[abhv]\d00s?x?|gh200|gb[23]00|mi\d{3}[ax]?|rtx|l40s?|tpu)(?![a-z])", re.IGNORECASE
)
_OF_THE_HOST = re.compile(r"\bhosts?\b|hypervisor|shared|\bother\b", re.IGNORECASE)
"""Words of a sentence on another machine than the one that ran."""
KINDS = (
    (
        "architecture",
        {
            "x86": r"x86(?:[-_]64)?|amd64|i[3579]86|xeon|epyc|ryzen|threadripper|opteron|core i[3579]",
            "Arm": r"arm(?:64|v\d)?|aarch64|grace|gh200|gb[23]00|graviton\d?|neoverse|altra|a64fx|kunpeng|thunderx\d?"
            r"|(?:raspberry|orange|banana) pi|rpi\d?|jetson|odroid|rockchip|apple m\d|mac (?:mini|studio)|snapdragon"
            r"|tegra",
            "POWER": r"power(?:pc|\d+)|ppc64(?:le)?",
            "RISC-V": r"risc-?v(?:64)?",
        },
    ),
    (
        "maker of the processor",
        {"AMD": r"amd|epyc|ryzen|threadripper|opteron", "Intel": r"intel|xeon|core i[3579]"},
    ),
)
"""Words of which a system has those of one group alone; they stand in its name and in that of its processor."""

_SAYS_LITTLE = re.compile(
    r"(?<![a-z0-9])(?:[Gg]race|arm|amd|intel|power\w*)(?![a-z0-9])|\b(?:Intel|AMD) (?!Xeon|EPYC|Ryzen|Core i)"
)
"""Words that do not name a processor in a sentence: Intel's MPI, a grace period."""
_OF_THE_RUNS = re.compile(r"\b(?:runs?|ran|train\w*|measured|made|machine|computer|system|node|board)\b", re.IGNORECASE)
_OF_OTHERS = re.compile(
    r"\b(?:also|mkl|mpi|one(?:api|dnn)|compilers?|references?|published|unlike|others?|another|faster|slower|than"
    r"|instead|compar\w*|like"
    r"|supports?|builds?|hypervisor|earlier|data|generated|images?|works?|should|would|can|any|or|no|not|without"
    r"|never)\b",
    re.IGNORECASE,
)
"""Words of a sentence on another computer, or on what the software may run on."""
_RENTED = re.compile(
    r"\b(?:public cloud|rented|(?:amazon|google|microsoft) (?:ec2|web services|cloud|compute|azure)|aws|ec2|azure"
    r"|gcp|gce"
    r"|google cloud|oracle cloud|alibaba cloud|hetzner|lambda cloud|runpod|vast\.ai|cloud (?:instance|server|vm"
    r"|machine)|by the hour"
    r"|spot instance|vps)\b",
    re.IGNORECASE,
)
_BLIND = re.compile(
    r"\bvirtual machine (?:does|can)(?:n't| ?not) see\b|\bnot (?:seen|visible) (?:from|in) (?:a|the) (?:vm|guest"
    r"|virtual)",
    re.IGNORECASE,
)
_VIRTUAL = re.compile(r"virtual|\bvms?\b|cloud|instance|container|guest|vps|kvm|xen|hypervisor", re.IGNORECASE)
_OWNED = re.compile(r"\bon[- ]?prem(?:ises?)?\b|\b(?:private cloud|our own|in[- ]house)\b", re.IGNORECASE)


@check("R7.3", of=ResultSet, ours_alone=True)
def texts_are_of_the_system(results: ResultSet) -> Iterator[Fault]:
    """A computer that the submission says in words to have run on has the processor of the description; what is rented
    from others is not called on premises, nor the other way round."""
    values = (results.system.values if results.system is not None else None) or {}
    processor = str(values.get("host_processor_model_name", ""))[:300]
    for file, text in texts(results) if results.read else ():
        for sentence in sentences(text):
            if not _OF_THE_RUNS.search(sentence) or _OF_OTHERS.search(sentence):
                continue
            said = _SAYS_LITTLE.sub(" ", sentence)
            for what, groups in KINDS:
                named, described = _groups(said, groups), _groups(processor, groups)
                if named and described and not named & described:
                    yield Fault(
                        f"in words, the runs had another {what}",
                        file=file,
                        found=shown(sentence),
                        expected=shown(processor),
                        severity=Severity.WARNING,
                    )
    if results.system is not None and (what := _seen_from_inside(values)):
        yield Fault(
            "the description says of the machine what a virtual one does not see, by its own words",
            file=results.system.file,
            found=shown(what),
            expected="a virtual machine, in all fields",
            severity=Severity.WARNING,
        )
    owned, rented = (
        any(claimed(words, str(values.get(name, ""))[:4000]) for name in ("system_type", "system_name", "hw_notes"))
        for words in (_OWNED, _RENTED)
    )
    status = values.get("status")
    if results.system is not None and (
        (status == "onprem" and rented and not owned) or (status == "cloud" and owned and not rented)
    ):
        yield Fault(
            "the status of the system is not what its type says",
            file=results.system.file,
            found=shown(status),
            expected="cloud, for what is rented, and onprem for what is not",
            severity=Severity.WARNING,
        )


def _seen_from_inside(values: Mapping[str, object]) -> str:
    """The type or the cooling that only a real machine has, where another field says that a virtual one was used."""
    texts_of = {name: text[:1000] for name, text in values.items() if isinstance(text, str)}
    blind = [name for name, text in texts_of.items() if _BLIND.search(text)]
    kind, cooling = (texts_of.get(name, "") for name in ("system_type", "cooling"))
    if blind and kind and "system_type" not in blind and not _VIRTUAL.search(kind):
        return kind
    seen = "cooling" not in blind and not re.search(r"\bhost|n/?a\b", cooling, re.IGNORECASE)
    return cooling if blind and cooling and seen else ""


@check("R7.7", of=ResultSet, ours_alone=True)
def names_are_of_the_system(results: ResultSet) -> Iterator[Fault]:
    """The numbers and kinds in a system's name are those of its description, or of its runs."""
    system = results.system
    values = (system.values if system is not None else None) or {}
    name, processor = (str(values.get(field, ""))[:300] for field in ("system_name", "host_processor_model_name"))
    if system is None or not name:
        return

    def fault(what: str, expected: str) -> Fault:
        return Fault(
            f"the name of the system {what} than its description",
            file=system.file,
            found=shown(name),
            expected=expected,
            severity=Severity.WARNING,
        )

    counts = _counts(results)
    for number, what in _COUNTED.findall(name):
        known = counts.get(what.lower(), set())
        if known and int(number) not in known:
            yield fault(f"counts other {what.lower()}s", shown(sorted(known)))
    for what, groups in KINDS:
        named, described = _groups(f"{name} {re.sub('[-_]', ' ', name)}", groups), _groups(processor, groups)
        if named and described and not named & described:
            yield fault(f"says another {what}", shown(processor))
    joined = {log.settings().get("comm") for log in results.read}
    if "horovod" in name.lower() and joined and not joined & {"horovod", "solo"}:
        yield fault(
            "says that Horovod joined the ranks, otherwise", f"comm {shown(sorted(map(str, joined)))} in the logs"
        )
    if values.get("accelerators_per_node") == "0" and (match := _CARD.search(name)):
        yield fault(f"has an accelerator, {shown(match[0])}, more", "0 accelerators")


def _groups(text: str, groups: Mapping[str, str]) -> set[str]:
    """The groups of which a text has words."""
    return {
        group
        for group, words in groups.items()
        if re.search(rf"(?<![a-z0-9])(?:{words})(?![a-z0-9])", text, re.IGNORECASE)
    }


@check("R7.3", of=ResultSet, ours_alone=True)
def notes_count_what_is_there(results: ResultSet) -> Iterator[Fault]:
    """Notes speak of no more cores than the system has."""
    system = results.system
    values = (system.values if system is not None else None) or {}
    counts = _counts(results)
    most = max(counts["cpu"], default=0) if counts.get("cpu") else 0
    for field in ("hw_notes", "sw_notes") if system is not None and most else ():
        for sentence in sentences(str(values.get(field, ""))[:4000]):
            told = [int(each) for each in _CORES_OF_NOTES.findall(in_digits(sentence))]
            if told and max(told) > most and not _OF_THE_HOST.search(sentence):
                yield Fault(
                    f"{field} of the system speak of more cores than it has",
                    file=system.file,
                    found=shown(sentence),
                    expected=f"at most {most}",
                    severity=Severity.WARNING,
                )


def _counts(results: ResultSet) -> dict[str, set[int]]:
    """What may be counted of a system, and the numbers that are right of a processor, a node, all nodes, or the runs;
    nothing of what the description does not say."""
    values = (results.system.values if results.system is not None else None) or {}
    nodes, sockets, cores, threads, accelerators = (
        count_of(values.get(name))
        for name in (
            "number_of_nodes",
            "host_processors_per_node",
            "host_processor_core_count",
            "host_processor_vcpu_count",
            "accelerators_per_node",
        )
    )
    ranks = {count for log in results.read if (count := as_count(log.settings().get("ranks"))) is not None}
    used = {sum(len(cpus_of(place["cpus"]) or ()) for place in placements(log)) for log in results.read}
    each = {count for count in (cores, threads) if count}
    found: dict[str, set[int]] = {"rank": ranks}
    if nodes and sockets and each:
        cpus = {count * times for count in each for times in (1, sockets, nodes * sockets)} | used | ranks
        found |= {"core": cpus, "cpu": cpus, "thread": cpus}
    if nodes:
        found["node"] = {nodes}
    if nodes and sockets:
        found["socket"] = {sockets, nodes * sockets}
    if nodes and accelerators is not None:
        found |= dict.fromkeys(("gpu", "accelerator"), {accelerators, nodes * accelerators} | ranks)
    return found
