"""Makes a rung's data: shard by shard, on any number of processes or MPI ranks, to the same bytes.

Every material has its own stream of random numbers, seeded by the rung and the material alone, and every shard is
written by one worker under a temporary name. So neither the number of workers nor a kill and restart leaves a trace.
"""

from __future__ import annotations

import errno
import importlib.metadata
import shutil
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmark.data import schema, sources
from benchmark.data.claim import claim, hold, refuse_other_data
from benchmark.data.given import choose
from benchmark.data.manifest import MANIFEST, Manifest, WrittenShard, read_manifest, write_manifest
from benchmark.data.plan import Material, ShardPlan, drawn, plan_shards, require_room, wanted_size
from benchmark.data.prototypes import from_prototypes
from benchmark.data.recognise import recognise
from benchmark.data.schema import Stack
from benchmark.data.simulate import simulate_stacks
from benchmark.data.storage import require_filter
from benchmark.data.workers import Ranks, Workers, workers
from benchmark.definition.rung import SPLITS, WHOLE, Rung
from benchmark.foundation.errors import StemdlError
from benchmark.foundation.files import canonical_json, sha256_of_text
from benchmark.simulation.crystal import Crystal
from benchmark.simulation.draw import draw_crystal

CLAIMS = ".claims"
"""The folder in which MPI ranks mark the shards that they work on."""
STANDARD = {"kind": "drawn"}
"""The source of a rung's own data."""
DEVICES = ("cpu", "cuda")


def material_generator(rung: Rung, identifier: str, space_group: int) -> np.random.Generator:
    """The stream of random numbers of one material: its crystal is drawn from it first, then its patterns."""
    digest = sha256_of_text(f"{space_group} {identifier}")
    return np.random.default_rng([rung.seed, rung.version, int(digest[:16], 16)])


def stacks_of(rung: Rung, material: Material, device: str = "cpu") -> Iterator[Stack]:
    """The stacks of a material, one for each of its energies."""
    generator = material_generator(rung, material.identifier, material.space_group)
    crystal = material.crystal
    if crystal is None:
        assert rung.crystals is not None, "an imported rung is not drawn"
        crystal = draw_crystal(material.space_group, rung.crystals, generator)
    return simulate_stacks(material.identifier, crystal, rung, generator, samples=material.samples, device=device)


def _make_shard(folder: Path, rung: Rung, identity: Mapping[str, str], device: str, plan: ShardPlan) -> None:
    """Simulate and write one shard, whole or not at all."""
    if device == "cuda":
        import torch

        device = f"cuda:{plan.number % torch.cuda.device_count()}"
    with schema.new_shard(folder, plan.split, plan.number) as shard:
        shard.attrs.update(identity)
        for material in plan.materials:
            for energy, stack in enumerate(stacks_of(rung, material, device)):
                schema.write_stack(shard, material.number, energy, stack, rung.storage)


def _finished(folder: Path, identity: Mapping[str, str], plan: ShardPlan) -> bool:
    """Whether a shard is there; it is renamed into place only when whole. Refuses one of another recipe, or that was
    made on another kind of device."""
    import h5py

    path = schema.shard_path(folder, plan.split, plan.number)
    if not path.exists():
        return False
    try:
        with h5py.File(path, "r") as shard:
            found = {name: shard.attrs[name] for name in ("recipe_sha256", "device") if name in shard.attrs}
    except OSError as error:
        raise StemdlError(
            "a shard cannot be read", where=path, found=error, remedy="delete it and run again"
        ) from error
    if found != identity:
        raise StemdlError(
            "a shard of other data is in the way",
            where=path,
            expected=identity,
            found=found,
            remedy="choose another folder with -o",
        )
    return True


def require_simulated(rung: Rung) -> None:
    """Raises StemdlError for a rung whose data are imported."""
    if rung.imported is not None:
        raise StemdlError(
            f"the data of {rung.name} are not simulated",
            expected=f"DOI {rung.imported.doi}, imported",
            remedy=f"stemdl data import SRC -o data/{rung.name}",
        )


def require_device(device: str) -> None:
    """Raises StemdlError for a device that is none of `cpu` and `cuda`, or that this host has not."""
    if device not in DEVICES:
        raise StemdlError("there is no such device", where="--device", expected=" or ".join(DEVICES), found=device)
    if device == "cuda":
        import torch

        if not torch.cuda.is_available():
            raise StemdlError("no GPU is seen here", where="--device", found=device, remedy="--device cpu")


def generate(
    rung: Rung,
    folder: Path,
    *,
    structures_path: Path | None = None,
    prototypes_path: Path | None = None,
    split: bool = True,
    crystals: str = "",
    orientation: str = "",
    device: str = "cpu",
    processes: int = 1,
    ranks: Ranks | None = None,
) -> Manifest:
    """Make the data of a rung in `folder`, or finish what was begun there; returns the manifest.

    Parameters
    ----------
    structures_path : a source of crystals (`sources.read_candidates`) to take instead of drawing them.
    prototypes_path : a source of crystals whose elements are exchanged for others (`prototypes.from_prototypes`).
    split : False puts all given crystals that the rung can simulate into one split, `test`, however few they are.
    crystals : the name of the recipe that `rung.crystals` has instead of the rung's own; such data are not standard.
    orientation : likewise, the one that `rung.orientation` is instead of the rung's own.
    device : `cpu`, or `cuda` for all GPUs that each worker sees. They round differently, so the shards and the
        manifest say that they are a GPU's; no folder holds some of each.
    processes : worker processes of one thread each, where no MPI ranks are given.
    ranks : an MPI communicator whose ranks, one thread each, share the shards as they get free. All see the folder.

    While another process is at work in the folder it is waited for, and what it has made is taken.

    Raises StemdlError when the rung is not simulated, there is no such device, the folder holds other data or cannot
    be written, the structures do not suffice or the disk is full. Of MPI ranks all raise the same, with `on_all_ranks`
    set.
    """
    require_simulated(rung)
    require_device(device)
    require_filter(rung.storage)
    with ExitStack() as held:
        try:
            work = held.enter_context(workers(processes, ranks, single_threaded=True))
            source = work.from_leader(partial(_source, structures_path, prototypes_path, split, crystals, orientation))
            return _generate(rung, folder, source, structures_path or prototypes_path, device, work, held)
        except BrokenProcessPool as error:
            raise StemdlError(
                "a worker process died",
                where=folder,
                found=error,
                remedy="run the same command again: finished shards are kept (is memory short?)",
            ) from error
        except OSError as error:
            told = _cannot_be_written(error, folder)
            told.on_all_ranks = getattr(error, "on_all_ranks", False)
            raise told from error


def _cannot_be_written(error: OSError, folder: Path) -> StemdlError:
    full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    remedy = (
        "make room and run the same command again: finished shards are kept"
        if full
        else "choose another folder with -o, or have it made writable: finished shards are kept"
    )
    return StemdlError(
        "the data cannot be written", where=error.filename or folder, found=error.strerror or error, remedy=remedy
    )


def _source(
    structures_path: Path | None, prototypes_path: Path | None, split: bool, crystals: str, orientation: str
) -> dict[str, Any]:
    """Where the crystals come from and what is not as the rung has it, for the manifest."""
    changed = {"crystals": crystals, "orientation": orientation}
    source: dict[str, Any] = STANDARD | {name: value for name, value in changed.items() if value}
    for kind, path in (("structures", structures_path), ("prototypes", prototypes_path)):
        if path is not None:
            source |= {"kind": kind, "name": path.name, "sha256": sources.source_sha256(path)}
    return source if split else source | {"splits": [WHOLE]}


def recipe_of(rung: Rung, source: dict[str, Any]) -> str:
    """The name of the data of a rung whose crystals come from `source`; the rung's own where they are drawn for it."""
    return rung.recipe_sha256 if source == STANDARD else sha256_of_text(canonical_json([rung.recipe_sha256, source]))


def _generate(
    rung: Rung, folder: Path, source: dict[str, Any], path: Path | None, device: str, work: Workers, held: ExitStack
) -> Manifest:
    standard = source == STANDARD
    recipe_sha256 = recipe_of(rung, source)
    identity = {"recipe_sha256": recipe_sha256} | ({"device": device} if device != "cpu" else {})

    def begin() -> bool:
        refuse_other_data(folder, recipe_sha256)
        hold(folder, wanted_size(rung).shards if path is None else None, held)
        refuse_other_data(folder, recipe_sha256)  # what was made while this process waited
        return (folder / MANIFEST).exists()

    if work.from_leader(begin):
        return read_manifest(folder)
    selection, split = None, "splits" not in source
    crystals: Mapping[int, Sequence[tuple[str, Crystal | None]]] = drawn(rung)
    if path is not None:
        selection = choose(rung, path, folder, work, split)
        crystals = selection.chosen if source["kind"] == "structures" else from_prototypes(rung, selection.chosen, work)
    plans = plan_shards(rung, crystals, split)

    def unfinished() -> list[int]:
        todo = [index for index, plan in enumerate(plans) if not _finished(folder, identity, plan)]
        require_room(rung, folder, [plans[index] for index in todo])
        claim(folder, {"rung": rung.name, "source": source, "recipe": rung.recipe}, recipe_sha256)
        return todo

    # The largest first, so that none is left to a single worker at the end.
    todo = sorted(work.from_leader(unfinished), key=lambda index: -plans[index].samples)
    work.map(
        partial(_make_shard, folder, rung, identity, device),
        [plans[index] for index in todo],
        f"Simulating {rung.name}",
        "shards",
        claims=folder / CLAIMS,
    )

    def end() -> None:
        for left_by_a_kill in folder.rglob(".*.part"):
            left_by_a_kill.unlink(missing_ok=True)
        for left_by_a_kill in folder.glob(f"{CLAIMS}*"):
            shutil.rmtree(left_by_a_kill, ignore_errors=True)
        report = None if selection is None else selection.report()
        _write_manifest(folder, rung, source, identity, standard, plans, report)
        recognise(read_manifest(folder))

    work.from_leader(end)
    return read_manifest(folder)


def _space_groups(plan: ShardPlan) -> list[int]:
    """Of each sample of a shard."""
    return [material.space_group for material in plan.materials for _ in range(material.samples)]


def _write_manifest(
    folder: Path,
    rung: Rung,
    source: dict[str, Any],
    identity: Mapping[str, str],
    standard: bool,
    plans: list[ShardPlan],
    selection: dict[str, Any] | None,
) -> None:
    about = {"device": identity["device"]} if "device" in identity else {}
    write_manifest(
        folder,
        rung=rung.name,
        standard=standard,
        recipe_sha256=identity["recipe_sha256"],
        source=source,
        splits=source.get("splits", SPLITS),
        schema=schema.sample_schema(rung.pixels, rung.space_groups),
        shards=[WrittenShard(plan.split, plan.number, _space_groups(plan)) for plan in plans],
        about=about
        | {
            "selection": selection,
            "recipe": rung.recipe,
            "libraries": {
                name: importlib.metadata.version(name) for name in ("numpy", "torch", "spglib", "gemmi", "h5py")
            },
        },
    )
