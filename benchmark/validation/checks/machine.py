"""What a description says of a machine that no machine has, or that this software does not run on."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterator, Mapping

from benchmark.events import keys
from benchmark.validation.checks.system import count_of
from benchmark.validation.finding import Fault, Severity, shown
from benchmark.validation.registry import check
from benchmark.validation.subjects import Log, ResultSet

MOST_GBITS = 50_000.0
"""Of a node's network: some times that of eight adapters of 800 Gb/s."""
_SMALL_CACHE = re.compile(r"\bL[12][di]?\b[^;,L]*?\d\s*[gtpe]i?b\b", re.IGNORECASE)
_LAST_CACHE = re.compile(r"\bL[345]\b[^;,L]*?(\d\d\s*g|\d\s*[tpe])i?b\b", re.IGNORECASE)
"""Of 10 GiB and more: all last caches of a node with the largest that are sold have 2.3 GiB."""
_BITS = re.compile(r"(?<![\d.])(\d{1,9}(?:\.\d{1,9})?)\s*([gt])b(?:it)?(?:/s|ps)\b", re.IGNORECASE)
_KERNEL = re.compile(r"\bkernel v?(\d{1,3})\.(\d{1,3})", re.IGNORECASE)
_CLOUD_KERNEL = re.compile(r"\d-(?:\d+-)?(?:aws|azure|gcp|gke|oracle|fc|microsoft-standard)\b", re.IGNORECASE)
_ON_PREMISE = re.compile(r"\bon[- ]?prem", re.IGNORECASE)
_WINDOWS = re.compile(r"\bwindows\b(?!.*\b(wsl|linux|subsystem))", re.IGNORECASE)
_RED_HAT = r"\b(?:centos|red hat|rhel|scientific linux|oracle linux)\b[^;,\d]*?"
_OLD = re.compile(
    rf"\bdebian\b[^;,\d]*?\b[1-7]\b|{_RED_HAT}\b[1-6]\b|\bubuntu\b[^;,\d]*?\b(?:[4-9]|1[0-3])\.\d",
    re.IGNORECASE,
)
"""Distributions whose C library is older than 2.17, which all packages of PyTorch ask for."""
_BEFORE_2_28 = re.compile(
    rf"\bdebian\b[^;,\d]*?\b[1-9]\b|{_RED_HAT}\b[1-7]\b|\bubuntu\b[^;,\d]*?\b(?:(?:[4-9]|1[0-7])\.\d|18\.04)",
    re.IGNORECASE,
)
"""And those whose C library is older than 2.28: Debian 9 has 2.24, Red Hat 7 2.17, Ubuntu 18.04 2.27."""
_WHEEL = re.compile(r"(\d{1,4})\.(\d{1,4})[^+]{0,40}\+(cpu|cu\d{2,3}|rocm[\d.]{1,12}|xpu)")
_FIRST_OF_2_28 = frozenset({"cu126", "rocm6.2.4", "xpu"})
"""The wheels of PyTorch 2.6 that need a C library from 2.28 on; from 2.7 on all do (PyTorch 2.6's release notes)."""
KERNELS = (3, 2), (10, 0)
"""The first that the C library of PyTorch's packages runs on, and one that is not there yet."""
_CACHE = re.compile(r"\bL(\d)[di]?\s+(\d{1,6})\s*x\s*(\d{1,9}(?:\.\d{1,9})?)\s*([kmgt])i?b\b", re.IGNORECASE)
_MODULES = re.compile(r"\b(\d{1,5})\s*x\s*(\d{1,9}(?:\.\d{1,9})?)\s*([kmgt])i?b\b", re.IGNORECASE)
_SIZE = re.compile(r"(?<![-\d.])()(\d{1,9}(?:\.\d{1,9})?)\s*([kmgtp])i?b\b", re.IGNORECASE)
_CLOCKS = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)\s*([mg])hz\s*\((min|max|current)", re.IGNORECASE)
_RANGE = re.compile(
    r"(?<![\d.])(\d{1,9}(?:\.\d{1,9})?)\s*(?:([mg])hz)?\s*(?:to|-|–)\s*(\d{1,9}(?:\.\d{1,9})?)\s*([mg])hz",
    re.IGNORECASE,
)
MOST_BOOST = 1.6
"""How many times as fast as the most that a driver tells a clock may be: some tell the most without boost."""
_UNITS = {"m": 1.0, "g": 1000.0}
_IN_MEMORY = re.compile(r"\b(?:tmpfs|ramfs|ram ?disk|/dev/shm|in memory)\b", re.IGNORECASE)
LEAST_STORAGE = 1000.0**3
"""Bytes: the software alone takes as much."""
SEEN_OF_MODULES = 0.75, 1.1
"""The share of its modules that an operating system sees of a node's memory, by units of 1000 or of 1024."""
PORTS = 4
"""Of a network card: none that is sold has more."""
_NETWORKS = re.compile(r"(?<![\w.])(\d{1,4})\s*x\s", re.IGNORECASE)
_SINGLE = re.compile(r"^\s*n/?a\b.*\bsingle node\b", re.IGNORECASE)


@check("R7.7", of=ResultSet, ours_alone=True)
def machine_can_be(results: ResultSet) -> Iterator[Fault]:
    """Caches, memory, storage, network, clock and operating system are ones that a node can have, and what is said of
    one of them fits the others."""
    system = results.system
    told = {name: str(text)[:1000] for name, text in ((system.values if system is not None else None) or {}).items()}
    speeds = _BITS.findall(told.get("host_networking", ""))
    clocks = {which.lower(): float(value) * (1000 if unit in "gG" else 1) for value, unit, which in _clocks(told)}
    modules = sum(map(_bytes, _MODULES.findall(told.get("host_memory_configuration", ""))))
    memory, storage = (size_of(told.get(f"host_{name}_capacity", "")) for name in ("memory", "storage"))
    for name, odd, expected, severity in (
        (
            "host_processor_caches",
            any(each.search(told.get("host_processor_caches", "")) for each in (_SMALL_CACHE, _LAST_CACHE))
            or any(
                _bytes(each[1:]) >= 0.1 * memory
                for each in _CACHE.findall(told.get("host_processor_caches", ""))
                if memory
            ),
            "first and second caches of KiB and MiB, others below 10 GiB, and less than a tenth of the memory",
            Severity.ERROR,
        ),
        (
            "host_processor_caches",
            _has_more_caches_than_threads(told),
            "no more caches of a level than the node has threads",
            Severity.WARNING,
        ),
        (
            "host_processor_caches",
            _has_other_first_caches_than_cores(told),
            "a first cache for each core, of a processor or of the node",
            Severity.WARNING,
        ),
        (
            "host_processor_caches",
            _shrinks(told.get("host_processor_caches", "")),
            "caches that are larger, each, than those of the level below",
            Severity.WARNING,
        ),
        (
            "host_storage_capacity",
            0 < memory < storage and _IN_MEMORY.search(told.get("host_storage_type", "")),
            "no more than the memory that it lies in",
            Severity.WARNING,
        ),
        (
            "host_processor_interconnect",
            (count_of(told.get("host_processors_per_node", "")) or 1) > 1
            and told.get("host_processor_interconnect", "").strip() == "N/A",
            "what joins the processors of a node, or N/A with the reason",
            Severity.WARNING,
        ),
        (
            "operating_system",
            _CLOUD_KERNEL.search(told.get("operating_system", "")) and _ON_PREMISE.search(told.get("system_type", "")),
            "a kernel that is not built for a cloud's virtual machines, where the system is on premises",
            Severity.WARNING,
        ),
        (
            "host_networking",
            _has_more_networks_than_ports(told),
            f"at most {PORTS} ports of each network card",
            Severity.WARNING,
        ),
        (
            "host_networking",
            any(float(speed) * (1000 if unit in "tT" else 1) > MOST_GBITS for speed, unit in speeds),
            f"at most {MOST_GBITS:g} Gb/s",
            Severity.ERROR,
        ),
        (
            "host_networking_topology",
            _SINGLE.search(told.get("host_networking_topology", ""))
            and told.get("number_of_nodes", "1").strip() != "1",
            "how the nodes are joined, of which there are more than one",
            Severity.ERROR,
        ),
        (
            "operating_system",
            _no_linux(told.get("operating_system", "")),
            "Linux, from 3.2 on, with a C library from 2.17 on",
            Severity.WARNING,
        ),
        (
            "operating_system",
            any(map(_is_a_wheel_of_2_28, results.read))
            and _BEFORE_2_28.search(told.get("operating_system", "").partition("kernel")[0]),
            "a C library from 2.28 on, which this wheel of PyTorch needs",
            Severity.WARNING,
        ),
        (
            "host_processor_frequency",
            ("min" in clocks and "max" in clocks and clocks["min"] > clocks["max"])
            or _falls(told.get("host_processor_frequency", ""))
            or clocks.get("current", 0.0) > MOST_BOOST * clocks.get("max", math.inf),
            "a least clock below the most, and a current one not far above it",
            Severity.WARNING,
        ),
        (
            "host_memory_configuration",
            modules and memory and not SEEN_OF_MODULES[0] <= memory / modules <= SEEN_OF_MODULES[1],
            f"modules that come to {told.get('host_memory_capacity')}",
            Severity.WARNING,
        ),
        ("host_storage_capacity", 0 < storage < LEAST_STORAGE, "as much as the software takes", Severity.WARNING),
    ):
        if odd and system is not None:
            yield Fault(
                f"the field {name} cannot be",
                file=system.file,
                expected=expected,
                found=shown(told[name]),
                severity=severity,
            )


def _bytes(told: tuple[str, ...]) -> float:
    """Of how many, how large each, and the unit's letter."""
    return float(told[0] or 1) * float(told[1]) * 1000.0 ** " kmgtp".index(told[2].lower())


def size_of(text: str) -> float:
    """Bytes of a capacity, such as 24 GiB; 0 where it says none."""
    return next(map(_bytes, _SIZE.findall(text)), 0.0)


def _clocks(told: Mapping[str, str]) -> list[tuple[str, str, str]]:
    return _CLOCKS.findall(told.get("host_processor_frequency", ""))


def _no_linux(text: str) -> bool:
    kernel = _KERNEL.search(text)
    told = (int(kernel[1]), int(kernel[2])) if kernel else KERNELS[0]
    return (
        bool(_WINDOWS.search(text) or _OLD.search(text.partition("kernel")[0])) or not KERNELS[0] <= told < KERNELS[1]
    )


def _has_more_caches_than_threads(told: Mapping[str, str]) -> bool:
    """Of any cache there is one for each core at most; what is counted may be of the node or of one processor."""
    counts = [told.get(f"host_processor{name}", "").strip() for name in ("s_per_node", "_vcpu_count", "_core_count")]
    sockets, *threads = (int(each) if each.isascii() and each.isdigit() and len(each) < 10 else 0 for each in counts)
    most = sockets * max(threads)
    caches = _CACHE.findall(told.get("host_processor_caches", ""))
    return most > 0 and any(int(number) > most for _, number, _, _ in caches)


def _has_other_first_caches_than_cores(told: Mapping[str, str]) -> bool:
    """Each core has its own first cache of data, and of instructions."""
    cores, sockets = (count_of(told.get(f"host_processor{name}", "")) for name in ("_core_count", "s_per_node"))
    firsts = {
        int(number) for level, number, _, _ in _CACHE.findall(told.get("host_processor_caches", "")) if level == "1"
    }
    return bool(cores and sockets and firsts) and not firsts <= {cores, cores * sockets}


def _shrinks(text: str) -> bool:
    """Whether a cache is smaller than one of the level below; the last may be shared by few."""
    largest: dict[int, float] = {}
    for level, _, size, unit in _CACHE.findall(text):
        largest[int(level)] = max(largest.get(int(level), 0.0), _bytes(("1", size, unit)))
    return any(largest[low] > largest[high] for low, high in itertools.pairwise(sorted(largest)))


def _is_a_wheel_of_2_28(log: Log) -> bool:
    """Whether a run's PyTorch was a wheel of its makers, as a part behind a plus says, for glibc 2.28."""
    versions = log.value(keys.VERSIONS)
    wheel = _WHEEL.match(str(versions.get("torch"))) if isinstance(versions, dict) else None
    if wheel is None:
        return False
    release = int(wheel[1]), int(wheel[2])
    return release >= (2, 7) or (release == (2, 6) and wheel[3] in _FIRST_OF_2_28)


def _falls(text: str) -> bool:
    told = _RANGE.search(text)
    return (
        told is not None
        and float(told[1]) * _UNITS[(told[2] or told[4]).lower()] > float(told[3]) * _UNITS[told[4].lower()]
    )


def _has_more_networks_than_ports(told: Mapping[str, str]) -> bool:
    cards = told.get("host_network_card_count", "").strip()
    networks = sum(int(number) for number in _NETWORKS.findall(told.get("host_networking", "")))
    return cards.isascii() and cards.isdigit() and len(cards) < 10 and networks > PORTS * int(cards)
