"""How the samples of a split and of a step are dealt to ranks: none twice, and none made up to fill a share."""

from __future__ import annotations


def part(count: int, rank: int, size: int) -> range:
    """Which of `count` neighbours a rank gets; the first ranks one more where they do not divide evenly."""
    share, more = divmod(count, size)
    start = rank * share + min(rank, more)
    return range(start, start + share + (rank < more))


def steps_of_epoch(samples: int, global_batch: int, size: int) -> int:
    """How many whole global batches all ranks can make of their parts of the samples; 0 where a rank would get nothing.
    In constant time, for any number of ranks from 1."""
    if global_batch < size:
        return 0
    # Parts and batches have two sizes each, one apart, and the larger of either come first.
    at = {0, samples % size, global_batch % size, size - 1}
    return min(len(part(samples, rank, size)) // len(part(global_batch, rank, size)) for rank in at if rank < size)
