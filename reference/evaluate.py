"""The whole split, once: each rank counts its own samples, and the counts are added up."""

from __future__ import annotations

import torch
from torch import nn

from benchmark.foundation.errors import StemdlError
from benchmark.foundation.progress import counted
from benchmark.metrics.confusion import Confusion
from reference.comm import Comm
from reference.run_log import Speaker
from reference.samples import Samples


def evaluate(
    model: nn.Module,
    part: Samples,
    *,
    comm: Comm,
    classes: int,
    samples: int,
    batch: int,
    bf16: bool = False,
    say: Speaker = Speaker(False),
) -> Confusion:
    """The confusion counts over all ranks' parts of a split, the same on every rank. `say` shows how far it has come.

    Raises StemdlError when the ranks together did not count the split's `samples`, each once.
    """
    model.eval()
    choices = [range(first, min(first + batch, len(part))) for first in range(0, len(part), batch)]
    labels, predictions = [], []
    with (
        torch.inference_mode(),
        torch.autocast(part.device.type, torch.bfloat16, enabled=bf16),
        say.progress("evaluation", len(choices), "batches") as advance,
    ):
        for patterns, truth in counted(part.batches(choices), advance):
            labels.append(truth)
            predictions.append(model(patterns).argmax(dim=1))
    own = Confusion.of(torch.cat(labels).cpu().numpy(), torch.cat(predictions).cpu().numpy(), classes)
    counts = Confusion(comm.sum(torch.from_numpy(own.counts.copy())).numpy())
    if counts.samples != samples:
        raise StemdlError(
            "the evaluation did not see every sample once",
            where=f"rank {comm.rank}",
            expected=samples,
            found=counts.samples,
        )
    return counts
