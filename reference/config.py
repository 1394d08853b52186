"""The settings of a run: defaults, those of the rung, a file, `key=value`. Unknown keys and wrong values are refused."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmark.foundation.errors import StemdlError, nearest
from benchmark.foundation.reading import Unreadable, parse_yaml, read_yaml
from benchmark.foundation.text import printable

CONFIGS = Path(__file__).parent / "configs"
"""default.yaml holds every key; a file of a rung's name what is different there."""
MOST_BYTES = 2**20
"""Of a file of settings."""
MOST = 2**31
"""What whole numbers are below: tensors and MPI count in 32 bits."""

_CHOICES: Mapping[str, tuple[str, ...]] = {
    "division": ("closed", "open"),
    "status": ("cloud", "onprem", "preview", "research"),
    "comm": ("auto", "horovod", "torch", "solo"),
    "device": ("auto", "cpu", "cuda"),
    "precision": ("fp32", "bf16"),
    "torch_backend": ("auto", "gloo", "nccl", "mpi"),
    "gradient_compression": ("none", "fp16"),
}
_AT_LEAST: Mapping[str, float] = {
    "threads_per_rank": 0,
    "memory_share": 0.0,
    "width": 1,
    "max_epochs": 1,
    "global_batch_size": 1,
    "learning_rate": 1e-12,
    "warmup_fraction": 0.0,
    "weight_decay": 0.0,
    "weight_averaging": 0.0,
    "label_smoothing": 0.0,
    "eval_batch_size": 1,
    "checkpoint_every_steps": 0,
    "collective_timeout_seconds": 1,
    "fusion_mib": 0.0,
    "gradient_groups": 0,
    "cycle_ms": 0.0,
}
_BELOW: Mapping[str, float] = {
    "memory_share": 1.0,
    "warmup_fraction": 1.0,
    "label_smoothing": 1.0,
    "weight_averaging": 1.0,
}


@dataclass(frozen=True)
class Config:
    """What configs/default.yaml explains, key by key."""

    org: str
    platform: str
    division: str
    status: str
    comm: str
    device: str
    precision: str
    threads_per_rank: int
    clear_caches: bool
    torch_backend: str
    fusion_mib: float
    gradient_compression: str
    gradient_groups: int
    cycle_ms: float
    hierarchical: bool
    autotune: bool
    timeline: bool
    memory_share: float
    stage: str
    width: int
    symmetry: bool
    max_epochs: int
    global_batch_size: int
    learning_rate: float
    warmup_fraction: float
    weight_decay: float
    weight_averaging: float
    label_smoothing: float
    eval_batch_size: int
    checkpoint: bool
    checkpoint_every_steps: int
    warning_signals: str
    collective_timeout_seconds: int


def read_config(rung: str, file: Path | None = None, overrides: tuple[str, ...] = ()) -> Config:
    """The resolved settings, later sources before earlier ones: default.yaml, the rung's file, `file`, `overrides`.

    Raises StemdlError naming the file or option, the key and what it should be.
    """
    values = _read_file(CONFIGS / "default.yaml")
    types = {field.name: type(values[field.name]) for field in dataclasses.fields(Config)}
    of_rung = CONFIGS / f"{rung}.yaml"
    for source in ([of_rung] if of_rung.is_file() else []) + ([file] if file is not None else []):
        for key, value in _read_file(source).items():
            values[key] = _checked(key, value, types, str(source))
    for override in overrides:
        key, equals, text = override.partition("=")
        if not equals:
            raise StemdlError("a setting is not key=value", where="--set", found=override)
        key, text = key.strip(), text.strip()
        value = text if types.get(key) is str else _parsed(text)
        values[key] = _checked(key, value, types, f"--set {printable(override)}")
    return Config(**values)


def _read_file(path: Path) -> dict[str, Any]:
    try:
        return read_yaml(path, MOST_BYTES, links=True)
    except Unreadable as error:
        raise StemdlError(
            "the settings cannot be read", where=path, expected="lines of key: value", found=error
        ) from error


def _parsed(text: str) -> Any:
    """A value as YAML reads it, but 4e-3, which YAML takes for a word, is a number."""
    try:
        value = parse_yaml(text)
    except Unreadable:
        return text
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            return value
    return value


def _checked(key: str, value: Any, types: Mapping[str, type], where: str) -> Any:
    if not isinstance(key, str):
        raise StemdlError("the name of a setting is not a word", where=where, found=type(key).__name__)
    if key not in types:
        raise StemdlError(f"there is no setting {key!r}", where=where, remedy=nearest(key, types))
    wanted = types[key]
    if wanted is float and type(value) is int and abs(value) < MOST:
        value = float(value)
    if wanted is int and type(value) is float and value.is_integer():
        value = int(value)
    if type(value) is int and abs(value) >= MOST:
        raise StemdlError(
            f"{key} is too large", where=where, expected=f"below {MOST}", found=f"{value.bit_length()} bits"
        )
    if type(value) is not wanted:
        raise StemdlError(f"{key} has the wrong type", where=where, expected=wanted.__name__, found=repr(value))
    if wanted is str and not value.isprintable():
        raise StemdlError(f"{key} has characters that cannot be shown", where=where, found=repr(value))
    if key in _CHOICES and value not in _CHOICES[key]:
        raise StemdlError(f"{key} has no such choice", where=where, expected=" or ".join(_CHOICES[key]), found=value)
    if wanted is float and not math.isfinite(value):
        raise StemdlError(f"{key} is not a finite number", where=where, found=value)
    if key in _AT_LEAST and not value >= _AT_LEAST[key]:
        raise StemdlError(f"{key} is too small", where=where, expected=f"at least {_AT_LEAST[key]:g}", found=value)
    if key in _BELOW and not value < _BELOW[key]:
        raise StemdlError(f"{key} is too large", where=where, expected=f"below {_BELOW[key]:g}", found=value)
    return value
