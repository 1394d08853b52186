"""One rank of test_exchange.py: values go to rank 0 and back. Rank 0 prints what it got as JSON."""

from __future__ import annotations

import json
import time

from benchmark.foundation.errors import StemdlError
from benchmark.launch.exchange import NoAnswer, join
from benchmark.launch.rank import detect_rank

PATIENCE_SECONDS = 600.0  # with ranks that will answer
rank = detect_rank()
exchange = join(rank)
told: dict[str, object] = {"by": exchange.name}
large = "x" * 3_000_000  # more than any MPI sends before the receiver asks for it
told["gathered"] = {
    str(source): [len(value[0]), value[1]]
    for source, value in exchange.gather([large if rank.rank else "", rank.rank], PATIENCE_SECONDS).items()
}
told["shared"] = exchange.share({"number": 0.1, "text": "é"} if rank.rank == 0 else None, PATIENCE_SECONDS)
for number in range(20):  # they come in the order in which they were sent
    if rank.rank == 0:
        assert exchange.receive(exchange.size - 1, time.monotonic() + PATIENCE_SECONDS) == number
    elif rank.rank == exchange.size - 1:
        exchange.send(number, to=0)
if rank.rank != 0:  # while rank 0 waits for word of it
    try:
        exchange.hear(0.1)
    except StemdlError as error:
        told["complaint"] = str(error)
exchange.gather("complained", PATIENCE_SECONDS)
if rank.rank == 0:  # while the others say nothing until it has been over
    started = time.monotonic()
    told["late"] = sorted(exchange.gather("here", 0.5))
    told["seconds"] = time.monotonic() - started
    exchange.share("over", PATIENCE_SECONDS)
    try:
        exchange.receive(1, time.monotonic() - 1)
    except NoAnswer as error:
        told["nothing"] = str(error)
else:
    assert exchange.hear(PATIENCE_SECONDS) == "over"
print(json.dumps(told) if rank.rank == 0 else "", end="", flush=True)
if rank.rank != 0:
    assert told["complaint"] and f"rank {rank.rank}: rank 0 did not answer within 0.1 s" in str(told["complaint"])
# Under torchrun the store ends with the ranks.
exchange.share("until all are done" if rank.rank == 0 else None, PATIENCE_SECONDS)
