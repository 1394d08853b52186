"""The manifest: what a data set is made of, with a hash of each shard. Its own hash names the data in every log."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.data.layout import shard_path
from benchmark.definition.finder import FORMAT_1, TaskPlace, places
from benchmark.definition.rung import SPLITS
from benchmark.definition.sample import SampleSchema
from benchmark.foundation.errors import StemdlError
from benchmark.foundation.files import sha256_of_file, write_json
from benchmark.foundation.text import typed

MANIFEST = "manifest.json"
FORMATS = (1, 2)
"""Formats of manifests that are read; the last is written. What the first leaves out, a task's `format_1.py` says."""


@dataclass(frozen=True)
class Manifest:
    """A manifest read from its file.

    Attributes
    ----------
    rung : name of the rung that the data were made for.
    standard : whether they are the rung's own data (drawn by its recipe) and not made from given structures.
    recipe_sha256 : of all that the data follow from. sha256 : of the manifest file itself.
    samples : of each split.
    shards : as stored: path (relative), sha256, bytes, samples.
    places : of each split the numbers of its samples, rising, counted through all shards; None where splits are the
        folders that the shards lie in. A partition says otherwise (`partition.partitioned`).
    own_schema : as the manifest says it; None where its format does not.
    """

    folder: Path
    rung: str
    standard: bool
    recipe_sha256: str
    sha256: str
    samples: Mapping[str, int]
    shards: tuple[Mapping[str, Any], ...]
    values: Mapping[str, Any]
    places: Mapping[str, NDArray[np.int64]] | None = None
    own_schema: SampleSchema | None = None

    @cached_property
    def schema(self) -> SampleSchema:
        """The samples' schema. Raises StemdlError where a first shard has to be looked at for it and cannot be read."""
        if self.own_schema is not None:
            return self.own_schema
        schema: SampleSchema = _first_task().function(FORMAT_1, "schema_of")(self.values, self.folder)
        return schema

    @property
    def classes(self) -> Mapping[str, tuple[str, ...]]:
        """The labels of each target that is a class, in the order of their indices; no shard is read for it."""
        if self.own_schema is not None:
            return self.own_schema.classes
        classes: Mapping[str, tuple[str, ...]] = _first_task().function(FORMAT_1, "classes_of")(self.values)
        return classes

    @property
    def task(self) -> str:
        """The task whose recipe made or imported the data."""
        return str(self.values["task"]) if "task" in self.values else _first_task().name

    @property
    def origin(self) -> str:
        """Where the data come from, in words, and what the rung has otherwise."""
        source = self.values["source"]
        words = f"{source['kind']} from {source['name']}" if "name" in source else str(source["kind"])
        chosen = (name for name in source if name not in ("kind", "name", "form", "sha256", "splits", "of"))
        words += "".join(f", {name} {source[name]}" for name in chosen)
        words += ", in no splits" if "splits" in source else ""
        return words + (f", made on {self.values['device']}" if "device" in self.values else "")


def _first_task() -> TaskPlace:
    """The task of manifests that name none: when they were written, there was one."""
    return next(place for place in places().values() if place.shipped and place.brings(FORMAT_1))


@dataclass(frozen=True)
class WrittenShard:
    """A finished shard: its place in the data set, the stratum of each of its samples, its hash where known."""

    split: str
    number: int
    strata: Sequence[object]
    sha256: str | None = None


def write_manifest(
    folder: Path,
    *,
    rung: str,
    standard: bool,
    recipe_sha256: str,
    source: Mapping[str, Any],
    schema: SampleSchema,
    shards: Sequence[WrittenShard],
    about: Mapping[str, Any],
    splits: Sequence[str] = SPLITS,
) -> None:
    """Name and hash what lies in the folder: its shards, all of them there, in the order to be read.

    `schema` is of every sample; `splits` are those that the data have; `source` says where the units or samples
    come from, `about` whatever else the data's makers tell of them.
    """
    counts: dict[str, Any] = {}
    for split in splits:
        found = Counter(str(stratum) for shard in shards if shard.split == split for stratum in shard.strata)
        groups = schema.classes.get(schema.stratum, sorted(found)) if schema.stratum else ()
        counts[split] = {"samples": found.total(), "groups": {group: found[group] for group in groups}}
    entries = []
    for shard in shards:
        path = shard_path(folder, shard.split, shard.number)
        entries.append(
            {
                "path": str(path.relative_to(folder)),
                "sha256": shard.sha256 or sha256_of_file(path),
                "bytes": path.stat().st_size,
                "samples": len(shard.strata),
            }
        )
    write_json(
        folder / MANIFEST,
        {
            "format": FORMATS[-1],
            "rung": rung,
            "standard": standard,
            "recipe_sha256": recipe_sha256,
            "source": source,
            "schema": schema.to_json(),
            "splits": counts,
            **about,
            "shards": entries,
        },
    )


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a data set. Raises StemdlError when the data are not there, not finished or not ours."""
    path = folder / MANIFEST
    if not path.is_file():
        begun = (folder / "recipe.json").is_file()
        raise StemdlError(
            "the data are not finished" if begun else "there are no data here",
            where=folder,
            expected=MANIFEST,
            remedy=f"stemdl data generate RUNG -o {typed(folder)}"
            + (" (it goes on where it stopped)" if begun else ""),
        )
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        if values["format"] not in FORMATS:
            known = " or ".join(map(str, FORMATS))
            raise StemdlError("the manifest has another format", where=path, expected=known, found=values["format"])
        return Manifest(
            folder=folder,
            rung=values["rung"],
            standard=values["standard"],
            recipe_sha256=values["recipe_sha256"],
            sha256=sha256_of_file(path),
            samples={split: entry["samples"] for split, entry in values["splits"].items()},
            shards=tuple(values["shards"]),
            values=values,
            own_schema=SampleSchema.from_json(values["schema"]) if values["format"] > 1 else None,
        )
    except (ValueError, KeyError, TypeError) as error:
        raise StemdlError(
            "the manifest cannot be read",
            where=path,
            found=repr(error),
            remedy="delete it and run stemdl data generate again: finished shards are kept",
        ) from error


def require_trainable(manifest: Manifest) -> None:
    """Raises StemdlError for data that have nothing to train on, or nothing to stop by."""
    if not (manifest.samples.get("train") and manifest.samples.get("dev")):
        raise StemdlError(
            "these data can judge a trained network, but not train one",
            where=manifest.folder,
            expected="samples in train and dev",
            found=", ".join(f"{count} in {split}" for split, count in manifest.samples.items()),
            remedy="train on data that were made without --no-splits",
        )
