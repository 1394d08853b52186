"""The kind of processor that a test runs on, and the libraries that compute on it: what last bits depend on."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import numpy as np
import torch

_SAID = ("model name", "cpu family", "model", "stepping", "cache size", "flags")
_CHOSEN = ("OPENBLAS_CORETYPE", "ONEDNN_MAX_CPU_ISA", "ATEN_CPU_CAPABILITY", "NPY_DISABLE_CPU_FEATURES")
"""Variables by which somebody has other kernels taken than the processor's own."""


def kind_of_processor() -> str:
    """A name that two machines share only where the same kernels run: the processor's, its features and caches, and the
    versions of NumPy and PyTorch."""
    path = Path("/proc/cpuinfo")
    first = path.read_text(encoding="utf-8").split("\n\n")[0] if path.is_file() else ""
    said = dict(line.replace("\t", "").split(":", 1) for line in first.splitlines() if ":" in line)
    told = [said.get(name, "") for name in _SAID] + [os.environ.get(name, "") for name in _CHOSEN]
    told += [np.__version__, torch.__version__, torch.backends.cpu.get_cpu_capability()]
    return f"{said.get('model name', 'unknown').strip()} {hashlib.sha256('|'.join(told).encode()).hexdigest()[:16]}"
