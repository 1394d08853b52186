"""What a stranger's spoilings left to be seen in the files, by kind: seeds that were written, machines and claims that
do not fit themselves, scripts that read the data or bind the runs elsewhere."""

from __future__ import annotations

import json

from corpus import Tree, as_ledger, ledger_of
from honest_run import as_text, at
from mutations_published import warned
from mutations_related import seeds

from benchmark.events import keys

BITS = f"{1186845534:031b}"
HALVES = (12345, 10739, 19026, 20481, 17558)


def of_the_ledger(tree: Tree) -> None:
    """Seeds of the hash that the ledger has of the line before each run, but for the first."""
    for index in range(1, len(tree.logs)):
        runs = {each: (lines, as_text(lines)) for each, lines in tree.logs.items()}
        before = json.loads(as_ledger(ledger_of(runs)).splitlines()[2 * index])["previous"]
        lines = tree.logs[index]
        lines[at(lines, keys.SEED)]["value"] = int(before[:8], 16) >> 1


VISIBLE = (
    *(
        warned(f"seeds that are {what}", "R4.2", seeds(lambda index, told=told: told[index]))
        for what, told in {
            "palindromes": [int(f"{each}{str(each)[::-1]}") for each in HALVES],
            "one number, rotated": [int(BITS[7 * each % 31 :] + BITS[: 7 * each % 31], 2) for each in range(5)],
            "read backwards": (1186845534, 568731966, 669137865, 1523606521, 1256063251),
            "four letters": [int.from_bytes(each, "big") for each in (b"STEM", b"Cbed", b"fast", b"MLpf", b"runs")],
            "words of hexadecimal digits": (0x1EADBEEF, 0x5EED1234, 0x12CAFE00, 0x00C0DE11, 0x3FACE751),
            "dates": (2026111907, 2026112314, 2026120109, 2027010216, 2026112811),
            "of the same digits": (1203948576, 1357986420, 1648203957, 1925730846, 2037158469),
            "of bits that are mostly 0": (0x01020088, 0x00110402, 0x10080104, 0x02004011, 0x40022001),
        }.items()
    ),
    warned("seeds of the ledger's hashes", "R4.2", of_the_ledger),
)
