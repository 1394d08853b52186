"""The settings of a run: what each is, what it may be, and where its value comes from.

`Settings` has those of the harness's trainers; a task adds its own in the settings.yaml of its folder. All of it is
data: nothing imports a trainer or a task to know what a setting may be. Unknown names and wrong values are refused.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol

from benchmark.foundation.errors import StemdlError, nearest
from benchmark.foundation.reading import Unreadable, parse_yaml, read_yaml
from benchmark.foundation.text import printable

FILE = "settings.yaml"
"""In a task's folder: values of the trainer's settings, and settings of the task's own."""
MOST_BYTES = 2**20
"""Of a file of settings."""
MOST = 2**31
"""Whole numbers are below it: tensors and MPI count in 32 bits."""
Value = bool | int | float | str


class Answered(Protocol):
    """A benchmark, as far as its settings go."""

    @property
    def task_folder(self) -> Path:
        """Where the reference's task lies, with its settings."""


@dataclass(frozen=True)
class Setting:
    """What one setting is, and what it may be.

    Attributes
    ----------
    default : its value where nobody gives one; other values have its type.
    about : in words.
    free : it says where and for whom a run computes, and changes no result.
    choices : the only values, where there are any. at_least, below : the bounds of a number.
    """

    name: str
    default: Value
    about: str = ""
    free: bool = False
    choices: tuple[str, ...] = ()
    at_least: float | None = None
    below: float | None = None

    def checked(self, value: object, where: str) -> Value:
        """The value in the setting's type: 1 is 1.0 where a number is wanted, and 8.0 is 8 where a whole one is. Raises
        StemdlError with `where` for a value that it may not have."""
        wanted = type(self.default)
        if wanted is float and type(value) is int and abs(value) < MOST:
            value = float(value)
        if wanted is int and type(value) is float and value.is_integer():
            value = int(value)
        if type(value) is int and abs(value) >= MOST:
            found = f"{value.bit_length()} bits"
            raise StemdlError(f"{self.name} is too large", where=where, expected=f"below {MOST}", found=found)
        if type(value) is not wanted:
            raise StemdlError(
                f"{self.name} has the wrong type", where=where, expected=wanted.__name__, found=repr(value)
            )
        if isinstance(value, str) and not value.isprintable():
            raise StemdlError(f"{self.name} has characters that cannot be shown", where=where, found=repr(value))
        if self.choices and value not in self.choices:
            expected = " or ".join(self.choices)
            raise StemdlError(f"{self.name} has no such choice", where=where, expected=expected, found=value)
        if isinstance(value, float) and not math.isfinite(value):
            raise StemdlError(f"{self.name} is not a finite number", where=where, found=value)
        if self.at_least is not None and not value >= self.at_least:
            raise StemdlError(
                f"{self.name} is too small", where=where, expected=f"at least {self.at_least:g}", found=value
            )
        if self.below is not None and not value < self.below:
            raise StemdlError(f"{self.name} is too large", where=where, expected=f"below {self.below:g}", found=value)
        return value


def _set(default: Value, about: str, **more: Any) -> Any:
    """A field of `Settings`; `more` are attributes of its `Setting`."""
    return field(default=default, metadata={"about": about, **more})


def _free(default: Value, about: str, **more: Any) -> Any:
    return _set(default, about, free=True, **more)


@dataclass(frozen=True)
class Settings:
    """The settings of one run, resolved: those of the harness's trainers, and in `task` those of the task's own."""

    # Who runs it, for the log.
    org: str = _free("reference", "submission_org")
    platform: str = _free("", "submission_platform; empty: the processor's or accelerator's name")
    division: str = _free("open", "whose rules the run is held to", choices=("closed", "open"))
    status: str = _free("research", "submission_status", choices=("cloud", "onprem", "preview", "research"))

    # Where and how it computes.
    comm: str = _free(
        "auto",
        "what joins the ranks; auto: horovod where it is built, torch elsewhere and under torchrun",
        choices=("auto", "horovod", "torch", "solo"),
    )
    device: str = _free("auto", "auto: cuda where a rank sees a GPU", choices=("auto", "cpu", "cuda"))
    precision: str = _set("fp32", "bf16: autocast; weights stay fp32", choices=("fp32", "bf16"))
    threads_per_rank: int = _set(0, "0: the node's cores divided among its ranks", at_least=0)
    clear_caches: bool = _free(False, "write to drop_caches first; needs root")

    # How the ranks exchange gradients. Of these gradient_compression alone changes a result; one rank exchanges none.
    torch_backend: str = _free(
        "auto", "under comm=torch; auto: nccl between GPUs, gloo elsewhere", choices=("auto", "gloo", "nccl", "mpi")
    )
    fusion_mib: float = _free(25.0, "gradients are sent together in pieces of up to this many MiB", at_least=0.0)
    gradient_compression: str = _set(
        "none", "fp16: gradients are sent and summed in half the bytes; for the open division", choices=("none", "fp16")
    )
    gradient_groups: int = _free(
        0, "Horovod: so many groups, each sent when it is whole; 0: each gradient when it is ready", at_least=0
    )
    cycle_ms: float = _free(
        0.0, "Horovod: how often it looks for gradients to send; 0: 5 between CPUs, 1 between GPUs", at_least=0.0
    )
    hierarchical: bool = _free(False, "Horovod with NCCL: sums within each node first")
    autotune: bool = _free(False, "Horovod: looks for the best fusion_mib and cycle_ms while it trains")
    timeline: bool = _free(False, "Horovod: leaves timeline.json beside the log, for chrome://tracing")

    # How it reads; neither changes a result.
    memory_share: float = _free(
        0.25,
        "of a node's memory (and a GPU's), for all its ranks' data; larger data are streamed",
        at_least=0.0,
        below=1.0,
    )
    stage: str = _free("", "a folder on each node's own disk (may hold $VARIABLES): copy there first, on the clock")

    # The training.
    optimizer: str = _set("adamw", "one of those in reference/optimizer.py")
    max_epochs: int = _set(18, "a run that has not reached the target by then ends without it", at_least=1)
    global_batch_size: int = _set(32, "samples of one step, over all ranks", at_least=1)
    learning_rate: float = _set(0.004, "at its peak", at_least=1e-12)
    warmup_fraction: float = _set(
        0.05, "of all steps, in which the learning rate rises linearly; then a cosine to zero", at_least=0.0, below=1.0
    )
    weight_decay: float = _set(0.05, "of weights; norms and biases do not decay", at_least=0.0)
    weight_averaging: float = _set(
        0.98,
        "the share of a step's running average that the next one keeps; the average is evaluated",
        at_least=0.0,
        below=1.0,
    )
    eval_batch_size: int = _free(100, "samples that a rank evaluates at once", at_least=1)
    checkpoint: bool = _free(True, "after each epoch, on the clock")
    checkpoint_every_steps: int = _free(0, "after so many steps of an epoch, too; 0: only at its end", at_least=0)
    warning_signals: str = _free("TERM USR1 USR2", "at any of them a run keeps its state and ends, a few steps later")
    collective_timeout_seconds: int = _free(
        60, "a rank that waits longer for the others ends the job, and is named", at_least=1
    )

    task: Mapping[str, Value] = field(default_factory=dict)

    @classmethod
    def of(cls, values: Mapping[str, Value]) -> Settings:
        """The inverse of `to_dict`."""
        task = {name: value for name, value in values.items() if name not in OF_TRAINERS}
        return cls(**{name: values[name] for name in OF_TRAINERS}, task=MappingProxyType(task))

    def to_dict(self) -> dict[str, Value]:
        """All of them by name, the task's own last."""
        return {name: getattr(self, name) for name in OF_TRAINERS} | dict(self.task)


OF_TRAINERS: Mapping[str, Setting] = MappingProxyType(
    {
        each.name: Setting(each.name, each.default, **each.metadata)
        for each in dataclasses.fields(Settings)
        if each.name != "task"
    }
)
"""The settings of the harness's trainers, by name."""
FREE = tuple(name for name, each in OF_TRAINERS.items() if each.free)
_OF_ONE: Mapping[str, Callable[[object], bool]] = {
    "default": lambda value: type(value) in (bool, int, float, str),
    "about": lambda value: isinstance(value, str),
    "choices": lambda value: isinstance(value, list) and all(isinstance(each, str) for each in value),
    "at_least": lambda value: type(value) in (int, float),
    "below": lambda value: type(value) in (int, float),
}
"""What a task may say of a setting of its own, and whether a value is of its kind."""
_TAKEN = ("task", "ranks", "launcher", "trainer")
"""Names beside those of settings in a log's config."""


def settings_of(benchmark: Answered) -> dict[str, Setting]:
    """Every setting of a benchmark by name, with the values that its task gives them. Raises StemdlError where the
    task's file is wrong."""
    known = dict(OF_TRAINERS)
    path = benchmark.task_folder / FILE
    for name, value in (_read(path) if path.is_file() else {}).items():
        where = f"{path}: {name}"
        if name in OF_TRAINERS:
            known[name] = dataclasses.replace(known[name], default=known[name].checked(value, where))
        else:
            known[name] = _own(name, value, where)
    return known


def read_settings(
    benchmark: Answered, rung: str, file: Path | None = None, overrides: tuple[str, ...] = ()
) -> Settings:
    """The settings of a run, resolved. Later sources win: the defaults, the task's values, its values for the rung,
    `file`, and `overrides`, which are `key=value` each.

    Raises StemdlError naming the file or option, the key and what it should be.
    """
    known = settings_of(benchmark)
    values = {name: each.default for name, each in known.items()}
    of_rung = benchmark.task_folder / f"{rung}.yaml"
    for source in ([of_rung] if of_rung.is_file() else []) + ([file] if file is not None else []):
        for key, value in _read(source).items():
            values[key] = _of(key, known, str(source)).checked(value, str(source))
    for override in overrides:
        key, equals, text = override.partition("=")
        if not equals:
            raise StemdlError("a setting is not key=value", where="--set", found=override)
        where = f"--set {printable(override)}"
        setting, text = _of(key.strip(), known, where), text.strip()
        value = text if isinstance(setting.default, str) else _parsed(text)
        values[setting.name] = setting.checked(value, where)
    return Settings.of(values)


def _of(key: object, known: Mapping[str, Setting], where: str) -> Setting:
    if not isinstance(key, str):
        raise StemdlError("the name of a setting is not a word", where=where, found=type(key).__name__)
    if key not in known:
        raise StemdlError(f"there is no setting {key!r}", where=where, remedy=nearest(key, known))
    return known[key]


def _own(name: object, value: object, where: str) -> Setting:
    """A setting of a task's own: a value, or a mapping of `default` and what bounds it."""
    if not isinstance(name, str) or not name.isidentifier() or name in _TAKEN:
        raise StemdlError("a setting has no name of its own", where=where, expected="letters, digits and _", found=name)
    said = dict(value) if isinstance(value, Mapping) else {"default": value}
    for key, each in ({"default": None} | said).items():
        if key not in _OF_ONE:
            raise StemdlError(f"unknown key {key!r}", where=where, expected=", ".join(_OF_ONE))
        if not _OF_ONE[key](each):
            raise StemdlError(f"{name}: {key} has the wrong type", where=where, found=each)
    setting = Setting(name, **said | {"choices": tuple(said.get("choices", ()))})
    setting.checked(setting.default, where)
    return setting


def _read(path: Path) -> dict[str, Any]:
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
