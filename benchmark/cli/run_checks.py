"""What of `stemdl run` can be refused at once: before data are made, a folder is created or a rank is started."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.data.claim import RECIPE
from benchmark.data.manifest import MANIFEST, read_manifest, require_trainable
from benchmark.data.partition import partitioned
from benchmark.definition.request import LAUNCH_FILES, RunRequest
from benchmark.foundation.errors import StemdlError
from benchmark.foundation.files import require_place
from benchmark.foundation.text import printable, typed
from benchmark.submission.ledger import require_ledger
from benchmark.submission.measured_power import require_power

if TYPE_CHECKING:
    from benchmark.submission.run_driver import RunDriver


def what_multiplies(arguments: argparse.Namespace) -> str:
    """The option that the number of ranks on this node follows from."""
    return "--scale" if arguments.scale else "--instances" if arguments.instances > 1 else "--ranks"


def refuse_what_does_not_go_together(arguments: argparse.Namespace) -> None:
    """Raises StemdlError for options that make no sense together."""
    several = "--scale" if arguments.scale else "--instances" if arguments.instances > 1 else "--runs"
    if (arguments.scale or max(arguments.runs, arguments.instances) > 1) and (
        arguments.resume or arguments.seed is not None
    ):
        raise StemdlError(
            "runs of one set have seeds of their own and none is resumed",
            where=several,
            remedy="leave out --seed and --resume",
        )
    if arguments.runs > 1 and arguments.instances > 1:
        raise StemdlError(
            "instances are trained at once, runs one after another", where="--instances", remedy="leave out --runs"
        )
    if arguments.scale and (arguments.instances > 1 or arguments.ranks is not None):
        raise StemdlError(
            "a scaling study says the ranks of its sets itself",
            where="--scale",
            remedy="leave out --ranks and --instances",
        )
    if arguments.hosts and arguments.instances == 1:
        raise StemdlError("only instances divide hosts among themselves", where="--hosts", remedy="--instances M")
    if arguments.elastic and not arguments.resume:
        raise StemdlError(
            "only a run that is resumed can change its number of ranks",
            where="--elastic",
            remedy="--resume --elastic --output DIR",
        )
    if arguments.power is not None and arguments.instances > 1:
        raise StemdlError(
            "a node's power cannot be told apart by the instances on it",
            where="--power",
            remedy="leave out --instances",
        )
    if arguments.resume and arguments.output is None:
        raise StemdlError("which run?", where="--resume", remedy="name its folder with --output")
    for override in arguments.set:
        name, _, value = override.partition("=")
        if name in ("data", "output", "ranks", "runs", "seed"):
            raise StemdlError(
                f"{name!r} is an option of its own and not a setting",
                where=f"--set {printable(override)}",
                remedy=f"--{name} {printable(value)}",
            )


def refuse_at_once(request: RunRequest, driver: RunDriver, ranks: int, accelerators: int | None) -> None:
    """Raises StemdlError for what no run could be made of. `ranks` is the largest number of them that a run has;
    `accelerators` are those that they will see, None where they are on other nodes."""
    request.load_trainer()
    require_place(request.output)
    require_ledger(driver.ledger)
    require_power(request.power)
    if request.resume and not request.checkpoint.is_file():
        raise StemdlError(
            "there is no checkpoint to go on from",
            where=request.output,
            remedy="start the run again, without --resume and with another --output",
        )
    device = driver.settings.get("device")
    if device == "cuda" and accelerators == 0:
        raise StemdlError("no GPU is seen here", where="device", found=device, remedy="--set device=cpu")
    train_samples = _train_samples(request)
    request.loop.require_possible(driver.settings, train_samples, ranks)


def refuse_used_folder(output: Path, resume: bool) -> None:
    """Raises StemdlError where a new run's folder holds anything but how it is started."""
    if output.exists() and not output.is_dir():
        raise StemdlError("this is not a folder", where=output, remedy="choose another with --output")
    if not resume and output.exists() and any(path.name not in LAUNCH_FILES for path in output.iterdir()):
        raise StemdlError(
            "the folder is not empty", where=output, remedy="choose another with --output, or go on with --resume"
        )


def data_are_there(request: RunRequest) -> bool:
    """Whether the data are made; False where they can be. Raises StemdlError where something else is in the way."""
    if (request.data / MANIFEST).is_file():
        return True
    require_place(request.data)
    # names that begin with a dot are of a process that has just begun here
    if (
        request.data.exists()
        and not (request.data / RECIPE).is_file()
        and any(not path.name.startswith(".") for path in request.data.iterdir())
    ):
        raise StemdlError("the folder holds something else than data", where=request.data, remedy="--data DIR")
    return False


def _train_samples(request: RunRequest) -> int:
    """How many there are to train on: of the data, or where they are still to be made of the rung."""
    if not data_are_there(request):
        if request.partition:
            raise StemdlError(
                "there are no data that a partition could be of",
                where="--partition",
                found=request.partition,
                remedy=f"stemdl data generate {request.rung.name} -o "
                f"{typed(request.data)}, then stemdl data split {typed(request.data)}",
            )
        return request.rung.total("train")
    manifest = read_manifest(request.data)
    if manifest.rung != request.rung.name:
        raise StemdlError(
            "the data are of another rung",
            where=request.data,
            expected=request.rung.name,
            found=manifest.rung,
            remedy=f"--rung {manifest.rung}, or --data DIR",
        )
    manifest = partitioned(manifest, request.partition)
    require_trainable(manifest)
    return manifest.samples["train"]
