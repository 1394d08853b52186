"""What a description says of a machine that no machine has, or that this software does not run on."""

from __future__ import annotations

import re
from collections.abc import Iterator

from benchmark.validation.finding import Fault, Severity, shown
from benchmark.validation.registry import check
from benchmark.validation.subjects import ResultSet

MOST_GBITS = 50_000.0
"""Of a node's network: some times that of eight adapters of 800 Gb/s."""
_SMALL_CACHE = re.compile(r"\bL[12][di]?\b[^;,L]*?\d\s*[gtpe]i?b\b", re.IGNORECASE)
_LAST_CACHE = re.compile(r"\bL[345]\b[^;,L]*?(\d\d\s*g|\d\s*[tpe])i?b\b", re.IGNORECASE)
"""Of 10 GiB and more: all last caches of a node with the largest that are sold have 2.3 GiB."""
_BITS = re.compile(r"(?<![\d.])(\d{1,9}(?:\.\d{1,9})?)\s*([gt])b(?:it)?(?:/s|ps)\b", re.IGNORECASE)
_OTHER_SYSTEM = re.compile(r"\bkernel v?\d\d|\bwindows\b(?!.*\b(wsl|linux|subsystem))", re.IGNORECASE)


@check("R7.7", of=ResultSet, ours_alone=True)
def machine_can_be(results: ResultSet) -> Iterator[Fault]:
    """First caches are of KiB or MiB, others below 10 GiB, a network has a speed that there is, and the
    software runs on Linux."""
    system = results.system
    told = {name: str(text)[:1000] for name, text in ((system.values if system is not None else None) or {}).items()}
    speeds = _BITS.findall(told.get("host_networking", ""))
    for name, odd, expected, severity in (
        (
            "host_processor_caches",
            any(each.search(told.get("host_processor_caches", "")) for each in (_SMALL_CACHE, _LAST_CACHE)),
            "first and second caches of KiB and MiB, others below 10 GiB",
            Severity.ERROR,
        ),
        (
            "host_networking",
            any(float(speed) * (1000 if unit in "tT" else 1) > MOST_GBITS for speed, unit in speeds),
            f"at most {MOST_GBITS:g} Gb/s",
            Severity.ERROR,
        ),
        (
            "operating_system",
            _OTHER_SYSTEM.search(told.get("operating_system", "")),
            "Linux, below 10.0",
            Severity.WARNING,
        ),
    ):
        if odd and system is not None:
            yield Fault(
                f"the field {name} cannot be",
                file=system.file,
                expected=expected,
                found=shown(told[name]),
                severity=severity,
            )
