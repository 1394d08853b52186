"""On which CPUs, hosts and versions the packed files say that the runs were: those of the logs."""

from __future__ import annotations

import re
from collections.abc import Iterator

from benchmark.events import keys
from benchmark.launch.system import ABSENT, FRAMEWORK
from benchmark.validation.checks.placement import cpus_of, placements
from benchmark.validation.checks.scripts import own_scripts, pinned, readmes
from benchmark.validation.checks.system import count_of
from benchmark.validation.finding import Fault, Severity, shown
from benchmark.validation.registry import check
from benchmark.validation.subjects import WEAK, ResultSet, as_count

LONGEST_LINE = 2000
_CPUS = re.compile(
    r"\btaskset\s+(?:-\w*c\w*|--cpu-list)[\s=]*([\d,-]+)|\bnumactl\b.*?\s(?:-C|--physcpubind)[\s=]*([\d,-]+)"
    r"|\bGOMP_CPU_AFFINITY=([\d,-]+)|\bKMP_AFFINITY=\S*proclist=\[([\d,-]+)\]"
)
_CPUS_OF_THREADS = re.compile(r"\b\w*(?:AFFINITY|CPU_?LIST|CPU_?SET|CPU_BIND)\w*=(\d[\d,-]*)(?![\w])")
"""Variables that bind some threads of a library, not the ranks."""
_MASK = re.compile(r"\btaskset\s+(?:0x)?([0-9a-f]{1,64})\s", re.IGNORECASE)
_NUMA_NODES = re.compile(r"\bnumactl\b.*?\s(?:-N|--cpunodebind)[\s=]*([\d,-]+)")
_HOSTS = re.compile(r"\b\w*(?:host_?file|host_?list|node_?file|node_?list|_hosts)\w*=\S*", re.IGNORECASE)
"""Variables that tell an MPI or a scheduler where to start ranks."""
_NAMED_HOSTS = re.compile(r"\bstemdl\s+(?:run|launch)\b.*?\s--hosts[\s=]+([\w.,:-]+)")
_THREADS = re.compile(r"\b(?:OMP|MKL|OPENBLAS|NUMEXPR|BLIS|TORCH)_NUM_THREADS=(\d{1,6})\b")
_PACKAGES = {name.lower(): package for name, package in FRAMEWORK.items()}
"""What a README calls a package, by how a log does."""


@check("R8.2", of=ResultSet, ours_alone=True)
def scripts_bind_as_placed(results: ResultSet) -> Iterator[Fault]:
    """A script gives the runs the CPUs that the logs say, no more than the described node has, and names hosts only
    where several ran, and those."""
    if not results.read:
        return
    places = [place for log in results.read for place in placements(log)]
    used = frozenset[int]().union(*(cpus_of(place["cpus"]) or () for place in places))
    hosts = {_first(shown(place["host"]).strip('"')) for place in places}
    several = any((as_count(log.value(keys.NUMBER_OF_NODES)) or 1) > 1 for log in results.read)
    logged = {count for log in results.read if (count := as_count(log.settings().get("threads_per_rank")))}
    threads, cores = _of_a_node(results, "vcpu"), _of_a_node(results, "core")
    for _, file, text in own_scripts(results):
        for line, plain in _lines(text):
            weak = "--instances" in plain
            given = _given(plain)
            nodes = cpus_of(match[1]) if (match := _NUMA_NODES.search(plain)) else None
            bound = cpus_of(match[1]) if (match := _CPUS_OF_THREADS.search(plain)) else None
            named = {_first(each) for match in _NAMED_HOSTS.finditer(plain) for each in match[1].split(",")}
            asked = {int(each) for each in _THREADS.findall(plain)}
            variable = _HOSTS.search(plain)
            own = weak == (results.scaling == WEAK)
            for odd, what, expected in (
                (own and given and not used <= given, "binds the runs to other CPUs than the logs say", sorted(used)),
                (given and threads and len(given) > threads, "binds to more CPUs than the system has", threads),
                (bound and threads and max(bound) >= threads, "binds threads to CPUs that the system lacks", threads),
                (nodes and cores and len(nodes) > cores, "binds to more NUMA nodes than the system has cores", cores),
                (own and asked and logged and not asked & logged, "asks for other threads than the logs say", logged),
                (variable and not several, "names hosts for runs of one node", sorted(hosts)),
                (named and hosts and not hosts <= named, "names other hosts than the logs say", sorted(hosts)),
            ):
                if odd:
                    yield Fault(
                        f"a script {what}",
                        file=file,
                        line=line,
                        found=shown(plain.strip()),
                        expected=shown(expected),
                        severity=Severity.WARNING,
                    )


@check("R8.2", of=ResultSet, ours_alone=True)
def packed_versions_ran(results: ResultSet) -> Iterator[Fault]:
    """A version that a list of packages or a README names is the one that the logs say."""
    versions = results.read[0].value(keys.VERSIONS) if results.read else None
    logged = {str(name).lower(): str(each) for name, each in versions.items()} if isinstance(versions, dict) else {}
    names = (logged.keys() | _PACKAGES.keys()) - {"python"}  # of which a README says what is needed
    any_of = "|".join(map(re.escape, sorted(names)))
    told = re.compile(
        rf"(?<![\w.-])({any_of})(?:\[\w*\])?\s{{0,4}}(==?|[>~]=|:|\sv?)\s{{0,4}}(\d+\.\d[\w.+]*)", re.IGNORECASE
    )
    for _, file, text in (*pinned(results), *readmes(results)):
        for match in told.finditer(text[:100_000]):
            name = match[1].lower()
            ran = logged.get(_PACKAGES.get(name, name), ABSENT)
            at_least, said = match[2] in (">=", "~="), match[3].rstrip(".")
            if ran != ABSENT and not (_is_below(said, ran) if at_least else _is_said(said, ran)):
                yield Fault(
                    f"the packed files name a version of {shown(match[1])} that did not run",
                    file=file,
                    line=text.count("\n", 0, match.start()) + 1,
                    found=shown(match[0]),
                    expected=f"{ran}, as {keys.VERSIONS} in the logs",
                    severity=Severity.WARNING,
                )


def _is_below(told: str, ran: str) -> bool:
    numbers = [[int(each) for each in re.findall(r"\d{1,9}", version.partition("+")[0])] for version in (told, ran)]
    return numbers[0] <= numbers[1]


def _is_said(told: str, ran: str) -> bool:
    """Whether the first numbers of a version are those that are told, and the build too where both name one."""
    (wanted, _, build), (found, _, other) = told.partition("+"), re.sub(r"^\D*", "", ran).partition("+")
    numbers = found.split(".")
    return wanted.split(".") == numbers[: wanted.count(".") + 1] and (not build or not other or build == other)


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """The commands of a script, continued lines taken as one, with the numbers of their first lines."""
    number = 1
    for line in re.split(r"(?<!\\)\n", text):
        plain = re.sub(r"(^|\s)#.*", "", line.replace("\\\n", " "))
        if plain.strip():
            yield number, re.sub("[\"']", "", plain)[:LONGEST_LINE]
        number += 1 + line.count("\n")


def _given(line: str) -> frozenset[int]:
    """The CPUs that a line binds to; none where it does not say which."""
    if match := _CPUS.search(line):
        return cpus_of(next(filter(None, match.groups()))) or frozenset()
    mask = int(match[1], 16) if (match := _MASK.search(line)) else 0
    return frozenset(cpu for cpu in range(mask.bit_length()) if mask >> cpu & 1)


def _of_a_node(results: ResultSet, what: str) -> int:
    """How many cores or hardware threads a node is described to have; 0 where it is not said."""
    values = (results.system.values if results.system is not None else None) or {}
    sockets, each, cores = (
        count_of(values.get(f"host_processor{name}")) or 0 for name in ("s_per_node", f"_{what}_count", "_core_count")
    )
    return sockets * max(each, cores)


def _first(host: str) -> str:
    """A host's first label, which all its names share, without a number of slots."""
    return host.partition(":")[0].partition(".")[0].lower()
