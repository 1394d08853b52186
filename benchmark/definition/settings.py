"""The settings of a run: what each is, what it may be, and where its value comes from.

`Settings` has those of the harness's trainers; a task adds its own in the settings.yaml of its folder. All of it is
data: nothing imports a trainer or a task to know what a setting may be. Unknown names and wrong values are refused.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol

from benchmark.definition.setting import Setting, Value, own_setting
from benchmark.definition.trainer import HARNESS, ROOT
from benchmark.foundation.errors import StemdlError, nearest
from benchmark.foundation.reading import Unreadable, parse_yaml, read_yaml
from benchmark.foundation.text import printable

FILE = "settings.yaml"
"""A file of a task's folder: values of the trainer's settings, and settings of the task's own."""
MOST_BYTES = 2**20
"""The size of a file of settings at most."""


SOLO = "solo"
BACKENDS = (*sorted(path.stem.removeprefix("comm_") for path in (ROOT / HARNESS).glob("comm_*.py")), SOLO)
"""What can join the ranks of the harness's trainers: a file each, found by its name; `solo` joins none."""
_TAKEN = ("task", "by_gradients", "ranks", "launcher", "trainer")
"""Names besides those of settings in a log's config."""


class Answered(Protocol):
    """A benchmark, as far as its settings go."""

    @property
    def task_folder(self) -> Path:
        """Where the reference's task lies, with its settings."""

    @property
    def by_gradients(self) -> bool:
        """Whether the benchmark's trainer learns so."""


def _set(default: Value, about: str, **more: Any) -> Any:
    """A field of `Settings`; `more` are attributes of its `Setting`."""
    return field(default=default, metadata={"about": about, **more})


def _free(default: Value, about: str, **more: Any) -> Any:
    return _set(default, about, free=True, **more)


def _by_gradients(default: Value, about: str, **more: Any) -> Any:
    return _set(default, about, by_gradients=True, **more)


@dataclass(frozen=True)
class Settings:
    """The settings of one run, resolved: those of the harness's trainers, and in `task` those of the task's own.
    `by_gradients` is whether the trainer learns so; one that does not has fewer."""

    # Who runs it, for the log.
    org: str = _free("reference", "submission_org")
    platform: str = _free("", "submission_platform; empty: the processor's or accelerator's name")
    division: str = _free("open", "whose rules the run is held to", choices=("closed", "open"))
    status: str = _free("research", "submission_status", choices=("cloud", "onprem", "preview", "research"))

    # Where and how it computes.
    comm: str = _free(
        "auto",
        "what joins the ranks; auto: horovod where it is built, torch elsewhere and under torchrun",
        choices=("auto", *BACKENDS),
    )
    device: str = _free("auto", "auto: cuda where a rank sees a GPU", choices=("auto", "cpu", "cuda"))
    precision: str = _set("fp32", "bf16: autocast; weights stay fp32", choices=("fp32", "bf16"))
    threads_per_rank: int = _set(0, "0: the node's cores divided among its ranks", at_least=0, below=100_000)
    clear_caches: bool = _free(False, "write to drop_caches first; needs root")

    # How the ranks exchange gradients. Of these gradient_compression alone changes a result; one rank exchanges none.
    torch_backend: str = _free(
        "auto",
        "under comm=torch; auto: nccl between GPUs, gloo elsewhere",
        choices=("auto", "gloo", "nccl", "mpi"),
        of_backend="torch",
    )
    fusion_mib: float = _by_gradients(
        25.0, "gradients are sent together in pieces of up to this many MiB", at_least=0.0, below=2.0**20, free=True
    )
    gradient_compression: str = _by_gradients(
        "none", "fp16: gradients are sent and summed in half the bytes; for the open division", choices=("none", "fp16")
    )
    gradient_groups: int = _by_gradients(
        0,
        "Horovod: so many groups, each sent when it is whole; 0: each gradient when it is ready",
        at_least=0,
        free=True,
        of_backend="horovod",
    )
    cycle_ms: float = _by_gradients(
        0.0,
        "Horovod: how often it looks for gradients to send; 0: 5 between CPUs, 1 between GPUs",
        at_least=0.0,
        below=60_000.0,
        free=True,
        of_backend="horovod",
    )
    hierarchical: bool = _by_gradients(
        False, "Horovod with NCCL: sums within each node first", free=True, of_backend="horovod"
    )
    autotune: bool = _by_gradients(
        False, "Horovod: looks for the best fusion_mib and cycle_ms while it trains", free=True, of_backend="horovod"
    )
    timeline: bool = _by_gradients(
        False, "Horovod: leaves timeline.json next to the log, for chrome://tracing", free=True, of_backend="horovod"
    )

    # How it reads; neither changes a result.
    memory_share: float = _free(
        0.25,
        "of a node's memory (and a GPU's), for all its ranks' data; larger data are streamed",
        at_least=0.0,
        below=1.0,
    )
    stage: str = _free("", "a folder on each node's own disk (may hold $VARIABLES): copy there first, on the clock")

    # The training.
    optimizer: str = _by_gradients("adamw", "one of those in reference/optimizer.py")
    max_epochs: int = _by_gradients(18, "a run that has not reached the target by then ends without it", at_least=1)
    global_batch_size: int = _by_gradients(32, "samples of one step, over all ranks", at_least=1)
    learning_rate: float = _by_gradients(0.004, "at its peak", at_least=1e-12, below=100.0)
    warmup_fraction: float = _by_gradients(
        0.05, "of all steps, in which the learning rate rises linearly; then a cosine to zero", at_least=0.0, below=1.0
    )
    weight_decay: float = _by_gradients(0.05, "of weights; norms and biases do not decay", at_least=0.0, below=100.0)
    weight_averaging: float = _by_gradients(
        0.98,
        "the share of a step's running average that the next one keeps; the average is evaluated",
        at_least=0.0,
        below=1.0,
    )
    eval_batch_size: int = _free(100, "samples that a rank evaluates at once", at_least=1)
    checkpoint: bool = _by_gradients(True, "after each epoch, on the clock", free=True)
    checkpoint_every_steps: int = _by_gradients(
        0, "after so many steps of an epoch, too; 0: only at its end", at_least=0, free=True
    )
    warning_signals: str = _by_gradients(
        "TERM USR1 USR2", "at any of them a run keeps its state and ends, a few steps later", free=True
    )
    collective_timeout_seconds: int = _free(
        60, "a rank that waits longer for the others ends the job, and is named", at_least=1
    )

    task: Mapping[str, Value] = field(default_factory=dict)

    by_gradients: bool = True

    @classmethod
    def of(cls, values: Mapping[str, Value]) -> Settings:
        """The inverse of `to_dict`."""
        task = {name: value for name, value in values.items() if name not in OF_TRAINERS}
        shared: dict[str, Any] = {name: values[name] for name in OF_TRAINERS if name in values}
        return cls(**shared, task=MappingProxyType(task), by_gradients="optimizer" in values)

    def to_dict(self) -> dict[str, Value]:
        """All that the trainer has, by name; the task's own last."""
        shared = [name for name, each in OF_TRAINERS.items() if self.by_gradients or not each.by_gradients]
        return {name: getattr(self, name) for name in shared} | dict(self.task)


OF_TRAINERS: Mapping[str, Setting] = MappingProxyType(
    {
        each.name: Setting(each.name, each.default, **each.metadata)
        for each in dataclasses.fields(Settings)
        if each.default is not dataclasses.MISSING and each.name != "by_gradients"
    }
)
"""The settings of the harness's trainers, by name."""
FREE = tuple(name for name, each in OF_TRAINERS.items() if each.free)


def settings_of(benchmark: Answered) -> dict[str, Setting]:
    """Every setting of a benchmark by name, with the values that its task gives them. Raises StemdlError where the
    task's file is wrong."""
    known = {name: each for name, each in OF_TRAINERS.items() if benchmark.by_gradients or not each.by_gradients}
    path = benchmark.task_folder / FILE
    for name, value in (_read(path) if path.is_file() else {}).items():
        where = f"{path}: {name}"
        if name in known:
            known[name] = dataclasses.replace(known[name], default=known[name].checked(value, where))
        else:
            known[name] = own_setting(name, value, (*_TAKEN, *OF_TRAINERS), where)
    return known


def at_rung(known: Mapping[str, Setting], benchmark: Answered, rung: str) -> dict[str, Setting]:
    """The settings of `settings_of`, with the values that the task gives them for a rung. Raises StemdlError where its
    file is wrong."""
    path = benchmark.task_folder / f"{rung}.yaml"
    values = _read(path) if path.is_file() else {}
    of_rung = {}
    for key, value in values.items():
        setting = _of(key, known, str(path))
        of_rung[setting.name] = dataclasses.replace(setting, default=setting.checked(value, str(path)))
    return {**known, **of_rung}


def read_settings(
    benchmark: Answered, rung: str, file: Path | None = None, overrides: tuple[str, ...] = ()
) -> Settings:
    """The settings of a run, resolved. Later sources win: the defaults, the task's values, its values for the rung,
    `file`, and `overrides`, which are `key=value` each.

    Raises StemdlError naming the file or option, the key and what it should be.
    """
    known = at_rung(settings_of(benchmark), benchmark, rung)
    values = {name: each.default for name, each in known.items()}
    for key, value in (_read(file) if file is not None else {}).items():
        values[key] = _of(key, known, str(file)).checked(value, str(file))
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
