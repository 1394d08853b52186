"""Imports a source into shards and a manifest of ours, on any number of processes or MPI ranks, to the same bytes.

First all files are surveyed, which reads no pattern; so what is imported, and where to, is settled before anything is
written, and a file that is not whole gives nothing at all. Then every shard is written by one worker, whole or not at
all. A second start finds the finished shards and goes on; it refuses where the source has changed since.
"""

from __future__ import annotations

import dataclasses
import importlib.metadata
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmark.crystals.cbed_stack import space_groups_of
from benchmark.crystals.published import PUBLISHED
from benchmark.data.claim import LOCK, claim, data_written
from benchmark.data.layout import shard_path
from benchmark.data.manifest import MANIFEST, Manifest, WrittenShard, read_manifest, write_manifest
from benchmark.data.storage import require_filter
from benchmark.data.workers import Ranks, Workers, workers
from benchmark.definition.finder import benchmark_of, benchmark_with
from benchmark.definition.rung import Rung, Storage
from benchmark.foundation.errors import StemdlError
from benchmark.foundation.files import canonical_json, exclusive, sha256_of_text
from benchmark.simulation.cbed_fields import sample_schema
from benchmark.tasks.space_group.importing.convert import hash_shard, read_tally, write_shard
from benchmark.tasks.space_group.importing.planned import PlannedShard, plan_shards, sift
from benchmark.tasks.space_group.importing.source import Source, find_source
from benchmark.tasks.space_group.importing.surveyed import FileSurvey, SourceSample, survey_hdf5, survey_npz
from benchmark.tasks.space_group.importing.tally import Tally

REAL_RUNG = "stemdl_olcf"
NPZ_FILES_AT_ONCE = 500
FORMAT = 1
"""The version of what importing makes of a source: another number where the same source would give other bytes."""


@dataclass(frozen=True)
class ImportResult:
    """What an import has left: the data set, and what was imported, repaired and dropped."""

    manifest: Manifest
    tally: Tally


def import_data(
    path: Path,
    folder: Path,
    *,
    storage: Storage | None = None,
    rung: str | None = None,
    processes: int = 1,
    ranks: Ranks | None = None,
) -> ImportResult:
    """Import the source at `path` into `folder`, or finish what was begun there.

    Parameters
    ----------
    storage : how patterns are to lie; the rung's own where None.
    rung : the name that the data go by; where None that of a data set of ours, and stemdl_olcf for the others.
    processes : worker processes, where no MPI ranks are given. ranks : an MPI communicator whose ranks share the work.

    Raises StemdlError when the source has no known form or no stack that can be imported, the folder holds other data
    or cannot be written, and when the source changes meanwhile.
    """
    if path.resolve() in (folder.resolve(), *folder.resolve().parents):
        raise StemdlError(
            "data cannot be imported into their own source", where=folder, remedy="choose another folder with -o"
        )
    source = find_source(path)
    if rung not in (None, REAL_RUNG):
        benchmark_of(rung)  # tells a name that is misspelt
    rung = rung or (source.manifest.rung if source.manifest else REAL_RUNG)
    defined = benchmark_with(rung)
    definition = defined.rungs[rung] if defined is not None else None
    if storage is None:
        storage = definition.storage if definition is not None else Storage()
    require_filter(storage)
    with data_written(folder), ExitStack() as held:
        work = held.enter_context(workers(processes, ranks))
        return _import(source, folder, storage, rung, definition, work, held)


def _import(
    source: Source, folder: Path, storage: Storage, rung: str, definition: Rung | None, work: Workers, held: ExitStack
) -> ImportResult:
    surveys = _survey(source, work)
    samples = [sample for survey in surveys for sample in survey.samples]
    tally = Tally()  # of what is known before a pattern is read
    for survey in surveys:
        tally.add(survey.tally)
    for stranger in source.strangers:
        tally.skip(stranger, "its name or folder tells no split")
    materials = sift(samples, tally)
    if not materials:
        raise _nothing(source, tally)
    plans = plan_shards(source, materials, storage)
    origin = {"kind": "imported", "form": source.form, "name": source.name, "sha256": _digest(samples, tally)}
    if source.manifest is not None:
        origin["of"] = source.manifest.values["source"]
    recipe = {"rung": rung, "source": origin, "storage": dataclasses.asdict(storage), "import_format": FORMAT}
    standard = (
        definition is not None
        and rung == REAL_RUNG
        and storage == definition.storage
        and source.form == "olcf"
        and _is_whole(samples, tally)
    )
    recipe_sha256 = (
        definition.recipe_sha256
        if definition is not None and standard
        else sha256_of_text(canonical_json({**recipe, "source": {**origin, "name": None}}))
    )

    identity = {"recipe_sha256": recipe_sha256, "source_sha256": origin["sha256"]}

    if work.leader:
        held.enter_context(exclusive(folder / LOCK))
        claim(folder, recipe, recipe_sha256)
    work.barrier()
    if not (folder / MANIFEST).exists():
        todo = [plan for plan in plans if read_tally(folder, identity, plan) is None]
        work.barrier()  # all ranks have looked before the first one writes
        work.map(partial(write_shard, folder, identity, source.form, storage), todo, "Importing", "shards")
        hashes = work.map(partial(hash_shard, folder), plans, "Hashing", "shards")
        if work.leader:
            for left_by_a_kill in folder.rglob(".*.part"):
                left_by_a_kill.unlink(missing_ok=True)
            shards = _gather(folder, identity, plans, hashes, tally)
            if not tally.imported:
                raise _nothing(source, tally)
            write_manifest(
                folder,
                rung=rung,
                standard=standard,
                recipe_sha256=recipe_sha256,
                source=origin,
                schema=sample_schema(
                    storage.pixels or materials[0][0].pixels,
                    space_groups_of(source.manifest) if source.manifest else _classes(materials),
                ),
                shards=shards,
                about={
                    "task": "space_group",
                    "selection": None,
                    "import": tally.as_json(),
                    "storage": dataclasses.asdict(storage),
                    "libraries": {name: importlib.metadata.version(name) for name in ("numpy", "h5py")},
                },
            )
        work.barrier()
    manifest = read_manifest(folder)
    return ImportResult(manifest, Tally.from_json(manifest.values["import"]))


def _survey(source: Source, work: Workers) -> list[FileSurvey]:
    if source.form != "npz":
        return work.map(survey_hdf5, source.files, "Surveying", "files")
    parts = [
        source.files[first : first + NPZ_FILES_AT_ONCE] for first in range(0, len(source.files), NPZ_FILES_AT_ONCE)
    ]
    return work.map(survey_npz, parts, "Surveying", f"batches of {NPZ_FILES_AT_ONCE} files")


def _gather(
    folder: Path, identity: Mapping[str, str], plans: Sequence[PlannedShard], hashes: Sequence[str], tally: Tally
) -> list[WrittenShard]:
    """The finished shards, what each did added to the tally. One of whose stacks nothing was left is taken away."""
    shards = []
    for plan, sha256 in zip(plans, hashes, strict=True):
        found = read_tally(folder, identity, plan)
        if found is None:
            path = shard_path(folder, plan.split, plan.number)
            raise StemdlError("a shard that was just written is gone", where=path, remedy="run the same command again")
        of_shard, shard = found
        tally.add(of_shard)
        if shard.strata:
            shards.append(dataclasses.replace(shard, sha256=sha256))
        else:
            shard_path(folder, plan.split, plan.number).unlink()
    return shards


def _nothing(source: Source, tally: Tally) -> StemdlError:
    reasons = "; ".join(f"{count} x {reason}" for reason, count in sorted(tally.reasons.items())[:10])
    return StemdlError("no stack can be imported", where=source.name, found=reasons or "no samples")


def _digest(samples: Sequence[SourceSample], tally: Tally) -> str:
    """Names a source by its files' sizes and all that the survey found: its patterns are too many to hash first."""
    sizes = {file.name: file.path.stat().st_size for file in dict.fromkeys(sample.file for sample in samples)}
    found = [[sample.file.name, sample.name, sample.space_group, sample.material] for sample in samples]
    return sha256_of_text(canonical_json([sorted(sizes.items()), found, tally.as_json()]))


def _is_whole(samples: Sequence[SourceSample], tally: Tally) -> bool:
    """Whether a source has as many stacks and groups in each split as the real set, and no file that was skipped."""
    found = {
        split: Counter(sample.space_group for sample in samples if sample.file.split == split) for split in PUBLISHED
    }
    skipped = any(reason.startswith("file skipped") for reason in tally.reasons)
    return not skipped and all((groups.total(), len(groups)) == PUBLISHED[split] for split, groups in found.items())


def _classes(materials: Sequence[Sequence[SourceSample]]) -> list[int]:
    """The space groups that train has, in their order; all that there are where nothing is of train."""
    train = {material[0].space_group for material in materials if material[0].file.split == "train"}
    return sorted(train or {material[0].space_group for material in materials})
