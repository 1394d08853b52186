"""What can be done about classes of which there are few samples, each by its published formula.

n_c is the number of training samples of class c, N of all, C of classes.

| balance | what it does | source |
|---|---|---|
| `weights`, `root_weights` | weighs a sample by 1 / n_c, or its root | King & Zeng 2001; Mahajan et al. 2018 |
| `effective` | weighs it by (1 - b) / (1 - b^n_c) | Cui et al. 2019, arXiv 1901.05555 |
| `focal` | weighs it by (1 - p)^2, p its class's probability | Lin et al. 2017, arXiv 1708.02002 |
| `logits` | adds log(n_c / N) to the logits in training | Menon et al. 2021, 2007.07314; Ren et al. 2020, 2007.10740 |
| `sampling` | draws samples with replacement, each class as often | Kang et al. 2020, arXiv 1910.09217 |

Weights are such that their mean over the training samples is 1: the learning rate stands for the same, and a batch's
loss is a plain mean, which ranks can share. Two stages (Kang et al. 2020) are two runs: see `Retrained`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from reference.average import average_of
from reference.checkpoint import load_average

BETA = 0.999
"""b of the effective number: samples beyond about 1 / (1 - b) of a class count for little."""
GAMMA = 2.0
"""The exponent of the focal loss."""

WEIGHTS: Mapping[str, Callable[[Tensor], Tensor]] = {
    "weights": lambda counts: 1.0 / counts,
    "root_weights": lambda counts: counts.rsqrt(),
    "effective": lambda counts: (1.0 - BETA) / (1.0 - BETA**counts),
}


class Balance:
    """A cross entropy with a share `smoothing` of each label spread over all classes, as `method` changes it: "none" or
    one of the table. Where it depends on the counts of the classes they are alike until `look` has counted them."""

    def __init__(self, method: str, classes: int, smoothing: float) -> None:
        self._method, self._smoothing = method, smoothing
        self.counts = torch.ones(classes)

    def loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        """(n,): that of each sample, of float32 logits (n, classes)."""
        if self._method == "logits":
            logits = logits + (self.counts / self.counts.sum()).log().to(logits.device)
        found = F.cross_entropy(logits, labels, reduction="none", label_smoothing=self._smoothing)
        if self._method == "focal":
            own = logits.softmax(dim=1).gather(1, labels[:, None])[:, 0]
            return found * (1.0 - own) ** GAMMA
        return found * self.weights(labels)

    def mean(self, logits: Tensor, labels: Tensor) -> Tensor:
        """The mean of `loss`; without a method by torch's own sum, whose last bits earlier curves have."""
        if self._method == "none":
            return F.cross_entropy(logits, labels, label_smoothing=self._smoothing)
        return self.loss(logits, labels).mean()

    def weights(self, labels: Tensor) -> Tensor:
        """(n,): what samples of these classes count for."""
        if self._method not in WEIGHTS:
            return torch.ones_like(labels, dtype=torch.float32)
        of_class = WEIGHTS[self._method](self.counts)
        return (of_class * self.counts.sum() / (of_class * self.counts).sum()).to(labels.device)[labels]

    def look(self, labels: Iterable[Tensor], total: Callable[[Tensor], Tensor]) -> NDArray[np.float64] | None:
        """Counts this rank's labels and by `total` all ranks'. How likely each of this rank's samples is to be drawn,
        for "sampling"; None for all others."""
        if self._method in ("none", "focal"):
            return None
        own = torch.cat([each.cpu() for each in labels])
        self.counts = total(torch.bincount(own, minlength=len(self.counts))).clamp(min=1).float()
        if self._method != "sampling":
            return None
        shares = 1.0 / self.counts.double().numpy()[own.numpy()]
        drawn: NDArray[np.float64] = shares / shares.sum()
        return drawn


class Retrained(nn.Module):
    """The second stage: a network whose weights are those of a run's `checkpoint`, of which the last linear layer alone
    learns, from new weights. Its norms keep their statistics. Raises StemdlError where there is no checkpoint, or one
    of another network."""

    def __init__(self, network: nn.Module, checkpoint: Path) -> None:
        super().__init__()
        layer = [each for each in network.modules() if isinstance(each, nn.Linear)][-1]
        fresh = {name: values.clone() for name, values in layer.state_dict().items()}
        averaged = average_of(network, 0.0)
        load_average(checkpoint, averaged)
        network.load_state_dict(averaged.module.state_dict())
        layer.load_state_dict(fresh)
        network.requires_grad_(False)
        layer.requires_grad_(True)
        self.network = network

    def train(self, mode: bool = True) -> Retrained:
        """As any network's, but for the norms."""
        super().train(mode)
        for each in self.modules():
            if isinstance(each, nn.modules.batchnorm._BatchNorm):
                each.eval()
        return self

    def forward(self, patterns: Tensor) -> Tensor:
        logits: Tensor = self.network(patterns)
        return logits
