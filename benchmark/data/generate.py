"""Makes a rung's data: shard by shard, on any number of processes or MPI ranks, to the same bytes.

Every unit has its own stream of random numbers, seeded by the rung and the unit alone, and every shard is written by
one worker under a temporary name. So neither the number of workers nor a kill and restart leaves a trace.
"""

from __future__ import annotations

import importlib.metadata
import shutil
from collections.abc import Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

from benchmark.data import layout
from benchmark.data.claim import claim, data_written, hold, refuse_other_data, refuse_other_shard
from benchmark.data.manifest import MANIFEST, Manifest, WrittenShard, read_manifest, write_manifest
from benchmark.data.plan import ShardPlan, plan_shards, require_room
from benchmark.data.recipe import (
    DRAWN,
    STANDARD,
    ChosenRecipe,
    Recipe,
    recipe_of,
    recipe_sha256_of,
    samples_of_unit,
    source_of,
)
from benchmark.data.recognise import recognise
from benchmark.data.sample_file import write_sample
from benchmark.data.storage import require_filter
from benchmark.data.workers import Ranks, Workers, workers
from benchmark.definition.rung import SPLITS, MadeRung
from benchmark.definition.sample import SampleSchema
from benchmark.foundation.errors import StemdlError

CLAIMS = ".claims"
"""The folder in which MPI ranks mark the shards that they work on."""
DEVICES = ("cpu", "cuda")


def _make_shard(
    folder: Path, rung: MadeRung, options: Mapping[str, Any], identity: Mapping[str, str], device: str, plan: ShardPlan
) -> None:
    """Make and write one shard, whole or not at all."""
    if device == "cuda":
        import torch

        device = f"cuda:{plan.number % torch.cuda.device_count()}"
    recipe = recipe_of(rung, options)
    samples = recipe.schema()
    with layout.new_shard(folder, plan.split, plan.number) as shard:
        shard.attrs.update(identity)
        for number, unit in plan.numbered():
            for turn, sample in enumerate(samples_of_unit(recipe, rung, unit, device)):
                write_sample(shard, f"sample_{number}_{turn}", sample, unit, samples, rung.storage)


def _finished(folder: Path, identity: Mapping[str, str], plan: ShardPlan) -> bool:
    """Whether a shard is there; it is renamed into place only when whole. Refuses one of another recipe, or that was
    made on another kind of device."""
    import h5py

    path = layout.shard_path(folder, plan.split, plan.number)
    if not path.exists():
        return False
    try:
        with h5py.File(path, "r") as shard:
            found = {name: shard.attrs[name] for name in ("recipe_sha256", "device") if name in shard.attrs}
    except OSError as error:
        raise StemdlError(
            "a shard cannot be read", where=path, found=error, remedy="delete it and run again"
        ) from error
    refuse_other_shard(path, found, identity)
    return True


def require_device(device: str) -> None:
    """Raises StemdlError for a device other than `cpu` and `cuda`, or one that this host lacks."""
    if device not in DEVICES:
        raise StemdlError("there is no such device", where="--device", expected=" or ".join(DEVICES), found=device)
    if device == "cuda":
        import torch

        if not torch.cuda.is_available():
            raise StemdlError("no GPU is seen here", where="--device", found=device, remedy="--device cpu")


def generate(
    rung: MadeRung, folder: Path, *, device: str = "cpu", processes: int = 1, ranks: Ranks | None = None, **options: Any
) -> Manifest:
    """Make the data of a rung in `folder`, or finish what was begun there; returns the manifest.

    Parameters
    ----------
    device : `cpu`, or `cuda` for all GPUs that each worker sees. They round differently, so the shards and the
        manifest say that they are a GPU's; no folder holds some of each.
    processes : worker processes of one thread each, where no MPI ranks are given.
    ranks : an MPI communicator whose ranks, one thread each, share the shards as they get free. All see the folder.
    options : of the task's recipe (`recipe.recipe_of`), for data that are not the rung's own.

    While another process is at work in the folder it is waited for, and what it has made is taken.

    Raises StemdlError when the data cannot be made, the device is unknown, the folder holds other data or cannot be
    written, or the disk is full. Of MPI ranks all raise the same, with `on_all_ranks`
    set.
    """
    require_device(device)
    require_filter(rung.storage)
    recipe = recipe_of(rung, options)
    with data_written(folder), ExitStack() as held:
        work = held.enter_context(workers(processes, ranks, single_threaded=True))
        source = work.from_leader(partial(source_of, recipe))
        return _generate(rung, folder, recipe, options, source, device, work, held)


def _generate(
    rung: MadeRung,
    folder: Path,
    recipe: Recipe,
    options: Mapping[str, Any],
    source: dict[str, Any],
    device: str,
    work: Workers,
    held: ExitStack,
) -> Manifest:
    made = recipe.rung if isinstance(recipe, ChosenRecipe) and source != STANDARD else rung
    recipe_sha256 = recipe_sha256_of(made, source)
    identity = {"recipe_sha256": recipe_sha256} | ({"device": device} if device != "cpu" else {})
    known = len(plan_shards(recipe.units())) if source["kind"] == DRAWN else None

    def begin() -> bool:
        refuse_other_data(folder, recipe_sha256)
        hold(folder, known, held)
        refuse_other_data(folder, recipe_sha256)  # what was made while this process waited
        return (folder / MANIFEST).exists()

    if work.from_leader(begin):
        return read_manifest(folder)
    units, report = recipe.select(folder, work) if isinstance(recipe, ChosenRecipe) else (recipe.units(), None)
    plans = plan_shards(units)

    def unfinished() -> list[int]:
        todo = [index for index, plan in enumerate(plans) if not _finished(folder, identity, plan)]
        require_room(recipe, rung.storage, folder, [plans[index] for index in todo])
        claim(folder, {"rung": rung.name, "source": source, "recipe": made.named_by}, recipe_sha256)
        return todo

    # The largest first, so that none is left to a single worker at the end.
    todo = sorted(work.from_leader(unfinished), key=lambda index: -plans[index].samples)
    work.map(
        partial(_make_shard, folder, rung, options, identity, device),
        [plans[index] for index in todo],
        f"Making {rung.name}",
        "shards",
        claims=folder / CLAIMS,
    )

    def end() -> None:
        for left_by_a_kill in folder.rglob(".*.part"):
            left_by_a_kill.unlink(missing_ok=True)
        for left_by_a_kill in folder.glob(f"{CLAIMS}*"):
            shutil.rmtree(left_by_a_kill, ignore_errors=True)
        _write_manifest(folder, made, recipe.schema(), source, identity, plans, report)
        recognise(read_manifest(folder))

    work.from_leader(end)
    return read_manifest(folder)


def _strata(plan: ShardPlan) -> list[str]:
    """The stratum of each sample of a shard."""
    return [unit.stratum for unit in plan.units for _ in range(unit.samples)]


def _write_manifest(
    folder: Path,
    rung: MadeRung,
    samples: SampleSchema,
    source: dict[str, Any],
    identity: Mapping[str, str],
    plans: list[ShardPlan],
    report: dict[str, Any] | None,
) -> None:
    about = {"device": identity["device"]} if "device" in identity else {}
    write_manifest(
        folder,
        rung=rung.name,
        standard=source == STANDARD,
        recipe_sha256=identity["recipe_sha256"],
        source=source,
        splits=source.get("splits", SPLITS),
        schema=samples,
        shards=[WrittenShard(plan.split, plan.number, _strata(plan)) for plan in plans],
        about=about
        | {
            "task": rung.task,
            "selection": report,
            "recipe": rung.named_by,
            "libraries": {
                name: importlib.metadata.version(name) for name in ("numpy", "torch", "spglib", "gemmi", "h5py")
            },
        },
    )
