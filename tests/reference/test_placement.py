"""Texts of all ranks on each of them, by sums alone."""

from __future__ import annotations

import threading

import torch
from hypothesis import given
from hypothesis import strategies as st
from patience import HANG_SECONDS
from torch import Tensor

from reference.comm import Solo
from reference.placement import gather_texts


class Threads:
    """Ranks that are threads of this process: `sum` adds up what all of them bring."""

    def __init__(self, rank: int, size: int, meeting: threading.Barrier, brought: dict[int, Tensor]) -> None:
        self.rank, self.size, self._meeting, self._brought = rank, size, meeting, brought

    def sum(self, values: Tensor) -> Tensor:
        self._brought[self.rank] = values
        self._meeting.wait(HANG_SECONDS)
        total = torch.stack([self._brought[rank] for rank in range(self.size)]).sum(0).to(values.dtype)
        self._meeting.wait(HANG_SECONDS)
        return total


@given(st.lists(st.text(max_size=8), min_size=1, max_size=5))
def test_every_rank_gets_all_texts_in_order(texts: list[str]) -> None:
    meeting, brought = threading.Barrier(len(texts)), {}
    found: dict[int, list[str]] = {}

    def work(rank: int) -> None:
        found[rank] = gather_texts(texts[rank], Threads(rank, len(texts), meeting, brought))

    threads = [threading.Thread(target=work, args=(rank,)) for rank in range(len(texts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == dict.fromkeys(range(len(texts)), texts)


def test_alone() -> None:
    assert gather_texts("é {}", Solo()) == ["é {}"]
