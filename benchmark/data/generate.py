"""Makes a rung's data: shard by shard, on any number of processes or MPI ranks, to the same bytes.

Every material has its own stream of random numbers, seeded by the rung and the material alone, and every shard is
written by one worker under a temporary name. So neither the number of workers nor a kill and restart leaves a trace.
"""

from __future__ import annotations

import importlib.metadata
import io
import os
import threading
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context, parent_process
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from benchmark.data import schema, structures
from benchmark.data.claim import LOCK, claim
from benchmark.data.manifest import MANIFEST, Manifest, WrittenShard, read_manifest, write_manifest
from benchmark.data.simulate import simulate_stacks
from benchmark.data.split import split_counts
from benchmark.definition.benchmark import SPLITS, Rung
from benchmark.foundation.errors import StemdlError
from benchmark.foundation.files import atomic_path, canonical_json, exclusive, sha256_of_text
from benchmark.foundation.progress import progress
from benchmark.simulation.crystal import Crystal
from benchmark.simulation.draw import draw_crystal

MATERIALS_PER_SHARD = 50


@dataclass(frozen=True)
class Material:
    """One material to be simulated; `crystal` is None where it is to be drawn."""

    identifier: str
    space_group: int
    crystal: Crystal | None


@dataclass(frozen=True)
class ShardPlan:
    """One file to be written: `materials` with their numbers in the data set."""

    split: str
    number: int
    materials: tuple[tuple[int, Material], ...]


class Ranks(Protocol):
    """What generation needs of MPI: mpi4py's communicator fits."""

    def Get_rank(self) -> int: ...
    def Get_size(self) -> int: ...
    def bcast(self, value: Any, root: int = 0) -> Any: ...
    def barrier(self) -> None: ...


def _single_threaded() -> None:
    import torch

    torch.set_num_threads(1)


def _start_worker() -> None:
    """One thread, and an end when the process that started it is killed: workers would wait for work for ever."""
    _single_threaded()

    def end_with_parent() -> None:
        parent_process().join()
        os._exit(1)

    threading.Thread(target=end_with_parent, daemon=True).start()


def material_generator(rung: Rung, identifier: str, space_group: int) -> np.random.Generator:
    """The stream of random numbers of one material: its crystal is drawn from it first, then its patterns."""
    digest = sha256_of_text(f"{space_group} {identifier}")
    return np.random.default_rng([rung.seed, rung.version, int(digest[:16], 16)])


def _make_shard(folder: Path, rung: Rung, recipe_sha256: str, plan: ShardPlan) -> None:
    """Simulate and write one shard, whole or not at all.

    HDF5 crashes the process when it cannot write to a file, so it writes to memory, and a full disk stays an OSError.
    """
    import h5py

    memory = io.BytesIO()
    with h5py.File(memory, "w") as shard:
        shard.attrs["recipe_sha256"] = recipe_sha256
        for number, material in plan.materials:
            generator = material_generator(rung, material.identifier, material.space_group)
            crystal = material.crystal or draw_crystal(material.space_group, rung.crystals, generator)
            for energy, stack in enumerate(simulate_stacks(material.identifier, crystal, rung, generator)):
                schema.write_stack(shard, number, energy, stack)
    with atomic_path(schema.shard_path(folder, plan.split, plan.number)) as temporary:
        temporary.write_bytes(memory.getbuffer())


def _finished(folder: Path, recipe_sha256: str, plan: ShardPlan) -> bool:
    """Whether a shard is there; it is renamed into place only when whole. Refuses one of another recipe."""
    import h5py

    path = schema.shard_path(folder, plan.split, plan.number)
    if not path.exists():
        return False
    try:
        with h5py.File(path, "r") as shard:
            found = shard.attrs.get("recipe_sha256")
    except OSError as error:
        raise StemdlError("a shard cannot be read", where=path, found=error,
                          remedy="delete it and run again") from error
    if found != recipe_sha256:
        raise StemdlError("a shard of other data is in the way", where=path, expected=recipe_sha256, found=found,
                          remedy="choose another folder with -o")
    return True


def _drawn(rung: Rung) -> dict[int, list[Material]]:
    count = sum(rung.materials_per_group.values())
    return {group: [Material(f"drawn-{group}-{index:05d}", group, None) for index in range(count)]
            for group in rung.space_groups}


def _given(selection: structures.Selection) -> dict[int, list[Material]]:
    return {group: [Material(identifier, group, crystal) for identifier, crystal in crystals]
            for group, crystals in selection.chosen.items()}


def plan_shards(rung: Rung, materials: dict[int, list[Material]]) -> list[ShardPlan]:
    """Every shard of every split. Groups take turns, so that each shard holds some of all and costs about the same."""
    queues: dict[str, list[list[Material]]] = {split: [] for split in SPLITS}
    for group in rung.space_groups:
        counts = split_counts(len(materials[group]), rung.materials_per_group, f"space group {group}")
        start = 0
        for split in SPLITS:
            queues[split].append(materials[group][start:start + counts[split]])
            start += counts[split]
    plans: list[ShardPlan] = []
    number = 0
    for split in SPLITS:
        turns = max(map(len, queues[split]))
        ordered = [queue[turn] for turn in range(turns) for queue in queues[split] if turn < len(queue)]
        numbered = list(enumerate(ordered, start=number))
        number += len(ordered)
        plans += [ShardPlan(split, shard, tuple(numbered[first:first + MATERIALS_PER_SHARD]))
                  for shard, first in enumerate(range(0, len(numbered), MATERIALS_PER_SHARD))]
    return plans


def _examine_all(
    pool: ProcessPoolExecutor, rung: Rung, candidates: Iterable[structures.Candidate]
) -> Iterable[tuple[Crystal | None, str | None]]:
    candidates = list(candidates)
    results = pool.map(partial(structures.examine, limits=rung.limits), candidates, chunksize=64)
    with progress("Reading structures", len(candidates), "crystals") as advance:
        for done, result in enumerate(results, start=1):
            yield result
            advance(done)


def generate(
    rung: Rung, folder: Path, *, structures_path: Path | None = None, processes: int = 1, ranks: Ranks | None = None
) -> Manifest:
    """Make the data of a rung in `folder`, or finish what was begun there; returns the manifest.

    Parameters
    ----------
    structures_path : a table or a folder of CIF files to take crystals from, instead of drawing them.
    processes : worker processes of one thread each, where no MPI ranks are given.
    ranks : an MPI communicator whose ranks share the shards among themselves, one thread each.

    Raises StemdlError when the folder holds other data, the structures do not suffice or the disk is full.
    """
    source: dict[str, Any] = {"kind": "drawn"}
    if structures_path is not None:
        source = {"kind": "structures", "name": structures_path.name,
                  "sha256": structures.source_sha256(structures_path)}
    recipe = {"rung": rung.name, "source": source, "recipe": rung.recipe}
    standard = structures_path is None
    recipe_sha256 = rung.recipe_sha256 if standard else sha256_of_text(canonical_json([rung.recipe_sha256, source]))
    leader = ranks is None or ranks.Get_rank() == 0
    held = ExitStack()
    try:
        if leader:
            held.enter_context(exclusive(folder / LOCK))
            claim(folder, recipe, recipe_sha256)
            if (folder / MANIFEST).exists():
                return _agree(ranks, read_manifest(folder))
        elif ranks is not None and (done := ranks.bcast(None)) is not None:
            return done
        if ranks is not None and leader:
            ranks.bcast(None)
        # Workers inherit the limit of one thread through the environment, before their libraries are loaded.
        os.environ["OMP_NUM_THREADS"] = "1"
        with ProcessPoolExecutor(processes, mp_context=get_context("spawn"), initializer=_start_worker) as pool:
            selection = None
            if structures_path is not None and leader:
                selection = structures.select(structures.read_candidates(structures_path), rung,
                                              partial(_examine_all, pool, rung))
            if ranks is not None:
                selection = ranks.bcast(selection)
            plans = plan_shards(rung, _drawn(rung) if selection is None else _given(selection))
            _make_shards(folder, rung, recipe_sha256, plans, pool if ranks is None else None, ranks)
        if ranks is not None:
            ranks.barrier()
        if leader:
            for left_by_a_kill in folder.rglob(".*.part"):
                left_by_a_kill.unlink(missing_ok=True)
            report = None if selection is None else selection.report()
            _write_manifest(folder, rung, source, recipe_sha256, standard, plans, report)
    except BrokenProcessPool as error:
        raise StemdlError("a worker process died", where=folder, found=error,
                          remedy="run the same command again: finished shards are kept (is memory short?)") from error
    except OSError as error:
        raise StemdlError("the data cannot be written", where=error.filename or folder, found=error.strerror or error,
                          remedy="make room and run the same command again: finished shards are kept") from error
    finally:
        held.close()
    if ranks is not None:
        ranks.barrier()
    return read_manifest(folder)


def _agree(ranks: Ranks | None, manifest: Manifest) -> Manifest:
    return manifest if ranks is None else ranks.bcast(manifest)


def _make_shards(
    folder: Path,
    rung: Rung,
    recipe_sha256: str,
    plans: list[ShardPlan],
    pool: ProcessPoolExecutor | None,
    ranks: Ranks | None,
) -> None:
    make = partial(_make_shard, folder, rung, recipe_sha256)
    finished = sum(_finished(folder, recipe_sha256, plan) for plan in plans)
    todo = [plan for plan in plans if not schema.shard_path(folder, plan.split, plan.number).exists()]
    if pool is None and ranks is not None:
        _single_threaded()
        ranks.barrier()  # all ranks have looked before the first one writes
        todo = todo[ranks.Get_rank()::ranks.Get_size()]
    quiet = ranks is not None and ranks.Get_rank() != 0
    if quiet:
        for plan in todo:
            make(plan)
        return
    scale = ranks.Get_size() if ranks is not None else 1
    with progress(f"Simulating {rung.name}", len(plans), "shards") as advance:
        advance(finished)
        if pool is None:
            for done, plan in enumerate(todo, start=1):
                make(plan)
                advance(min(len(plans), finished + done * scale))
        else:
            futures = [pool.submit(make, plan) for plan in todo]
            try:
                for done, future in enumerate(as_completed(futures), start=1):
                    future.result()
                    advance(finished + done)
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise


def _write_manifest(
    folder: Path,
    rung: Rung,
    source: dict[str, Any],
    recipe_sha256: str,
    standard: bool,
    plans: list[ShardPlan],
    selection: dict[str, Any] | None,
) -> None:
    write_manifest(
        folder,
        rung=rung.name,
        standard=standard,
        recipe_sha256=recipe_sha256,
        source=source,
        space_groups=rung.space_groups,
        shards=[WrittenShard(plan.split, plan.number, [material.space_group for _, material in plan.materials])
                for plan in plans],
        about={
            "selection": selection,
            "recipe": rung.recipe,
            "libraries": {name: importlib.metadata.version(name)
                          for name in ("numpy", "torch", "spglib", "gemmi", "h5py")},
        },
    )
